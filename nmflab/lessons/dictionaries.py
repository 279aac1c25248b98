"""Lesson 03: the questions and the figures on bases, their traits and their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from nmflab.core.stft import Stft
from nmflab.figures.colours import BLUE, COLOURS, GREEN, GREY, RED
from nmflab.figures.drawing import DPI, grid, label, legend, side_by_side
from nmflab.figures.scales import decibels
from nmflab.lessons.check import Mistake, register

__all__ = ["bases_figure", "completeness_figure", "traits_figure", "usage_figure"]

TINY_BASIS = np.array([8.0, 4.0, 2.0, 1.0])


def _breadth(basis: NDArray[np.float64]) -> float:
    return float(basis.sum() ** 2 / (basis**2).sum() / len(basis))


register(
    name="03.breadth",
    question="How broad is the basis [8, 4, 2, 1]: (Σ w)² / (F Σ w²)?",
    right=lambda: _breadth(TINY_BASIS),
    because="15² / (4 · 85) = 0.66: neither a pure tone (1/4) nor white noise (1).",
    mistakes=(
        Mistake(
            lambda: _breadth(TINY_BASIS**2),
            "that is the breadth of the power spectrum; W holds magnitudes.",
        ),
        Mistake(lambda: 1 / _breadth(TINY_BASIS), "that is upside down: it is at most 1."),
        Mistake(
            lambda: 4 * _breadth(TINY_BASIS),
            "that is how many bins are at work; divide by all of them, F.",
        ),
        Mistake(
            lambda: float(np.exp(np.log(TINY_BASIS).mean()) / TINY_BASIS.mean()),
            "that is the flatness, the geometric over the arithmetic mean.",
        ),
        Mistake(lambda: 15 / 85, "the sum above the line is squared, too."),
    ),
    tolerance=0.02,
)

register(
    name="03.scale",
    question=(
        "A basis [3, 1] with activations [2, 4] is to sum to 1 without any change to WH. "
        "What are the activations then?"
    ),
    right=lambda: np.array([3.0, 1.0]).sum() * np.array([2.0, 4.0]),
    because="the basis is divided by its sum 4, so its row of H is multiplied by 4.",
    mistakes=(
        Mistake(
            lambda: [2.0, 4.0], "W was divided by 4, so WH is a quarter now: give the scale to H."
        ),
        Mistake(lambda: [0.5, 1.0], "H was divided too; what W loses, H must gain."),
        Mistake(lambda: [6.0, 12.0], "that scales the greatest entry to 1, not the sum."),
        Mistake(
            lambda: np.sqrt(10.0) * np.array([2.0, 4.0]),
            "that is the Euclidean norm, the root of the sum of squares; take the plain sum.",
        ),
    ),
)

register(
    name="03.count",
    question=(
        "V has 257 rows and 1000 columns. What is the largest K for which W and H together "
        "hold fewer numbers than V?"
    ),
    right=lambda: (257 * 1000) // (257 + 1000),
    because="K(F + T) < FT gives K < 204.5.",
    mistakes=(
        Mistake(lambda: 205, "off by one: with 205 bases they hold 257685 numbers."),
        Mistake(lambda: 257, "then H alone is as large as V; count both: K(F + T)."),
        Mistake(lambda: 1000, "W alone would be as large as V; count both: K(F + T)."),
        Mistake(lambda: 256, "K < F bounds the rank; the question is how many numbers."),
    ),
    tolerance=1e-6,
)


def bases_figure(
    bases: Mapping[str, tuple[ArrayLike, ArrayLike]], stft: Stft, *, seconds: float = 4.0
) -> Figure:
    """Draw a few bases: the spectrum of each, and below it when it sounds.

    Parameters
    ----------
    bases : mapping of str to (array_like (F,), array_like (T,))
        A column of W and the row of H that goes with it, by what is to stand above.
    stft : Stft
    seconds : float, default 4.0
        How much of H to show.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels for each basis.
    """
    figure, panels = grid(2, len(bases), (11.0, 5.2), dpi=DPI)
    uppers, lowers = panels[: len(bases)], panels[len(bases) :]
    for upper, lower, (name, (w, h)), colour in zip(
        uppers, lowers, bases.items(), (BLUE, RED, GREEN, GREY), strict=False
    ):
        upper.plot(stft.frequencies() / 1000, decibels(w, lowest=-60.0), color=colour, lw=1.2)
        upper.set_ylim(-62, 3)
        label(upper, name, "Frequency (kHz)", "")
        shown = np.asarray(h)[: round(seconds * stft.sampling_rate / stft.hop)]
        times = np.arange(len(shown)) * stft.hop / stft.sampling_rate
        lower.fill_between(times, shown / shown.max(), color=colour, lw=0)
        lower.set_ylim(0, 1.05)
        lower.set_xlim(0, seconds)
        label(lower, "", "Time (s)", "")
    uppers[0].set_ylabel("Column of W\n(dB, loudest = 0)")
    lowers[0].set_ylabel("Row of H\n(greatest shown = 1)")
    return figure


def traits_figure(traits: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> Figure:
    """Draw each basis as a point: how broad its spectrum is, how steadily it sounds.

    Parameters
    ----------
    traits : mapping of str to (array_like (K,), array_like (K,))
        Breadth and steadiness of the bases of a dictionary, by its name.

    Returns
    -------
    matplotlib.figure.Figure
        One cloud of points for each dictionary.
    """
    figure, (panel,) = side_by_side(1)
    for (name, (breadth, steadiness)), colour, marker in zip(
        traits.items(), COLOURS, "os^", strict=False
    ):
        panel.scatter(breadth, steadiness, s=70, color=colour, marker=marker, alpha=0.8, label=name)
    panel.set_xscale("log")
    panel.set_ylim(bottom=0)
    legend(panel, frameon=True, loc="upper left")
    label(
        panel,
        "One point for each basis",
        "Breadth of its spectrum (0: a tone, 1: white noise)",
        "Steadiness (1: always on)",
    )
    return figure


def completeness_figure(counts: Sequence[int], curves: Mapping[str, ArrayLike]) -> Figure:
    """Draw how much of a sound a dictionary misses, by the number of its bases.

    Parameters
    ----------
    counts : sequence of int
        Numbers of bases K.
    curves : mapping of str to array_like, shape (len(counts),)
        D(V‖WH) / Σ V for each of them, by what V is.

    Returns
    -------
    matplotlib.figure.Figure
        One curve for each sound; K on a logarithmic axis.
    """
    figure, (panel,) = side_by_side(1)
    for (name, values), colour, style in zip(
        curves.items(), (BLUE, GREEN, RED), ("o-", "s--", "^-."), strict=False
    ):
        panel.plot(counts, values, style, color=colour, lw=2, ms=7, label=name)
    panel.set_xscale("log", base=2)
    panel.set_xticks(list(counts), [str(count) for count in counts])
    panel.set_ylim(bottom=0)
    legend(panel)
    label(panel, "What is missed", "Number of bases K", "D(V‖WH) / Σ V")
    return figure


def usage_figure(means: Mapping[str, ArrayLike]) -> Figure:
    """Draw how strongly each basis sounds in the mean, in several recordings.

    Parameters
    ----------
    means : mapping of str to array_like, shape (K,)
        Mean of each row of H, by name; the first sets the order of the bases.

    Returns
    -------
    matplotlib.figure.Figure
        Bars beside each other, each recording scaled to a mean of 1.
    """
    rows = [np.asarray(values, dtype=float) for values in means.values()]
    rows = [values / values.mean() for values in rows]
    order = np.argsort(rows[0])[::-1]
    width = 0.8 / len(rows)
    figure, (panel,) = side_by_side(1)
    for i, (name, values, colour) in enumerate(zip(means, rows, COLOURS, strict=False)):
        at = np.arange(1, len(order) + 1) + (i - (len(rows) - 1) / 2) * width
        panel.bar(at, values[order], width, color=colour, label=name)
    legend(panel)
    panel.set_xlim(0.3, len(order) + 0.7)
    label(
        panel,
        "How strongly each basis sounds",
        "Rank of the basis (1: most used in speech)",
        "Mean activation (mean of all = 1)",
    )
    return figure
