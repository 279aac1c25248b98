"""Read, write, resample and mix audio: one channel, float32, full scale at ±1.

Every function takes and gives one-dimensional arrays of samples. Files are decoded by libsndfile
(through ``soundfile``) and resampled by SoX's resampler (``soxr``). Where Python runs without
them, as in a browser, scipy reads WAV files and resamples.
"""

from __future__ import annotations

import errno
import io
import math
import os
import secrets
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.errors import NmflabError

FORMATS = "WAV, FLAC, OGG, MP3 and NIST SPHERE"

QUIETEST_PCM = 2.0**-8
"""Peak below which 16-bit PCM would leave less than 8 bits of a signal."""

LOWEST_RATE, HIGHEST_RATE = 1000, 1000000
"""Sampling rates in Hz beyond which a file is damaged, and resampling might fill the memory."""

MAX_SNR = 100.0
"""Largest magnitude of a signal-to-noise ratio in dB: float32 resolves no more."""

_PCM_OFFSET_AND_SCALE = {
    "uint8": (128, 2**7),
    "int8": (0, 2**7),
    "int16": (0, 2**15),
    "int32": (0, 2**31),
}


class Mixture(NamedTuple):
    """A noisy recording together with the two signals it was made of.

    Attributes
    ----------
    mixture : ndarray of float32, shape (n_samples,)
        Exactly ``speech + noise``.
    speech : ndarray of float32, shape (n_samples,)
        The speech as it was given.
    noise : ndarray of float32, shape (n_samples,)
        The noise, cut or repeated to the speech's length and scaled.
    """

    mixture: NDArray[np.float32]
    speech: NDArray[np.float32]
    noise: NDArray[np.float32]


def as_signal(samples: ArrayLike, name: str = "samples") -> NDArray[np.float32]:
    """Check that `samples` is a usable signal and give it as float32.

    Floating-point samples keep their values. Integer samples are taken for PCM and divided by
    their full scale, to lie in [−1, 1): int16 by 2¹⁵, int32 by 2³¹, int8 and uint8 (whose zero is
    at 128) by 2⁷.

    Parameters
    ----------
    samples : array_like, shape (n_samples,)
        One channel of audio, of any floating-point type, or int8, uint8, int16 or int32.
    name : str, default="samples"
        What the error message calls the array.

    Returns
    -------
    ndarray of float32, shape (n_samples,)
        The signal; the array that was given itself if it is float32 already.

    Raises
    ------
    NmflabError
        If the array is not real, not one-dimensional, empty, or holds NaN or infinity.
    """
    signal = _from_pcm(_as_array(samples, name), name)
    if signal.ndim != 1:
        raise NmflabError(
            f"{name} has the shape {signal.shape} but must be one channel, of shape (n_samples,): "
            "take one channel, or let read_audio mix a stereo file down."
        )
    if signal.size == 0:
        raise NmflabError(f"{name} is empty but must hold at least one sample.")
    broken = np.flatnonzero(~np.isfinite(signal))
    if broken.size:
        raise NmflabError(
            f"{name} holds NaN or infinity in {broken.size} of {signal.size} samples, first at "
            f"sample {broken[0]}: repair or leave out that stretch."
        )
    return signal


def as_rate(rate: float, name: str = "sampling_rate") -> int:
    """Check that `rate` is a usable sampling rate.

    Parameters
    ----------
    rate : int
        Sampling rate in Hz.
    name : str, default="sampling_rate"
        What the error message calls it.

    Returns
    -------
    int
        The rate.

    Raises
    ------
    NmflabError
        If it is not a whole number, or none of a recording.
    """
    if not (_is_number(rate) and rate == int(rate) and LOWEST_RATE <= rate <= HIGHEST_RATE):
        raise NmflabError(
            f"{name} is {rate!r} but must be a whole number of Hz from {LOWEST_RATE} to "
            f"{HIGHEST_RATE}."
        )
    return int(rate)


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
    path = Path(path)
    sampling_rate = as_rate(sampling_rate)
    channels, rate = _decode(path)
    if channels.size == 0:
        raise NmflabError(f"The audio file {str(path)!r} is empty: it holds no samples.")
    name = f"The audio file {str(path)!r}"
    mono = as_signal(channels.mean(axis=1), name)
    return resample(mono, as_rate(rate, f"{name} may be damaged: its sampling rate"), sampling_rate)


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
    name = f"The audio file {str(path)!r}"
    try:
        with path.open("rb") as content, soundfile.SoundFile(content) as file:
            as_rate(file.samplerate, f"{name} may be damaged: its sampling rate")
            same = file.samplerate == sampling_rate
            stream = soxr.ResampleStream(
                file.samplerate, sampling_rate, 1, dtype="float32", quality="HQ"
            )
            for channels in file.blocks(file.samplerate, dtype="float32", always_2d=True):
                mono = as_signal(channels.mean(axis=1), name)
                yield mono if same else stream.resample_chunk(mono)
            if not same:
                yield stream.resample_chunk(np.empty(0, dtype=np.float32), last=True)
    except soundfile.SoundFileError as error:
        raise NmflabError(
            f"The file {str(path)!r} can't be read as audio ({_reason(error)}): "
            f"give a sound file, such as {FORMATS}."
        ) from error


