"""How well speech was separated: BSS Eval, SI-SDR, STOI and PESQ, and the oracle mask.

Conventions: the true signal comes first and the estimate after it; all are one channel and of
one length. Ratios are energies in dB over the whole clip, higher is better. No figure depends on
the level of the estimate. A silent reference is an error, for nothing can be compared with it;
silent noise is not. A silent estimate scores −inf dB in every ratio, 0 in STOI and NaN in PESQ.
NaN stands for a score that does not exist; each function says when.

======== ============================== ======= ==================================================
score    what it asks                   unit    source
======== ============================== ======= ==================================================
SDR      speech against all errors      dB      Vincent, Gribonval and Févotte 2006 (BSS Eval)
SIR      speech against leftover noise  dB      the same
SAR      signals against artefacts      dB      the same
SI-SDR   SDR with a gain as its filter  dB      Le Roux, Wisdom, Erdogan and Hershey 2019
STOI     intelligibility                0 to 1  Taal, Hendriks, Heusdens and Jensen 2011
ESTOI    the same, in modulated noise   0 to 1  Jensen and Taal 2016
PESQ     quality, as listeners rate it  1 to 5  ITU-T P.862, P.862.1 and P.862.2
======== ============================== ======= ==================================================
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.signals import energy, resample
from nmflab.checks import as_rate, as_signal
from nmflab.errors import NmflabError

__all__ = ["Scores", "bss_eval", "oracle_mask", "pesq", "score", "si_sdr", "stoi"]

FILTER_LENGTH = 512
"""Taps of the distortion filter that BSS Eval forgives, as in its reference implementation."""

RIDGE = 1e-10
"""What is added to the diagonal of BSS Eval's Gram matrix of unit-energy references: it keeps the
matrix regular for narrow-band and for silent references, and limits SDR and SAR to some 100 dB."""

SHORTEST_STOI = 0.41
"""Duration in seconds of the 30 frames over which STOI correlates."""

SHORTEST_PESQ = 0.25
"""Duration in seconds below which PESQ is not defined."""

LONGEST_PESQ = 19.0
"""Duration in seconds beyond which a recording may hold more than the 50 utterances that the
reference implementation has room for (each takes 0.4 s at least); it would crash."""


@dataclass(frozen=True)
class Scores:
    """The scores of one speech estimate.

    Attributes
    ----------
    sdr, sir, sar : float
        Ratios of BSS Eval in dB: to all errors, to interference, to artefacts.
    si_sdr : float
        Scale-invariant SDR in dB.
    stoi, estoi : float
        Short-time objective intelligibility, 0 to 1, and its extended form; NaN for clips with
        less than 0.4 s of speech.
    pesq : float
        PESQ, 1 to 5; NaN where the package is not installed or finds no speech.
    """

    sdr: float
    sir: float
    sar: float
    si_sdr: float
    stoi: float
    estoi: float
    pesq: float

    def to_dict(self) -> dict[str, float]:
        """Give the scores by name.

        Returns
        -------
        dict
            Names and values, in the order of the definition.
        """
        return dataclasses.asdict(self)


def score(
    speech: ArrayLike, noise: ArrayLike, speech_estimate: ArrayLike, *, sampling_rate: int = 16000
) -> Scores:
    """Give every score of a speech estimate.

    The scores of a noise estimate come by changing the roles:
    ``score(noise, speech, noise_estimate)``.

    Parameters
    ----------
    speech, noise : array_like, shape (n_samples,)
        The true signals, as they are in the mixture.
    speech_estimate : array_like, shape (n_samples,)
        The estimate of the speech; the mixture itself for the scores before the separation.
    sampling_rate : int, default=16000
        Sampling rate in Hz.

    Returns
    -------
    Scores
        SDR, SIR, SAR, SI-SDR, STOI, ESTOI and PESQ.

    Raises
    ------
    NmflabError
        If a signal can't be used, the lengths differ, or the speech is silent.
    """
    sdr, sir, sar = bss_eval(speech, noise, speech_estimate)
    return Scores(
        sdr=sdr,
        sir=sir,
        sar=sar,
        si_sdr=si_sdr(speech, speech_estimate),
        stoi=stoi(speech, speech_estimate, sampling_rate),
        estoi=stoi(speech, speech_estimate, sampling_rate, extended=True),
        pesq=pesq(speech, speech_estimate, sampling_rate),
    )


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

    from nmflab.system.threads import one_blas_thread

    signals = _signals(speech=speech, noise=noise, speech_estimate=speech_estimate)
    _refuse_silence(signals[0], "speech")
    *references, estimate = (_unit(signal) for signal in signals)
    gram, products = _correlations(references, estimate)
    gram[np.diag_indices_from(gram)] += RIDGE
    with one_blas_thread():
        factor = cholesky(gram.T, lower=True, overwrite_a=True, check_finite=False)
        y = solve_triangular(factor, products, lower=True, check_finite=False)
    target, interference = energy(y[:FILTER_LENGTH]), energy(y[FILTER_LENGTH:])
    artefacts = max(energy(estimate) - target - interference, 0.0)
    return (
        _decibels(target, interference + artefacts),
        _decibels(target, interference),
        _decibels(target + interference, artefacts),
    )


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
    s, s_hat = _signals(reference=reference, estimate=estimate)
    _refuse_silence(s, "reference")
    target = (s_hat @ s) / (s @ s) * s
    return _decibels(energy(target), energy(target - s_hat))


def stoi(
    reference: ArrayLike, estimate: ArrayLike, sampling_rate: int = 16000, *, extended: bool = False
) -> float:
    """Give the short-time objective intelligibility.

    Parameters
    ----------
    reference : array_like, shape (n_samples,)
        The clean speech.
    estimate : array_like, shape (n_samples,)
        Its estimate.
    sampling_rate : int, default=16000
        Sampling rate in Hz.
    extended : bool, default=False
        Give ESTOI, which is right for noise that fluctuates.

    Returns
    -------
    float
        STOI, some 0 to 1; 0 for a silent estimate, NaN for clips with less than 0.4 s of speech.

    Raises
    ------
    NmflabError
        If a signal can't be used, the lengths differ, or the reference is silent.

    References
    ----------
    C. H. Taal, R. C. Hendriks, R. Heusdens, J. Jensen: An algorithm for intelligibility
    prediction of time-frequency weighted noisy speech. IEEE Transactions on Audio, Speech and
    Language Processing 19(7), 2011.
    J. Jensen, C. H. Taal: An algorithm for predicting the intelligibility of speech masked by
    modulated noise maskers. IEEE/ACM Transactions on Audio, Speech and Language Processing
    24(11), 2016.
    """
    s, s_hat = _signals(reference=reference, estimate=estimate)
    _refuse_silence(s, "reference")
    sampling_rate = as_rate(sampling_rate)
    if not s_hat.any():
        return 0.0
    if s.size < SHORTEST_STOI * sampling_rate:
        return math.nan
    import pystoi

    s_hat = _dithered(s_hat)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Not enough STFT frames", RuntimeWarning)
        try:
            return float(pystoi.stoi(s, s_hat, sampling_rate, extended=extended))
        except RuntimeWarning:
            return math.nan


def pesq(reference: ArrayLike, estimate: ArrayLike, sampling_rate: int = 16000) -> float:
    """Give the perceptual evaluation of speech quality, as a mean opinion score.

    It is wide-band PESQ at 16 kHz and narrow-band PESQ at 8 kHz. Signals at other rates are
    resampled: above 8 kHz to 16 kHz, below to 8 kHz. PESQ is made for samples of some seconds:
    of recordings longer than 19 s it is the mean over equal stretches, those without speech left
    out.

    Parameters
    ----------
    reference : array_like, shape (n_samples,)
        The clean speech.
    estimate : array_like, shape (n_samples,)
        Its estimate.
    sampling_rate : int, default=16000
        Sampling rate in Hz.

    Returns
    -------
    float
        PESQ (MOS-LQO), 1 to some 4.6; NaN where the package ``pesq`` is not installed, the clip
        is shorter than a quarter of a second or PESQ finds no speech in it.

    Raises
    ------
    NmflabError
        If a signal can't be used, the lengths differ, or the reference is silent.

    References
    ----------
    ITU-T Recommendations P.862 (2001), P.862.1 (2003) and P.862.2 (2007).
    """
    s, s_hat = _signals(reference=reference, estimate=estimate)
    _refuse_silence(s, "reference")
    sampling_rate = as_rate(sampling_rate)
    if not s_hat.any() or s.size < SHORTEST_PESQ * sampling_rate:
        return math.nan
    rate = 16000 if sampling_rate > 8000 else 8000
    heard, heard_hat = (resample(signal, sampling_rate, rate) for signal in (s, s_hat))
    count = math.ceil(heard.size / (LONGEST_PESQ * rate))
    stretches = zip(np.array_split(heard, count), np.array_split(heard_hat, count), strict=True)
    scores = [_short_pesq(s, s_hat, rate) for s, s_hat in stretches]
    defined = [score for score in scores if not math.isnan(score)]
    return sum(defined) / len(defined) if defined else math.nan


def _short_pesq(s: NDArray[np.float32], s_hat: NDArray[np.float32], rate: int) -> float:
    """Give the PESQ of one stretch; NaN where there is no package, or no speech."""
    try:
        from pesq import PesqError
        from pesq import pesq as p862
    except ImportError:
        return math.nan
    if not s_hat.any():
        return math.nan
    try:
        return float(p862(rate, s, s_hat, "wb" if rate == 16000 else "nb"))
    except PesqError:
        return math.nan


def oracle_mask(
    speech_spectrogram: ArrayLike, noise_spectrogram: ArrayLike, *, p: float = 2.0
) -> NDArray[np.float32]:
    """Give the gain |S|ᵖ / (|S|ᵖ + |N|ᵖ) of the true sources, ½ where both are 0.

    It shows how far a gain could go if the sources were known.

    Parameters
    ----------
    speech_spectrogram, noise_spectrogram : array_like, shape (n_bins, n_frames)
        Spectrograms of the true signals, complex or magnitude.
    p : float, default=2.0
        Power of the gain, above 0.

    Returns
    -------
    ndarray of float32, shape (n_bins, n_frames)
        The gain, 0 to 1.

    Raises
    ------
    NmflabError
        If the shapes differ or `p` is out of range.

    See Also
    --------
    nmflab.wiener.wiener_gain : The same of estimated magnitudes.
    """
    from nmflab.core.wiener import wiener_gain

    return wiener_gain(np.abs(speech_spectrogram), np.abs(noise_spectrogram), p=p)


def _signals(**signals: ArrayLike) -> list[NDArray[np.float64]]:
    """Check the signals and their lengths, and give them in double precision."""
    checked = [as_signal(signal, name).astype(np.float64) for name, signal in signals.items()]
    lengths = [signal.size for signal in checked]
    if len(set(lengths)) > 1:
        named = ", ".join(f"{name} {n}" for name, n in zip(signals, lengths, strict=True))
        raise NmflabError(
            f"The signals differ in their number of samples ({named}): cut them to one length."
        )
    return checked


def _refuse_silence(signal: NDArray[np.float64], name: str) -> None:
    if not signal.any():
        raise NmflabError(
            f"{name} is silent (all its {signal.size} samples are 0), so no estimate can be "
            "scored against it: choose another recording or stretch."
        )


def _unit(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale a signal to energy 1; silence stays silent."""
    return signal / (math.sqrt(energy(signal)) or 1.0)


