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

Whatever there is to know of a score stands once, in `SCORES`: a further one is a line there, and
shows up in scores.csv, in the summary of an experiment, in sweeps and in tables.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.checks import as_numbers, as_signal, check_choice, shown, steady
from nmflab.core.wiener import wiener_gain
from nmflab.errors import NmflabError
from nmflab.evaluation.listeners import Listener, pesq, stoi
from nmflab.evaluation.ratios import Projection, bss_eval, si_sdr, signals_of_one_length
from nmflab.system.threads import one_blas_thread

__all__ = [
    "SCORES",
    "Estimate",
    "Score",
    "Scores",
    "bss_eval",
    "measure",
    "oracle_mask",
    "pesq",
    "score",
    "si_sdr",
    "stoi",
]

PERFECT = 99.0  # dB


@dataclass(frozen=True, eq=False)
class Truth:
    """The true signals of a mixture; what scores need of them is computed once for all estimates.

    Parameters
    ----------
    speech, noise : array_like, shape (n_samples,)
        The true signals, as they are in the mixture.
    sampling_rate : int
        Sampling rate in Hz.
    """

    speech: ArrayLike
    noise: ArrayLike
    sampling_rate: int

    @cached_property
    def projection(self) -> Projection:
        """What BSS Eval needs of speech and noise."""
        return Projection(*signals_of_one_length(speech=self.speech, noise=self.noise))

    @cached_property
    def listener(self) -> Listener:
        """What STOI and ESTOI need of the speech."""
        return Listener(self.speech, self.sampling_rate)

    @steady
    def measure(self, estimate: ArrayLike, names: Sequence[str]) -> list[float]:
        """Compute those scores of an estimate that are asked for, and no others.

        Parameters
        ----------
        estimate : array_like, shape (n_samples,)
            The estimate of the speech; the mixture itself for the scores before the separation.
        names : sequence of str
            Names out of `SCORES`.

        Returns
        -------
        list of float
            One score for each name.

        Raises
        ------
        NmflabError
            If a signal can't be used, the lengths differ, or the speech is silent.
        """
        signals_of_one_length(speech=self.speech, noise=self.noise, speech_estimate=estimate)
        found = Estimate(self, estimate)
        with one_blas_thread():  # BLAS's own threads wait for busy neighbours, ten times as long
            return [SCORES[name].compute(found) for name in names]

    def scores(self, estimate: ArrayLike) -> Scores:
        """Give every score of an estimate.

        Parameters
        ----------
        estimate : array_like, shape (n_samples,)
            As for `measure`.

        Returns
        -------
        Scores
            One for each of `SCORES`.
        """
        return Scores(**dict(zip(SCORES, self.measure(estimate, tuple(SCORES)), strict=True)))


@dataclass(frozen=True, eq=False)
class Estimate:
    """An estimate of the speech with the truth beside it.

    Parameters
    ----------
    truth : Truth
        The true signals.
    estimate : array_like, shape (n_samples,)
        The estimate of the speech.
    """

    truth: Truth
    estimate: ArrayLike

    @property
    def speech(self) -> ArrayLike:
        """The true speech."""
        return self.truth.speech

    @property
    def noise(self) -> ArrayLike:
        """The true noise."""
        return self.truth.noise

    @property
    def sampling_rate(self) -> int:
        """The sampling rate in Hz."""
        return self.truth.sampling_rate

    @cached_property
    def bss_eval(self) -> tuple[float, float, float]:
        """SDR, SIR and SAR, which come together."""
        return self.truth.projection.ratios(as_signal(self.estimate))

    @cached_property
    def intelligibility(self) -> tuple[float, float]:
        """STOI and ESTOI, which come from one analysis."""
        return self.truth.listener.intelligibility(self.estimate)


