"""The end of an explorer: its widgets closed, and the one closed that the same cell made before.

ipywidgets keeps every widget, and all that its observers hold, until it is closed; and a box
that is closed leaves its children open, with their layouts and styles.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import ipywidgets as widgets


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Free everything."""


_made: dict[str, tuple[str, list[weakref.ref[Closable]]]] = {}  # by cell: the run and its explorers


def close_widgets(roots: Iterable[Any]) -> None:
    """Close widgets and all that belongs to them: children, layouts, styles."""
    seen: dict[int, Any] = {}
    waiting = [found for root in roots for found in _widgets_in(root)]
    while waiting:
        widget = waiting.pop(0)
        if id(widget) in seen:
            continue
        seen[id(widget)] = widget
        for name in widget.trait_names():
            if widget.trait_has_value(name):
                waiting += _widgets_in(getattr(widget, name))
    for widget in seen.values():
        widget.unobserve_all()
        widget.close()


def _widgets_in(value: Any) -> Iterator[Any]:
    if isinstance(value, widgets.Widget):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _widgets_in(part)


def succeed(explorer: Closable) -> None:
    """Close what the cell that is running made when it ran before, and note the new explorer."""
    cell, run = _running_cell()
    if not cell:
        return
    earlier_run, made = _made.get(cell, (run, []))
    if earlier_run != run:
        for reference in made:
            earlier = reference()
            if earlier is not None:
                earlier.close()
        made = []
    _made[cell] = run, [*made, weakref.ref(explorer)]


def _running_cell() -> tuple[str, str]:
    """Give the id of the cell and that of its run; "" where the page names no cells."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    request: dict[str, Any] = getattr(shell, "get_parent", dict)()
    cell = request.get("metadata", {}).get("cellId", "")
    return str(cell or ""), str(request.get("header", {}).get("msg_id", ""))