def _dithered(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add noise 160 dB below the peak, the same at every call.

    ``pystoi`` adds random numbers to a stretch of digital silence before it normalises it: an
    estimate that holds one would score differently each time.
    """
    noise = np.random.default_rng(0).standard_normal(signal.size)
    return signal + noise * (1e-8 * float(np.abs(signal).max()))


def _correlations(
    references: list[NDArray[np.float64]], estimate: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the inner products of all delayed references with each other and with the estimate.

    Returns the Gram matrix, shape (J·L, J·L) in blocks of L delays, and a vector, shape (J·L,).
    """
    from scipy import fft
    from scipy.linalg import toeplitz

    size = fft.next_fast_len(estimate.size + FILTER_LENGTH - 1, real=True)
    spectra = [fft.rfft(signal, size) for signal in (*references, estimate)]

    def delayed_products(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
        """Give ⟨a delayed by l, b⟩ for l = 0 … L−1."""
        return np.asarray(fft.irfft(a.conj() * b, size)[:FILTER_LENGTH])

    r = [[delayed_products(a, b) for b in spectra] for a in spectra[:-1]]
    sources = range(len(references))
    gram = np.block([[toeplitz(r[i][j], r[j][i]) for j in sources] for i in sources])
    return gram, np.concatenate([row[-1] for row in r])


def _decibels(numerator: float, denominator: float) -> float:
    """Give a ratio of energies in dB: −inf where there is nothing above, inf for a 0 below."""
    if numerator <= 0:
        return -math.inf
    return 10 * math.log10(numerator / denominator) if denominator > 0 else math.inf
