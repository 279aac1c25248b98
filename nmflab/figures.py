"""Arrays to static matplotlib figures, for the plots of ``nmflab enhance`` and for print.

Conventions: every picture is a `matplotlib.figure.Figure` that belongs to nobody's global state
(never pyplot), so nothing is shown twice and nothing leaks. Levels are in dB relative to the
loudest point of the whole figure, and all panels share one colour range: equal colour, equal level.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from os import PathLike

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from nmflab.audio import replacing
from nmflab.errors import NmflabError
from nmflab.settings import Settings
from nmflab.stft import Stft

DYNAMIC_RANGE = 80.0
"""Levels further than this below the loudest point, in dB, are all drawn black."""

COLOUR_MAP = "magma"  # perceptually uniform, and still readable in grey
FONT_SIZE = 14
DPI = 100


def spectrogram_figure(
    mixture: ArrayLike, clean: ArrayLike, enhanced: ArrayLike, settings: Settings
) -> Figure:
    """Draw the log-spectrograms of a mixture, its clean speech and the enhanced speech.

    Parameters
    ----------
    mixture, clean, enhanced : array_like, shape (N,)
        Signals at ``settings.sampling_rate``.
    settings : Settings
        The STFT to look through, and the variant that the title names.

    Returns
    -------
    matplotlib.figure.Figure
        Three panels, one above the other, on one time axis and one colour range.
    """
    stft = Stft.from_settings(settings)
    titles = ("Noisy mixture", "Clean speech", f"Enhanced speech ({settings.nmf_mode})")
    magnitudes = [np.abs(stft.analyse(signal)) for signal in (mixture, clean, enhanced)]
    khz = settings.sampling_rate / 2000
    half_bin = khz / (settings.num_bins - 1) / 2
    figure, panels = _stacked_panels(len(titles))
    for panel, title, level in zip(panels, titles, _levels(magnitudes), strict=True):
        _draw(panel, level, (*_time_edges(stft, level), -half_bin, khz + half_bin))
        _label(panel, title, "Frequency (kHz)")
        panel.set_ylim(0, khz)
    panels[-1].set_xlabel("Time (s)", fontsize=FONT_SIZE)
    _add_colour_bar(figure, panels)
    return figure


def activations_figure(H: ArrayLike, num_speech: int, settings: Settings) -> Figure:
    """Draw the activations H of a mixture, the speech bases above the noise bases.

    Parameters
    ----------
    H : array_like, shape (K, T)
        Activations of W = [W_S W_N].
    num_speech : int
        K_S, how many of the rows belong to speech.
    settings : Settings
        The STFT that gave the frames; it sets the time axis.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels on one time axis and one colour range.

    Raises
    ------
    NmflabError
        If H isn't a matrix with rows for both speech and noise.
    """
    H = np.asarray(H)
    if H.ndim != 2 or not 0 < num_speech < len(H):
        raise NmflabError(
            f"H has the shape {H.shape} and num_speech is {num_speech}: "
            "H must be a matrix with rows for both speech and noise."
        )
    stft = Stft.from_settings(settings)
    figure, panels = _stacked_panels(2)
    levels = _levels([H[:num_speech], H[num_speech:]])
    for panel, source, level in zip(panels, ("Speech", "Noise"), levels, strict=True):
        _draw(panel, level, (*_time_edges(stft, level), -0.5, len(level) - 0.5))
        _label(panel, f"{source} activations", "Basis")
        panel.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    panels[-1].set_xlabel("Time (s)", fontsize=FONT_SIZE)
    _add_colour_bar(figure, panels)
    return figure


def save_figure(figure: Figure, path: str | PathLike[str]) -> None:
    """Write a figure as PNG; the same figure gives the same bytes, and never half a file.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    path : path-like
        The file; one of that name is replaced.

    Raises
    ------
    NmflabError
        If the folder can't be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(png_bytes(figure))


