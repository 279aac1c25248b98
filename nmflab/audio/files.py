"""Read and write audio files: one channel, float32, full scale at ±1.

Files are decoded by libsndfile, through ``soundfile``, and what it doesn't know by FFmpeg, through
``av``. Where Python runs without them, as in a browser, WAV files are read and written, and FLAC
files are read (`nmflab.audio.flac`).
"""

from __future__ import annotations

import io
import os
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.decoding import decoded, mixed, seconds
from nmflab.audio.encoding import LARGEST_WAV, encode
from nmflab.audio.signals import resample
from nmflab.audio.sources import Source
from nmflab.checks import as_rate, as_signal
from nmflab.errors import NmflabError
from nmflab.system.files import replacing

__all__ = ["duration", "read_audio", "read_blocks", "write_audio"]

QUIETEST_PCM = 2.0**-8
"""Peak below which 16-bit PCM would leave less than 8 bits of a signal."""

BLOCK = 2**18
"""Samples that are written at a time."""


def read_audio(
    path: str | os.PathLike[str] | BinaryIO, sampling_rate: int = 16000
) -> NDArray[np.float32]:
    """Read a recording as one channel at the wanted sampling rate.

    Several channels are mixed down to their mean. Clipped and silent recordings are read as they
    are. Without ``soundfile`` and ``av`` only WAV and FLAC files can be read. An `NmflabWarning`
    says what is very likely not meant: a file shorter than its header promises, channels that
    cancel each other.
    Of a film the best sound track is read, from where its picture begins.

    Parameters
    ----------
    path : str, path or binary file object
        An audio file, or a film: WAV, FLAC, OGG, MP3, NIST SPHERE or whatever else libsndfile
        reads; M4A, WebM, 3GP, AMR, MP4 or whatever else FFmpeg reads.
    sampling_rate : int, default=16000
        Sampling rate of the result in Hz; a file at another rate is resampled.

    Returns
    -------
    ndarray of float32, shape (n_samples,)
        The samples, full scale at ±1.

    Raises
    ------
    NmflabError
        If the file is missing, is a folder, is not audio, holds no samples, or holds NaN or
        infinity, or if its channels leave nothing of each other; the message names the file.

    See Also
    --------
    write_audio : The inverse.
    """
    (source, name), sampling_rate = named_source(path), as_rate(sampling_rate)
    with decoded(source, name) as sound:
        signal = np.concatenate([*mixed(sound.blocks, name)])
    return resample(signal, sound.rate, sampling_rate)


def duration(path: str | os.PathLike[str]) -> float:
    """Give the length of a recording without reading it.

    Parameters
    ----------
    path : str or path
        An audio file.

    Returns
    -------
    float
        Seconds, as the file's header has it, or else its last packet; 0 where nothing can tell, be
        it that the file is none or that ``soundfile`` is not installed.
    """
    try:
        path = Path(path)
        return seconds(path) if path.is_file() else 0.0  # a pipe would wait for its other end
    except OSError:
        return 0.0


def read_blocks(
    path: str | os.PathLike[str] | BinaryIO, sampling_rate: int = 16000
) -> Iterator[NDArray[np.float32]]:
    """Read a recording of any length piece by piece, as `read_audio` reads it whole.

    Parameters
    ----------
    path : str, path or binary file object
        An audio file.
    sampling_rate : int, default=16000
        Sampling rate of the result in Hz.

    Yields
    ------
    ndarray of float32, shape (n,)
        The samples in order, a second or so at a time.

    Raises
    ------
    NmflabError
        As for `read_audio`.
    """
    (source, name), sampling_rate = named_source(path), as_rate(sampling_rate)
    with decoded(source, name) as sound:
        if sound.rate == sampling_rate:
            yield from mixed(sound.blocks, name)
            return
        try:
            import soxr
        except ImportError:  # then it must be held as a whole
            signal = np.concatenate([*mixed(sound.blocks, name)])
            yield resample(signal, sound.rate, sampling_rate)
            return
        stream = soxr.ResampleStream(sound.rate, sampling_rate, 1, dtype="float32", quality="HQ")
        for mono in mixed(sound.blocks, name):
            yield stream.resample_chunk(mono)
        yield stream.resample_chunk(np.empty(0, dtype=np.float32), last=True)


