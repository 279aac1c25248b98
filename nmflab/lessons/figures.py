"""Pictures of the lessons on the STFT, on NMF and on dictionaries: arrays to static figures.

Conventions: as in `nmflab.figures`. Every axis has its unit; levels are in dB relative to the
loudest point of the picture; colours are those of Okabe and Ito, which all eyes tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from nmflab.core.stft import Stft
from nmflab.figures.drawing import COLOUR_MAP

BLUE, RED, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#888888"
TITLE, TEXT = 13, 12  # font sizes


# 01_stft


def frame_figure(x: ArrayLike, stft: Stft, frame: int) -> Figure:
    """Draw how one column of a spectrogram comes about: signal, window, product, magnitudes.

    Parameters
    ----------
    x : array_like, shape (n,)
        The signal.
    stft : Stft
        The transform.
    frame : int
        Number of the frame, one that lies inside the signal.

    Returns
    -------
    matplotlib.figure.Figure
        The signal under the window, and the magnitudes of the frame.
    """
    x = np.asarray(x, dtype=float)
    M, rate = stft.win_size, stft.sampling_rate
    start = round(stft.times(frame + 1)[frame] * rate - M / 2)
    around = np.arange(max(start - M // 2, 0), min(start + M + M // 2, len(x)))
    inside = np.arange(start, start + M)
    peak = np.abs(x[around]).max()
    magnitude = np.abs(stft.analyse(x)[:, frame])

    figure, (left, right) = _side_by_side(2)
    left.plot(around / rate * 1000, x[around] / peak, color=GREY, lw=1, label="signal")
    left.plot(inside / rate * 1000, stft.window, color=RED, lw=2, label="window")
    product = x[inside] * stft.window / peak
    left.plot(inside / rate * 1000, product, color=BLUE, lw=1.5, label="product")
    left.set_ylim(-1.1, 1.75)
    left.legend(loc="upper center", ncols=3, fontsize=TEXT - 1, frameon=False)
    _label(left, "One frame of the signal", "Time (ms)", "Amplitude, peak = 1")
    right.plot(stft.frequencies() / 1000, _decibels(magnitude), color=BLUE, lw=1.5)
    _label(right, "Its column of |X|", "Frequency (kHz)", "Level (dB, loudest = 0)")
    right.set_xlim(0, rate / 2000)
    return figure


def resolution_figure(x: ArrayLike, transforms: Sequence[Stft], *, highest: float = 2.0) -> Figure:
    """Draw one signal's spectrogram through several windows, side by side.

    Parameters
    ----------
    x : array_like, shape (n,)
        The signal.
    transforms : sequence of Stft
        One for each panel.
    highest : float, default 2.0
        Highest frequency shown, in kHz.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each transform, on one time axis and one colour range each.
    """
    figure, panels = _side_by_side(len(transforms), sharey=True)
    for panel, stft in zip(panels, transforms, strict=True):
        level = _decibels(np.abs(stft.analyse(x)), lowest=-50.0)
        _spectrogram(panel, level, stft, lowest=-50.0)
        ms = 1000 * stft.win_size / stft.sampling_rate
        _label(panel, f"{stft.win_size} samples = {ms:.0f} ms", "Time (s)", "")
        panel.set_xlim(0, len(np.asarray(x)) / stft.sampling_rate)
        panel.set_ylim(0, highest)
    panels[0].set_ylabel("Frequency (kHz)", fontsize=TEXT)
    _colour_bar(figure, panels)
    return figure


def overlap_add_figure(window: ArrayLike, hop: int, *, num_frames: int = 8) -> Figure:
    """Draw the shifted squares of a window and their sum, whether it can be inverted or not.

    Parameters
    ----------
    window : array_like, shape (M,)
        The window.
    hop : int
        Samples from one window to the next.
    num_frames : int, default 8
        Windows to draw.

    Returns
    -------
    matplotlib.figure.Figure
        One curve for each window, and the sum above them; grey where it is complete.
    """
    squared = np.asarray(window, dtype=float) ** 2
    length = (num_frames - 1) * hop + len(squared)
    total = np.zeros(length)
    figure, (panel,) = _side_by_side(1)
    for t in range(num_frames):
        at = np.arange(t * hop, t * hop + len(squared))
        total[at] += squared
        label = "w² of each frame" if t == 0 else None
        panel.plot(at, squared, color=BLUE, lw=1.2, label=label, zorder=3)
    panel.plot(total, color=RED, lw=3.5, label="their sum, Σ w²")
    panel.axvspan(len(squared) - hop, num_frames * hop, color=GREY, alpha=0.15)
    panel.set_ylim(0, 1.35 * total.max())
    panel.set_xlim(0, length)
    panel.legend(loc="upper center", ncols=2, fontsize=TEXT - 1, frameon=False)
    title = f"Overlap-add: window of {len(squared)} samples, hop {hop}"
    _label(panel, title, "Time (samples)", "Weight (greatest w² = 1)")
    return figure


# 02_nmf


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
        The transform that V was made with.

    Returns
    -------
    matplotlib.figure.Figure
        V, the columns of W over frequency, the rows of H over time.
    """
    V, W, H = (np.asarray(matrix, dtype=float) for matrix in (V, W, H))
    figure, (left, middle, right) = _side_by_side(3)
    _spectrogram(left, _decibels(V, lowest=-60.0), stft, lowest=-60.0)
    _label(left, "V", "Time (s)", "Frequency (kHz)")
    _colour_bar(figure, [left], fraction=0.05)
    left.set_xlim(0, stft.times(V.shape[1])[-1])
    for k, colour in zip(range(W.shape[1]), (BLUE, RED, GREEN, GREY), strict=False):
        spectrum = W[:, k] / W.max()
        middle.plot(spectrum + 1.15 * k, stft.frequencies() / 1000, color=colour, lw=1.5)
        right.plot(stft.times(V.shape[1]), H[k] / H.max() + 1.15 * k, color=colour, lw=1.5)
    places = 1.15 * np.arange(W.shape[1])
    middle.set_xticks(places, [str(k + 1) for k in range(W.shape[1])])
    right.set_yticks(places, [str(k + 1) for k in range(W.shape[1])])
    _label(middle, "Columns of W", "Basis (greatest entry = 1)", "Frequency (kHz)")
    _label(right, "Rows of H", "Time (s)", "Basis (greatest entry = 1)")
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
    V = np.asarray(V, dtype=float)
    levels = _decibels(V, lowest=-75.0)
    edges = np.arange(-70.0, 1.0, 5.0)
    figure, (panel,) = _side_by_side(1)
    for (name, estimate), colour, style in zip(
        estimates.items(), (BLUE, RED, GREEN), ("-", "--", "-."), strict=False
    ):
        error = np.abs(_decibels(estimate, lowest=-120.0, loudest=V.max()) - levels)
        medians = [
            np.median(error[(levels > low) & (levels <= high)]) for low, high in pairwise(edges)
        ]
        panel.plot((edges[:-1] + edges[1:]) / 2, medians, style, color=colour, lw=2.5, label=name)
    panel.set_ylim(bottom=0)
    panel.legend(fontsize=TEXT, frameon=False)
    _label(
        panel,
        "How far WH is from V",
        "Level of the entry of V (dB, loudest = 0)",
        "Median error (dB)",
    )
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

    figure, (panel,) = _side_by_side(1)
    places, colours = [here], (RED, GREEN, GREY)
    grid = np.linspace(0.02, 1.0, 400) * 1.3 * max(here, *_updates(v, w, rest, here, 30))
    panel.plot(grid, D(grid), color=BLUE, lw=3, label="D(v‖Wh)")
    for step, colour in zip(range(steps), colours, strict=False):
        start = places[-1]
        pull = start * float((v * w / (rest + w * start)).sum())
        G = w.sum() * (grid - start) - pull * np.log(grid / start) + D(np.array([start]))
        panel.plot(grid, G, "--", color=colour, lw=2, label=f"auxiliary function, step {step + 1}")
        places.append(pull / float(w.sum()))
    panel.plot(places, D(np.array(places)), "o", color="black", ms=7, zorder=5)
    for number, place in enumerate(places):
        height = float(D(np.array([place]))[0])
        panel.annotate(
            str(number), (place, height), (0, -16), textcoords="offset points", ha="center"
        )
    low, high = float(D(grid).min()), float(D(np.array([here]))[0])
    panel.set_ylim(low - 0.25 * (high - low), high + 0.6 * (high - low))
    panel.set_xlim(0, grid[-1])
    panel.legend(fontsize=TEXT, frameon=False, loc="upper right")
    _label(panel, "Two steps downhill", "Activation h of one basis", "Divergence")
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


