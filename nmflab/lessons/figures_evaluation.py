"""The pictures and the damaged sounds of lesson 07.

Conventions as in `nmflab.lesson_figures_separation`: a figure belongs to nobody's global state,
levels are in dB relative to the loudest point of the whole figure, every axis says its unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.signals import Mixture
from nmflab.core.stft import Stft
from nmflab.evaluation.sweep import Sweep
from nmflab.lessons.figures_separation import (
    COLOURS,
    DYNAMIC_RANGE,
    FONT_SIZE,
    SHADES,
    _figure,
    _label,
    _matrix,
)
from nmflab.settings import Settings

INK, GREY = "#222222", "#888888"
AXES = {"p": "power p", "penalty": "penalty λ"}
MAP_DEPTH = {"dB": 6.0, "": 0.2}
"""Scores that are further below the best than this have the darkest colour."""


def damages(mix: Mixture, settings: Settings) -> dict[str, NDArray[np.float32]]:
    """Spoil the speech of a mixture in seven ways, each of which a score may or may not hear.

    Parameters
    ----------
    mix : Mixture
        Speech and noise.
    settings : Settings
        The STFT, and the sampling rate.

    Returns
    -------
    dict of str to ndarray of float32, shape (n,)
        The spoilt sounds by what was done to them.
    """
    from scipy.signal import butter, sosfilt

    s, n, stft = mix.speech, mix.noise, Stft.from_settings(settings)
    S = stft.analyse(s)
    kept = np.random.default_rng(0).random(S.shape) > 0.3
    low = butter(4, 1000, fs=settings.sampling_rate, output="sos")
    most = 0.1 * float(np.abs(s).max())
    sounds: dict[str, Any] = {
        "half as loud": 0.5 * s,
        "1 ms late": np.concatenate([np.zeros(16), s[:-16]]),
        "low-pass at 1 kHz": sosfilt(low, s),
        "noise, 10 dB below": s + 10**-0.5 * n,
        "noise, as loud": s + n,
        "3 of 10 points gone": stft.synthesise(kept * S, len(s)),
        "clipped at a tenth": np.clip(s, -most, most),
    }
    return {name: sound.astype(np.float32) for name, sound in sounds.items()}


def projection_figure(s: ArrayLike, s_hat: ArrayLike) -> Figure:
    """Draw a signal of two samples, its estimate, and what the projection makes of them.

    Parameters
    ----------
    s, s_hat : array_like, shape (2,)
        The signal and its estimate.

    Returns
    -------
    matplotlib.figure.Figure
        One panel with equal scales.
    """
    s, s_hat = np.asarray(s, dtype=float), np.asarray(s_hat, dtype=float)
    target = (s_hat @ s) / (s @ s) * s
    figure, (panel,) = _figure(1, 1, (7.0, 5.0))
    origin = np.zeros(2)
    for name, start, end, colour, side in (
        ("αs", origin, target, COLOURS[2], "left"),
        ("s", origin, s, COLOURS[0], "right"),
        ("ŝ", origin, s_hat, INK, "right"),
        ("e = ŝ − αs", target, s_hat, COLOURS[1], "left"),
        ("ŝ − s", s, s_hat, GREY, "right"),
    ):
        dashed = {"lw": 1.6, "ls": "--"} if colour == GREY else {"lw": 2.6}
        style = {"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0, **dashed}
        panel.annotate("", xy=tuple(end), xytext=tuple(start), arrowprops=style)
        x, y = end if start is origin else (start + end) / 2
        shift = 0.12 if side == "left" else -0.12
        panel.text(x + shift, y, name, color=colour, fontsize=FONT_SIZE + 2, ha=side, va="bottom")
    corners = np.stack([origin, s, s_hat, target])
    low, high = corners.min(axis=0), corners.max(axis=0)
    panel.set_xlim(low[0] - 0.3, high[0] + 1.2)
    panel.set_ylim(low[1] - 0.3, high[1] + 0.6)
    panel.set_aspect("equal")
    panel.grid(alpha=0.3)
    _label(panel, "The error e stands at a right angle to s", "sample 1", "sample 2")
    return figure


def parts_figure(parts: Mapping[str, ArrayLike], settings: Settings) -> Figure:
    """Draw the spectrograms of sounds on one range of colours, so that levels can be compared.

    Parameters
    ----------
    parts : mapping of str to array_like, each of shape (n,)
        Sounds by their titles, an even number of them.
    settings : Settings
        The STFT to look through.

    Returns
    -------
    matplotlib.figure.Figure
        The panels, two in a row.
    """
    stft, rows = Stft.from_settings(settings), len(parts) // 2
    spectra = [np.abs(stft.analyse(np.asarray(sound))) for sound in parts.values()]
    loudest = max(float(V.max()) for V in spectra) or 1.0
    least, khz = 10 ** (-DYNAMIC_RANGE / 20), settings.sampling_rate / 2000
    figure, panels = _figure(rows, 2, (9.5, 2.7 * rows + 0.4))
    for i, (panel, title, V) in enumerate(zip(panels, parts, spectra, strict=True)):
        levels = 20 * np.log10(np.maximum(V / loudest, least))
        _matrix(figure, panel, levels, settings, (0.0, khz))
        below = "Time (s)" if i >= len(parts) - 2 else ""
        _label(panel, title, below, "" if i % 2 else "Frequency (kHz)")
    return figure


def maps_figure(found: Sweep) -> Figure:
    """Draw the score maps of a sweep of two settings beside each other, each best cell starred.

    Parameters
    ----------
    found : Sweep
        The sweep; its first setting goes up, its second to the right.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each score, each with its own range of colours.
    """
    from matplotlib import colormaps

    figure, panels = _figure(1, len(found.metrics), (4.6 * len(found.metrics), 3.4))
    (row_name, rows), (column_name, columns) = found.axes.items()
    for panel, metric in zip(panels, found.metrics, strict=True):
        scores, unit = found.mean(metric), "" if metric in ("stoi", "estoi", "pesq") else "dB"
        top = float(scores.max())
        image = panel.imshow(
            scores,
            cmap=colormaps["viridis"].resampled(SHADES),
            vmin=top - MAP_DEPTH[unit],
            vmax=top,
            origin="lower",
            aspect="auto",
        )
        _write_scores(panel, scores, 1 if unit else 2)
        panel.set_xticks(range(len(columns)), [f"{x:g}" for x in columns])
        panel.set_yticks(range(len(rows)), [f"{y:g}" for y in rows])
        bar = figure.colorbar(image, ax=panel, pad=0.02, fraction=0.05, extend="min")
        bar.ax.set_title(unit, fontsize=FONT_SIZE - 2)
        bar.ax.tick_params(labelsize=FONT_SIZE - 3)
        ylabel = AXES.get(row_name, row_name) if panel is panels[0] else ""
        title = metric.upper().replace("_", "-")
        _label(panel, title, AXES.get(column_name, column_name), ylabel)
    return figure


def _write_scores(panel: Axes, scores: NDArray[np.floating], decimals: int) -> None:
    """Write each score into its cell."""
    best = np.unravel_index(int(np.argmax(scores)), scores.shape)
    for place, value in np.ndenumerate(scores):
        star = " ★" if place == best else ""
        text = panel.text(
            place[1], place[0], f"{value:.{decimals}f}{star}",
            ha="center", va="center", color="white", fontsize=FONT_SIZE - 4,
        )  # fmt: skip
        text.set_path_effects([withStroke(linewidth=2.5, foreground="black")])
