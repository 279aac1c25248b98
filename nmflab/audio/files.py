"""Read and write audio files: one channel, float32, full scale at ±1.

Files are decoded by libsndfile, through ``soundfile``. Where Python runs without it, as in a
browser, scipy reads and writes WAV files.
"""

from __future__ import annotations

import io
import os
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.signals import resample
from nmflab.checks import as_rate, as_signal, from_pcm
from nmflab.errors import NmflabError
from nmflab.system.files import is_folder, is_special, reason, replacing

__all__ = ["duration", "read_audio", "read_blocks", "write_audio"]

FORMATS = "WAV, FLAC, OGG, MP3 and NIST SPHERE"

QUIETEST_PCM = 2.0**-8
"""Peak below which 16-bit PCM would leave less than 8 bits of a signal."""


def read_audio(path: str | os.PathLike[str], sampling_rate: int = 16000) -> NDArray[np.float32]:
    """Read a recording as one channel at the wanted sampling rate.

    Several channels are mixed down to their mean. Clipped and silent recordings are read as they
    are. Without ``soundfile`` only WAV files can be read.

    Parameters
    ----------
    path : str or path
        An audio file: WAV, FLAC, OGG, MP3, NIST SPHERE or whatever else libsndfile reads.
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
        infinity; the message names the file.

    See Also
    --------
    write_audio : The inverse.
    """
    path, sampling_rate = Path(path), as_rate(sampling_rate)
    name = _name(path)
    channels, rate = _decode(path)
    if channels.size == 0:
        raise NmflabError(f"{name} is empty: it holds no samples.")
    mono = as_signal(channels.mean(axis=1), name)
    return resample(mono, _own_rate(rate, name), sampling_rate)


def duration(path: str | os.PathLike[str]) -> float:
    """Give the length of a recording without reading it.

    Parameters
    ----------
    path : str or path
        An audio file.

    Returns
    -------
    float
        Seconds; 0 where nothing can tell, be it that the file is none or that ``soundfile`` is
        not installed.
    """
    try:
        import soundfile

        if not Path(path).is_file():  # a pipe would wait for its other end
            return 0.0
        with Path(path).open("rb") as file:  # whatever its name: libsndfile knows UTF-8 alone
            return float(soundfile.info(file).duration)
    except (ImportError, OSError, RuntimeError):  # soundfile's own errors are RuntimeErrors
        return 0.0


