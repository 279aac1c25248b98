"""The static face of an explorer: what it shows as one picture, for pages that can run nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from nmflab.figures.drawing import PLOT, colour_bar, label

FEW_CELLS = 500  # some pixels of a panel
LEAST_BAND = 0.09  # part of the rows in which a name has room


class _Canvas(Protocol):
    """What `panels_figure` wants to know of a matrix on a page (see `MatrixCanvas`)."""

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
    """Draw what an explorer shows: its matrices, then its plots as pictures, two in a row.

    What is left over at an odd count is the last matrix, or a plot that is wide: it has a row of
    its own, and no place stays empty.
    """
    shown: list[Any] = [*canvases, *pictures]
    rows = -(-len(shown) // 2)
    height = 0.8 + 3.0 * rows
    figure = Figure(figsize=(12, height))
    inch = 1 / height
    figure.subplots_adjust(
        left=0.07, right=0.96, bottom=0.65 * inch, top=1 - 1.1 * inch, hspace=0.5, wspace=0.22
    )
    look = {"fontsize": PLOT.text, "va": "top", "parse_math": False}
    figure.suptitle(textwrap.fill(title, 100), y=1 - 0.15 * inch, **look)
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
            _draw(panel, what)
    return figure


def _paste(panel: Axes, picture: NDArray[np.uint8], inch: float) -> None:
    """Show a plot that has axes of its own already, on all the room there is."""
    panel.imshow(picture, aspect="equal", interpolation="lanczos")
    panel.set_axis_off()
    x, y, width, tall = panel.get_position().bounds
    panel.set_position((x - 0.05, y - 0.6 * inch, width + 0.05, tall + 1.1 * inch))


def _draw(panel: Axes, canvas: _Canvas) -> None:
    """Draw one matrix with its axes, bands and colour bar."""
    shape = canvas.geometry
    panel.imshow(
        _enlarged(canvas.matrix),
        extent=(*shape.columns, *shape.rows),
        vmin=shape.low,
        vmax=shape.high,
        cmap=canvas.colormap,
        origin="lower",
        aspect="auto",
    )
    xlabel = _with_unit(canvas.columns_label, canvas.columns_unit)
    label(panel, canvas.title, xlabel, _with_unit(canvas.rows_label, canvas.rows_unit), fonts=PLOT)
    at = shape.rows[0]
    least = LEAST_BAND * (shape.rows[1] - shape.rows[0])
    for name, size in shape.row_bands:
        if size >= least:
            panel.annotate(
                name, (shape.columns[0], at), (5, 4), textcoords="offset points", color="white",
                fontsize=PLOT.ticks, parse_math=False,
            )  # fmt: skip
        at += size
        panel.axhline(at, color="white", lw=1)
    panel.set_ylim(*shape.rows)
    _name_cells(panel, canvas)
    colour_bar([panel], above=canvas.value_unit, pad=0.02)


def _name_cells(panel: Axes, canvas: _Canvas) -> None:
    """Write the names of rows and columns and what stands in the cells; frame the chosen one."""
    shape, (rows, columns) = canvas.geometry, canvas.matrix.shape
    middles = [
        first + (np.arange(count) + 0.5) * (last - first) / count
        for (first, last), count in ((shape.rows, rows), (shape.columns, columns))
    ]
    if shape.row_names:
        panel.set_yticks(middles[0], shape.row_names, parse_math=False)
    if shape.column_names:
        panel.set_xticks(middles[1], shape.column_names, parse_math=False)
    for y, texts in zip(middles[0], shape.cell_texts, strict=False):
        for x, text in zip(middles[1], texts, strict=True):
            written = panel.text(x, y, text, ha="center", va="center", color="white")
            written.set_parse_math(False)
            written.set_path_effects([withStroke(linewidth=3, foreground="black")])
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


def _with_unit(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name