# 03_dictionaries


def bases_figure(
    bases: Mapping[str, tuple[ArrayLike, ArrayLike]], stft: Stft, *, seconds: float = 4.0
) -> Figure:
    """Draw a few bases: the spectrum of each, and below it when it sounds.

    Parameters
    ----------
    bases : mapping of str to (array_like (F,), array_like (T,))
        A column of W and the row of H that goes with it, by what is to stand above.
    stft : Stft
        The transform.
    seconds : float, default 4.0
        How much of H to show.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels for each basis.
    """
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    panels = figure.subplots(2, len(bases), squeeze=False)
    for (upper, lower), (name, (w, h)), colour in zip(
        panels.T, bases.items(), (BLUE, RED, GREEN, GREY), strict=False
    ):
        upper.plot(stft.frequencies() / 1000, _decibels(w, lowest=-60.0), color=colour, lw=1.2)
        upper.set_ylim(-62, 3)
        _label(upper, name, "Frequency (kHz)", "")
        shown = np.asarray(h)[: round(seconds * stft.sampling_rate / stft.hop)]
        times = np.arange(len(shown)) * stft.hop / stft.sampling_rate
        lower.fill_between(times, shown / shown.max(), color=colour, lw=0)
        lower.set_ylim(0, 1.05)
        lower.set_xlim(0, seconds)
        _label(lower, "", "Time (s)", "")
    panels[0, 0].set_ylabel("Column of W\n(dB, loudest = 0)", fontsize=TEXT)
    panels[1, 0].set_ylabel("Row of H\n(greatest shown = 1)", fontsize=TEXT)
    return figure


