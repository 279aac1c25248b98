"""Sliders that keep the exact value that they were given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import traitlets

from nmflab.explorer.engine.scheduling import hear_browser


class PenaltySlider(widgets.HBox):  # type: ignore[misc]
    """A slider of given steps that can also be off, which is 0.

    It chooses among its steps, and any other value that it was given: what a browser sends is a
    place in a list, which no rounding can change.

    Parameters
    ----------
    value : float
        λ; 0 is off.
    steps : sequence of float
        The values to choose from, in rising order.
    **options
        Passed on to the slider.
    """

    value = traitlets.Float(0.0)

    def __init__(self, value: float = 0.0, *, steps: Sequence[float], **options: Any) -> None:
        self._least, self._most = steps[0], steps[-1]
        self.slider = widgets.SelectionSlider(
            options=[(f"{x:g}", x) for x in steps], value=steps[0], **options
        )
        self.off = widgets.Checkbox(
            value=value == 0,
            description="off",
            tooltip="Switch the prior off (λ = 0): plain NMF.",
            indent=False,
            layout={"width": "52px", "flex": "0 0 auto", "margin": "2px 0"},
        )
        self.slider.layout.flex = "1 1 0"
        super().__init__([self.slider, self.off])
        self._spreading = False
        for part in (self.slider, self.off):
            hear_browser(part)
            part.observe(self._gather, "value")
        self.value = value

    @traitlets.validate("value")
    def _in_range(self, proposal: dict[str, Any]) -> float:
        value = float(proposal["value"])
        return 0.0 if value <= 0 else min(max(value, self._least), self._most)

    @traitlets.observe("value")
    def _spread(self, change: dict[str, Any]) -> None:
        """Let the two parts show the value."""
        value = change["new"]
        self._spreading = True
        try:
            self.slider.disabled = self.off.value = value == 0
            if value != 0:
                offered = {x for _, x in self.slider.options}
                if value not in offered:
                    self.slider.options = [(f"{x:g}", x) for x in sorted({*offered, value})]
                self.slider.value = value
        finally:
            self._spreading = False

    def _gather(self, _: object) -> None:
        """Take the value from the parts."""
        if not self._spreading:
            self.value = 0.0 if self.off.value else self.slider.value


class SteppedSlider(widgets.FloatSlider):  # type: ignore[misc]
    """A slider that takes a value between two of its steps, and keeps it.

    A browser puts the handle on the nearest step as soon as it shows the slider, and sends that
    back as if somebody had moved it.
    """

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what a browser sends, but for the value that it had and has only rounded."""
        if self._is_rounded(sync_data.get("value", math.inf)):
            sync_data = {name: x for name, x in sync_data.items() if name != "value"}
        super().set_state(sync_data)

    def _is_rounded(self, sent: float) -> bool:
        """Say whether this is the step nearest to the value, or one of two equally near."""
        steps = (self.value - self.min) / self.step
        nearest = {math.floor(steps + 0.5 + tiny) for tiny in (-1e-9, 1e-9)}
        return any(abs((sent - self.min) / self.step - step) < 1e-6 for step in nearest)
