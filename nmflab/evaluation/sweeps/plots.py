"""The plots of a sweep's report, drawn by Bokeh."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from bokeh.layouts import gridplot
from bokeh.models import (
    ColorBar,
    ColumnDataSource,
    FactorRange,
    FixedTicker,
    HoverTool,
    LinearColorMapper,
)
from bokeh.palettes import Viridis256
from bokeh.plotting import figure
from numpy.typing import NDArray

from nmflab.evaluation.metrics import SCORES
from nmflab.evaluation.sweeps.choice import Choice, Results
from nmflab.names import as_typed
from nmflab.settings import parameters

PAIRS = (("num_basis_noise", "penalty"), ("num_basis_speech", "penalty"), ("p", "penalty"))
"""Rows and columns of the maps that come first."""

MOST_CELLS = 18
"""Values of an axis beyond which a map becomes a cloud of points."""

LETTER = 7
"""Pixels that a letter of a tick takes at most."""

MOST_TICKS = 6
"""An axis of fewer values has a tick at each."""

DEPTH = {"dB": 6.0, "": 0.2}
"""What is further below the best has the darkest colour."""

GREY, BEST = "#9aa4ad", "#d1495b"


def label_of(name: str) -> str:
    """Give what a setting is called in a plot."""
    control = parameters()[name].control
    return control.label if control else name.replace("_", " ")


def maps(results: Results, choice: Choice) -> list[Any]:
    """Draw the best mean of each cell of two settings, whatever the other settings are."""
    numbers = [name for name in results.axes if parameters()[name].kind is not str]
    first = [pair for pair in PAIRS if set(pair) <= set(numbers)]
    rest = [
        pair for pair in combinations(numbers, 2) if not any(set(pair) == set(p) for p in first)
    ]
    gains = rough(results, f"{choice.metric}_gain")
    return [_map(results, choice, gains, *pair) for pair in (first + rest)[:3]]


def _map(
    results: Results, choice: Choice, gains: NDArray[np.float64], row: str, column: str
) -> Any:
    score, points = SCORES[choice.metric], list(results.points.values())
    ys, xs = (sorted({getattr(point, name) for point in points}) for name in (row, column))
    high = float(np.nanmax(gains))
    colours = _colours(high - DEPTH[score.unit], high)
    title = f"{score.label} gain, {label_of(row)} against {label_of(column)}"
    if max(len(xs), len(ys)) > MOST_CELLS:
        plot = _cloud(results, choice, gains, (row, column), colours, title)
    else:
        cells: dict[tuple[str, str], float] = {}
        for point, gain in zip(points, gains, strict=True):
            cell = as_typed(getattr(point, column)), as_typed(getattr(point, row))
            cells[cell] = np.nanmax([gain, cells.get(cell, -np.inf)])
        best = results.points[choice.best]
        plot = figure(
            x_range=FactorRange(*map(as_typed, xs)),
            y_range=FactorRange(*map(as_typed, ys)),
            title=title,
            height=300,
            sizing_mode="stretch_width",
            tools="save",
        )
        source = ColumnDataSource(
            {
                "x": [x for x, _ in cells],
                "y": [y for _, y in cells],
                "gain": list(cells.values()),
                "text": [score.text(gain) for gain in cells.values()],
                "ink": ["black" if gain > high - DEPTH[score.unit] / 2 else "white"
                        for gain in cells.values()],
            }
        )  # fmt: skip
        look = {"fill_color": {"field": "gain", "transform": colours}, "line_color": "white"}
        plot.rect("x", "y", 1, 1, source=source, **look)
        plot.text(
            "x", "y", "text", source=source, text_align="center", text_baseline="middle",
            text_color="ink", text_font_size="12px",
        )  # fmt: skip
        plot.rect(
            [as_typed(getattr(best, column))], [as_typed(getattr(best, row))], 1, 1,
            fill_alpha=0, line_color=BEST, line_width=3,
        )  # fmt: skip
    plot.xaxis.axis_label, plot.yaxis.axis_label = label_of(column), label_of(row)
    return _quiet(plot)


def _cloud(
    results: Results,
    choice: Choice,
    gains: NDArray[np.float64],
    names: tuple[str, str],
    colours: LinearColorMapper,
    title: str,
) -> Any:
    """Draw every combination as a point, coloured by its gain."""
    row, column = names
    logarithmic = {
        name: parameters()[name].ratio
        and all(getattr(p, name) > 0 for p in results.points.values())
        for name in names
    }
    plot = figure(
        x_axis_type="log" if logarithmic[column] else "linear",
        y_axis_type="log" if logarithmic[row] else "linear",
        title=title,
        height=300,
        sizing_mode="stretch_width",
        tools="save,box_zoom,reset",
    )
    order = np.argsort(gains)  # the best on top
    points = [list(results.points.values())[i] for i in order]
    source = ColumnDataSource(
        {
            "x": [getattr(point, column) for point in points],
            "y": [getattr(point, row) for point in points],
            "gain": gains[order],
        }
    )
    look = {"fill_color": {"field": "gain", "transform": colours}, "line_color": None}
    plot.scatter("x", "y", size=9, source=source, **look)
    for axis, name in ((plot.xaxis, column), (plot.yaxis, row)):
        if logarithmic[name]:
            _tick(axis, [getattr(point, name) for point in points])
    best = results.points[choice.best]
    plot.scatter(
        [getattr(best, column)], [getattr(best, row)], size=15, fill_alpha=0,
        line_color=BEST, line_width=3,
    )  # fmt: skip
    plot.add_layout(ColorBar(color_mapper=colours, width=10), "right")
    return plot


def multiples(results: Results, choice: Choice) -> Any:
    """Draw the gain of every combination over the first setting, for each noise and each SNR."""
    axis = next((n for n in ("penalty", *results.axes) if n in results.axes), None)
    if axis is None:
        return None
    snrs = sorted(set(results.columns["snr"]))
    noises = sorted({noise for noise, _ in results.files})
    values = [getattr(point, axis) for point in results.points.values()]
    names = [as_typed(value) for value in sorted(set(values))]
    few = parameters()[axis].kind is str or len(names) <= MOST_CELLS
    best = list(results.points).index(choice.best)
    column = f"{choice.metric}_gain"
    every = {(noise, snr): rough(results, column, noise=noise, snr=snr)
             for snr in snrs for noise in noises}  # fmt: skip
    ends = [f(gain) for gain in every.values() for f in (np.nanmin, np.nanmax)]
    top, bottom = max(ends), max(min(ends), max(ends) - 4 * DEPTH[SCORES[choice.metric].unit])
    width = max(160, 1110 // len(noises))
    upright = len("  ".join(names)) * LETTER > width - 50  # their room beside the other axis
    grid = []
    for snr in snrs:
        line = []
        for noise in noises:
            gains = every[noise, snr]
            kind = {"x_range": FactorRange(*names)} if few else {
                "x_axis_type": "log" if min(values) > 0 else "linear"
            }  # fmt: skip
            margin = 0.06 * (top - bottom or 1)
            plot = figure(
                title=f"{noise}, {snr:g} dB", height=190, width=width, tools="save",
                y_range=(bottom - margin, top + margin), **kind,
            )  # fmt: skip
            x = [as_typed(value) for value in values] if few else values
            plot.scatter(x, gains, size=6, fill_color=GREY, line_color=None, fill_alpha=0.6)
            plot.scatter([x[best]], [gains[best]], size=10, fill_color=BEST, line_color=None)
            if not few and min(values) > 0:
                _tick(plot.xaxis, values)
            if few and upright:
                plot.xaxis.major_label_orientation = "vertical"
                plot.height += LETTER * max(map(len, names))
            if snr == snrs[-1]:
                plot.xaxis.axis_label = label_of(axis)
            if noise == noises[0]:
                plot.yaxis.axis_label = f"{SCORES[choice.metric].label} gain"
            line.append(_quiet(plot, few))
        grid.append(line)
    return gridplot(grid, toolbar_location=None)


def parallel(results: Results, choice: Choice) -> Any:
    """Draw each combination as a line through the values of its settings."""
    axes = [*results.axes, f"{SCORES[choice.metric].label} gain"]
    gains = rough(results, f"{choice.metric}_gain")
    points = list(results.points.values())
    columns, ticks = [], []
    for name in results.axes:
        values = [getattr(point, name) for point in points]
        known = sorted(set(values))
        heights = {value: i / max(1, len(known) - 1) for i, value in enumerate(known)}
        columns.append([heights[value] for value in values])
        shown = known if len(known) <= 8 else [known[0], known[len(known) // 2], known[-1]]
        ticks.append([(heights[value], as_typed(value)) for value in shown])
    low, high = np.nanmin(gains), np.nanmax(gains)
    columns.append(list((gains - low) / (high - low or 1)))
    ticks.append([(0.0, f"{low:.2g}"), (1.0, f"{high:.2g}")])
    colours = _colours(max(low, high - DEPTH[SCORES[choice.metric].unit]), high)
    order = [i for i in np.argsort(gains) if np.isfinite(gains[i])]
    places = list(range(len(axes)))
    plot = figure(
        height=340, sizing_mode="stretch_width", tools="save", x_range=(-0.4, len(axes) - 0.4),
        y_range=(-0.08, 1.08),
    )  # fmt: skip
    source = ColumnDataSource(
        {
            "xs": [places for _ in order],
            "ys": [[column[i] for column in columns] for i in order],
            "gain": [gains[i] for i in order],
        }
    )
    plot.multi_line(
        "xs", "ys", source=source, line_width=1.5, line_alpha=0.6,
        line_color={"field": "gain", "transform": colours},
    )  # fmt: skip
    best = list(results.points).index(choice.best)
    plot.line(places, [column[best] for column in columns], line_color=BEST, line_width=3)
    for place, marks in zip(places, ticks, strict=True):
        plot.line([place, place], [0, 1], line_color="black")
        plot.text(
            [place] * len(marks), [y for y, _ in marks], [text for _, text in marks], x_offset=5,
            text_font_size="11px", text_baseline="middle",
        )  # fmt: skip
    plot.xaxis.ticker = FixedTicker(ticks=places)
    labels = [label_of(name) if name in results.axes else name for name in axes]
    words = ["\n".join(label.split()) for label in labels]  # for the width of a telephone
    plot.xaxis.major_label_overrides = dict(zip(places, words, strict=True))
    plot.yaxis.visible = False
    return _quiet(plot)


def against(
    results: Results, choice: Choice, column: str, label: str, columns: Sequence[str]
) -> Any:
    """Draw the gain of every combination against something that it costs."""
    gains, cost = rough(results, f"{choice.metric}_gain"), rough(results, column)
    points = list(results.points.values())
    source = ColumnDataSource(
        {
            "gain": gains,
            "cost": cost,
            **{name: [as_typed(getattr(point, name)) for point in points] for name in columns},
        }
    )
    plot = figure(height=300, sizing_mode="stretch_width", tools="save,box_zoom,reset")
    plot.add_tools(HoverTool(tooltips=[(label_of(name), f"@{name}") for name in columns]))
    look = {"fill_color": GREY, "line_color": None, "fill_alpha": 0.7}
    plot.scatter("cost", "gain", size=8, source=source, **look)
    best = list(results.points).index(choice.best)
    plot.scatter([cost[best]], [gains[best]], size=12, fill_color=BEST, line_color=None)
    plot.xaxis.axis_label, plot.yaxis.axis_label = label, f"{SCORES[choice.metric].label} gain"
    return _quiet(plot, grid=True)


def _tick(axis: Any, values: Sequence[float]) -> None:
    """Give a logarithmic axis few ticks: its values, or 1 and 3 of each decade."""
    known = sorted(set(values))
    low, high = np.floor(np.log10(min(values))), np.ceil(np.log10(max(values)))
    decades = 10.0 ** np.arange(low, high + 1)
    ticks = [float(f"{digit * decade:.3g}") for decade in decades for digit in (1, 3)]
    inside = [tick for tick in ticks if min(values) <= tick <= max(values)]
    axis.ticker = FixedTicker(ticks=known if len(known) < MOST_TICKS or not inside else inside)
    axis.major_label_overrides = {tick: as_typed(tick) for tick in axis[0].ticker.ticks}


def rough(results: Results, column: str, **only: Any) -> NDArray[np.float64]:
    """Average over those files that each combination was tried on."""
    values = results.matrix(column, **only)
    there = np.isfinite(values)
    total = np.where(there, values, 0.0).sum(axis=1)
    return np.where(there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), np.nan)


def _colours(low: float, high: float) -> LinearColorMapper:
    return LinearColorMapper(Viridis256, low=low, high=max(high, low + 1e-6), nan_color="#eeeeee")


def _quiet(plot: Any, grid: bool = False) -> Any:
    """Take away what is no data."""
    if not grid:
        plot.xgrid.visible = False
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    plot.outline_line_color = None
    plot.title.text_font_style = "normal"
    return plot