def resample(samples: ArrayLike, rate: int, sampling_rate: int) -> NDArray[np.float32]:
    """Resample a signal with SoX's high-quality resampler.

    Without ``soxr``, scipy's polyphase resampler does it.

    Parameters
    ----------
    samples : array_like, shape (n_samples,)
        One channel of audio.
    rate : int
        Its sampling rate in Hz.
    sampling_rate : int
        The wanted sampling rate in Hz.

    Returns
    -------
    ndarray of float32, shape (about n_samples * sampling_rate / rate,)
        The resampled signal; the signal itself when the two rates are the same.

    Raises
    ------
    NmflabError
        If the signal can't be used, a rate is not a whole number above 0, or the signal is too
        short to leave a sample at the new rate.
    """
    signal = as_signal(samples)
    rate = as_rate(rate, "rate")
    sampling_rate = as_rate(sampling_rate)
    if rate == sampling_rate:
        return signal
    try:
        import soxr
    except ImportError:
        from scipy.signal import resample_poly

        resampled = resample_poly(signal, sampling_rate, rate)
    else:
        resampled = soxr.resample(signal, rate, sampling_rate, quality="HQ")
    if resampled.size == 0:
        raise NmflabError(
            f"A signal of {signal.size} samples at {rate} Hz is too short to be resampled to "
            f"{sampling_rate} Hz: give a longer one."
        )
    return np.asarray(resampled, dtype=np.float32)


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


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to, which takes the name `path` when all went well.

    Whoever looks at `path` sees the old file or the whole new one. When the writing fails or is
    interrupted the temporary file is removed.

    Parameters
    ----------
    path : str or path
        The file to make; missing folders are made, an existing file is replaced.

    Yields
    ------
    Path
        The file to write to, in the same folder.

    Raises
    ------
    NmflabError
        If `path` is a folder or its folder can't be written.
    """
    path = Path(path)
    _refuse_other_than_file(path)
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise NmflabError(
            f"{path.name!r} can't be written to the folder {str(path.parent)!r} "
            f"({error.strerror or error}): choose a folder where you may write and that has space."
        ) from error
    finally:
        _remove(temporary)


def check_output(path: str | os.PathLike[str]) -> None:
    """Check before long work that its result can be written.

    Parameters
    ----------
    path : str or path
        The file to make; missing folders are made, the file isn't touched.

    Raises
    ------
    NmflabError
        If `path` is a folder or a device, or its folder can't be made or written.
    """
    _refuse_other_than_file(Path(path))
    make_folder(Path(path).parent)


def make_folder(folder: str | os.PathLike[str]) -> None:
    """Make a folder where it is missing, and check that it can be written.

    Parameters
    ----------
    folder : str or path
        The folder; those it lies in are made too.

    Raises
    ------
    NmflabError
        If it can't be made or written.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise NmflabError(
            f"The folder {str(folder)!r} can't be written ({_reason(error)}): choose another for "
            "the output."
        ) from error


def mix_at_snr(speech: ArrayLike, noise: ArrayLike, snr: float, *, offset: int = 0) -> Mixture:
    """Add noise to speech at a signal-to-noise ratio.

    The speech stays as it is; the noise is scaled such that 10·log₁₀(Σs²/Σn²) over the whole
    clip is `snr`. The noise is a loop entered at `offset`: of a long noise the rest is left out,
    a short one starts again from its first sample.

    Parameters
    ----------
    speech : array_like, shape (n_samples,)
        Clean speech.
    noise : array_like, shape (n_noise,)
        Noise of any length and level.
    snr : float
        Signal-to-noise ratio in dB, from −100 to 100.
    offset : int, default=0
        Sample of the noise to begin with.

    Returns
    -------
    Mixture
        The arrays ``mixture``, ``speech`` and ``noise``, with ``mixture == speech + noise``.

    Raises
    ------
    NmflabError
        If a signal can't be used or is silent, or `snr` or `offset` is out of range.
    """
    speech = as_signal(speech, "speech")
    loop = as_signal(noise, "noise")
    if not (_is_number(snr) and abs(snr) <= MAX_SNR):
        raise NmflabError(
            f"snr is {snr!r} but must be a number from {-MAX_SNR:g} to {MAX_SNR:g} dB."
        )
    if not (_is_number(offset) and offset == int(offset) >= 0):
        raise NmflabError(f"offset is {offset!r} but must be a whole number of samples from 0.")
    piece = np.take(loop, int(offset) % loop.size + np.arange(speech.size), mode="wrap")
    for name, signal in (("speech", speech), ("noise", piece)):
        if not signal.any():
            raise NmflabError(
                f"{name} is silent (all its {signal.size} samples are 0), so it has no "
                "signal-to-noise ratio: choose another recording or stretch."
            )
    ratio = energy(speech) / energy(piece) * 10 ** (-snr / 10)
    with np.errstate(over="ignore"):
        scaled = (math.sqrt(ratio) * piece.astype(np.float64)).astype(np.float32)
        mixture = speech + scaled
    if not np.isfinite(mixture).all():
        raise NmflabError(
            f"speech is so loud that at {snr:g} dB its mixture is beyond float32: scale it down."
        )
    return Mixture(mixture, speech, scaled)


