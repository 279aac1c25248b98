"""Decode audio files, from their first sample to their last without a jump.

libsndfile gets the path of a file, not its bytes: some formats it knows by the ending alone, as a
telephone's ``.gsm`` or an MP3 cut out of a stream; of some a part lies in another file. A file is
never sought in, and whole or in blocks it gives the same samples: a decoder that jumps into an MP3
lacks what the frames before it hold in store, and some codecs can't jump.
"""

from __future__ import annotations

import io
import os
import re
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.mpeg import Whole, made_whole
from nmflab.checks import as_rate, as_signal, from_pcm
from nmflab.errors import NmflabError, warn
from nmflab.system.files import is_folder, is_special, reason

if TYPE_CHECKING:
    from soundfile import SoundFile

Source = Path | io.BytesIO
"""What is decoded: a file by its path, or the content of a file object."""

FORMATS = "WAV, FLAC, OGG, MP3 and NIST SPHERE"

NOT_READ = frozenset(
    ".3ga .3gp .3gpp .aac .ac3 .adts .amr .ape .asf .awb .dff .dsf .dss "  # noqa: SIM905
    ".dts .eac3 .f4a .flv "
    ".m4a .m4b .m4r .m4v .mka .mkv .mov .mp4 .mpc .qcp .qt .ra .ram .rm .shn .spx .tta .webm "
    ".wma .wmv .wv".split()
)
"""Endings of recordings, and of films with sound, that libsndfile doesn't read; in lower case."""

NO_HEADER = frozenset({".pcm", ".raw", ".al", ".ul"})
"""Endings of bare samples, of which nothing says the sampling rate and the kind."""

NOTHING_LEFT, CANCELLED = 1e-6, 1e-2
"""Powers of the mix of a recording's channels, over that of the channels: below the first it is but
the rounding of samples that cancel each other, below the other a channel is very likely inverted.
C channels that have nothing in common are mixed to 1/C, so it would take a hundred of them."""

WHOLE = 0.99
"""Part of what its header promises that a file must hold to pass for whole."""

SHORTENED = re.compile(
    r"^ *(?:data|SSND|BODY|Data Size|riff|Riff size) *: (\d+) \(should be (\d+)\)", re.MULTILINE
)
"""Where libsndfile's log says that a length in the header, of the samples if it has that, is too
large for the file."""

NEAR = 2**16
"""Programs that write into a pipe put about the largest number there is for the length."""

PEEK = 2**16
"""Bytes at the beginning of a file in which a count of its frames is looked for."""

UNCLOSED = 5000
"""Bytes that no header has alone."""

BARE = frozenset({".gsm", ".vox"})
"""Endings of formats that never have a header."""

LONGEST_PATH = 1000
"""Bytes of a path that libsndfile takes; it cuts off what is beyond 1024."""


@contextmanager
def decoded(source: Source, name: str) -> Iterator[tuple[int, Iterator[NDArray[np.float32]]]]:
    """Open a file: give its sampling rate and its blocks of samples, one column a channel."""
    if isinstance(source, Path):
        _check_file(source, name)
    try:
        import soundfile
    except (ImportError, OSError):  # the package is there, but libsndfile is not
        channels, rate = _decode_with_scipy(source, name)
        yield _own_rate(rate, name), iter([channels])
        return
    try:
        file = open_sound(source)
    except soundfile.SoundFileError as error:
        raise _no_audio(source, name, error) from error
    with file:
        rate = _own_rate(file.samplerate, name)
        yield rate, _blocks(file, source, name)


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

        def close(self) -> None:
            super().close()
            if isinstance(self.name, Whole):
                self.name.close()

    return Sequential


def open_sound(source: Source) -> SoundFile:
    """Open a file for libsndfile, which is to know how long it is."""
    file = _opened(source)
    if file.format != "MP3" or (whole := made_whole(source)) is None:
        return file
    file.close()
    return _sequential()(whole)


def _opened(source: Source) -> SoundFile:
    """Open a file by its path where that can be."""
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
    whole = min(_parts_held(file, source, found), default=1.0)
    if whole < WHOLE:
        seconds = found / file.samplerate
        warn(
            f"{name} holds {seconds:.1f} s, but its header promises {seconds / whole:.1f} s: it is "
            "very likely cut off, or not copied whole."
        )
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
    start = _beginning(source)
    known = file.format != "MP3" or b"Xing" in start or b"Info" in start  # else it is a guess
    known = known or isinstance(file.name, Whole)
    if known and file.format != "RAW" and 0 < file.frames < 2**62:
        yield found / file.frames
    if file.format == "NIST" and (count := re.search(rb"sample_count -i (\d+)", start)):
        yield found / max(int(count[1]), 1)


def _beginning(source: Source) -> bytes:
    if not isinstance(source, Path):
        return source.getvalue()[:PEEK]
    with source.open("rb") as file:
        return file.read(PEEK)


def _size(source: Source) -> int:
    return source.stat().st_size if isinstance(source, Path) else len(source.getvalue())


def _decode_with_scipy(source: Source, name: str) -> tuple[NDArray[np.float32], int]:
    from scipy.io import wavfile

    if isinstance(source, Path) and source.suffix.lower() != ".wav":
        raise NmflabError(
            f"{name} can't be read without the package soundfile, which is not installed: "
            "install it, or convert the file to WAV."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            rate, samples = wavfile.read(source)
    except (ValueError, EOFError, TypeError, ZeroDivisionError, struct.error) as error:
        raise NmflabError(
            f"{name} can't be read as WAV ({reason(error)}): give a whole WAV file."
        ) from error
    channels = samples if samples.ndim == 2 else samples[:, np.newaxis]
    return from_pcm(channels, name), int(rate)


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


def _no_audio(source: Source, name: str, error: Exception) -> NmflabError:
    ending = source.suffix.lower() if isinstance(source, Path) else ""
    if ending in NOT_READ:
        return NmflabError(f"{name} can't be read yet, for it is {ending}: convert it to WAV.")
    if ending in NO_HEADER:
        return NmflabError(
            f"{name} can't be read, for it has no header that says its sampling rate: convert it "
            "to WAV."
        )
    return NmflabError(
        f"{name} can't be read as audio ({reason(error) or 'damaged'}): give a sound file, such as "
        f"{FORMATS}."
    )
