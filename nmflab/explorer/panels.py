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
from nmflab.settings import Settings

Matrix = NDArray[np.float32]

LOWEST = -70.0
"""Level in dB at which the colours of the panels begin."""

LEAST_GAIN = -120.0  # dB


class Remembering:
    """What shows something, and knows what it showed last."""

    _source: tuple[object, ...] = ()

    def is_new(self, *source: object) -> bool:
        """Say whether this is made of other things than what was shown last, and note them."""
        same = len(source) == len(self._source) and all(map(_same, source, self._source))
        self._source = source
        return not same


class Panel(Remembering):
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

    def show_spectrum(self, levels: Matrix, stft: Stft, **options: Any) -> None:
        """Paint levels (F, T), frequency by time."""
        columns = time_edges(stft, levels.shape[1])
        self.widget.show(levels, rows=frequency_edges(stft), columns=columns, **options)


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
        """Paint activations (K, T), their rows in named groups of so many each."""
        if self.is_new(H):
            levels = decibels(H)
            columns = time_edges(stft, H.shape[1])
            self.widget.show(levels, columns=columns, row_bands=bands)


class NoisePanel(Panel):
    """W_N, each basis a spectrum or a short piece of spectrogram, and what is marked beside it.

    Parameters
    ----------
    title, group : str
        As for `Panel`.
    **options
        Passed on to `MatrixCanvas`.
    """

    def __init__(self, title: str, group: str, **options: Any) -> None:
        axis = {"columns_label": "Basis", "columns_unit": "", "slider": False}
        super().__init__(title, group, **{**axis, "low": -50.0, **options})

    def show(
        self, trained: Matrix, learnt: Matrix | None, spectrum: Matrix | None, stft: Stft
    ) -> None:
        """Paint bases (cF, K), those that are learnt last, and the spectrum (F,) of the marks."""
        if not self.is_new(trained, learnt, spectrum):
            return
        W = trained if learnt is None else np.concatenate([trained, learnt], axis=1)
        F, K = stft.num_bins, W.shape[1]
        context = len(W) // F
        pieces = W.reshape(context, F, K).transpose(1, 2, 0).reshape(F, K * context)
        counts = [("trained", trained.shape[1]), ("learnt", K - trained.shape[1])]
        if spectrum is not None:
            counts.append(("mark", 1))
            mark = spectrum[:, np.newaxis] / (context * (spectrum.sum() or 1))
            pieces = np.concatenate([pieces, np.repeat(mark, context, axis=1)], axis=1)
        bands = [(name, count * context) for name, count in counts if count]
        columns = 0.5, sum(count for _, count in counts) + 0.5
        self.widget.show(
            decibels(pieces), rows=frequency_edges(stft), columns=columns, column_bands=bands
        )


def bands(settings: Settings) -> tuple[tuple[str, int], ...]:
    """Name the groups of rows of H, and say how many rows each has."""
    groups = (
        ("speech", settings.num_basis_speech),
        ("noise", settings.num_basis_noise),
        ("learnt", settings.num_basis_free),
    )
    return tuple(group for group in groups if group[1])


def _same(one: object, other: object) -> bool:
    return one is other or (isinstance(one, int | float | str) and one == other)
