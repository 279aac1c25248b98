"""Lesson 04: the questions and the figures on activations, the Wiener gain and curves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from nmflab.core.stft import Stft
from nmflab.core.wiener import wiener_gain
from nmflab.figures.colours import COLOURS, GREY, STYLES
from nmflab.figures.drawing import LESSON, grid, label, legend, paint_small
from nmflab.figures.scales import decibels
from nmflab.lessons.check import Mistake, register
from nmflab.settings import Settings

__all__ = ["curves_figure", "encoding_figure", "gains_figure"]

W_S = np.array([[0.5, 0.0], [0.5, 0.2], [0.0, 0.8]])
W_N = np.array([[0.5], [0.3], [0.2]])
H_S = np.array([[4.0, 1.0], [1.0, 5.0]])
H_N = np.array([[2.0, 10.0]])
"""A dictionary of two speech bases and one noise basis on three bins, and two frames."""


def _gain(p: float = 2.0) -> NDArray[np.float64]:
    return wiener_gain(W_S @ H_S, W_N @ H_N, p=p).astype(np.float64)


def _gain_in_dB(ratio: float, *, factor: float = 20.0) -> float:
    """Give the gain, in dB, of speech that is stronger than the noise by a ratio, for p = 1."""
    return float(factor * np.log10(wiener_gain([ratio], [1.0], p=1)[0]))


register(
    name="04.gain",
    question=(
        "W_S = [[0.5, 0], [0.5, 0.2], [0, 0.8]], W_N = [[0.5], [0.3], [0.2]], "
        "H_S = [[4, 1], [1, 5]], H_N = [[2, 10]]. What is the Wiener gain for p = 2?"
    ),
    right=_gain,
    because="Ŝ = W_S H_S and N̂ = W_N H_N are both 3 × 2, and so is G.",
    mistakes=(
        Mistake(lambda: _gain().T, "the right gain, transposed: G has a row for each bin."),
        Mistake(lambda: 1 - _gain(), "that is 1 − G, the gain of the noise."),
        Mistake(lambda: _gain(1.0), "that is the gain with p = 1; square Ŝ and N̂ first."),
        Mistake(lambda: _gain(1.0) ** 2, "square Ŝ and N̂ each, not the finished ratio."),
        Mistake(
            lambda: (W_S @ H_S / (W_N @ H_N)) ** 2,
            "the normalisation is missing: below the line stands the sum Ŝ² + N̂².",
        ),
        Mistake(lambda: W_S @ H_S, "that is Ŝ; the gain compares it with N̂."),
        Mistake(lambda: 20 * np.log10(_gain()), "that is the gain in dB; G itself is asked."),
    ),
)

register(
    name="04.decibel",
    question=(
        "In one bin Ŝ is 6 dB above N̂. By how many dB does the Wiener gain (p = 2) change that bin?"
    ),
    right=lambda: _gain_in_dB(10**0.6),
    because="Ŝ²/N̂² = 10^0.6 = 3.98, G = 3.98/4.98 = 0.80, and 20 log₁₀ 0.80 = −1.95 dB.",
    mistakes=(
        Mistake(
            lambda: _gain_in_dB(10**0.6, factor=10.0),
            "dB of power against amplitude: G multiplies an amplitude, so take 20 log₁₀ G.",
        ),
        Mistake(
            lambda: _gain_in_dB(10**0.3),
            "that is p = 1: with p = 2 the ratio of powers counts, 10^(6/10), not 10^(6/20).",
        ),
        Mistake(lambda: -_gain_in_dB(10**0.6), "the sign: a gain below 1 turns down."),
        Mistake(
            lambda: float(wiener_gain([10**0.3], [1.0], p=2)[0]),
            "that is G itself; it is asked for in dB.",
        ),
        Mistake(lambda: -2.0, "rounded too far: −2 dB is near it; give two decimals."),
        Mistake(lambda: _gain_in_dB(10**-0.6), "that is what the gain 1 − G does, the noise's."),
    ),
    tolerance=0.02,
)


def encoding_figure(V: ArrayLike, H: ArrayLike, num_speech: int, settings: Settings) -> Figure:
    """Draw a mixture and, below it on the same time axis, its activations.

    Parameters
    ----------
    V : array_like, shape (F, T)
        Magnitudes of the mixture.
    H : array_like, shape (K, T)
        Its activations, those of speech first.
    num_speech : int
        K_S, how many of the rows belong to speech.
    settings : Settings

    Returns
    -------
    matplotlib.figure.Figure
        Two panels; a line divides the bases of speech from those of noise.
    """
    H, stft = np.asarray(H), Stft.from_settings(settings)
    figure, panels = grid(2, 1, (9.0, 6.0))
    paint_small(panels[0], decibels(V, lowest=-60.0), stft)
    label(panels[0], "Mixture V", "", "Frequency (kHz)")
    paint_small(panels[1], decibels(H, lowest=-60.0), stft, rows=(0.5, len(H) + 0.5), low=-40.0)
    label(panels[1], "Activations H", "Time (s)", "Basis")
    panels[1].axhline(num_speech + 0.5, color="white", lw=1.5)
    for row, name in ((1.0, "speech"), (num_speech + 1.0, "noise")):
        text = panels[1].text(0.03, row, name, color="white", fontsize=LESSON.title, va="bottom")
        text.set_bbox({"facecolor": "black", "alpha": 0.7, "lw": 0, "pad": 2})
    return figure


def gains_figure(gains: Mapping[str, ArrayLike], settings: Settings) -> Figure:
    """Draw gains beside each other, on one range of colours from 0 to 1.

    Parameters
    ----------
    gains : mapping of str to array_like, each of shape (F, T)
        Gains by their titles, an even number of them.
    settings : Settings

    Returns
    -------
    matplotlib.figure.Figure
    """
    stft, rows = Stft.from_settings(settings), -(-len(gains) // 2)
    figure, panels = grid(rows, 2, (9.5, 2.4 * rows + 0.4))
    for i, (panel, (title, G)) in enumerate(zip(panels, gains.items(), strict=True)):
        paint_small(panel, G, stft, is_gain=True)
        below = "Time (s)" if i >= len(gains) - 2 else ""
        label(panel, title, below, "" if i % 2 else "Frequency (kHz)")
    return figure


def curves_figure(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    log: bool = False,
    mark: float | None = None,
) -> Figure:
    """Draw curves in one pair of axes.

    Parameters
    ----------
    curves : mapping of str to (array_like, array_like), each of shape (n,)
        Abscissae and ordinates, by their names in the legend.
    title, xlabel, ylabel : str
    log : bool, default False
        Whether the abscissa is logarithmic.
    mark : float, optional
        Where a vertical line stands.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (panel,) = grid(1, 1, (8.0, 4.2))
    for i, (name, (x, y)) in enumerate(curves.items()):
        style = STYLES[i % len(STYLES)]
        panel.plot(np.asarray(x), np.asarray(y), style, color=COLOURS[i], lw=2.2, label=name)
    if log:
        panel.set_xscale("log")
    if mark is not None:
        panel.axvline(mark, color=GREY, lw=1.2)
    panel.grid(alpha=0.3)
    if len(curves) > 1:
        legend(panel)
    label(panel, title, xlabel, ylabel)
    return figure
