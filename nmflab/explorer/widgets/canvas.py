"""A canvas that paints a matrix in the browser as fast as a slider moves.

Conventions: a matrix is (rows, columns), row 0 at the bottom, values in the unit that the colour
bar names (dB for spectrograms and H, none for masks). It is quantised to one byte a cell over
`MatrixCanvas.limits` and sent in one message with its geometry and a sequence number; the browser
looks the colours up (codes.js), so a change of the shown range needs no kernel. Canvases and
players that share a `group` are linked in the browser: playhead, time zoom, click to seek.
Nothing here needs a browser: in plain Python the updates go nowhere, and `MatrixCanvas.matrix`
and `MatrixCanvas.geometry` hold what would be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from nmflab.errors import NmflabError
from nmflab.explorer.engine.scheduling import browser_drives
from nmflab.explorer.widgets.codes import palette, pooled_columns, quantise
from nmflab.explorer.widgets.modules import linked
from nmflab.explorer.widgets.paintable import Paintable

HERE = Path(__file__).parent

DB_MARGIN = 20.0
"""What the range slider can reach beyond the shown range at either end, in dB."""

Pair = tuple[float, float]
Bands = tuple[tuple[str, int], ...]
Names = tuple[str, ...]
PickCallback = Callable[[int, int], object]
MarkCallback = Callable[[tuple[Pair, ...]], object]


@dataclass(frozen=True)
class Geometry:
    """What a canvas shows around its matrix: all that a static picture of it needs.

    Attributes
    ----------
    rows, columns : tuple of two floats
        Where the first row (column) begins and the last one ends, in the axis' unit.
    low, high : float
        Values at the two ends of the colour bar.
    row_bands, column_bands : tuple of (str, int)
        Named groups of neighbouring rows (columns) and how many each has, from 0 on.
    row_names, column_names : tuple of str
        What stands at each row (column) in place of numbers.
    cell_texts : tuple of tuple of str
        What stands in each cell, row by row.
    """

    rows: Pair = (0.0, 1.0)
    columns: Pair = (0.0, 1.0)
    low: float = 0.0
    high: float = 1.0
    row_bands: Bands = ()
    column_bands: Bands = ()
    row_names: Names = ()
    column_names: Names = ()
    cell_texts: tuple[Names, ...] = ()


class MatrixCanvas(Paintable):
    """Paint a matrix with axes, colour bar, read-out, playhead and linked time zoom.

    All parameters are keywords and, but for `low`, `high` and `limits`, attributes that may be
    changed later.

    Parameters
    ----------
    title : str
        Stands above the picture, and in what a screen reader says.
    rows_label, rows_unit, columns_label, columns_unit, value_label, value_unit : str
        Names and units of the two axes and of the values. An axis without a unit counts (bases):
        its ticks are whole numbers. Axes in "s" take part in the group's playhead and time zoom.
    colormap : str
        One of matplotlib's: "magma", "viridis", "cividis"; "RdBu_r" for masks.
    low, high : float
        Values at the two ends of the colour bar.
    limits : tuple of two floats, optional
        How far the range slider goes; values beyond are cut. Default: 20 dB beyond `low` and
        `high` where there is a slider and the unit is dB, otherwise `low` and `high` themselves.
    group : str
        Canvases and players with one group are linked; "" links nothing. Take a string that no
        other explorer on the page has, for instance ``uuid.uuid4().hex``.
    height : int
        Of picture and axes, in CSS pixels.
    pick : bool
        A plain click picks a cell (see `on_pick`) instead of moving the playhead. Without it,
        a click with the shift key does.
    sound : str
        Which version of the group's player a click on it plays; "" is whichever is chosen.
    slider : bool
        Whether there is a range slider.
    mark_name : str
        What is marked where somebody drags along the columns (see `on_mark`); "" marks nothing.
    paint : str
        What is brushed on it (see `Paintable`).
    **options : object
        What every ipywidget takes, `layout` for instance. Side by side canvases are equally wide;
        a row of them that is to wrap on a narrow page needs ``Layout(flex_flow="row wrap")``.

    Examples
    --------
    >>> canvas = MatrixCanvas(title="Noisy", low=-60, high=0)
    >>> canvas.show(np.full((257, 800), -20.0), rows=(0, 8.0), columns=(0, 3.2))
    >>> canvas
    MatrixCanvas('Noisy', 257 rows, 800 columns)
    """

    _esm = linked(HERE / "canvas.js")
    _css = (HERE / "style.css").read_text("utf-8")

    title = traitlets.Unicode("").tag(sync=True)
    rows_label = traitlets.Unicode("Frequency").tag(sync=True)
    rows_unit = traitlets.Unicode("kHz").tag(sync=True)
    columns_label = traitlets.Unicode("Time").tag(sync=True)
    columns_unit = traitlets.Unicode("s").tag(sync=True)
    value_label = traitlets.Unicode("Level").tag(sync=True)
    value_unit = traitlets.Unicode("dB").tag(sync=True)
    colormap = traitlets.Unicode("magma")
    group = traitlets.Unicode("").tag(sync=True)
    sound = traitlets.Unicode("").tag(sync=True)
    height = traitlets.Int(220, min=120).tag(sync=True)
    pick = traitlets.Bool(False).tag(sync=True)
    slider = traitlets.Bool(True).tag(sync=True)
    mark_name = traitlets.Unicode("").tag(sync=True)

    # Everything that belongs to one picture travels in one traitlet: no half an update.
    _frame: traitlets.Dict[str, Any] = traitlets.Dict({"seq": 0}).tag(sync=True)
    _palette = traitlets.Bytes(b"").tag(sync=True)
    _highlight: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    _extent: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    _marks: traitlets.Dict[str, Any] = traitlets.Dict({"seq": 0, "stretches": []}).tag(sync=True)

    def __init__(
        self, *, low: float = -60.0, high: float = 0.0, limits: Pair | None = None, **options: Any
    ) -> None:
        options.setdefault("colormap", "magma")
        super().__init__(_palette=palette(options["colormap"]), **options)
        self._matrix: NDArray[np.floating] = np.zeros((0, 0), dtype=np.float32)
        self._limits = limits
        self._geometry = Geometry(low=low, high=high)
        self._check_range(self._geometry)
        self._pick_callbacks: list[PickCallback] = []
        self._mark_callbacks: list[MarkCallback] = []
        self.observe(self._renew_palette, names="colormap")
        self.on_msg(self._message)

    def __repr__(self) -> str:
        rows, columns = self._matrix.shape
        return f"MatrixCanvas({self.title!r}, {rows} rows, {columns} columns)"

    @property
    def matrix(self) -> NDArray[np.floating]:
        """The matrix shown, read-only, shape (rows, columns); (0, 0) before the first one."""
        return self._matrix

    @property
    def geometry(self) -> Geometry:
        """The ranges of axes and colours, and the bands."""
        return self._geometry

    @property
    def limits(self) -> Pair:
        """The two values between which the matrix is quantised."""
        if self._limits is not None:
            return self._limits
        margin = DB_MARGIN if self.value_unit == "dB" and self.slider else 0.0
        return self._geometry.low - margin, self._geometry.high + margin

    @property
    def seq(self) -> int:
        """How many pictures were sent: ``data-seq`` in the browser once the last is painted."""
        return int(self._frame["seq"])

    def note_batch(self, name: str, number: int, count: int) -> None:
        """Let the picture that is about to leave wait in the browser for all of its batch."""
        self._frame["batch"] = [name, number, count]

    def show(
        self,
        matrix: ArrayLike,
        *,
        rows: Pair | None = None,
        columns: Pair | None = None,
        low: float | None = None,
        high: float | None = None,
        row_bands: Sequence[tuple[str, int]] = (),
        column_bands: Sequence[tuple[str, int]] = (),
        row_names: Sequence[str] = (),
        column_names: Sequence[str] = (),
        cell_texts: Sequence[Sequence[str]] = (),
    ) -> None:
        """Show a matrix. The newest one wins; one equal to the last is not sent again.

        Parameters
        ----------
        matrix : array_like of float, shape (rows, columns)
            Values in `value_unit`; −∞ and NaN take the lowest colour. It isn't copied: don't
            change it afterwards.
        rows, columns : tuple of two floats, optional
            Where the first row (column) begins and the last one ends. Default: rows (columns)
            are counted from 1, that is ``(0.5, n + 0.5)``.
        low, high : float, optional
            New ends of the colour bar; otherwise they stay. A range that somebody has set in the
            browser stays until these change.
        row_bands, column_bands : sequence of (str, int)
            Named groups of rows (columns) and how many each has, from 0 on, with a line between
            two: ``[("speech", 64), ("noise", 16)]``.
        row_names, column_names : sequence of str, optional
            What stands at each row (column) in place of numbers.
        cell_texts : sequence of sequence of str, optional
            What stands in each cell, row by row, where there is room.

        Raises
        ------
        NmflabError
            If the matrix isn't two-dimensional, or a range is empty.
        """
        values = np.asarray(matrix).view()
        if values.ndim != 2 or values.size == 0:
            raise NmflabError(f"A canvas shows a matrix of (rows, columns), not {values.shape}.")
        values.flags.writeable = False
        now = self._geometry
        geometry = Geometry(
            _floats(rows) or (0.5, values.shape[0] + 0.5),
            _floats(columns) or (0.5, values.shape[1] + 0.5),
            now.low if low is None else float(low),
            now.high if high is None else float(high),
            tuple((str(name), int(count)) for name, count in row_bands),
            tuple((str(name), int(count)) for name, count in column_bands),
            tuple(row_names),
            tuple(column_names),
            tuple(map(tuple, cell_texts)),
        )
        self._check_range(geometry)
        self._matrix, self._geometry = values, geometry
        self._send_frame()

    def clear(self) -> None:
        """Show nothing, as before the first matrix."""
        self._matrix = np.zeros((0, 0), dtype=np.float32)
        self._frame = {"seq": self.seq + 1}

    def highlight(self, row: int | None = None, column: int | None = None) -> None:
        """Frame a row, a column, with both one cell, or (without arguments) nothing.

        Parameters
        ----------
        row, column : int, optional
            Index from 0 on.
        """
        self._highlight = {"row": row, "column": column}

    @property
    def framed_cell(self) -> tuple[int, int] | None:
        """The cell that is framed, if it is one cell."""
        row, column = self._highlight.get("row"), self._highlight.get("column")
        return None if row is None or column is None else (row, column)

    def show_extent(self, columns: float, rows: float, *, at: Pair) -> None:
        """Draw a box of one size around the cursor, and around `at` while there is none.

        Parameters
        ----------
        columns, rows : float
            Its width and height, in the units of the axes.
        at : tuple of two floats
            Column and row of its middle.
        """
        self._extent = {"size": [float(columns), float(rows)], "at": [float(at[0]), float(at[1])]}

    def on_pick(self, callback: PickCallback, remove: bool = False) -> None:
        """Call ``callback(row, column)`` whenever somebody picks a cell.

        Parameters
        ----------
        callback : callable
            Gets the two indices, from 0 on.
        remove : bool
            Take the callback away instead.
        """
        if remove:
            self._pick_callbacks.remove(callback)
        else:
            self._pick_callbacks.append(callback)

    def pick_cell(self, row: int, column: int) -> None:
        """Do what a pick in the browser does; errors of the callbacks are raised.

        Parameters
        ----------
        row, column : int
            Indices from 0 on.
        """
        for callback in tuple(self._pick_callbacks):
            callback(row, column)

    @property
    def marks(self) -> tuple[Pair, ...]:
        """The stretches of the columns that are marked."""
        return tuple((start, stop) for start, stop in self._marks["stretches"])

    def show_marks(self, stretches: Sequence[Pair]) -> None:
        """Show stretches as marked, in place of those before.

        Parameters
        ----------
        stretches : sequence of two floats
            From where to where, in the unit of the columns.
        """
        if tuple(stretches) != self.marks:
            self._send_marks(stretches)

    def on_mark(self, callback: MarkCallback) -> None:
        """Call ``callback(stretches)`` whenever somebody has marked, moved or removed a stretch.

        Parameters
        ----------
        callback : callable
            Gets all that is marked; it is shown as marked then only by `show_marks`.
        """
        self._mark_callbacks.append(callback)

    def _send_marks(self, stretches: Sequence[Pair]) -> None:
        self._marks = {"seq": self._marks["seq"] + 1, "stretches": [list(s) for s in stretches]}

    def _send_frame(self) -> None:
        """Quantise the matrix and send it, unless the browser has it already."""
        matrix, columns, step = pooled_columns(self._matrix, self._geometry.columns)
        low, high = self.limits
        codes = quantise(matrix, low, high)
        shown = replace(self._geometry, columns=columns)
        frame = {
            "seq": self.seq + 1,  # first: comparing two frames ends here
            "shape": list(matrix.shape),
            "by_columns": not codes.flags.c_contiguous,
            "column_step": step,
            "limits": [low, high],
            "rows": list(shown.rows),
            "columns": list(shown.columns),
            "low": shown.low,
            "high": shown.high,
            "row_bands": [list(band) for band in shown.row_bands],
            "column_bands": [list(band) for band in shown.column_bands],
            "row_names": list(shown.row_names),
            "column_names": list(shown.column_names),
            "cell_texts": [list(texts) for texts in shown.cell_texts],
            "codes": codes.tobytes(order="A"),
        }
        last = {name: value for name, value in self._frame.items() if name != "batch"}
        if {**frame, "seq": self.seq} != last:
            self._frame = frame

    def _check_range(self, geometry: Geometry) -> None:
        """Refuse what can't be drawn."""
        ends = {"rows": geometry.rows, "columns": geometry.columns}
        ends["low and high"] = (geometry.low, geometry.high)
        for name, (begin, end) in ends.items():
            if not (np.isfinite(begin) and np.isfinite(end) and begin < end):
                raise NmflabError(f"{name} must be two rising numbers, not ({begin}, {end}).")

    def _renew_palette(self, change: dict[str, Any]) -> None:
        self._palette = palette(change["new"])

    def _message(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        if content.get("kind") == "pick":
            with browser_drives():
                self.pick_cell(int(content["row"]), int(content["column"]))
        elif content.get("kind") == "paint":
            self._hear_paint(content)
        elif content.get("kind") == "mark":
            stretches = tuple((float(a), float(b)) for a, b in content["stretches"])
            with browser_drives():
                for callback in tuple(self._mark_callbacks):
                    callback(stretches)
            self._send_marks(self.marks)  # what is refused there must not stay on the page


def _floats(pair: Pair | None) -> Pair | None:
    """Turn numpy's numbers into plain ones, which JSON knows."""
    return None if pair is None else (float(pair[0]), float(pair[1]))
