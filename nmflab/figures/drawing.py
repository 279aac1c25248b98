"""What all figures share: sizes, colours, labels, a matrix over time, colour bars, PNG.

Conventions: every picture is a `matplotlib.figure.Figure` that belongs to nobody's global state
(never pyplot), so nothing is shown twice and nothing leaks. Every axis has its unit. A name is
text: two dollar signs in it are no mathematics. Levels are in dB relative to the loudest point;
panels that share a colour bar share its range.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from nmflab.core.stft import Stft
from nmflab.figures.scales import frequency_edges, time_edges
from nmflab.system.files import replacing


class Fonts(NamedTuple):
    """Font sizes in points."""

    title: int
    text: int
    ticks: int
    bar: int  # the ticks of a colour bar


PLOT = Fonts(15, 14, 12, 12)  # of a picture that stands by itself
LESSON = Fonts(13, 12, 11, 10)  # of one between the paragraphs of a lesson
DPI = 100
LESSON_DPI = 72

COLOUR_MAP = "magma"  # perceptually uniform, and still readable in grey
GAIN_COLOUR_MAP = "cividis"
QUICKLY = {"compress_level": 2}
"""How a picture of noise is written: in a third of the time that 6 takes, with 5 % more bytes."""

LEVEL = "Level (dB, loudest = 0)"
SHADES = 14  # of levels: a third of the bytes of a smooth picture, in a stored notebook
GAIN_SHADES = 10
MOST_ROWS = 171  # of a small matrix: about one for each pixel of its panel


def grid(
    rows: int, columns: int, size: tuple[float, float], *, dpi: int = LESSON_DPI, **options: Any
) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels, row by row, whose labels don't touch."""
    figure = Figure(figsize=size, dpi=dpi, layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False, **options).flat)


def side_by_side(count: int, *, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """Make a figure with one row of panels, as wide as the page."""
    return grid(1, count, (11.0, 3.4), dpi=DPI, sharey=sharey)


def label(panel: Axes, title: str, xlabel: str, ylabel: str, *, fonts: Fonts = LESSON) -> None:
    """Write what stands above, below and beside a panel."""
    panel.set_title(title, fontsize=fonts.title, parse_math=False)
    panel.set_xlabel(xlabel, fontsize=fonts.text, parse_math=False)
    panel.set_ylabel(ylabel, fontsize=fonts.text, parse_math=False)
    panel.tick_params(labelsize=fonts.ticks)


def legend(panel: Axes, *, outside: bool = False, **options: Any) -> None:
    """Name the curves, inside the panel or to its right."""
    place = {"loc": "center left", "bbox_to_anchor": (1, 0.5)} if outside else {}
    panel.legend(**{"fontsize": LESSON.ticks, "frameon": False, **place, **options})


def paint(
    panel: Axes,
    matrix: NDArray[np.floating],
    stft: Stft,
    *,
    rows: tuple[float, float] | None = None,
    seconds: tuple[float, float] | None = None,
    low: float,
    high: float = 0.0,
    colours: str = COLOUR_MAP,
    shades: int = 256,
    interpolation: str = "nearest",
) -> None:
    """Paint a matrix over time; its rows lie between two edges, or else are the bins in kHz.

    So do its columns, in seconds, or else they are frames.
    """
    begin, end = seconds or time_edges(stft, matrix.shape[1])
    panel.imshow(
        matrix,
        extent=(begin, end, *(rows or frequency_edges(stft))),
        vmin=low,
        vmax=high,
        cmap=colormaps[colours].resampled(shades),
        interpolation=interpolation,
        origin="lower",
        aspect="auto",
    )
    panel.set_xlim(max(begin, 0.0), end)
    panel.set_ylim(*(rows or (0.0, stft.sampling_rate / 2000)))


def paint_small(
    panel: Axes,
    matrix: ArrayLike,
    stft: Stft,
    *,
    rows: tuple[float, float] | None = None,
    low: float = -60.0,
    is_gain: bool = False,
) -> None:
    """Paint levels, or a gain from 0 to 1, with a colour bar; in few rows and shades."""
    matrix = np.asarray(matrix)
    bottom, top = rows or frequency_edges(stft)
    few, shown = _thinned(matrix)
    look: dict[str, Any] = {"low": low, "shades": SHADES}
    if is_gain:
        look = {"low": 0.0, "high": 1.0, "colours": GAIN_COLOUR_MAP, "shades": GAIN_SHADES}
    paint(panel, few, stft, rows=(bottom, bottom + (top - bottom) * shown / len(matrix)), **look)
    panel.set_ylim(*(rows or (0.0, stft.sampling_rate / 2000)))
    colour_bar([panel], above="gain" if is_gain else "dB")


def _thinned(matrix: NDArray[np.floating]) -> tuple[NDArray[np.floating], int]:
    """Take the mean of neighbouring rows where there are more than the panel has pixels.

    The second value counts the rows whose room is painted: the last group may want some.
    """
    each = max(1, len(matrix) // MOST_ROWS)
    starts = np.arange(0, len(matrix), each)
    sizes = np.diff([*starts, len(matrix)])[:, None]
    means: NDArray[np.floating] = np.add.reduceat(matrix, starts, axis=0) / sizes
    return means.astype(matrix.dtype, copy=False), len(starts) * each


def colour_bar(
    panels: Sequence[Axes],
    *,
    beside: str = "",
    above: str = "",
    fonts: Fonts = LESSON,
    cax: Axes | None = None,
    **options: Any,
) -> None:
    """Put one colour bar to the right of panels, or into axes made for it."""
    place = {"cax": cax} if cax else {"ax": list(panels), "pad": 0.01, "fraction": 0.05}
    bar = panels[0].figure.colorbar(panels[0].images[0], **{**place, **options})
    bar.set_label(beside, fontsize=fonts.text)
    bar.ax.set_title(above, fontsize=fonts.ticks)
    bar.ax.tick_params(labelsize=fonts.bar)


def png_bytes(
    figure: Figure, *, dpi: int = DPI, colours: int = 0, options: dict[str, Any] | None = None
) -> bytes:
    """Give a figure as PNG, in few colours if asked for: a third of the bytes, for notebooks.

    The same figure gives the same bytes. The options are Pillow's.
    """
    content = io.BytesIO()
    with warnings.catch_warnings():  # a letter that the font doesn't have is drawn as a box
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        more: dict[str, Any] = {"metadata": {"Software": None}, "pil_kwargs": options}
        figure.savefig(content, format="png", dpi=dpi, **more)
    if colours:
        from PIL import Image

        few = Image.open(content).convert("RGB").quantize(colours, Image.Quantize.FASTOCTREE)
        content = io.BytesIO()
        few.save(content, "png", optimize=True)
    return content.getvalue()


def save_figure(figure: Figure, path: str | PathLike[str]) -> None:
    """Write a figure as PNG; the same figure gives the same bytes, and never half a file."""
    with replacing(path) as temporary:
        temporary.write_bytes(png_bytes(figure, options=QUICKLY))
