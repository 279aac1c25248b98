"""What a listener would say: STOI on how much is understood, PESQ on how good it sounds.

Conventions: those of `nmflab.evaluation.metrics`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.signals import energy, resample
from nmflab.checks import as_rate, as_signal, check_flag, steady
from nmflab.evaluation.intelligibility import RANGE, Intelligibility
from nmflab.evaluation.ratios import refuse_silence, signals_of_one_length

__all__ = ["pesq", "stoi"]

SHORTEST_STOI = 0.41
"""Duration in seconds of the 30 frames over which STOI correlates."""

LONGEST_STOI = 60.0
"""Duration in seconds of a stretch: the analysis takes up to 2 MB for each second."""

SHORTEST_PESQ = 0.25
"""Duration in seconds below which PESQ is not defined."""

LONGEST_PESQ = 19.0
"""Duration in seconds beyond which a recording may hold more than the 50 utterances that the
reference implementation has room for (each takes 0.4 s at least); it would crash."""


@steady
def stoi(
    reference: ArrayLike, estimate: ArrayLike, sampling_rate: int = 16000, *, extended: bool = False
) -> float:
    """Give the short-time objective intelligibility.

    Of recordings longer than a minute it is the mean over equal stretches, those 40 dB below
    the loudest left out: within a stretch, STOI leaves out what is so quiet by itself.

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
    s, s_hat = signals_of_one_length(reference=reference, estimate=estimate)
    check_flag(extended, "extended")
    return Listener(s, sampling_rate).intelligibility(s_hat)[int(extended)]


class Listener:
    """Clean speech, and what is computed of it once for all estimates.

    Parameters
    ----------
    reference : array_like, shape (n_samples,)
        The clean speech.
    sampling_rate : int
        Its sampling rate in Hz.

    Raises
    ------
    NmflabError
        If the reference can't be used or is silent.
    """

    def __init__(self, reference: ArrayLike, sampling_rate: int) -> None:
        self._speech, self._rate = as_signal(reference, "reference"), as_rate(sampling_rate)
        refuse_silence(self._speech, "reference")
        self._count = math.ceil(self._speech.size / (LONGEST_STOI * self._rate))
        stretches = np.array_split(self._speech, self._count)
        levels = [energy(stretch) / stretch.size for stretch in stretches]
        audible = max(levels) * 10 ** (-RANGE / 10)
        self._audible = [level >= audible for level in levels]
        self._kept: Intelligibility | None = None  # of a short recording

    @steady
    def intelligibility(self, estimate: ArrayLike) -> tuple[float, float]:
        """Give STOI and ESTOI, see `stoi`.

        Parameters
        ----------
        estimate : array_like, shape (n_samples,)
            The estimate.

        Returns
        -------
        stoi, estoi : float
            The scores.
        """
        s, s_hat = signals_of_one_length(reference=self._speech, estimate=estimate)
        if not s_hat.any():
            return 0.0, 0.0
        stretches = (np.array_split(signal, self._count) for signal in (s, s_hat))
        found = [
            self._of_stretch(*pair)
            for *pair, audible in zip(*stretches, self._audible, strict=True)
            if audible
        ]
        stoi, estoi = map(_mean, zip(*found, strict=True))
        return stoi, estoi

    def _of_stretch(
        self, s: NDArray[np.float32], s_hat: NDArray[np.float32]
    ) -> tuple[float, float]:
        """Give both scores of one stretch; NaN where it holds too little speech."""
        if not s_hat.any():
            return 0.0, 0.0
        if s.size < SHORTEST_STOI * self._rate:
            return math.nan, math.nan
        analysed = self._kept or Intelligibility(s, self._rate)
        if self._count == 1:
            self._kept = analysed
        return analysed.scores(s_hat)


@steady
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
    s, s_hat = signals_of_one_length(reference=reference, estimate=estimate)
    refuse_silence(s, "reference")
    sampling_rate = as_rate(sampling_rate)
    if not s_hat.any() or s.size < SHORTEST_PESQ * sampling_rate:
        return math.nan
    rate = 16000 if sampling_rate > 8000 else 8000
    heard, heard_hat = (resample(signal, sampling_rate, rate) for signal in (s, s_hat))
    count = math.ceil(heard.size / (LONGEST_PESQ * rate))
    stretches = zip(np.array_split(heard, count), np.array_split(heard_hat, count), strict=True)
    scores = [_short_pesq(s, s_hat, rate) for s, s_hat in stretches]
    return _mean(scores)


def _mean(scores: Sequence[float]) -> float:
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
