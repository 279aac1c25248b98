"""Controls that show, exactly, any value that they are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import traitlets

from nmflab.explorer.engine.scheduling import hear_browser


def in_full(value: Any, places: int = 0) -> str:
    """Write a number with so many places, or with more where it would be another.

    >>> in_full(2.0, 1), in_full(0.0125), in_full(1 / 3), in_full(1024)
    ('2.0', '0.0125', '0.3333333333333333', '1024')
    """
    short = (f"{value:.{places}f}", f"{value:g}") if places else (f"{value:g}",)
    return next((text for text in short if float(text) == value), str(value))


class _Offering(widgets.widget_selection._Selection):  # type: ignore[misc]
    """Offers some values, and any other legal one that it is given.

    What a browser sends is a place in the list of values, which no rounding can change.
    """

    def __init__(
        self,
        value: Any,
        *,
        steps: Sequence[Any],
        check: Callable[[Any], Any],
        text: Callable[[Any], str] = str,
        **options: Any,
    ) -> None:
        self._steps, self._check, self._text = steps, check, text
        super().__init__(options=self._offered(value), value=value, **options)

    def _offered(self, value: Any) -> list[tuple[str, Any]]:
        values = dict.fromkeys([*self._steps, value])
        return [(self._text(x), x) for x in values]

    @traitlets.validate("value")
    def _validate_value(self, proposal: dict[str, Any]) -> Any:
        value = self._check(proposal["value"])
        if value not in self._options_values:
            self._offer(value)
        return self._options_values[self._options_values.index(value)]

    def _offer(self, value: Any) -> None:
        """Add a value to the list; the one that is chosen stays chosen."""
        chosen = self.value
        kept = [x for x in self._options_values if x == chosen]
        options = dict(self._offered(value)) | {self._text(x): x for x in kept}
        with self.hold_sync():
            self._initializing_traits_ = True  # or the first of the list would be chosen
            self.options = self._in_order(options)
            self._initializing_traits_ = False
            if kept:
                self.index = self._options_values.index(chosen)

    def _in_order(self, options: dict[str, Any]) -> list[tuple[str, Any]]:
        return list(options.items())


class ExactSlider(_Offering, widgets.SelectionSlider):  # type: ignore[misc]
    """A slider of given steps that takes any other legal number too.

    Parameters
    ----------
    value : int or float
        The number that it shows.
    steps : sequence of numbers
        The values to choose from.
    check : callable
        Gives a legal value back in its type, and raises for any other.
    text : callable
        Writes a number.
    **options
        Passed on to the slider.
    """

    def _offered(self, value: Any) -> list[tuple[str, Any]]:
        return sorted(super()._offered(value), key=lambda option: option[1])

    def _in_order(self, options: dict[str, Any]) -> list[tuple[str, Any]]:
        return sorted(options.items(), key=lambda option: option[1])


class OpenMenu(_Offering, widgets.Dropdown):  # type: ignore[misc]
    """A menu of words that takes any other legal word too; see `ExactSlider`."""


class PenaltySlider(widgets.HBox):  # type: ignore[misc]
    """A slider of given steps that can also be off, which is 0.

    Parameters
    ----------
    value : float
        λ; 0 is off.
    steps : sequence of float
        The values to choose from, in rising order.
    check : callable
        Gives a legal value back, and raises for any other.
    **options
        Passed on to the slider.
    """

    value = traitlets.Float(0.0)

    def __init__(
        self,
        value: float,
        *,
        steps: Sequence[float],
        check: Callable[[Any], Any],
        **options: Any,
    ) -> None:
        self._check = check
        self.slider = ExactSlider(
            value or steps[0],
            steps=steps,
            check=check,
            text=in_full,
            disabled=value == 0,
            **options,
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
    def _legal(self, proposal: dict[str, Any]) -> float:
        return float(self._check(proposal["value"]))

    @traitlets.observe("value")
    def _spread(self, change: dict[str, Any]) -> None:
        """Let the two parts show the value."""
        value = change["new"]
        self._spreading = True
        try:
            self.slider.disabled = self.off.value = value == 0
            if value != 0:
                self.slider.value = value
        finally:
            self._spreading = False

    def _gather(self, _: object) -> None:
        """Take the value from the parts."""
        if not self._spreading:
            self.value = 0.0 if self.off.value else self.slider.value
