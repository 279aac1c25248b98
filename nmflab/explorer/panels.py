"""The matrix panels of the explorers: spectrograms, gain, activations, each on a canvas.

Levels are in dB relative to the loudest point of the mixture, in all panels alike: equal colour,
equal level. A panel is painted only when what it shows is another array than before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.core.stft import Stft
from nmflab.explorer.widgets.canvas import MatrixCanvas
from nmflab.figures.scales import decibels, frequency_edges, time_edges

Matrix = NDArray[np.float32]

LOWEST = -70.0
"""Level in dB at which the colours of the panels begin."""

LEAST_GAIN = -120.0  # dB


class Panel:
    """A canvas, and what it painted last.

    Parameters
    ----------
    title : str
        Stands above it.
    group : str
        Which panels and player it is linked with.
    **options
        Passed on to `MatrixCanvas`.
    """

    def __init__(self, title: str, group: str, **options: Any) -> None:
        self.widget = MatrixCanvas(**{"title": title, "group": group, "low": LOWEST, **options})
        self._source: tuple[object, ...] = ()

    def is_new(self, *source: object) -> bool:
        """Say whether this is made of other objects than what was painted last, and note them.

        Parameters
        ----------
        *source : object
            What the picture is made of.

        Returns
        -------
        bool
            Whether it has to be painted.
        """
        same = len(source) == len(self._source) and all(
            a is b for a, b in zip(source, self._source, strict=True)
        )
        self._source = source
        return not same

    def show_spectrum(self, levels: Matrix, stft: Stft, **options: Any) -> None:
        """Paint frequency by time.

        Parameters
        ----------
        levels : ndarray, shape (F, T)
            Values.
        stft : Stft
            The transform, which sets both axes.
        **options
            Passed on to `MatrixCanvas.show`.
        """
        rows, columns = frequency_edges(stft), time_edges(stft, levels.shape[1])
        self.widget.show(levels, rows=rows, columns=columns, **options)


class ActivationPanel(Panel):
    """H over time, the speech bases below those of noise, in dB below its loudest entry.

    Parameters
    ----------
    title, group : str
        As for `Panel`.
    **options
        Passed on to `MatrixCanvas`.
    """

    def __init__(self, title: str, group: str, **options: Any) -> None:
        axis = {"rows_label": "Basis", "rows_unit": "", "colormap": "viridis"}
        super().__init__(title, group, **{**axis, "low": -50.0, **options})

    def show(self, H: Matrix, stft: Stft, bands: tuple[tuple[str, int], ...]) -> None:
        """Paint the activations.

        Parameters
        ----------
        H : ndarray, shape (K, T)
            Activations.
        stft : Stft
            The transform, which sets the time axis.
        bands : tuple of (str, int)
            Names of the groups of rows and how many each has.
        """
        if self.is_new(H):
            levels = decibels(H)
            columns = time_edges(stft, H.shape[1])
            self.widget.show(levels, columns=columns, row_bands=bands)
