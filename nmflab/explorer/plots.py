"""Small matplotlib figures that are made once and then only given new data.

What is not a matrix is drawn here: curves, histograms, quantiles. Each plot keeps its figure, its
axes and its frozen layout, and goes to the browser as a PNG. Axes with
their ticks take matplotlib ten times as long as the curves upon them; so ranges go in steps, and
the frame of each range is kept.
"""

from __future__ import annotations

import struct
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.explorer.panels import Remembering
from nmflab.explorer.widgets.picture import Picture
from nmflab.figures.colours import COLOURS, STYLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (3.7, 2.6)
DPI = 160
FRAMES = 4
"""Frames that each plot keeps, one megabyte each."""

Corner = Literal["upper right", "lower right", "lower left"]


class Plot(Remembering):
    """One figure with one pair of axes.

    Parameters
    ----------
    title, xlabel, ylabel : str
        What stands on it.
    size : tuple of float
        Width and height in inches.

    Attributes
    ----------
    widget : Picture
        What is shown.
    moving : list of matplotlib.artist.Artist
        What changes with the data; all else is the frame, drawn once for each range.
    """

    def __init__(
        self, title: str, xlabel: str, ylabel: str, *, size: tuple[float, float] = SIZE
    ) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second, once
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=size, dpi=DPI)
        self._canvas: Any = FigureCanvasAgg(self.figure)
        self._frames: OrderedDict[object, Any] = OrderedDict()
        self.moving: list[Any] = []
        width, height = size
        self.axes: Axes = self.figure.add_axes(
            (0.74 / width, 0.52 / height, 1 - 0.85 / width, 1 - 0.83 / height)  # margins in inches
        )
        self.axes.set_title(title, fontsize=11, parse_math=False)
        self.axes.set_xlabel(xlabel, fontsize=10)
        self.axes.set_ylabel(ylabel, fontsize=10)
        self.axes.tick_params(labelsize=9)
        self.title = title
        self.widget = Picture()
        self.dark = False
        self.set_dark(False)

    def set_dark(self, dark: bool) -> None:
        """Draw on a dark or on a light page."""
        self.dark = dark
        ink = "#dddddd" if dark else "#222222"
        self.figure.set_facecolor((0, 0, 0, 0))
        self.axes.set_facecolor((0, 0, 0, 0))
        self.axes.tick_params(colors=ink, which="both")
        for text in (self.axes.title, self.axes.xaxis.label, self.axes.yaxis.label):
            text.set_color(ink)
        for spine in self.axes.spines.values():
            spine.set_color(ink)
        legend = self.axes.get_legend()
        for text in legend.get_texts() if legend else ():
            text.set_color(ink)

    def draw(self) -> None:
        """Send the figure as it is now, and what a screen reader says of it, in one message."""
        self.widget.show(quick_png(self._render()), self.describe())

    def describe(self) -> str:
        """Say in one sentence what is to be seen."""
        return f"{self.axes.get_title()}: {self.axes.get_ylabel()} over {self.axes.get_xlabel()}."

    def picture(self) -> NDArray[np.uint8]:
        """Draw the figure as RGBA for a light page, whatever the theme."""
        dark = self.dark
        self.fit()
        self.set_dark(False)
        picture = self._render()
        self.set_dark(dark)
        return picture

    def fit(self) -> None:
        """Choose the ranges by what is shown now alone, not by what was shown before."""

    def _render(self) -> NDArray[np.uint8]:
        """Draw the frame, if it isn't one of the last, and what moves upon it."""
        frame = (self.dark, self.axes.get_xlim(), self.axes.get_ylim())
        moving = [*self.moving, self.axes.title]
        if frame not in self._frames:
            for artist in moving:
                artist.set_animated(True)
            self._canvas.draw()
            self._frames[frame] = self._canvas.copy_from_bbox(self.figure.bbox)
            if len(self._frames) > FRAMES:
                self._frames.popitem(last=False)
        self._frames.move_to_end(frame)
        self._canvas.restore_region(self._frames[frame])
        for artist in moving:
            self.axes.draw_artist(artist)
        return np.array(self._canvas.buffer_rgba())

    def add_legend(self, place: Corner = "upper right") -> None:
        """Say which line is which, where nothing is drawn; it belongs to the frame."""
        self.axes.legend(loc=place, fontsize=9, frameon=False)
        self.set_dark(self.dark)


