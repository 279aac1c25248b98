"""Arrays to static matplotlib figures, for the plots of ``nmflab enhance`` and for print.

Conventions: every picture is a `matplotlib.figure.Figure` that belongs to nobody's global state
(never pyplot), so nothing is shown twice and nothing leaks. Levels are in dB relative to the
loudest point of the whole figure, and all panels share one colour range: equal colour, equal level.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from os import PathLike
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from nmflab.core.stft import Stft
from nmflab.errors import NmflabError
from nmflab.settings import Settings
from nmflab.system.files import replacing

DYNAMIC_RANGE = 80.0
"""Levels further than this below the loudest point, in dB, are all drawn black."""

COLOUR_MAP = "magma"  # perceptually uniform, and still readable in grey
FONT_SIZE = 14
DPI = 100
FEW_CELLS = 500  # some pixels of a panel


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


class _Canvas(Protocol):
    """What `panels_figure` wants to know of a matrix on a page (see `explorer.canvas`)."""

    title: str
    rows_label: str
    rows_unit: str
    columns_label: str
    columns_unit: str
    value_unit: str
    colormap: str

    @property
    def matrix(self) -> NDArray[np.floating]:
        """The matrix, shape (rows, columns)."""

    @property
    def geometry(self) -> Any:
        """Its axes, the range of its colours, its bands and names."""

    @property
    def framed_cell(self) -> tuple[int, int] | None:
        """The cell that is framed, if it is one cell."""


def panels_figure(
    canvases: Sequence[_Canvas], pictures: Sequence[NDArray[np.uint8]], *, title: str
) -> Figure:
    """Draw what an explorer shows: its matrices, then its plots, two in a row.

    What is left over at an odd count is the last matrix, or a plot that is wide: it has a row of
    its own, and no place stays empty.

    Parameters
    ----------
    canvases : sequence of MatrixCanvas
        The matrices.
    pictures : sequence of ndarray of uint8, shape (height, width, 4)
        The plots, as pictures.
    title : str
        Settings and scores, above it all.

    Returns
    -------
    matplotlib.figure.Figure
        The panels.
    """
    shown: list[Any] = [*canvases, *pictures]
    rows = -(-len(shown) // 2)
    height = 0.8 + 3.0 * rows
    figure = Figure(figsize=(12, height))
    inch = 1 / height
    figure.subplots_adjust(
        left=0.07, right=0.96, bottom=0.65 * inch, top=1 - 1.1 * inch, hspace=0.5, wspace=0.22
    )
    figure.suptitle(textwrap.fill(title, 100), fontsize=FONT_SIZE, y=1 - 0.15 * inch, va="top")
    if len(shown) % 2:
        is_wide = len(pictures) > 0 and pictures[-1].shape[1] > 3 * pictures[-1].shape[0]
        shown.append(shown.pop(-1 if is_wide else len(canvases) - 1))
    grid = figure.add_gridspec(rows, 2)
    for i, what in enumerate(shown):
        alone = i == len(shown) - 1 and len(shown) % 2
        panel = figure.add_subplot(grid[i // 2, :] if alone else grid[i // 2, i % 2])
        if isinstance(what, np.ndarray):
            _paste(panel, what, inch)
        else:
            _draw_canvas(figure, panel, what)
    return figure


def _paste(panel: Axes, picture: NDArray[np.uint8], inch: float) -> None:
    """Show a plot that has axes of its own already, on all the room there is."""
    panel.imshow(picture, aspect="equal", interpolation="lanczos")
    panel.set_axis_off()
    x, y, width, tall = panel.get_position().bounds
    panel.set_position((x - 0.05, y - 0.6 * inch, width + 0.05, tall + 1.1 * inch))


def png_bytes(figure: Figure, *, dpi: int = DPI, colours: int = 0) -> bytes:
    """Give a figure as PNG; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    dpi : int
        Resolution.
    colours : int, default 0
        Keep that many colours only: a third of the bytes, for notebooks that are to stay small.

    Returns
    -------
    bytes
        The content of a PNG file.
    """
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=dpi, metadata={"Software": None})
    if colours:
        from PIL import Image

        few = Image.open(content).convert("RGB").quantize(colours, Image.Quantize.FASTOCTREE)
        content = io.BytesIO()
        few.save(content, "png", optimize=True)
    return content.getvalue()


def _draw_canvas(figure: Figure, panel: Axes, canvas: _Canvas) -> None:
    """Draw one matrix with its axes, bands and colour bar."""
    shape = canvas.geometry
    image = panel.imshow(
        _enlarged(canvas.matrix),
        extent=(*shape.columns, *shape.rows),
        vmin=shape.low,
        vmax=shape.high,
        cmap=canvas.colormap,
        origin="lower",
        aspect="auto",
    )
    _label(panel, canvas.title, _with_unit(canvas.rows_label, canvas.rows_unit))
    panel.set_xlabel(_with_unit(canvas.columns_label, canvas.columns_unit), fontsize=FONT_SIZE)
    at = shape.rows[0]
    for name, size in shape.row_bands:
        panel.annotate(
            name, (shape.columns[0], at), (5, 4), textcoords="offset points", color="white",
            fontsize=FONT_SIZE - 2,
        )  # fmt: skip
        at += size
        panel.axhline(at, color="white", lw=1)
    panel.set_ylim(*shape.rows)
    _name_cells(panel, canvas)
    bar = figure.colorbar(image, ax=panel, pad=0.02, fraction=0.05)
    bar.ax.set_title(canvas.value_unit, fontsize=FONT_SIZE - 3)


def _name_cells(panel: Axes, canvas: _Canvas) -> None:
    """Write the names of rows and columns and what stands in the cells; frame the chosen one."""
    shape, (rows, columns) = canvas.geometry, canvas.matrix.shape
    middles = [
        first + (np.arange(count) + 0.5) * (last - first) / count
        for (first, last), count in ((shape.rows, rows), (shape.columns, columns))
    ]
    if shape.row_names:
        panel.set_yticks(middles[0], shape.row_names)
    if shape.column_names:
        panel.set_xticks(middles[1], shape.column_names)
    for y, texts in zip(middles[0], shape.cell_texts, strict=False):
        for x, text in zip(middles[1], texts, strict=True):
            label = panel.text(x, y, text, ha="center", va="center", color="white")
            label.set_path_effects([withStroke(linewidth=3, foreground="black")])
    if canvas.framed_cell:
        row, column = canvas.framed_cell
        width, height = middles[1][0] - shape.columns[0], middles[0][0] - shape.rows[0]
        corner = (middles[1][column] - width, middles[0][row] - height)
        for colour, line in (("black", 5), ("white", 2)):
            frame = Rectangle(corner, 2 * width, 2 * height, fill=False, ec=colour, lw=line)
            panel.add_patch(frame)


def _enlarged(matrix: NDArray[np.floating]) -> NDArray[np.floating]:
    """Repeat cells that are wider than a pixel: matplotlib would blur them into each other."""
    for axis, count in enumerate(matrix.shape):
        matrix = np.repeat(matrix, max(1, FEW_CELLS // count), axis=axis)
    return matrix


def _with_unit(label: str, unit: str) -> str:
    return f"{label} ({unit})" if unit else label


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
) -> None:
    """Paint one matrix of levels, its first row at the bottom."""
    panel.imshow(
        level,
        extent=extent,
        vmin=-DYNAMIC_RANGE,
        vmax=0.0,
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
