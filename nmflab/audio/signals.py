"""Signals in memory: mix speech and noise at an SNR, resample."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.checks import (
    LEAST_OFFSET,
    NOTHING,
    as_rate,
    as_signal,
    is_number,
    is_whole,
    shown,
    steady,
)
from nmflab.errors import NmflabError

__all__ = ["Mixture", "mix_at_snr", "resample"]

PART = 2**20
"""Samples: shorter signals are worked on as a whole."""

MAX_SNR = 100.0
"""Largest magnitude of a signal-to-noise ratio in dB: float32 resolves no more."""


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


@steady
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


@steady
def mix_at_snr(speech: ArrayLike, noise: ArrayLike, snr: float, *, offset: int = 0) -> Mixture:
    """Add noise to speech at a signal-to-noise ratio.

    The speech stays as it is; the noise is scaled such that 10·log₁₀(Σs²/Σn²) over the whole
    clip is `snr`; a mean above a tenth of the RMS, which nobody hears, is not counted. The noise
    is a loop entered at `offset`: of a long noise the rest is left out, a short one starts again
    from its first sample.

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
    if not (is_number(snr) and abs(snr) <= MAX_SNR):
        raise NmflabError(
            f"snr is {shown(snr)} but must be a number from {-MAX_SNR:g} to {MAX_SNR:g} dB."
        )
    if not is_whole(offset, 0):
        raise NmflabError(
            f"offset is {shown(offset)} but must be a whole number of samples from 0."
        )
    start = int(offset) % loop.size
    piece = loop[start : start + speech.size].copy()
    if piece.size < speech.size:
        piece = np.resize(np.roll(loop, -start), speech.size)
    for name, signal in (("speech", speech), ("noise", piece)):
        if not signal.any():
            raise NmflabError(
                f"{name} is silent (all its {signal.size} samples are 0), so it has no "
                "signal-to-noise ratio: choose another recording or stretch."
            )
    ratio = audible_energy(speech) / audible_energy(piece) * 10 ** (-snr / 10)
    with np.errstate(over="ignore"):
        scaled, factor = piece, math.sqrt(ratio)
        for part in parts(piece.size):
            scaled[part] = factor * piece[part].astype(np.float64)
        mixture = speech + scaled
    if not np.isfinite(mixture).all():
        raise NmflabError(
            f"speech is so loud that at {snr:g} dB its mixture is beyond float32: scale it down."
        )
    return Mixture(mixture, speech, scaled)


def audible_energy(signal: NDArray[np.floating[Any]]) -> float:
    """Give Σx², or that of x less its mean where the mean is above a tenth of the RMS.

    A recorder's offset is energy that nobody hears. A smaller one, which is 0.04 dB at most, is
    left in, as is usual: no SNR of a sound recording differs from what others compute. So is all
    of a signal that is nothing but an offset.
    """
    whole, mean = energy(signal), float(signal.mean(dtype=np.float64))
    if mean * mean * signal.size <= LEAST_OFFSET**2 * whole:
        return whole
    audible = sum(energy(signal[part].astype(np.float64) - mean) for part in parts(signal.size))
    return audible if audible > NOTHING * whole else whole


def energy(signal: NDArray[np.floating[Any]], scale: float = 1.0) -> float:
    """Give Σ(x/scale)², in double precision."""
    total = 0.0
    for part in parts(signal.size):
        wide = signal[part].astype(np.float64, copy=False) / scale
        total += float(wide @ wide)
    return total


def parts(size: int) -> Iterator[slice]:
    """Cut a long signal into parts, so that what is computed of one needs little memory."""
    for start in range(0, size, PART):
        yield slice(start, min(start + PART, size))
