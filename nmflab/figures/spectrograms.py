"""The plot of ``nmflab enhance``: a mixture, its clean speech and what was made of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from nmflab.checks import as_signal
from nmflab.core.stft import Stft
from nmflab.figures.drawing import LEVEL, PLOT, colour_bar, label, paint
from nmflab.figures.scales import decibels, time_edges
from nmflab.settings import Settings

DYNAMIC_RANGE = 80.0
"""Levels further than this below the loudest point, in dB, are all drawn black."""


MOST_FRAMES = 8192
"""Of longer signals neighbouring frames share a column: a picture has fewer pixels."""

FRAMES_AT_ONCE = 8192


def spectrogram_figure(
    mixture: ArrayLike,
    clean: ArrayLike,
    enhanced: ArrayLike,
    settings: Settings,
    *,
    title: str = "",
    new: Callable[..., Figure] = Figure,
) -> Figure:
    """Draw three log-spectrograms above each other, on one time axis and one range of colours."""
    stft = Stft.from_settings(settings)
    titles = ("Noisy mixture", "Clean speech", f"Enhanced speech ({settings.nmf_mode})")
    spectra = [_magnitudes(as_signal(signal), stft) for signal in (mixture, clean, enhanced)]
    loudest = max(float(V.max(initial=0.0)) for V in spectra) or 1.0
    head = 0.8 if title else 0.45
    height = 0.55 + head + 2.7 * len(titles)
    figure = new(figsize=(11, height))
    if title:
        figure.suptitle(title, fontsize=PLOT.title, y=1 - 0.12 / height, va="top", parse_math=False)
    figure.subplots_adjust(
        left=0.09, right=0.86, bottom=0.75 / height, top=1 - head / height, hspace=0.3
    )
    panels = list(figure.subplots(len(titles), 1, sharex=True))
    seconds = time_edges(stft, stft.num_frames(np.size(mixture)))
    for panel, name, V in zip(panels, titles, spectra, strict=True):
        levels = decibels(V, loudest, lowest=-DYNAMIC_RANGE)
        paint(panel, levels, stft, seconds=seconds, low=-DYNAMIC_RANGE, interpolation="auto")
        below = "Time (s)" if panel is panels[-1] else ""
        label(panel, name, below, "Frequency (kHz)", fonts=PLOT)
    top, bottom = panels[0].get_position(), panels[-1].get_position()
    place = figure.add_axes((0.885, bottom.y0, 0.02, top.y1 - bottom.y0))
    colour_bar(panels, beside=LEVEL, fonts=PLOT, cax=place)
    return figure


def _magnitudes(signal: NDArray[np.float32], stft: Stft) -> NDArray[np.float32]:
    """Give |X|; of a long signal each column is the RMS of as many frames as is needed."""
    if stft.num_frames(len(signal)) <= MOST_FRAMES:
        return np.abs(stft.analyse(signal))
    each = -(-stft.num_frames(len(signal)) // MOST_FRAMES)
    step = -(-FRAMES_AT_ONCE // each) * each * stft.hop
    columns = []
    for start in range(0, len(signal), step):
        piece = signal[start : start + step]
        whole = -(-len(piece) // stft.hop)  # the frames before them are of the block ahead
        power = np.abs(stft.analyse(piece)[:, -whole:]) ** 2
        starts = np.arange(0, power.shape[1], each)
        counts = np.diff(starts, append=power.shape[1])
        columns.append(np.sqrt(np.add.reduceat(power, starts, axis=1) / counts))
    return np.concatenate(columns, axis=1, dtype=np.float32)