def explorer_figure(
    sounds: Mapping[str, ArrayLike],
    gain: ArrayLike,
    H: ArrayLike,
    objective: ArrayLike,
    settings: Settings,
    *,
    title: str,
) -> Figure:
    """Draw what an explorer shows: three spectrograms, the gain, H and the objective.

    Parameters
    ----------
    sounds : mapping of str to array_like, shape (N,)
        Three signals at ``settings.sampling_rate``, by the titles of their panels.
    gain : array_like, shape (F, T)
        Gain from 0 to 1.
    H : array_like, shape (K, T)
        Activations, those of speech first.
    objective : array_like, shape (n,)
        Objective after each iteration.
    settings : Settings
        The STFT, and K_S, which divides H.
    title : str
        Settings and scores, above it all.

    Returns
    -------
    matplotlib.figure.Figure
        Three rows of two panels.
    """
    stft = Stft.from_settings(settings)
    khz = settings.sampling_rate / 2000
    half_bin = khz / (settings.num_bins - 1) / 2
    figure = Figure(figsize=(12, 9))
    figure.subplots_adjust(left=0.06, right=0.98, bottom=0.07, top=0.88, hspace=0.42, wspace=0.14)
    figure.suptitle(textwrap.fill(title, 105), fontsize=FONT_SIZE - 1)
    panels = list(figure.subplots(3, 2).flat)
    levels = _levels([np.abs(stft.analyse(signal)) for signal in sounds.values()])
    for panel, name, level in zip(panels, sounds, levels, strict=False):
        _draw(panel, level, (*_time_edges(stft, level), -half_bin, khz + half_bin))
        _label(panel, name, "Frequency (kHz)")
        panel.set_ylim(0, khz)
    gain, H = np.asarray(gain, np.float32), np.asarray(H, np.float32)
    _draw(panels[3], gain, (*_time_edges(stft, gain), -half_bin, khz + half_bin), ends=(0.0, 1.0))
    _label(panels[3], "Gain (0 dark, 1 bright)", "Frequency (kHz)")
    panels[3].set_ylim(0, khz)
    _draw(panels[4], _levels([H])[0], (*_time_edges(stft, H), 0.5, len(H) + 0.5))
    panels[4].axhline(settings.num_basis_speech + 0.5, color="white", lw=1)
    _label(panels[4], "Activations H (speech below, noise above)", "Basis")
    curve = np.asarray(objective, dtype=float)
    panels[5].plot(np.arange(1, len(curve) + 1), curve, lw=2)
    _label(panels[5], "Objective", "D + λ Σ φ")
    panels[5].set_xlabel("Iteration", fontsize=FONT_SIZE)
    panels[4].set_xlabel("Time (s)", fontsize=FONT_SIZE)
    return figure


def png_bytes(figure: Figure) -> bytes:
    """Give a figure as PNG; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.

    Returns
    -------
    bytes
        The content of a PNG file.
    """
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    return content.getvalue()


def _levels(magnitudes: list[NDArray[np.floating]]) -> list[NDArray[np.float32]]:
    """Give 20 log10 of each magnitude, relative to the greatest of all and cut off below."""
    loudest = max((float(m.max(initial=0.0)) for m in magnitudes), default=0.0) or 1.0
    floor = 10 ** (-DYNAMIC_RANGE / 20)
    return [(20 * np.log10(np.maximum(m / loudest, floor))).astype(np.float32) for m in magnitudes]


def _stacked_panels(count: int) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels above each other, with room for labels and a colour bar."""
    figure = Figure(figsize=(11, 1 + 2.7 * count))
    room = 1 / (1 + 2.7 * count)  # one inch, as a fraction of the height
    figure.subplots_adjust(
        left=0.09, right=0.86, bottom=0.75 * room, top=1 - 0.45 * room, hspace=0.3
    )
    return figure, list(figure.subplots(count, 1, sharex=True))


def _time_edges(stft: Stft, level: NDArray[np.float32]) -> tuple[float, float]:
    """Give the outer edges, in seconds, of the first and the last frame."""
    centres = stft.times(level.shape[1])
    half = stft.hop / stft.sampling_rate / 2
    return float(centres[0]) - half, float(centres[-1]) + half


def _draw(
    panel: Axes,
    level: NDArray[np.float32],
    extent: tuple[float, float, float, float],
    *,
    ends: tuple[float, float] = (-DYNAMIC_RANGE, 0.0),
) -> None:
    """Paint one matrix of levels, its first row at the bottom."""
    panel.imshow(
        level,
        extent=extent,
        vmin=ends[0],
        vmax=ends[1],
        cmap=COLOUR_MAP,
        origin="lower",
        aspect="auto",
    )
    panel.set_xlim(max(extent[0], 0.0), extent[1])


def _label(panel: Axes, title: str, ylabel: str) -> None:
    panel.set_title(title, fontsize=FONT_SIZE + 1)
    panel.set_ylabel(ylabel, fontsize=FONT_SIZE)
    panel.tick_params(labelsize=FONT_SIZE - 2)


def _add_colour_bar(figure: Figure, panels: list[Axes]) -> None:
    """Put one colour bar to the right of all panels."""
    top, bottom = panels[0].get_position(), panels[-1].get_position()
    place = figure.add_axes((0.885, bottom.y0, 0.02, top.y1 - bottom.y0))
    bar = figure.colorbar(panels[0].images[0], cax=place)
    bar.set_label("Level (dB, loudest = 0)", fontsize=FONT_SIZE)
    bar.ax.tick_params(labelsize=FONT_SIZE - 2)
