"""What somebody brushes on a canvas: regions of a spectrogram, rows of activations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import anywidget
import traitlets

from nmflab.explorer.engine.scheduling import browser_drives


class Region(NamedTuple):
    """A rectangle of time and frequency.

    Parameters
    ----------
    start, stop : float
        From and to in seconds.
    low, high : float
        From and to in kHz.
    """

    start: float
    stop: float
    low: float
    high: float


class Painted(NamedTuple):
    """All that is brushed on a canvas.

    Parameters
    ----------
    regions : tuple of Region
        Of a spectrogram.
    rows : tuple of int
        Of activations, from 0 on, in order.
    """

    regions: tuple[Region, ...] = ()
    rows: tuple[int, ...] = ()


PaintCallback = Callable[[Painted], object]


class Paintable(anywidget.AnyWidget):
    """A canvas that can be brushed while its group has the brush in its hand.

    Attributes
    ----------
    paint : str
        What a brush paints on it: "regions", "rows", or "" for nothing.
    """

    paint = traitlets.Unicode("").tag(sync=True)
    _painted: traitlets.Dict[str, Any] = traitlets.Dict(
        {"seq": 0, "heard": 0.0, "regions": [], "rows": []}
    ).tag(sync=True)
    _heard = 0.0  # when what was heard of last left the browser, in its ms

    @property
    def painted(self) -> Painted:
        """What is shown as brushed."""
        regions = tuple(Region(*region) for region in self._painted["regions"])
        return Painted(regions, tuple(self._painted["rows"]))

    def show_painted(self, regions: Iterable[Region] = (), rows: Iterable[int] = ()) -> None:
        """Show regions or rows as brushed, in place of those before.

        Parameters
        ----------
        regions : iterable of Region, optional
            Regions of a spectrogram.
        rows : iterable of int, optional
            Rows, from 0 on.
        """
        painted = Painted(tuple(regions), tuple(rows))
        if painted != self.painted:
            self._send_painted(painted)

    def on_paint(self, callback: PaintCallback) -> None:
        """Call ``callback(painted)`` whenever somebody has brushed something, or taken it back.

        Parameters
        ----------
        callback : callable
            Gets all that is brushed; it is shown as brushed then only by `show_painted`.
        """
        self._paint_callbacks = (*getattr(self, "_paint_callbacks", ()), callback)

    def _hear_paint(self, content: dict[str, Any]) -> None:
        """Take what was brushed in the browser."""
        regions = tuple(Region(*map(float, region)) for region in content["regions"])
        painted = Painted(regions, tuple(map(int, content["rows"])))
        self._heard = float(content.get("sent", 0.0))
        with browser_drives():
            for callback in getattr(self, "_paint_callbacks", ()):
                callback(painted)
        self._send_painted(self.painted)  # what is refused there must not stay on the page

    def _send_painted(self, painted: Painted) -> None:
        self._painted = {
            "seq": self._painted["seq"] + 1,
            "heard": self._heard,
            "regions": [list(region) for region in painted.regions],
            "rows": list(painted.rows),
        }
