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

Scaled = list[tuple[NDArray[np.float32], float]]
"""Signals, and what each is divided by."""

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
    speech, noise, estimate = signals_of_one_length(
        speech=speech, noise=noise, speech_estimate=speech_estimate
    )
    return Projection(speech, noise).ratios(estimate)


class Projection:
    """The span of the delayed speech and noise: what BSS Eval needs of them for all estimates.

    Parameters
    ----------
    speech, noise : ndarray of float32, shape (n_samples,)
        The true signals.
    """

    def __init__(self, speech: NDArray[np.float32], noise: NDArray[np.float32]) -> None:
        from scipy.linalg import cholesky

        refuse_silence(speech, "speech")
        self._references = [(signal, _scale(signal)) for signal in (speech, noise)]
        gram = _gram(self._references)
        gram[np.diag_indices_from(gram)] += RIDGE
        with one_blas_thread():
            self._factor = cholesky(gram.T, lower=True, overwrite_a=True, check_finite=False)

    def ratios(self, estimate: NDArray[np.float32]) -> tuple[float, float, float]:
        """Give SDR, SIR and SAR of an estimate, see `bss_eval`.

        Parameters
        ----------
        estimate : ndarray of float32, shape (n_samples,)
            The estimate of the speech.

        Returns
        -------
        sdr, sir, sar : float
            The ratios in dB.
        """
        from scipy.linalg import solve_triangular

        scale = _scale(estimate)
        products = np.concatenate(_products(self._references, [(estimate, scale)])[:, 0])
        with one_blas_thread():
            y = solve_triangular(self._factor, products, lower=True, check_finite=False)
        target, interference = energy(y[:FILTER_LENGTH]), energy(y[FILTER_LENGTH:])
        artefacts = max(energy(estimate, scale) - target - interference, 0.0)
        return (
            _decibels(target, interference + artefacts),
            _decibels(target, interference),
            _decibels(target + interference, artefacts),
        )


def _scale(signal: NDArray[np.float32]) -> float:
    """Give what a signal is divided by, to have the energy 1."""
    return math.sqrt(energy(signal)) or 1.0


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


def _gram(references: Scaled) -> NDArray[np.float64]:
    """Give the inner products of all delayed references, (J·L, J·L) in blocks of L delays."""
    from scipy.linalg import toeplitz

    r, sources = _products(references, references), range(len(references))
    return np.block([[toeplitz(r[i][j], r[j][i]) for j in sources] for i in sources])


def _products(references: Scaled, others: Scaled) -> NDArray[np.float64]:
    """Give ⟨a delayed by l, b⟩, l = 0 … L−1, for all references a and others b: (J, J′, L)."""
    r = np.zeros((len(references), len(others), FILTER_LENGTH))
    for part in parts(references[0][0].size):
        r += _products_of_part(references, others, part)
    return r


def _products_of_part(references: Scaled, others: Scaled, part: slice) -> NDArray[np.float64]:
    """Give the same of references that are cut to a part."""
    from scipy import fft

    reach = slice(part.start, part.stop + FILTER_LENGTH - 1)
    size = fft.next_fast_len(part.stop - part.start + FILTER_LENGTH - 1, real=True)

    def spectra(signals: Scaled, cut: slice) -> list[NDArray[Any]]:
        return [fft.rfft(x[cut].astype(np.float64) / scale, size) for x, scale in signals]

    early = spectra(references, part)
    is_last = part.stop == len(references[0][0])  # nothing more is in reach
    late = early if is_last and others is references else spectra(others, reach)
    return np.array([[fft.irfft(a.conj() * b, size)[:FILTER_LENGTH] for b in late] for a in early])


def _decibels(numerator: float, denominator: float) -> float:
    """Give a ratio of energies in dB: −inf where there is nothing above, inf for a 0 below."""
    if numerator <= 0:
        return -math.inf
    return 10 * math.log10(numerator / denominator) if denominator > 0 else math.inf