class CurvePlot(Plot):
    """Curves over the iterations.

    Parameters
    ----------
    labels : sequence of str
        Names of the curves; one alone needs no legend.
    title, ylabel : str
        What stands on it.
    size : tuple of float
        Width and height in inches.
    """

    def __init__(
        self,
        labels: Sequence[str] = ("",),
        title: str = "Objective",
        ylabel: str = "D + λ Σ φ",
        *,
        size: tuple[float, float] = SIZE,
    ) -> None:
        from matplotlib.ticker import EngFormatter, MaxNLocator

        super().__init__(title, "iteration", ylabel, size=size)
        self.labels = tuple(labels)
        self.lines = [
            self.axes.plot([], [], STYLES[i], color=COLOURS[i], lw=2, label=label)[0]
            for i, label in enumerate(labels)
        ]
        self.axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        self.axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        self._marker = self.axes.axvline(1, color="#888888", lw=1, visible=False)
        self.moving = [*self.lines, self._marker]
        self._range = (0.0, 1.0)
        if len(labels) > 1:
            self.add_legend("lower left")  # curves of an objective fall

    def show(self, curves: Sequence[ArrayLike], *, mark: int | None = None) -> None:
        """Draw one curve for each label, and a vertical line at an iteration."""
        arrays = [np.asarray(curve, dtype=float) for curve in curves]
        for line, values in zip(self.lines, arrays, strict=True):
            line.set_data(np.arange(1, len(values) + 1), values)
        shown = np.concatenate(arrays)
        low, high = self._range = float(shown.min()), float(shown.max())
        self.axes.set_xlim(1, max(2, *(len(values) for values in arrays)))
        bottom, top = self.axes.get_ylim()
        if not (bottom <= low and high <= top and high - low > 0.4 * (top - bottom)):
            self.fit()
        self._marker.set_visible(mark is not None)
        self._marker.set_xdata([mark or 1] * 2)
        self.draw()

    def describe(self) -> str:
        """Say in one sentence what is to be seen."""
        curves = [np.asarray(line.get_ydata()) for line in self.lines]
        ends = "; ".join(
            f"{label} from {y[0]:.3g} to {y[-1]:.3g}".strip()
            for label, y in zip(self.labels, curves, strict=True)
        )
        title, what = self.axes.get_title(), self.axes.get_ylabel()
        return f"{title} ({what}) over {max(map(len, curves))} iterations: {ends}."

    def fit(self) -> None:
        """Choose the ranges by what is shown now alone, not by what was shown before."""
        low, high = self._range
        room = 0.2 * (high - low) or 1.0
        self.axes.set_ylim(low - room, high + room)


def stepped(top: float) -> float:
    """Round the end of an axis up, so that neighbouring rows share a frame.

    >>> [stepped(x) for x in (0.7, 3.2, 12.0)]
    [0.8, 4.0, 15.0]
    """
    power = 10.0 ** np.floor(np.log10(top))
    return float(next(m * power for m in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if m * power >= top))


def quick_png(picture: NDArray[np.uint8]) -> bytes:
    """Give an RGBA picture of few colours as PNG, in a third of the time that Pillow takes.

    Pillow tries five filters on each row; on curves over a plain ground none is as good.
    """
    height, width, _ = picture.shape
    rows = np.zeros((height, 1 + 4 * width), dtype=np.uint8)  # each begins with its filter: none
    rows[:, 1:] = picture.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
