"""The plot of ``nmflab enhance``: a mixture, its clean speech and what was made of it."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from nmflab.core.stft import Stft
from nmflab.figures.drawing import LEVEL, PLOT, colour_bar, label, paint
from nmflab.figures.scales import decibels
from nmflab.settings import Settings

DYNAMIC_RANGE = 80.0
"""Levels further than this below the loudest point, in dB, are all drawn black."""


def spectrogram_figure(
    mixture: ArrayLike, clean: ArrayLike, enhanced: ArrayLike, settings: Settings
) -> Figure:
    """Draw three log-spectrograms above each other, on one time axis and one range of colours."""
    stft = Stft.from_settings(settings)
    titles = ("Noisy mixture", "Clean speech", f"Enhanced speech ({settings.nmf_mode})")
    spectra = [np.abs(stft.analyse(signal)) for signal in (mixture, clean, enhanced)]
    loudest = max(float(V.max(initial=0.0)) for V in spectra) or 1.0
    height = 1 + 2.7 * len(titles)
    figure = Figure(figsize=(11, height))
    figure.subplots_adjust(
        left=0.09, right=0.86, bottom=0.75 / height, top=1 - 0.45 / height, hspace=0.3
    )
    panels = list(figure.subplots(len(titles), 1, sharex=True))
    for panel, title, V in zip(panels, titles, spectra, strict=True):
        levels = decibels(V, loudest, lowest=-DYNAMIC_RANGE)
        paint(panel, levels, stft, low=-DYNAMIC_RANGE, interpolation="auto")
        below = "Time (s)" if panel is panels[-1] else ""
        label(panel, title, below, "Frequency (kHz)", fonts=PLOT)
    top, bottom = panels[0].get_position(), panels[-1].get_position()
    place = figure.add_axes((0.885, bottom.y0, 0.02, top.y1 - bottom.y0))
    colour_bar(panels, beside=LEVEL, fonts=PLOT, cax=place)
    return figure
