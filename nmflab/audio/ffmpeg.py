"""Decode what libsndfile doesn't know, as phones and films have it, with FFmpeg by way of PyAV.

FFmpeg is handed the bytes of one file, without a name, and may open nothing else: no playlist leads
it to other files or into a network. As it presents them, the samples that an encoder puts before a
recording are gone. Here besides: the silence where the container's times leave a gap, or begin the
sound after the picture, and the end at the length that an MP4 gives.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.sources import Sound, Source, beginning, ending, say_shorter
from nmflab.checks import from_pcm
from nmflab.errors import NmflabError, warn

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream
    from av.container import InputContainer

BY_FFMPEG = frozenset(
    ".3g2 .3ga .3gp .3gpp .aac .ac3 .adts .amr .ape .asf .avi .awb .dff .dsf .dss "  # noqa: SIM905
    ".dts .eac3 .f4a .flv .m2ts "
    ".m4a .m4b .m4r .m4v .mka .mkv .mov .mp4 .mpc .mpeg .mpg .mts .ogv .qcp .qt .ra .ram .rm .shn "
    ".spx .tak .tta .weba .webm "
    ".wma .wmv .wv".split()
)
"""Endings of recordings, and of films with sound, that libsndfile doesn't read; in lower case."""

FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,avi,caf,dsf,dss,dts,dtshd,eac3,flac,flv,iff,loas,matroska,mov,mp3,"
    "mpc,mpc8,mpeg,mpegts,nut,oga,ogg,oma,qcp,rm,shn,tak,truehd,tta,w64,wav,wtv,wv,xwma"
)
"""What FFmpeg may open: no playlist, no picture, nothing that is known by its name alone."""

ESTIMATED = frozenset("aac ac3 amr dts eac3 loas mp3 mpeg mpegts truehd".split())  # noqa: SIM905
"""Formats whose length FFmpeg guesses from the number of bytes."""

SIGNATURES = re.compile(
    rb"....(?:ftyp|moov|mdat|wide|pnot)|\x1aE\xdf\xa3|0&\xb2u\x8ef\xcf\x11|#!AMR|FLV\x01|wvpk"
    rb"|TTA[12]|MAC |\.RMF\0|\.ra\xfd|MPCK|MP\+|ajkg|DSD |FRM8|tBaK|[\x02\x03]dss"
    rb"|RIFF....(?:AVI |QLCM)|G.{187}G.{187}G|.{4}G.{191}G.{191}G|\0\0\x01\xba",
    re.DOTALL,
)
"""How files begin that libsndfile doesn't read; by some endings it would take them for others."""

SYNCHRONISED = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]|\x0bw|V[\xe0-\xff]|\x7f\xfe\x80\x01", re.DOTALL)
"""How the packets of bare streams begin, in which libsndfile might see MP3."""

HEADERLESS = frozenset({".gsm", ".vox", ".au", ".snd"})
"""Endings of bare samples, which may begin with anything."""

LOSSLESS = re.compile(r"pcm_(?![am]u?law)|(?:alac|ape|flac|shorten|tak|tta|wavpack|wmalossless)$")
"""Codecs that keep every sample, by FFmpeg's names."""

STORED = {"u8": "PCM_U8", "s16": "PCM_16", "s32": "PCM_24", "flt": "FLOAT", "dbl": "DOUBLE"}
"""How samples are stored that FFmpeg decodes so; of 32 bits most codecs fill 24."""

GAP, SLIGHT = 0.1, 0.005
"""Seconds that times may leave between two frames, and between those around a damaged packet."""

FILLING = 0.2
"""Seconds by which the frames of a whole file may be longer or shorter than its header says."""

LONGEST_SILENCE = 3600.0
"""Seconds of silence, in all, that the times of one file can put into it."""


class NotDecoded(Exception):
    """FFmpeg doesn't know what this is, or can't make sound of it."""


class FFmpegMissing(NotDecoded):
    """PyAV is not installed."""


