"""Ratios of energies: BSS Eval's SDR, SIR and SAR, and SI-SDR.

Conventions: those of `nmflab.evaluation.metrics`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.signals import energy, parts
from nmflab.checks import as_signal, steady
from nmflab.errors import NmflabError
from nmflab.system.threads import one_blas_thread

__all__ = ["bss_eval", "si_sdr"]

FILTER_LENGTH = 512
"""Taps of the distortion filter that BSS Eval forgives, as in its reference implementation."""

RIDGE = 1e-10
"""What is added to the diagonal of BSS Eval's Gram matrix of unit-energy references: it keeps the
matrix regular for narrow-band and for silent references, and limits SDR and SAR to some 100 dB."""


@steady
def bss_eval(
    speech: ArrayLike, noise: ArrayLike, speech_estimate: ArrayLike
) -> tuple[float, float, float]:
    """Give the BSS Eval ratios of a speech estimate (version 3, 512-tap filters).

    The estimate ŝ is projected onto the span of the speech delayed by 0 to 511 samples, which
    gives the target, and onto the span of speech and noise so delayed, which adds the
    interference; what is left are artefacts. With the Gram matrix of the delayed signals factored
    as LLᵀ and their products with the estimate in d, the vector y = L⁻¹d is the estimate in an
    orthonormal basis of that span, speech first: the energies can be read off it, and no signal
    needs to be filtered. The figures agree with ``mir_eval.separation.bss_eval_sources`` to
    0.01 dB. How the noise was estimated does not matter to them.

    Parameters
    ----------
    speech, noise : array_like, shape (n_samples,)
        The true signals.
    speech_estimate : array_like, shape (n_samples,)
        The estimate of the speech.

    Returns
    -------
    sdr, sir, sar : float
        Source to distortion, to interference and to artefacts, in dB. SIR is inf for silent
        noise. All three are −inf for a silent estimate. SDR and SAR of a perfect estimate are
        some 100 dB.

    Raises
    ------
    NmflabError
        If a signal can't be used, the lengths differ, or the speech is silent.

    References
    ----------
    E. Vincent, R. Gribonval, C. Févotte: Performance measurement in blind audio source
    separation. IEEE Transactions on Audio, Speech and Language Processing 14(4), 2006,
    equations 9 to 18.
    """
    from scipy.linalg import cholesky, solve_triangular

    signals = signals_of_one_length(speech=speech, noise=noise, speech_estimate=speech_estimate)
    refuse_silence(signals[0], "speech")
    scales = [math.sqrt(energy(signal)) or 1.0 for signal in signals]  # to energy 1, or silence
    gram, products = _correlations(signals, scales)
    gram[np.diag_indices_from(gram)] += RIDGE
    with one_blas_thread():
        factor = cholesky(gram.T, lower=True, overwrite_a=True, check_finite=False)
        y = solve_triangular(factor, products, lower=True, check_finite=False)
    target, interference = energy(y[:FILTER_LENGTH]), energy(y[FILTER_LENGTH:])
    artefacts = max(energy(signals[-1], scales[-1]) - target - interference, 0.0)
    return (
        _decibels(target, interference + artefacts),
        _decibels(target, interference),
        _decibels(target + interference, artefacts),
    )


@steady
def si_sdr(reference: ArrayLike, estimate: ArrayLike) -> float:
    """Give the scale-invariant signal-to-distortion ratio.

    With α = ⟨ŝ, s⟩ / ‖s‖² it is 10·log₁₀(‖αs‖² / ‖αs − ŝ‖²). The level of neither signal
    matters. Means are not removed.

    Parameters
    ----------
    reference : array_like, shape (n_samples,)
        The true signal s.
    estimate : array_like, shape (n_samples,)
        Its estimate ŝ.

    Returns
    -------
    float
        SI-SDR in dB; −inf for an estimate that is silent or orthogonal to the reference, inf for
        a perfect one.

    Raises
    ------
    NmflabError
        If a signal can't be used, the lengths differ, or the reference is silent.

    References
    ----------
    J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey: SDR – half-baked or well done? IEEE
    ICASSP, 2019, equation 3.
    """
    s, s_hat = signals_of_one_length(reference=reference, estimate=estimate)
    refuse_silence(s, "reference")
    alpha = sum(_dot(s_hat[part], s[part]) for part in parts(s.size)) / energy(s)
    target = error = 0.0
    for part in parts(s.size):
        wide = alpha * s[part].astype(np.float64)
        target, error = target + energy(wide), error + energy(wide - s_hat[part])
    return _decibels(target, error)


def _dot(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(a.astype(np.float64) @ b.astype(np.float64))


def signals_of_one_length(**signals: ArrayLike) -> list[NDArray[np.float32]]:
    """Check the signals and their lengths."""
    checked = [as_signal(signal, name) for name, signal in signals.items()]
    lengths = [signal.size for signal in checked]
    if len(set(lengths)) > 1:
        named = ", ".join(f"{name} {n}" for name, n in zip(signals, lengths, strict=True))
        raise NmflabError(
            f"The signals differ in their number of samples ({named}): cut them to one length."
        )
    return checked


def refuse_silence(signal: NDArray[np.float32], name: str) -> None:
    if not signal.any():
        raise NmflabError(
            f"{name} is silent (all its {signal.size} samples are 0), so no estimate can be "
            "scored against it: choose another recording or stretch."
        )


def _correlations(
    signals: list[NDArray[np.float32]], scales: list[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the inner products of all delayed references with each other and with the estimate.

    The estimate is the last of the signals; each is divided by its scale. Returns the Gram matrix,
    shape (J·L, J·L) in blocks of L delays, and a vector, shape (J·L,).
    """
    from scipy.linalg import toeplitz

    count = len(signals)
    r = np.zeros((count - 1, count, FILTER_LENGTH))
    for part in parts(signals[0].size):
        r += _products(signals, scales, part)
    sources = range(count - 1)
    gram = np.block([[toeplitz(r[i][j], r[j][i]) for j in sources] for i in sources])
    return gram, np.concatenate([row[-1] for row in r])


def _products(
    signals: list[NDArray[np.float32]], scales: list[float], part: slice
) -> NDArray[np.float64]:
    """Give ⟨a delayed by l, b⟩ for l = 0 … L−1, where a is cut to a part, for all pairs."""
    from scipy import fft

    reach = slice(part.start, part.stop + FILTER_LENGTH - 1)
    size = fft.next_fast_len(part.stop - part.start + FILTER_LENGTH - 1, real=True)

    def spectra(cut: slice) -> list[NDArray[Any]]:
        scaled = zip(signals, scales, strict=True)
        return [fft.rfft(x[cut].astype(np.float64) / scale, size) for x, scale in scaled]

    late = spectra(reach)
    early = spectra(part) if part.stop < signals[0].size else late
    return np.array(
        [[fft.irfft(a.conj() * b, size)[:FILTER_LENGTH] for b in late] for a in early[:-1]]
    )


def _decibels(numerator: float, denominator: float) -> float:
    """Give a ratio of energies in dB: −inf where there is nothing above, inf for a 0 below."""
    if numerator <= 0:
        return -math.inf
    return 10 * math.log10(numerator / denominator) if denominator > 0 else math.inf
