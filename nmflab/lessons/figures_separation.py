"""The pictures of lessons 04 to 06: arrays to matplotlib figures, never pyplot.

Conventions as in `nmflab.figures`: a figure belongs to nobody's global state, levels are in dB
relative to the loudest point, and every axis says its unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from nmflab.core.priors import ExponentialPrior, GammaPrior, floored
from nmflab.core.stft import Stft
from nmflab.settings import Settings

DPI = 72
FONT_SIZE = 13
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Of Okabe and Ito: told apart by all eyes."""

STYLES = ("-", "--", "-.", ":")
DYNAMIC_RANGE = 60.0
"""Levels further than this below the loudest point, in dB, are all drawn black."""

BINS = 40
SHADES = 14  # of levels: a third of the bytes of a smooth picture, in a stored notebook
GAIN_SHADES = 10
MOST_ROWS = 171  # of a matrix: about one for each pixel of its panel


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
        The STFT that gave the frames.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels; a line divides the bases of speech from those of noise.
    """
    V, H = np.asarray(V), np.asarray(H)
    figure, panels = _figure(2, 1, (9.0, 6.0))
    khz = settings.sampling_rate / 2000
    _matrix(figure, panels[0], _decibels(V), settings, (0.0, khz))
    _label(panels[0], "Mixture V", "", "Frequency (kHz)")
    _matrix(figure, panels[1], _decibels(H), settings, (0.5, len(H) + 0.5), low=-40.0)
    _label(panels[1], "Activations H", "Time (s)", "Basis")
    panels[1].axhline(num_speech + 0.5, color="white", lw=1.5)
    for row, name in ((1.0, "speech"), (num_speech + 1.0, "noise")):
        text = panels[1].text(0.03, row, name, color="white", fontsize=FONT_SIZE, va="bottom")
        text.set_bbox({"facecolor": "black", "alpha": 0.7, "lw": 0, "pad": 2})
    return figure


def gains_figure(gains: Mapping[str, ArrayLike], settings: Settings) -> Figure:
    """Draw gains beside each other, on one range of colours from 0 to 1.

    Parameters
    ----------
    gains : mapping of str to array_like, each of shape (F, T)
        Gains by their titles, an even number of them.
    settings : Settings
        The STFT that gave the frames.

    Returns
    -------
    matplotlib.figure.Figure
        The panels, two in a row.
    """
    rows = -(-len(gains) // 2)
    figure, panels = _figure(rows, 2, (9.5, 2.4 * rows + 0.4))
    khz = settings.sampling_rate / 2000
    for i, (panel, (title, G)) in enumerate(zip(panels, gains.items(), strict=True)):
        _matrix(figure, panel, np.asarray(G), settings, (0.0, khz), levels=False)
        below = "Time (s)" if i >= len(gains) - 2 else ""
        _label(panel, title, below, "" if i % 2 else "Frequency (kHz)")
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
        What stands on it.
    log : bool, default False
        Whether the abscissa is logarithmic.
    mark : float, optional
        Where a vertical line stands.

    Returns
    -------
    matplotlib.figure.Figure
        One panel.
    """
    figure, (panel,) = _figure(1, 1, (8.0, 4.2))
    for i, (name, (x, y)) in enumerate(curves.items()):
        style = STYLES[i % len(STYLES)]
        panel.plot(np.asarray(x), np.asarray(y), style, color=COLOURS[i], lw=2.2, label=name)
    if log:
        panel.set_xscale("log")
    if mark is not None:
        panel.axvline(mark, color="#888888", lw=1.2)
    panel.grid(alpha=0.3)
    if len(curves) > 1:
        panel.legend(fontsize=FONT_SIZE - 2, frameon=False)
    _label(panel, title, xlabel, ylabel)
    return figure


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
        What stands on it.

    Returns
    -------
    matplotlib.figure.Figure
        One panel.
    """
    figure, (panel,) = _figure(1, 1, (8.6, 4.4))
    steps = np.arange(len(values))
    for i, (name, found) in enumerate(scores.items()):
        style = STYLES[i % len(STYLES)]
        panel.plot(steps, np.asarray(found), style + "o", color=COLOURS[i], lw=2.2, label=name)
    panel.set_xticks(steps, [f"{value:g}" for value in values])
    panel.axhline(0, color="#888888", lw=1)
    panel.grid(alpha=0.3)
    panel.legend(fontsize=FONT_SIZE - 2, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    _label(panel, title, xlabel, ylabel)
    return figure


def bars_figure(
    names: Sequence[str], values: Mapping[str, ArrayLike], *, title: str, ylabel: str
) -> Figure:
    """Draw bars in groups, up for gains and down for losses.

    Parameters
    ----------
    names : sequence of str
        Names of the groups, such as the noises.
    values : mapping of str to array_like, each of shape (n,)
        One value for each group, by what stands in the legend.
    title, ylabel : str
        What stands on it.

    Returns
    -------
    matplotlib.figure.Figure
        One panel.
    """
    figure, (panel,) = _figure(1, 1, (9.5, 3.8))
    width = 0.8 / len(values)
    for i, (name, heights) in enumerate(values.items()):
        at = np.arange(len(names)) + (i - (len(values) - 1) / 2) * width
        panel.bar(at, np.asarray(heights), 0.9 * width, color=COLOURS[i], label=name)
    panel.set_xticks(range(len(names)), list(names))
    panel.axhline(0, color="black", lw=1)
    panel.grid(axis="y", alpha=0.3)
    panel.legend(fontsize=FONT_SIZE - 2, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    _label(panel, title, "", ylabel)
    return figure


def rows_figure(rows: Mapping[str, ArrayLike], settings: Settings, *, seconds: float = 6) -> Figure:
    """Draw rows of H over time and, beside each, how often it takes which value.

    Parameters
    ----------
    rows : mapping of str to array_like, each of shape (T,)
        Rows of H by their titles.
    settings : Settings
        The STFT that gave the frames.
    seconds : float, default 6
        How much of each row to show over time; the histogram counts all of it.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels for each row.
    """
    figure, panels = _figure(len(rows), 2, (10.5, 2.5 * len(rows) + 0.4))
    for i, (title, row) in enumerate(rows.items()):
        h, (left, right) = _relative(row), panels[2 * i : 2 * i + 2]
        times = Stft.from_settings(settings).times(h.size)
        shown = times < seconds
        left.fill_between(times[shown], h[shown], color=COLOURS[0], lw=0)
        left.set_xlim(0, seconds)
        left.set_ylim(0, None)
        _histogram(right, h, 6.0)
        last = i == len(rows) - 1
        _label(left, title, "Time (s)" if last else "", "h / mean")
        _label(right, "", "h / mean" if last else "", "density")
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
    figure, panels = _figure(1, len(rows), (10.5, 4.0))
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
        panel.legend(fontsize=FONT_SIZE - 2, frameon=False)
        _label(panel, title, "h / mean of the row", "density")
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
    figure, (panel,) = _figure(1, 1, (9.5, 3.8))
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
    panel.legend(fontsize=FONT_SIZE - 2, frameon=False, loc="upper center")
    _label(panel, "Gamma against exponential", "", "gamma ahead (nats a frame)")
    return figure


def _figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels whose labels don't touch."""
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def _label(panel: Axes, title: str, xlabel: str, ylabel: str) -> None:
    panel.set_title(title, fontsize=FONT_SIZE)
    panel.set_xlabel(xlabel, fontsize=FONT_SIZE - 1)
    panel.set_ylabel(ylabel, fontsize=FONT_SIZE - 1)
    panel.tick_params(labelsize=FONT_SIZE - 2)