def energy(signal: NDArray[np.floating[Any]]) -> float:
    """Give the sum of the squares, in double precision.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Samples.

    Returns
    -------
    float
        Σ x².
    """
    wide = signal.astype(np.float64, copy=False)
    return float(wide @ wide)


def _as_array(samples: ArrayLike, name: str) -> NDArray[Any]:
    try:
        return np.asarray(samples)
    except ValueError as error:
        raise NmflabError(f"{name} is ragged but must be a plain array of samples.") from error


def _from_pcm(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Give samples of any kind as float32 with full scale at ±1."""
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return array.astype(np.float32, copy=False)
    if array.dtype.name not in _PCM_OFFSET_AND_SCALE:
        raise NmflabError(
            f"{name} is of type {array.dtype} but must be floating-point samples, or PCM as int8, "
            "uint8, int16 or int32: convert it, for instance with numpy's astype(float)."
        )
    offset, scale = _PCM_OFFSET_AND_SCALE[array.dtype.name]
    return ((array.astype(np.float64) - offset) / scale).astype(np.float32)


def _is_number(value: object) -> bool:
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return real and math.isfinite(value)  # type: ignore[arg-type]


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
        raise NmflabError(
            f"The file {str(path)!r} can't be read as audio ({_reason(error)}): "
            f"give a sound file, such as {FORMATS}."
        ) from error
    except MemoryError as error:
        raise NmflabError(
            f"The audio file {str(path)!r} says that it is longer than fits in memory: "
            "it may be damaged; repair it or leave it out."
        ) from error
    return channels, int(rate)


def _content(path: Path) -> bytes:
    if _is_folder(path):
        raise NmflabError(f"{str(path)!r} is a folder but must be an audio file: name one in it.")
    if _is_special(path):
        raise NmflabError(f"{str(path)!r} is a device or a pipe: give a plain file of audio.")
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NmflabError(
            f"There is no audio file {str(path)!r}: check its name and folder."
        ) from error
    except (OSError, ValueError) as error:
        raise NmflabError(
            f"The audio file {str(path)!r} can't be opened ({_reason(error)}): check its name "
            "and whether you may read it."
        ) from error
    if not content:
        raise NmflabError(f"The audio file {str(path)!r} is empty: it holds no bytes.")
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
            f"The file {str(path)!r} can't be read as WAV ({_reason(error)}): "
            "give a whole WAV file."
        ) from error
    channels = samples if samples.ndim == 2 else samples[:, np.newaxis]
    return _from_pcm(channels, f"The audio file {str(path)!r}"), int(rate)


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
    """Say whether a signal is written as 16-bit PCM rather than as float.

    Parameters
    ----------
    peak : float
        Its greatest magnitude.

    Returns
    -------
    bool
        False for what PCM would clip, and for what it would leave few steps of.
    """
    return peak == 0 or QUIETEST_PCM <= peak <= 1


def to_int16(signal: NDArray[np.float32]) -> NDArray[np.int16]:
    """Invert the reading of 16-bit PCM; +1 itself becomes the largest value, 32767.

    Parameters
    ----------
    signal : ndarray of float32, shape (n_samples,)
        Samples within ±1.

    Returns
    -------
    ndarray of int16, shape (n_samples,)
        The nearest PCM values.
    """
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
            f"FLAC can't be written at {sampling_rate} Hz ({_reason(error)}): "
            "end the file's name in .wav."
        ) from error


def _is_folder(path: Path) -> bool:
    with suppress(OSError):  # a name too long, for one
        return path.is_dir()
    return False


def _is_special(path: Path) -> bool:
    """Find devices, pipes and sockets, which may wait for ever, or must not be replaced."""
    with suppress(OSError):
        return path.exists() and not path.is_file() and not path.is_dir()
    return False


def _refuse_other_than_file(path: Path) -> None:
    """Refuse to write where there is something else than a file."""
    if _is_folder(path):
        raise NmflabError(f"{str(path)!r} is a folder but must be a file: add a file name to it.")
    if _is_special(path):
        raise NmflabError(f"{str(path)!r} is a device or a pipe: choose the name of a plain file.")


def _remove(path: Path) -> None:
    """Remove a file if it is there and if that is possible."""
    with suppress(OSError):
        path.unlink()


def _reason(error: Exception) -> str:
    """Give an error's own words without its ending stop, to stand in brackets."""
    words = getattr(error, "error_string", "") or getattr(error, "strerror", "") or str(error)
    return words.strip().rstrip(".")
