"""Decode audio files, from their first sample to their last without a jump.

libsndfile gets the path of a file, not its bytes: some formats it knows by the ending alone, as a
telephone's ``.gsm`` or an MP3 cut out of a stream; of some a part lies in another file. What it
doesn't know goes to FFmpeg, see `nmflab.audio.ffmpeg`. A file is
never sought in, and whole or in blocks it gives the same samples: a decoder that jumps into an MP3
lacks what the frames before it hold in store, and some codecs can't jump.
"""

from __future__ import annotations

import os
import re
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.ffmpeg import (
    BY_FFMPEG,
    FFmpegMissing,
    NotDecoded,
    decoded_by_ffmpeg,
    is_signed,
    seconds_by_ffmpeg,
)
from nmflab.audio.sources import Sound, Source, beginning, ending, say_shorter
from nmflab.checks import as_rate, as_signal, from_pcm
from nmflab.errors import NmflabError, warn
from nmflab.system.files import is_folder, is_special, reason

if TYPE_CHECKING:
    from soundfile import SoundFile

FORMATS = "WAV, FLAC, OGG, MP3, M4A, WebM and NIST SPHERE"

NO_HEADER = frozenset({".pcm", ".raw", ".al", ".ul"})
"""Endings of bare samples, of which nothing says the sampling rate and the kind."""

NOTHING_LEFT, CANCELLED = 1e-6, 1e-2
"""Powers of the mix of a recording's channels, over that of the channels: below the first it is but
the rounding of samples that cancel each other, below the other a channel is very likely inverted.
C channels that have nothing in common are mixed to 1/C, so it would take a hundred of them."""

SHORTENED = re.compile(
    r"^ *(?:data|SSND|BODY|Data Size|riff|Riff size) *: (\d+) \(should be (\d+)\)", re.MULTILINE
)
"""Where libsndfile's log says that a length in the header, of the samples if it has that, is too
large for the file."""

NEAR = 2**16
"""Programs that write into a pipe put about the largest number there is for the length."""

MORE, TAGS = 1.05, 4096
"""An MP3 of more than so many times the bytes that it counts, and what may lie behind, goes on."""

UNCLOSED = 5000
"""Bytes that no header has alone."""

BARE = frozenset({".gsm", ".vox"})
"""Endings of formats that never have a header."""

_SUBTYPES = {"uint8": "PCM_U8", "int32": "PCM_32", "float32": "FLOAT", "float64": "DOUBLE"}

LONGEST_PATH = 1000
"""Bytes of a path that libsndfile takes; it cuts off what is beyond 1024."""


@contextmanager
def decoded(source: Source, name: str) -> Iterator[Sound]:
    """Open a file: give its form, and its blocks of samples, one column a channel."""
    if isinstance(source, Path):
        _check_file(source, name)
    with ExitStack() as stack:
        if is_signed(source):
            sound = _by_ffmpeg(stack, source, name, None)
        else:
            sound = _by_libsndfile(stack, source, name)
        _own_rate(sound.rate, name)
        yield sound


def _by_libsndfile(stack: ExitStack, source: Source, name: str) -> Sound:
    try:
        import soundfile
    except (ImportError, OSError):  # the package is there, but libsndfile is not
        return _without_libsndfile(stack, source, name)
    try:
        file = stack.enter_context(open_sound(source))
    except soundfile.SoundFileError as error:
        return _by_ffmpeg(stack, source, name, error)
    if not counted(file, source):
        with suppress(NotDecoded):  # or libsndfile's guess has to do
            return stack.enter_context(decoded_by_ffmpeg(source, name))
    length = file.frames if 0 < file.frames < 2**62 else None  # else written into a pipe
    blocks = _blocks(file, source, name)
    return Sound(file.samplerate, file.channels, length, file.subtype, blocks)


def _by_ffmpeg(stack: ExitStack, source: Source, name: str, error: Exception | None) -> Sound:
    """Take what FFmpeg makes of a file, or say what libsndfile's error means."""
    try:
        return stack.enter_context(decoded_by_ffmpeg(source, name))
    except NotDecoded as unknown:
        raise _no_audio(source, name, error, unknown) from error


def counted(file: SoundFile, source: Source) -> bool:
    """Say whether the length that libsndfile gives is more than a guess.

    Of an MP3 that doesn't count its frames, as one cut out of a stream, it takes the bit rate of
    the first frame for that of all, and stops where the file would end then. Of files put one after
    the other, the count is that of the first.
    """
    if file.format != "MP3":
        return True
    start = beginning(source)
    if (place := max(start.find(b"Xing"), start.find(b"Info"))) < 0:
        return b"VBRI" in start
    count = start[place : place + 16]  # a name, flags, and what these say: frames, bytes
    if len(count) < 16 or count[7] & 3 != 3:
        return True
    return _size(source) - place < MORE * int.from_bytes(count[12:], "big") + TAGS


