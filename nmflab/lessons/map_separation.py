"""Lesson 06: the questions and the figures on the penalised update and the penalty rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from nmflab.core.nmf import encode
from nmflab.figures.colours import COLOURS, GREY, STYLES
from nmflab.figures.drawing import grid, label, legend
from nmflab.lessons.check import Mistake, register
from nmflab.lessons.priors import ROW
from nmflab.lessons.separation import curves_figure, gains_figure
from nmflab.priors.distributions import ExponentialPrior

__all__ = ["curves_figure", "gains_figure", "sweep_figure"]

V = np.array([[6.0, 2.0], [2.0, 4.0]])
W = np.array([[0.25, 0.75], [0.75, 0.25]])
H = np.full((2, 2), 4.0)
RATES = np.array([1.0, 3.0])
PENALTY = 0.5
"""Two bins, two bases, two frames; the rates c_k of the two bases, and λ."""


def _raised() -> NDArray[np.float64]:
    """Give H ∘ Wᵀ(V/WH), the update before its division."""
    raised: NDArray[np.float64] = H * (W.T @ (V / (W @ H)))
    return raised


def _updated(rates: NDArray[np.float64] = RATES, *, one: float = 1.0) -> NDArray[np.float64]:
    return _raised() / (one + PENALTY * rates)[:, None]


def _right_update() -> NDArray[np.float32]:
    prior = ExponentialPrior(scale=1 / RATES, shape=np.ones(2))
    return encode(V, W, prior=prior, penalty=PENALTY, n_iter=1, init=H).H


register(
    name="06.update",
    question=(
        "V = [[6, 2], [2, 4]], W = [[0.25, 0.75], [0.75, 0.25]], all entries of H are 4, "
        "λ = 0.5, c = [1, 3]. What is H after one exponential update?"
    ),
    right=_right_update,
    because="rows of H ∘ Wᵀ(V/WH) divided by 1 + λc: 1.5 and 2.5.",
    mistakes=(
        Mistake(_raised, "that is the plain update: the penalty adds λc below the line."),
        Mistake(lambda: _right_update().T, "the right matrix, transposed: a row for each basis."),
        Mistake(lambda: _updated(1 / RATES), "that is 1 + λ/c: c is a rate, 1/μ, already."),
        Mistake(lambda: _updated(one=0.0), "the normalisation Wᵀ1 = 1 is missing: 1 + λc."),
        Mistake(
            lambda: _raised() - (PENALTY * RATES)[:, None],
            "the penalty is subtracted above the line; its slope belongs below it.",
        ),
        Mistake(
            lambda: _raised() / (1 + PENALTY * RATES)[None, :],
            "c was spread over the frames; it has one entry for each basis, a row of H.",
        ),
    ),
)

register(
    name="06.level",
    question=(
        "All training audio is made 20 dB louder; the mixture stays. By which factor must a "
        "raw λ change for the same gain of NMF_e?"
    ),
    right=lambda: float(ExponentialPrior.fit(10 * ROW[None]).scale[0] / ROW.mean()),
    because="every μ_k grows tenfold, and λ/μ_k has to stay what it was.",
    mistakes=(
        Mistake(lambda: 1.0, "that is the relative λ, which is free of the level."),
        Mistake(lambda: 0.1, "upside down: μ grows, so λ must grow with it."),
        Mistake(
            lambda: 100.0, "dB of power against amplitude: magnitudes grow by 10^(20/20), 10-fold."
        ),
        Mistake(lambda: 20.0, "20 is the level in dB; the factor is asked for."),
    ),
)


def sweep_figure(
    values: Sequence[float],
    scores: Mapping[str, ArrayLike],
    *,
    title: str,
    ylabel: str,
    xlabel: str = "Penalty rate λ (0: plain NMF)",
) -> Figure:
    """Draw scores over a setting, at equal steps, so that λ = 0 has its place too.

    Parameters
    ----------
    values : sequence of float
        Values of λ, or of another setting.
    scores : mapping of str to array_like, each of shape (n,)
        Scores by the names of the noises, or whatever else differs.
    title, ylabel, xlabel : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (panel,) = grid(1, 1, (8.6, 4.4))
    steps = np.arange(len(values))
    for i, (name, found) in enumerate(scores.items()):
        style = STYLES[i % len(STYLES)]
        panel.plot(steps, np.asarray(found), style + "o", color=COLOURS[i], lw=2.2, label=name)
    panel.set_xticks(steps, [f"{value:g}" for value in values])
    panel.axhline(0, color=GREY, lw=1)
    panel.grid(alpha=0.3)
    legend(panel, outside=True)
    label(panel, title, xlabel, ylabel)
    return figure
