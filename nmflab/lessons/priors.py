"""Lesson 05: the questions and the figures on rows of H and the priors fitted to them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from nmflab.core.stft import Stft
from nmflab.figures.colours import COLOURS, STYLES
from nmflab.figures.drawing import grid, label, legend
from nmflab.lessons.check import Mistake, register
from nmflab.priors.distributions import ExponentialPrior, GammaPrior, floored
from nmflab.settings import Settings

__all__ = ["fits_figure", "priors_figure", "rows_figure"]

ROW = np.array([1.0, 2.0, 4.0, 1.0, 8.0, 2.0])
"""A row of H of six frames; its mean is 3."""


def _log_gap(row: NDArray[np.float64] = ROW) -> float:
    """Compute s = log mean(h) − mean(log h)."""
    return float(np.log(row.mean()) - np.log(row).mean())


def _shape() -> float:
    return float(GammaPrior.fit(ROW[None]).shape[0])


register(
    name="05.slope",
    question=(
        "A row of H is 0, 1, 2, 9. What is the slope φ′(h) of the penalty that its "
        "exponential prior gives?"
    ),
    right=lambda: float(ExponentialPrior.fit([[0.0, 1.0, 2.0, 9.0]]).derivative([[1.0]])[0, 0]),
    because="φ(h) = h/μ, so φ′ = 1/μ, and μ is the mean of the row, 3.",
    mistakes=(
        Mistake(lambda: 3.0, "that is μ, the mean; the slope is one over it."),
        Mistake(lambda: 1 / 1.5, "that is one over the median; the likelihood wants the mean."),
        Mistake(lambda: 1 / 12, "the normalisation is missing: the mean, not the sum."),
        Mistake(lambda: 1 / 4, "the zero counts too: divide by all four frames."),
        Mistake(lambda: -1 / 3, "that is the slope of log p; the penalty is −log p."),
    ),
)

register(
    name="05.shape",
    question="A row of H is 1, 2, 4, 1, 8, 2. What is the shape a of its gamma prior?",
    right=_shape,
    because=f"s = log 3 − mean(log h) = {_log_gap():.2f}, and log a − ψ(a) = s.",
    mistakes=(
        Mistake(_log_gap, "that is s; solve log a − ψ(a) = s for a."),
        Mistake(lambda: 0.5 / _log_gap(), "1/(2s) holds for large a alone: go on with Newton."),
        Mistake(
            lambda: float(ROW.mean() ** 2 / ROW.var()),
            "that is the method of moments, mean²/variance; the likelihood wants the logs.",
        ),
        Mistake(lambda: 3.0 / _shape(), "that is the scale b = mean/a."),
        Mistake(lambda: 1.0, "that is the exponential, the gamma of shape 1."),
    ),
    tolerance=0.02,
)

BINS = 40


def rows_figure(rows: Mapping[str, ArrayLike], settings: Settings, *, seconds: float = 6) -> Figure:
    """Draw rows of H over time and, beside each, how often it takes which value.

    Parameters
    ----------
    rows : mapping of str to array_like, each of shape (T,)
        Rows of H by their titles.
    settings : Settings
    seconds : float, default 6
        How much of each row to show over time; the histogram counts all of it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, panels = grid(len(rows), 2, (10.5, 2.5 * len(rows) + 0.4))
    for i, (title, row) in enumerate(rows.items()):
        h, (left, right) = _relative(row), panels[2 * i : 2 * i + 2]
        times = Stft.from_settings(settings).times(h.size)
        shown = times < seconds
        left.fill_between(times[shown], h[shown], color=COLOURS[0], lw=0)
        left.set_xlim(0, seconds)
        left.set_ylim(0, None)
        _histogram(right, h, 6.0)
        last = i == len(rows) - 1
        label(left, title, "Time (s)" if last else "", "h / mean")
        label(right, "", "h / mean" if last else "", "density")
    return figure


def priors_figure(
    rows: Mapping[str, ArrayLike], *, floor: float = 0.1, log: bool = False
) -> Figure:
    """Draw the histogram of each row and the two densities fitted to it.

    Parameters
    ----------
    rows : mapping of str to array_like, each of shape (T,)
        Rows of H by their titles.
    floor : float, default 0.1
        Floor of the activations, relative to the row's mean.
    log : bool, default False
        Whether densities are drawn on a logarithmic axis, which shows the tails.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each row, beside each other.
    """
    figure, panels = grid(1, len(rows), (10.5, 4.0))
    for panel, (title, row) in zip(panels, rows.items(), strict=True):
        h = floored(_relative(row)[None], floor)
        _histogram(panel, h[0], 8.0 if log else 5.0)
        x = np.linspace(max(floor, 0.01), 8.0 if log else 5.0, 300)[None]
        for i, fit in enumerate((ExponentialPrior.fit(h), GammaPrior.fit(h, floor=floor))):
            name = f"gamma, a = {fit.shape[0]:.2f}" if i else "exponential"
            panel.plot(x[0], fit.pdf(x)[0], STYLES[i], color=COLOURS[i], lw=2.4, label=name)
        if log:
            panel.set_yscale("log")
            panel.set_ylim(1e-4, 10)
        else:
            panel.set_ylim(0, 2)
        legend(panel)
        label(panel, title, "h / mean of the row", "density")
    return figure


def fits_figure(ahead: Mapping[str, Mapping[str, ArrayLike]]) -> Figure:
    """Draw by how much the gamma prior fits better than the exponential one.

    Parameters
    ----------
    ahead : mapping of str to mapping of str to array_like, each of shape (K,)
        What is tested; for each source the log-likelihood that the gamma is ahead, row by row.

    Returns
    -------
    matplotlib.figure.Figure
        A bar for each mean and a dot for each row; below 0 the exponential fits better.
    """
    figure, (panel,) = grid(1, 1, (9.5, 3.8))
    width = 0.8 / len(ahead)
    for i, (tested, sources) in enumerate(ahead.items()):
        at = np.arange(len(sources)) + (i - (len(ahead) - 1) / 2) * width
        means = [float(np.asarray(rows).mean()) for rows in sources.values()]
        panel.bar(at, means, 0.9 * width, color=COLOURS[i], alpha=0.55, label=tested)
        for place, rows in zip(at, sources.values(), strict=True):
            panel.plot(np.full(np.size(rows), place), rows, "o", color=COLOURS[i], ms=3.5)
    panel.set_xticks(range(len(next(iter(ahead.values())))), list(next(iter(ahead.values()))))
    panel.axhline(0, color="black", lw=1)
    panel.grid(axis="y", alpha=0.3)
    legend(panel, loc="upper center")
    label(panel, "Gamma against exponential", "", "gamma ahead (nats a frame)")
    return figure


def _relative(row: ArrayLike) -> NDArray[np.float64]:
    """Divide a row by its mean."""
    h = np.asarray(row, dtype=np.float64)
    return h / (h.mean() or 1.0)


def _histogram(panel: Axes, h: NDArray[np.floating], right: float) -> None:
    """Draw a density up to the right edge; what lies beyond still counts in its total."""
    edges = np.linspace(0.0, right, BINS + 1)
    counts, _ = np.histogram(h, edges)
    panel.stairs(counts / h.size / edges[1], edges, fill=True, color="#bbbbbb")
    panel.set_xlim(0, right)