def seconds(source: Source) -> float:
    """Give the length of a recording as its header has it, or its last packet; 0 if nothing has."""
    try:
        if is_signed(source):
            return seconds_by_ffmpeg(source)
        try:
            with open_sound(source) as file:
                if not counted(file, source):
                    return seconds_by_ffmpeg(source)
                return float(file.frames / file.samplerate)
        except (ImportError, OSError, RuntimeError):  # soundfile's own errors are RuntimeErrors
            return seconds_by_ffmpeg(source)
    except (NotDecoded, NmflabError, OSError):
        return 0.0


def mixed(blocks: Iterator[NDArray[np.float32]], name: str) -> Iterator[NDArray[np.float32]]:
    """Mix the channels of each block down to their mean; say what is very likely not meant."""
    length = 0
    power_of_channels = power_of_mix = 0.0
    for channels in blocks:
        mono = as_signal(channels.mean(axis=1), name, start=length)
        power_of_channels += float(np.square(channels, dtype=np.float64).mean(axis=1).sum())
        power_of_mix += float(np.square(mono, dtype=np.float64).sum())
        length += len(mono)
        yield mono
    if length == 0:
        raise NmflabError(f"{name} is empty: it holds no samples.")
    if power_of_mix < CANCELLED * power_of_channels:
        _say_cancelled(power_of_mix / power_of_channels, name)


def _say_cancelled(ratio: float, name: str) -> None:
    remedy = "one of them is very likely inverted: invert it again, or give one channel alone."
    if ratio < NOTHING_LEFT:
        raise NmflabError(f"{name} has channels that cancel each other in their mix; {remedy}")
    warn(f"{name} loses {-10 * np.log10(ratio):.0f} dB where its channels are mixed; {remedy}")


@cache
def _sequential() -> type[SoundFile]:
    """Give soundfile's reader as one that doesn't seek, as it does after each read."""
    import soundfile

    class Sequential(soundfile.SoundFile):  # type: ignore[misc, unused-ignore]
        def seekable(self) -> bool:
            return False

    return Sequential