def traits_figure(traits: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> Figure:
    """Draw each basis as a point: how flat its spectrum is, how steadily it sounds.

    Parameters
    ----------
    traits : mapping of str to (array_like (K,), array_like (K,))
        Flatness and steadiness of the bases of a dictionary, by its name.

    Returns
    -------
    matplotlib.figure.Figure
        One cloud of points for each dictionary.
    """
    figure, (panel,) = _side_by_side(1)
    for (name, (flatness, steadiness)), colour, marker in zip(
        traits.items(), (BLUE, RED, GREEN), "os^", strict=False
    ):
        panel.scatter(
            flatness, steadiness, s=70, color=colour, marker=marker, alpha=0.8, label=name
        )
    panel.set_xscale("log")
    panel.set_ylim(bottom=0)
    panel.legend(fontsize=TEXT, frameon=True, loc="upper left")
    _label(
        panel,
        "One point for each basis",
        "Flatness of its spectrum (0: a tone, 1: white noise)",
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
    figure, (panel,) = _side_by_side(1)
    for (name, values), colour, style in zip(
        curves.items(), (BLUE, GREEN, RED), ("o-", "s--", "^-."), strict=False
    ):
        panel.plot(counts, values, style, color=colour, lw=2, ms=7, label=name)
    panel.set_xscale("log", base=2)
    panel.set_xticks(list(counts), [str(count) for count in counts])
    panel.set_ylim(bottom=0)
    panel.legend(fontsize=TEXT, frameon=False)
    _label(panel, "What is missed", "Number of bases K", "D(V‖WH) / Σ V")
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
    figure, (panel,) = _side_by_side(1)
    for i, (name, values, colour) in enumerate(zip(means, rows, (BLUE, RED, GREEN), strict=False)):
        at = np.arange(1, len(order) + 1) + (i - (len(rows) - 1) / 2) * width
        panel.bar(at, values[order], width, color=colour, label=name)
    panel.legend(fontsize=TEXT, frameon=False)
    panel.set_xlim(0.3, len(order) + 0.7)
    _label(
        panel,
        "How strongly each basis sounds",
        "Rank of the basis (1: most used in speech)",
        "Mean activation (mean of all = 1)",
    )
    return figure


# What they share


def _side_by_side(count: int, *, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """Make a figure with one row of panels."""
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    return figure, list(figure.subplots(1, count, sharey=sharey, squeeze=False)[0])


def _label(panel: Axes, title: str, xlabel: str, ylabel: str) -> None:
    panel.set_title(title, fontsize=TITLE)
    panel.set_xlabel(xlabel, fontsize=TEXT)
    panel.set_ylabel(ylabel, fontsize=TEXT)
    panel.tick_params(labelsize=TEXT - 2)


def _decibels(
    magnitude: ArrayLike, *, lowest: float = -80.0, loudest: float | None = None
) -> NDArray[np.float64]:
    """Give levels relative to the loudest entry, cut off below."""
    magnitude = np.asarray(magnitude, dtype=float)
    ratio = magnitude / (loudest or magnitude.max() or 1.0)
    levels: NDArray[np.float64] = 20 * np.log10(np.maximum(ratio, 10 ** (lowest / 20)))
    return levels


def _spectrogram(
    panel: Axes, level: NDArray[np.float64], stft: Stft, *, lowest: float = -80.0
) -> None:
    """Paint one matrix of levels over time and frequency."""
    times, half_hop = stft.times(level.shape[1]), stft.hop / stft.sampling_rate / 2
    khz = stft.frequencies() / 1000
    half_bin = khz[1] / 2
    extent = (times[0] - half_hop, times[-1] + half_hop, khz[0] - half_bin, khz[-1] + half_bin)
    panel.imshow(
        level,
        extent=extent,
        vmin=lowest,
        vmax=0.0,
        cmap=COLOUR_MAP,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
    )


def _colour_bar(figure: Figure, panels: Sequence[Axes], *, fraction: float = 0.03) -> None:
    bar = figure.colorbar(panels[0].images[0], ax=list(panels), pad=0.01, fraction=fraction)
    bar.set_label("Level (dB, loudest = 0)", fontsize=TEXT)
    bar.ax.tick_params(labelsize=TEXT - 2)