def _matrix(
    figure: Figure,
    panel: Axes,
    values: NDArray[np.floating],
    settings: Settings,
    rows: tuple[float, float],
    *,
    levels: bool = True,
    low: float = -DYNAMIC_RANGE,
) -> None:
    """Paint levels in dB, or gains from 0 to 1, over time, with a colour bar."""
    values = _thinned(values)
    times = Stft.from_settings(settings).times(values.shape[1])
    gains = colormaps["cividis"].resampled(GAIN_SHADES)
    image = panel.imshow(
        values,
        extent=(max(float(times[0]), 0.0), float(times[-1]), *rows),
        vmin=low if levels else 0.0,
        vmax=0.0 if levels else 1.0,
        cmap=colormaps["magma"].resampled(SHADES) if levels else gains,
        interpolation="nearest",
        origin="lower",
        aspect="auto",
    )
    bar = figure.colorbar(image, ax=panel, pad=0.01, fraction=0.05)
    bar.ax.set_title("dB" if levels else "gain", fontsize=FONT_SIZE - 2)
    bar.ax.tick_params(labelsize=FONT_SIZE - 3)


def _decibels(magnitudes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Give levels relative to the loudest point, cut off below."""
    loudest = float(magnitudes.max()) or 1.0
    floor = 10 ** (-DYNAMIC_RANGE / 20)
    levels: NDArray[np.floating] = 20 * np.log10(np.maximum(magnitudes / loudest, floor))
    return levels


def _thinned(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Take the mean of neighbouring rows where there are more than the panel has pixels."""
    each = max(1, len(values) // MOST_ROWS)
    count = len(values) // each
    mean: NDArray[np.floating] = values[: count * each].reshape(count, each, -1).mean(axis=1)
    return mean


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