def read_blocks(
    path: str | os.PathLike[str], sampling_rate: int = 16000
) -> Iterator[NDArray[np.float32]]:
    """Read a recording of any length piece by piece, as `read_audio` reads it whole.

    Parameters
    ----------
    path : str or path
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
    import soundfile
    import soxr

    path, sampling_rate = Path(path), as_rate(sampling_rate)
    if not path.is_file():
        _content(path)  # says what is wrong
    name = _name(path)
    try:
        with path.open("rb") as content, soundfile.SoundFile(content) as file:
            rate = _own_rate(file.samplerate, name)
            stream = soxr.ResampleStream(rate, sampling_rate, 1, dtype="float32", quality="HQ")
            for channels in file.blocks(rate, dtype="float32", always_2d=True):
                mono = as_signal(channels.mean(axis=1), name)
                yield mono if rate == sampling_rate else stream.resample_chunk(mono)
            if rate != sampling_rate:
                yield stream.resample_chunk(np.empty(0, dtype=np.float32), last=True)
    except soundfile.SoundFileError as error:
        raise _no_audio(path, error) from error


def _decode(path: Path) -> tuple[NDArray[np.float32], int]:
    """Give the samples of a file, one column a channel, and its sampling rate."""
    content = io.BytesIO(_content(path))
    try:
        import soundfile
    except (ImportError, OSError):  # the package is there, but libsndfile is not
        return _decode_with_scipy(content, path)
    try:
        channels, rate = soundfile.read(content, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise _no_audio(path, error) from error
    except MemoryError as error:
        raise NmflabError(
            f"{_name(path)} says that it is longer than fits in memory: it may be damaged; "
            "repair it or leave it out."
        ) from error
    return channels, int(rate)


def _content(path: Path) -> bytes:
    """Give the bytes of a file, or say why there are none."""
    if is_folder(path):
        raise NmflabError(f"{str(path)!r} is a folder but must be an audio file: name one in it.")
    if is_special(path):
        raise NmflabError(f"{str(path)!r} is a device or a pipe: give a plain file of audio.")
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NmflabError(
            f"There is no audio file {str(path)!r}: check its name and folder."
        ) from error
    except (OSError, ValueError) as error:
        raise NmflabError(
            f"{_name(path)} can't be opened ({reason(error)}): check its name and whether you "
            "may read it."
        ) from error
    if not content:
        raise NmflabError(f"{_name(path)} is empty: it holds no bytes.")
    return content


def _decode_with_scipy(content: io.BytesIO, path: Path) -> tuple[NDArray[np.float32], int]:
    from scipy.io import wavfile

    if path.suffix.lower() != ".wav":
        raise NmflabError(
            f"The file {str(path)!r} can't be read without the package soundfile, which is not "
            "installed: install it, or convert the file to WAV."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            rate, samples = wavfile.read(content)
    except (ValueError, EOFError, TypeError, ZeroDivisionError, struct.error) as error:
        raise NmflabError(
            f"The file {str(path)!r} can't be read as WAV ({reason(error)}): give a whole WAV file."
        ) from error
    channels = samples if samples.ndim == 2 else samples[:, np.newaxis]
    return from_pcm(channels, _name(path)), int(rate)


def _name(path: Path) -> str:
    return f"The audio file {str(path)!r}"


def _own_rate(rate: int, name: str) -> int:
    """Take the sampling rate that a file gives for its own."""
    return as_rate(rate, f"{name} may be damaged: its sampling rate")


def _no_audio(path: Path, error: Exception) -> NmflabError:
    return NmflabError(
        f"The file {str(path)!r} can't be read as audio ({reason(error)}): "
        f"give a sound file, such as {FORMATS}."
    )


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
    path = Path(path)
    signal = as_signal(samples)
    encoded = _encode(path, signal, as_rate(sampling_rate))
    with replacing(path) as temporary:
        temporary.write_bytes(encoded)
    return path


def _encode(path: Path, signal: NDArray[np.float32], sampling_rate: int) -> bytes:
    """Give the bytes of a WAV or FLAC file, by the ending of `path`."""
    ending = path.suffix.lower()
    peak = float(np.abs(signal).max())
    if ending not in (".wav", ".flac"):
        raise NmflabError(
            f"The file {str(path)!r} can't be written: end its name in .wav or .flac."
        )
    if ending == ".flac" and peak > 1:
        raise NmflabError(
            f"The samples reach {peak:.3g}, but the FLAC file {str(path)!r} holds 1 at most: "
            "end its name in .wav, or lower the level."
        )
    content = io.BytesIO()
    if ending == ".flac":
        _write_flac(content, to_int16(signal), sampling_rate)
    else:
        from scipy.io import wavfile

        wavfile.write(content, sampling_rate, to_int16(signal) if fits_pcm(peak) else signal)
    return content.getvalue()


def fits_pcm(peak: float) -> bool:
    """Say whether 16-bit PCM clips nothing of a signal and leaves it more than a few steps."""
    return peak == 0 or QUIETEST_PCM <= peak <= 1


def to_int16(signal: NDArray[np.float32]) -> NDArray[np.int16]:
    """Invert the reading of 16-bit PCM; +1 itself becomes the largest value, 32767."""
    whole = np.rint(signal.astype(np.float64) * 2**15)
    return np.asarray(np.clip(whole, -(2**15), 2**15 - 1), dtype=np.int16)


def _write_flac(content: io.BytesIO, samples: NDArray[np.int16], sampling_rate: int) -> None:
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise NmflabError(
            "FLAC can't be written without the package soundfile, which is not installed: "
            "install it, or end the file's name in .wav."
        ) from error
    try:
        soundfile.write(content, samples, sampling_rate, format="FLAC", subtype="PCM_16")
    except soundfile.SoundFileError as error:
        raise NmflabError(
            f"FLAC can't be written at {sampling_rate} Hz ({reason(error)}): "
            "end the file's name in .wav."
        ) from error