class _Bytes:
    """A file without a name, by whose ending FFmpeg might be misled."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def is_signed(source: Source) -> bool:
    """Tell whether a file begins as one that FFmpeg alone reads."""
    start = beginning(source)
    bare = ending(source) not in HEADERLESS and SYNCHRONISED.match(start)
    return bool(bare or SIGNATURES.match(start))


@contextmanager
def decoded_by_ffmpeg(source: Source, name: str) -> Iterator[Sound]:
    """Open a file and decode its first frame, which knows more of its form than the header."""
    with _opened(source) as container:
        track = _Track(container, _best(container, name), name)
        yield track.sound()


def seconds_by_ffmpeg(source: Source) -> float:
    """Give the length of a recording; where no header has it, by the times of the last packet."""
    with _opened(source) as container:
        stream = _best(container, "")
        promised = _promised(container, stream)
        if promised is None:
            first, last, total = 0.0, 0.0, 0.0
            for packet in container.demux(stream):
                length = float((packet.duration or 0) * (packet.time_base or 0))
                if packet.pts is not None and packet.time_base:
                    start = float(packet.pts * packet.time_base)
                    first, last = first if total else start, max(last, start + length)
                total += length
            promised = max(last - first, total)
        return max(promised, 0.0)


@contextmanager
def _opened(source: Source) -> Iterator[InputContainer]:
    try:
        import av
    except (ImportError, OSError) as error:
        raise FFmpegMissing from error
    file = source.open("rb") if isinstance(source, Path) else io.BytesIO(source.getvalue())
    with file:
        try:
            whitelist = {"format_whitelist": FORMATS}
            container = av.open(_Bytes(file), "r", container_options=whitelist, **_options())
        except _faults() as error:
            raise NotDecoded from error
        with container:
            yield container


def _options() -> dict[str, Any]:
    """Bear titles in any encoding, as PyAV does by itself from version 19 on."""
    import av

    is_asked = int(av.__version__.partition(".")[0]) < 19
    return {"metadata_errors": "ignore"} if is_asked else {}


def _faults() -> tuple[type[Exception], ...]:
    """Give the errors that files cause; an index is one where a track turns up late."""
    import av

    return av.FFmpegError, ValueError, IndexError


def _best(container: InputContainer, name: str) -> AudioStream:
    """Choose the track that FFmpeg takes for the main one."""
    try:
        stream = container.streams.best("audio")
    except _faults() as error:
        raise NotDecoded from error
    if stream is None:
        raise NmflabError(f"{name} holds no sound: give a recording, or a film with sound.")
    if stream.codec_context is None:
        raise NmflabError(
            f"{name} holds sound of a kind that FFmpeg can't decode: convert it to WAV."
        )
    return stream  # type: ignore[return-value]  # as it was asked for


def _base(stream: AudioStream) -> float:
    return float(stream.time_base or 0)


def _promised(container: InputContainer, stream: AudioStream) -> float | None:
    """Give the length that a header has for a track, in seconds."""
    if not ESTIMATED.isdisjoint(container.format.name.split(",")):
        return None
    if stream.duration:
        return float(stream.duration * _base(stream))
    if container.duration and len(container.streams) == 1:
        return container.duration / 1e6
    return None


class _Track:
    """The frames of one track, in order and in time."""

    def __init__(self, container: InputContainer, stream: AudioStream, name: str) -> None:
        self._container, self._stream, self._name = container, stream, name
        self._promised = _promised(container, stream)
        self._decoded = 0
        self._damaged: list[float] = []  # the times at which packets could not be decoded
        self._due: float | None = None  # the time of the next frame
        self._behind_damage = False
        self._silence = 0.0

    def sound(self) -> Sound:
        frames = self._frames()
        first = next(frames, None)
        if first is None:
            raise NotDecoded
        rate, channels = first.sample_rate, len(first.layout.channels)
        length = None if self._promised is None else round(self._promised * rate)
        pieces = _at_one_rate(self._in_time(first, frames, channels), rate, channels)
        subtype = _subtype(self._stream.codec_context.name, first.format.name)
        return Sound(rate, channels, length, subtype, self._in_seconds(pieces, rate))

    def _frames(self) -> Iterator[AudioFrame]:
        """Decode packet after packet; what can't be decoded is passed over, and counted."""
        try:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                except _faults():
                    self._say_damaged()
                    continue
                self._decoded += 1
                yield from (frame for frame in frames if frame.samples and frame.sample_rate)
        except _faults():  # the file ends within a packet
            self._say_damaged()

    def _say_damaged(self) -> None:
        self._damaged.append(self._due or 0.0)
        self._behind_damage = True

    def _in_time(
        self, first: AudioFrame, frames: Iterator[AudioFrame], channels: int
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Give the samples of each frame, and the silence before it, with their rates."""
        for frame in chain([first], frames):
            rate = frame.sample_rate
            missing = round(self._gap_before(frame) * rate)
            for start in range(0, missing, rate):
                yield rate, np.zeros((min(rate, missing - start), channels), np.float32)
            yield rate, _samples(frame, channels)

    def _gap_before(self, frame: AudioFrame) -> float:
        """Give the seconds that the container's times leave before a frame."""
        length = frame.samples / frame.sample_rate
        if frame.pts is None or not frame.time_base:
            self._due = None if self._due is None else self._due + length
            return 0.0
        time = float(frame.pts * frame.time_base)
        least = SLIGHT if self._behind_damage or self._due is None else GAP
        gap = time - (self._picture_starts(time) if self._due is None else self._due)
        self._due, self._behind_damage = time + length, False
        if gap < least or self._silence + gap > LONGEST_SILENCE:
            return 0.0
        self._silence += gap
        return gap

    def _picture_starts(self, otherwise: float) -> float:
        streams = self._container.streams.video
        starts = [
            float(stream.start_time * stream.time_base)
            for stream in streams
            if stream.start_time is not None and stream.time_base
        ]
        return min(starts, default=otherwise)

    def _in_seconds(
        self, pieces: Iterator[NDArray[np.float32]], rate: int
    ) -> Iterator[NDArray[np.float32]]:
        """Join pieces to blocks of a second or so, and end where an MP4 says that it ends."""
        held: list[NDArray[np.float32]] = []
        found = 0
        for piece in pieces:
            found += len(piece)
            if sum(map(len, held)) > 2 * rate:
                yield np.concatenate(held[:-1])
                held = held[-1:]
            held.append(piece)
        beyond = self._beyond(found, rate)
        yield np.concatenate(held)[: -beyond or None]
        self._say_what_is_lacking((found - beyond) / rate)

    def _beyond(self, found: int, rate: int) -> int:
        """Give the samples with which the encoder filled its last frames, where that is known."""
        if self._promised is None or not self._container.format.name.startswith("mov"):
            return 0
        beyond = found - round(self._promised * rate)
        return beyond if 0 < beyond < min(FILLING * rate, found) else 0

    def _say_what_is_lacking(self, seconds: float) -> None:
        bad, good = len(self._damaged), self._decoded
        if bad > good:
            raise NmflabError(
                f"{self._name} is damaged or cut off: {bad} of its {bad + good} packets can't be "
                "decoded; repair it, or leave it out."
            )
        inside = [time for time in self._damaged if time < (self._due or 0)]
        if inside:
            places = "1 place" if len(inside) == 1 else f"{len(inside)} places"
            warn(
                f"{self._name} is damaged in {places}, first after {inside[0]:.1f} s: there it is "
                "silent, or lacks a piece."
            )
        if self._promised is not None and self._promised - seconds > FILLING:
            say_shorter(seconds, self._promised, self._name)
        elif bad > len(inside):
            warn(
                f"{self._name} breaks off within a packet, after {seconds:.1f} s: it is very "
                "likely cut off, or not copied whole."
            )


def _subtype(codec: str, form: str) -> str:
    """Say how samples were stored."""
    if not LOSSLESS.match(codec):
        return codec.upper()
    if codec.startswith(("pcm_s32", "pcm_u32")):
        return "PCM_32"
    return STORED.get(form.removesuffix("p"), "FLOAT")


def _samples(frame: AudioFrame, channels: int) -> NDArray[np.float32]:
    """Give a frame's samples, one column a channel; so many, should they change on the way."""
    array = frame.to_ndarray()
    own = len(frame.layout.channels)
    columns = array.T if frame.format.is_planar else array.reshape(-1, own)
    samples = from_pcm(columns, "a frame")
    if own == channels:
        return samples
    return np.repeat(samples.mean(axis=1, keepdims=True), channels, axis=1)


def _at_one_rate(
    pieces: Iterator[tuple[int, NDArray[np.float32]]], rate: int, channels: int
) -> Iterator[NDArray[np.float32]]:
    """Resample those pieces whose rate is not that of the first."""
    for own, group in groupby(pieces, key=itemgetter(0)):
        if own == rate:
            yield from (samples for _, samples in group)
            continue
        try:
            import soxr
        except ImportError as error:
            raise NmflabError(
                "A recording whose sampling rate changes can't be read without the package soxr, "
                "which is not installed: install it."
            ) from error
        stream = soxr.ResampleStream(own, rate, channels, dtype="float32", quality="HQ")
        for _, samples in group:
            yield _columns(stream.resample_chunk(samples), channels)
        nothing = np.empty((0, channels), np.float32)
        yield _columns(stream.resample_chunk(nothing, last=True), channels)


def _columns(samples: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    return samples.reshape(-1, channels)