def named_source(path: str | os.PathLike[str] | BinaryIO) -> tuple[Source, str]:
    """Give what is to be decoded, and what to call it."""
    if not hasattr(path, "read"):
        try:
            return (file := Path(os.fsdecode(path))), f"The audio file {str(file)!r}"
        except TypeError:
            raise NmflabError(
                f"path is {path!r} but must be the name of an audio file, or a file object."
            ) from None
    content = path.read()
    name = f"The audio file {path.name!r}" if hasattr(path, "name") else "The file object"
    if not isinstance(content, bytes):
        raise NmflabError(f"{name} gives no bytes: open it with open(..., 'rb').")
    if not content:
        raise NmflabError(f"{name} is empty: it holds no bytes from where it stands.")
    return io.BytesIO(content), name


def write_audio(
    path: str | os.PathLike[str], samples: ArrayLike, sampling_rate: int = 16000
) -> Path:
    """Write one channel of audio, whole or not at all, and never altered in level.

    Samples within ±1 are written as 16-bit PCM. A WAV file whose peak lies above 1, or below
    −48 dB, is written as 32-bit float instead, so that nothing is clipped, scaled or lost in the
    steps of PCM. The file appears under its name only once it is complete; equal samples give
    equal bytes.

    Parameters
    ----------
    path : str or path
        The file, ending in ``.wav`` or ``.flac``; missing folders are made, an existing file is
        replaced.
    samples : array_like, shape (n_samples,)
        One channel of audio, full scale at ±1.
    sampling_rate : int, default=16000
        Sampling rate in Hz.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    NmflabError
        If the samples can't be used, the ending is another, a FLAC's peak lies above 1, or the
        folder can't be written.

    See Also
    --------
    read_audio : The inverse.
    """
    path, signal, sampling_rate = Path(path), as_signal(samples), as_rate(sampling_rate)
    peak = float(np.abs(signal).max())
    check_encodable(path, sampling_rate)
    if path.suffix.lower() == ".flac":
        check_flac_level(path, peak)
    with replacing(path) as temporary:
        write_signal(temporary, signal, peak, path.suffix, sampling_rate)
    return path


def check_encodable(path: Path, sampling_rate: int, channels: int = 1) -> None:
    """Check before any work that a file's ending is known and its format takes the rate."""
    ending = path.suffix.lower()
    if ending not in (".wav", ".flac"):
        raise NmflabError(
            f"The file {str(path)!r} can't be written: end its name in .wav or .flac."
        )
    if ending == ".flac":
        encode(io.BytesIO(), [], "FLAC", "PCM_16", sampling_rate, channels)


def check_flac_level(path: Path, peak: float) -> None:
    """Refuse a FLAC for samples beyond its full scale."""
    if peak > 1:
        raise NmflabError(
            f"The samples reach {peak:.3g}, but the FLAC file {str(path)!r} holds 1 at most: "
            "end its name in .wav, or lower the level."
        )


def write_signal(
    path: Path, signal: NDArray[np.float32], peak: float, ending: str, sampling_rate: int
) -> None:
    """Write a file of a format given by its ending; `signal` may be a map of a file.

    A WAV file beyond 4 GiB, which its header has no room for, becomes an RF64 file.
    """
    pcm = fits_pcm(peak)
    subtype = "PCM_16" if pcm else "FLOAT"
    if ending.lower() == ".flac":
        with path.open("wb") as file:
            encode(file, map(to_int16, _in_blocks(signal)), "FLAC", "PCM_16", sampling_rate)
    elif signal.size * (2 if pcm else 4) > LARGEST_WAV:
        blocks = map(to_int16, _in_blocks(signal)) if pcm else _in_blocks(signal)
        with path.open("wb") as file:
            encode(file, blocks, "RF64", subtype, sampling_rate)
    elif pcm:
        with path.open("wb") as file, wave.open(file, "wb") as encoder:
            encoder.setparams((1, 2, sampling_rate, signal.size, "NONE", "not compressed"))
            for block in _in_blocks(signal):
                encoder.writeframesraw(to_int16(block).tobytes())
    else:
        from scipy.io import wavfile

        wavfile.write(path, sampling_rate, signal)


def _in_blocks(signal: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (signal[start : start + BLOCK] for start in range(0, signal.size, BLOCK))


def fits_pcm(peak: float) -> bool:
    """Say whether 16-bit PCM clips nothing of a signal and leaves it more than a few steps."""
    return peak == 0 or QUIETEST_PCM <= peak <= 1


def to_int16(signal: NDArray[np.float32]) -> NDArray[np.int16]:
    """Invert the reading of 16-bit PCM; +1 itself becomes the largest value, 32767."""
    whole = np.rint(signal.astype(np.float64) * 2**15)
    return np.asarray(np.clip(whole, -(2**15), 2**15 - 1), dtype=np.int16)