def open_sound(source: Source) -> SoundFile:
    """Open a file for libsndfile, by its path where that can be."""
    if not isinstance(source, Path):
        return _sequential()(source)
    path = os.path.join(os.curdir, source)  # noqa: PTH118 (a bare "-" would be standard input)
    encoded = os.fsencode(path)
    if source.suffix.lower() == ".raw" or len(encoded) > LONGEST_PATH:  # soundfile asks for a rate
        return _sequential()(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
    return _sequential()(path if sys.platform == "win32" else encoded)


def _blocks(file: SoundFile, source: Source, name: str) -> Iterator[NDArray[np.float32]]:
    """Read a second or so at a time, to the end of the file, whatever its header says."""
    import soundfile

    found = 0
    try:
        while len(block := file.read(file.samplerate, dtype="float32", always_2d=True)):
            found += len(block)
            yield block
    except soundfile.SoundFileError as error:
        if not found:
            raise _no_audio(source, name, error) from error
        raise NmflabError(
            f"{name} is damaged or cut off after {found / file.samplerate:.1f} s: repair it, or "
            "leave it out."
        ) from error
    if found:
        _say_what_the_header_lacks(file, source, found, name)
    elif (size := _size(source)) > UNCLOSED:
        raise NmflabError(
            f"{name} has {size} bytes, but its header says that it holds no samples: it was very "
            "likely not closed when it was recorded; repair it."
        )


def _say_what_the_header_lacks(file: SoundFile, source: Source, found: int, name: str) -> None:
    """Say so where a file holds less than its header promises, or has none where most have one."""
    held = found / file.samplerate
    say_shorter(held, held / min(_parts_held(file, source, found), default=1.0), name)
    if file.format == "RAW" and isinstance(source, Path) and source.suffix.lower() not in BARE:
        warn(
            f"{name} has no header and is taken for {file.subtype} at {file.samplerate} Hz, by its "
            "ending: it may be damaged, or no sound."
        )


def _parts_held(file: SoundFile, source: Source, found: int) -> Iterator[float]:
    """Give what a file holds as a part of what its header promises, for each such promise."""
    for promised, held in SHORTENED.findall(file.extra_info):  # libsndfile has put it right
        if all(abs(int(promised) - 2**bits) > NEAR for bits in (31, 32, 63, 64)):  # no "unknown"
            yield int(held) / int(promised)
    start = beginning(source)
    if counted(file, source) and file.format != "RAW" and 0 < file.frames < 2**62:
        yield found / file.frames
    if file.format == "NIST" and (count := re.search(rb"sample_count -i (\d+)", start)):
        yield found / max(int(count[1]), 1)


def _size(source: Source) -> int:
    return source.stat().st_size if isinstance(source, Path) else len(source.getvalue())


def _without_libsndfile(stack: ExitStack, source: Source, name: str) -> Sound:
    if beginning(source)[:4] == b"fLaC":
        return _by_numpy(source, name)
    if not isinstance(source, Path) or ending(source) == ".wav":
        return _by_scipy(source, name)
    try:
        return stack.enter_context(decoded_by_ffmpeg(source, name))
    except NotDecoded as error:
        raise NmflabError(
            f"{name} can't be read without the package soundfile, which is not installed: "
            "install it, or convert the file to WAV."
        ) from error


def _by_numpy(source: Source, name: str) -> Sound:
    """Decode FLAC; a file is kept in memory, its samples are not."""
    from nmflab.audio import flac

    content = source.read_bytes() if isinstance(source, Path) else source.getvalue()
    try:
        form = flac.read_form(content)
    except flac.Damaged as error:
        raise _damaged_flac(name, error) from error

    def blocks() -> Iterator[NDArray[np.float32]]:
        try:
            for block in flac.decode(content, form):
                yield from_pcm(block, name)
        except flac.Damaged as error:
            raise _damaged_flac(name, error) from error

    return Sound(form.rate, form.channels, form.length or None, f"PCM_{form.bits}", blocks())


def _damaged_flac(name: str, error: Exception) -> NmflabError:
    return NmflabError(f"{name} is damaged or cut off ({error}): repair it, or leave it out.")


def _by_scipy(source: Source, name: str) -> Sound:
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            rate, samples = wavfile.read(source)
    except (ValueError, EOFError, TypeError, ZeroDivisionError, struct.error) as error:
        raise NmflabError(
            f"{name} can't be read as WAV ({reason(error)}): give a whole WAV file."
        ) from error
    channels = samples if samples.ndim == 2 else samples[:, np.newaxis]
    subtype = _SUBTYPES.get(samples.dtype.name, "PCM_16")
    blocks = iter([from_pcm(channels, name)])
    return Sound(int(rate), channels.shape[1], len(channels), subtype, blocks)


def _check_file(path: Path, name: str) -> None:
    """Say why a file has no bytes to be decoded."""
    if is_folder(path):
        raise NmflabError(f"{str(path)!r} is a folder but must be an audio file: name one in it.")
    if is_special(path):
        raise NmflabError(f"{str(path)!r} is a device or a pipe: give a plain file of audio.")
    try:
        with path.open("rb") as file:
            holds = file.read(1)
    except FileNotFoundError as error:
        raise NmflabError(
            f"There is no audio file {str(path)!r}: check its name and folder."
        ) from error
    except (OSError, ValueError) as error:
        raise NmflabError(
            f"{name} can't be opened ({reason(error)}): check its name and whether you may read it."
        ) from error
    if not holds:
        raise NmflabError(f"{name} is empty: it holds no bytes.")


def _own_rate(rate: int, name: str) -> int:
    """Take the sampling rate that a file gives for its own."""
    return as_rate(rate, f"{name} may be damaged: its sampling rate")


def _no_audio(
    source: Source, name: str, error: Exception | None, unknown: NotDecoded | None = None
) -> NmflabError:
    """Say why neither libsndfile, whose error this is, nor FFmpeg makes sound of a file."""
    missing = isinstance(unknown, FFmpegMissing)
    if ending(source) in NO_HEADER:
        return NmflabError(
            f"{name} can't be read, for it has no header that says its sampling rate: convert it "
            "to WAV."
        )
    if error and ending(source) not in BY_FFMPEG:
        others = "; what others there are, the package av reads, which is not installed"
        return NmflabError(
            f"{name} can't be read as audio ({reason(error) or 'damaged'}): give a sound file, "
            f"such as {FORMATS}{others if missing else ''}."
        )
    if missing:
        return NmflabError(
            f"{name} can't be read without the package av, which is not installed: install it, or "
            "convert the file to WAV."
        )
    return NmflabError(
        f"{name} can't be read, for it is damaged, cut off or protected: repair it, or leave it "
        "out."
    )
