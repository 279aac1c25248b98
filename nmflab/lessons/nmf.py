"""Lesson 02: the questions and the figures on parts, the divergence and the update."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from nmflab.core.nmf import encode, kl_divergence
from nmflab.core.stft import Stft
from nmflab.figures.colours import BLUE, COLOURS, GREEN, GREY, RED, STYLES
from nmflab.figures.drawing import LEVEL, colour_bar, label, legend, paint, side_by_side
from nmflab.figures.scales import decibels
from nmflab.lessons.check import Mistake, register

__all__ = ["auxiliary_figure", "fit_figure", "parts_figure"]

TINY_V = np.array([[8.0, 4.0], [3.0, 6.0]])
"""Two bins, two frames: small enough to be worked out by hand."""

TINY_W = np.array([[1.0, 3.0], [2.0, 1.0]])
TINY_H = np.ones((2, 2))


def _update(*, normalised: bool = True, ratio: bool = True) -> NDArray[np.float64]:
    """Do one update of the tiny example, or what is taken for one."""
    V_hat = TINY_W @ TINY_H
    R = TINY_V / V_hat if ratio else TINY_V - V_hat
    raised: NDArray[np.float64] = TINY_H * (TINY_W.T @ R)
    return raised / TINY_W.sum(axis=0)[:, None] if normalised else raised


register(
    name="02.divergence",
    question="How large is D(4‖2), for the single entry v = 4 and its estimate v̂ = 2?",
    right=lambda: kl_divergence([4.0], [2.0]),
    because="4 log 2 − 4 + 2 = 0.77.",
    mistakes=(
        Mistake(
            lambda: kl_divergence([2.0], [4.0]),
            "that is D(2‖4): the data come first, and D isn't symmetric.",
        ),
        Mistake(lambda: 4 * np.log(2), "the terms −v + v̂ are missing."),
        Mistake(lambda: 4.0, "that is the squared Euclidean distance (v − v̂)²."),
        Mistake(lambda: 2.0, "that is with the logarithm to base 2; take the natural one."),
        Mistake(lambda: 4 * np.log10(2) - 2, "the logarithm is the natural one, not log10."),
        Mistake(lambda: 4 * np.log(2) + 2, "the sign of −v + v̂ is turned round."),
    ),
    tolerance=0.02,
)

register(
    name="02.quiet",
    question="V and WH become 100 times quieter. By which factor does D(V‖WH) change?",
    right=lambda: kl_divergence([0.04], [0.02]) / kl_divergence([4.0], [2.0]),
    because="D is proportional to the level: log(v/v̂) stays, all else scales with v.",
    mistakes=(
        Mistake(
            lambda: 1e-4,
            "so does the squared Euclidean distance; D goes with the level, not its square.",
        ),
        Mistake(
            lambda: 1.0,
            "log(v/v̂) alone stays as it was, but it is multiplied by v. (A divergence that "
            "does stay is that of Itakura and Saito.)",
        ),
        Mistake(lambda: 100.0, "quieter, so smaller: that is one over the right answer."),
    ),
)

register(
    name="02.update",
    question=(
        "V = [[8, 4], [3, 6]], W = [[1, 3], [2, 1]] and H is all ones. "
        "What is H after one multiplicative update?"
    ),
    right=lambda: encode(TINY_V, TINY_W, n_iter=1, init=TINY_H).H,
    because="each activation is multiplied by its basis's weighted mean of V/WH.",
    mistakes=(
        Mistake(
            lambda: _update(normalised=False),
            "the normalisation is missing: divide row k by the sum of basis k, Wᵀ1.",
        ),
        Mistake(
            lambda: _update().T,
            "that is the right matrix, transposed: H has one row for each basis.",
        ),
        Mistake(
            lambda: TINY_H * (TINY_W @ (TINY_V / (TINY_W @ TINY_H))) / TINY_W.sum(0)[:, None],
            "W stands there without its transpose: row k of H takes column k of W.",
        ),
        Mistake(
            lambda: TINY_H * (TINY_W.T @ TINY_V) / (TINY_W.T @ TINY_W @ TINY_H),
            "that is the update for the Euclidean distance.",
        ),
        Mistake(
            lambda: _update(ratio=False),
            "the update takes the ratio V / WH, not the difference V − WH.",
        ),
    ),
)


def parts_figure(V: ArrayLike, W: ArrayLike, H: ArrayLike, stft: Stft) -> Figure:
    """Draw a spectrogram and the few parts that it was taken apart into.

    Parameters
    ----------
    V : array_like, shape (F, T)
        Magnitudes.
    W : array_like, shape (F, K)
        Bases; at most four.
    H : array_like, shape (K, T)
        Activations.
    stft : Stft

    Returns
    -------
    matplotlib.figure.Figure
        V, the columns of W over frequency, the rows of H over time.
    """
    V, W, H = (np.asarray(matrix, dtype=float) for matrix in (V, W, H))
    times = stft.times(V.shape[1])
    figure, (left, middle, right) = side_by_side(3)
    paint(left, decibels(V, lowest=-60.0), stft, low=-60.0)
    label(left, "V", "Time (s)", "Frequency (kHz)")
    colour_bar([left], beside=LEVEL)
    left.set_xlim(0, times[-1])
    for k, colour in zip(range(W.shape[1]), (BLUE, RED, GREEN, GREY), strict=False):
        spectrum = W[:, k] / W.max()
        middle.plot(spectrum + 1.15 * k, stft.frequencies() / 1000, color=colour, lw=1.5)
        right.plot(times, H[k] / H.max() + 1.15 * k, color=colour, lw=1.5)
    places = 1.15 * np.arange(W.shape[1])
    middle.set_xticks(places, [str(k + 1) for k in range(W.shape[1])])
    right.set_yticks(places, [str(k + 1) for k in range(W.shape[1])])
    label(middle, "Columns of W", "Basis (greatest entry = 1)", "Frequency (kHz)")
    label(right, "Rows of H", "Time (s)", "Basis (greatest entry = 1)")
    for panel in (left, middle):
        panel.set_ylim(0, 3.0)
    return figure


def fit_figure(V: ArrayLike, estimates: Mapping[str, ArrayLike]) -> Figure:
    """Draw how well entries of V are met, by how loud they are.

    Parameters
    ----------
    V : array_like, shape (F, T)
        Magnitudes.
    estimates : mapping of str to array_like, shape (F, T)
        Their estimates WH, by name.

    Returns
    -------
    matplotlib.figure.Figure
        One curve for each estimate: the median error in dB over the level in dB.
    """
    loudest = float(np.max(V))
    levels = decibels(V, lowest=-75.0)
    edges = np.arange(-70.0, 1.0, 5.0)
    figure, (panel,) = side_by_side(1)
    for (name, estimate), colour, style in zip(estimates.items(), COLOURS, STYLES, strict=False):
        error = np.abs(decibels(estimate, loudest, lowest=-120.0) - levels)
        medians = [
            np.median(error[(levels > low) & (levels <= high)]) for low, high in pairwise(edges)
        ]
        panel.plot((edges[:-1] + edges[1:]) / 2, medians, style, color=colour, lw=2.5, label=name)
    panel.set_ylim(bottom=0)
    legend(panel)
    xlabel = "Level of the entry of V (dB, loudest = 0)"
    label(panel, "How far WH is from V", xlabel, "Median error (dB)")
    return figure


def auxiliary_figure(
    v: ArrayLike, W: ArrayLike, h: ArrayLike, *, basis: int = 0, steps: int = 2
) -> Figure:
    """Draw D as a function of one activation, and the auxiliary functions that lie above it.

    Parameters
    ----------
    v : array_like, shape (F,)
        One frame of V.
    W : array_like, shape (F, K)
        Bases.
    h : array_like, shape (K,)
        Activations to start from; all but one stay as they are.
    basis : int, default 0
        The one that moves.
    steps : int, default 2
        Updates to draw.

    Returns
    -------
    matplotlib.figure.Figure
        D, and for each step the auxiliary function and where it leads.
    """
    v, W, h = (np.asarray(array, dtype=float) for array in (v, W, h))
    rest = W @ h - W[:, basis] * h[basis]
    w, here = W[:, basis], float(h[basis])

    def D(at: NDArray[np.float64]) -> NDArray[np.float64]:
        v_hat = rest[:, None] + np.outer(w, at)
        terms = v[:, None] * np.log(v[:, None] / v_hat) - v[:, None] + v_hat
        return np.asarray(terms.sum(axis=0), dtype=np.float64)

    figure, (panel,) = side_by_side(1)
    places, colours = [here], (RED, GREEN, GREY)
    reach = np.linspace(0.02, 1.0, 400) * 1.3 * max(here, *_updates(v, w, rest, here, 30))
    panel.plot(reach, D(reach), color=BLUE, lw=3, label="D(v‖Wh)")
    for step, colour in zip(range(steps), colours, strict=False):
        start = places[-1]
        pull = start * float((v * w / (rest + w * start)).sum())
        G = w.sum() * (reach - start) - pull * np.log(reach / start) + D(np.array([start]))
        panel.plot(reach, G, "--", color=colour, lw=2, label=f"auxiliary function, step {step + 1}")
        places.append(pull / float(w.sum()))
    panel.plot(places, D(np.array(places)), "o", color="black", ms=7, zorder=5)
    for number, place in enumerate(places):
        height = float(D(np.array([place]))[0])
        panel.annotate(
            str(number), (place, height), (0, -16), textcoords="offset points", ha="center"
        )
    low, high = float(D(reach).min()), float(D(np.array([here]))[0])
    panel.set_ylim(low - 0.25 * (high - low), high + 0.6 * (high - low))
    panel.set_xlim(0, reach[-1])
    legend(panel, loc="upper right")
    label(panel, "Two steps downhill", "Activation h of one basis", "Divergence")
    return figure


def _updates(
    v: NDArray[np.float64], w: NDArray[np.float64], rest: NDArray[np.float64], h: float, count: int
) -> list[float]:
    """Give one activation after each of some updates, all others as they were."""
    found = []
    for _ in range(count):
        h *= float((v * w / (rest + w * h)).sum() / w.sum())
        found.append(h)
    return found