@dataclass(frozen=True)
class Score:
    """What is declared of one score.

    Parameters
    ----------
    name : str
        As the columns of scores.csv and ``--metrics`` spell it.
    label : str
        What stands above it in a table.
    unit : str
        Its unit, empty for a bare number.
    decimals : int
        How many decimals say something.
    compute : callable
        ``compute(estimate)`` gives the score of an `Estimate`.
    higher_is_better : bool, default True
        Its direction.
    before : bool, default True
        Whether the mixture itself has this score, to compare with.
    summary : tuple of str, default ("before", "after")
        Which of ``before``, ``after`` and ``gain`` the summary of an experiment shows.
    package : str, optional
        What must be installed beside nmflab for there to be such a score.
    """

    name: str
    label: str
    unit: str
    decimals: int
    compute: Callable[[Estimate], float]
    higher_is_better: bool = True
    before: bool = True
    summary: tuple[str, ...] = ("before", "after")
    package: str = ""

    def text(self, value: float | None, decimals: int | None = None) -> str:
        """Write a value of this score for people.

        Parameters
        ----------
        value : float or None
            The value; None or NaN if there is none.
        decimals : int, optional
            By default the declared ones.

        Returns
        -------
        str
            The number with a true minus sign, a dash, or ∞ for a ratio of more than 99 dB, whose
            error is nothing but rounding.
        """
        if value is None or math.isnan(value):
            return "–"
        if self.unit == "dB" and abs(value) > PERFECT:
            return "∞" if value > 0 else "−∞"
        places = self.decimals if decimals is None else decimals
        return f"{value:z.{places}f}".replace("-", "−")


_scores = (
    Score("sdr", "SDR", "dB", 1, lambda e: e.bss_eval[0], summary=("before", "after", "gain")),
    Score("sir", "SIR", "dB", 1, lambda e: e.bss_eval[1], summary=()),
    Score("sar", "SAR", "dB", 1, lambda e: e.bss_eval[2], before=False, summary=()),
    Score("si_sdr", "SI-SDR", "dB", 1, lambda e: si_sdr(e.speech, e.estimate)),
    Score("stoi", "STOI", "", 2, lambda e: e.intelligibility[0]),
    Score("estoi", "ESTOI", "", 2, lambda e: e.intelligibility[1], summary=()),
    Score(
        *("pesq", "PESQ", "", 2, lambda e: pesq(e.speech, e.estimate, e.sampling_rate)),
        package="pesq",
    ),
)

SCORES: dict[str, Score] = {score.name: score for score in _scores}
"""All scores by name, in the order of tables and menus."""


def refuse_missing(names: Iterable[str]) -> None:
    """Refuse scores that don't exist, or whose package isn't installed, before any work."""
    for name in names:
        if name not in SCORES:
            raise NmflabError(f"There is no score called {name!r}; there are: {', '.join(SCORES)}.")
        package = SCORES[name].package
        if package and importlib.util.find_spec(package) is None:
            raise NmflabError(
                f"The score {name!r} needs the package {package}, which is not installed: install "
                "it, or leave the score out."
            )


class Scores(SimpleNamespace):
    """The scores of one speech estimate, each under its name in `SCORES`, as in ``scores.sdr``.

    Parameters
    ----------
    **values : float
        The scores by name; NaN for one that does not exist.
    """

    def __init__(self, **values: float) -> None:
        super().__init__(**values)

    def to_dict(self) -> dict[str, float]:
        """Give the scores by name.

        Returns
        -------
        dict
            Names and values, in the order of `SCORES`.
        """
        return dict(vars(self))


@steady
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
    return Truth(speech, noise, sampling_rate).scores(speech_estimate)


@steady
def measure(
    speech: ArrayLike,
    noise: ArrayLike,
    speech_estimate: ArrayLike,
    sampling_rate: int,
    names: Sequence[str],
) -> list[float]:
    """Compute those scores that are asked for, and no others.

    Parameters
    ----------
    speech, noise, speech_estimate : array_like, shape (n_samples,)
        As for `score`.
    sampling_rate : int
        Sampling rate in Hz.
    names : sequence of str
        Names out of `SCORES`.

    Returns
    -------
    list of float
        One score for each name.

    Raises
    ------
    NmflabError
        As for `score`.
    """
    if not isinstance(names, list | tuple):
        raise NmflabError(f"names is {shown(names)} but must be a list of scores.")
    for name in names:
        check_choice("name of a score", name, tuple(SCORES))
    return Truth(speech, noise, sampling_rate).measure(speech_estimate, names)


@steady
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
    nmflab.wiener_gain : The same of estimated magnitudes.
    """
    given = {"speech_spectrogram": speech_spectrogram, "noise_spectrogram": noise_spectrogram}
    S, N = (np.abs(as_numbers(X, name)) for name, X in given.items())
    return wiener_gain(S, N, p=p)
