"""How the widgets of an explorer are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets


def box(parts: Sequence[Any], name: str) -> Any:
    """Put widgets into a box that the style sheet knows by a name."""
    made = widgets.Box(list(parts))
    made.add_class(name)
    return made


def row(parts: Sequence[Any]) -> Any:
    """Put widgets beside each other; what has no room goes into the next line."""
    return box(parts, "nmflab-row")


def panels_box(panels: Sequence[Any]) -> Any:
    """Put the panels into their grid; two share the width."""
    made = box(panels, "nmflab-panels")
    if len(made.children) == 2:
        made.add_class("nmflab-pair")
    return made


@contextmanager
def muted(control: Any, observer: Callable[[Any], None], name: str = "value") -> Iterator[None]:
    """Let a control show another value without telling its observer."""
    control.unobserve(observer, name)
    try:
        yield
    finally:
        control.observe(observer, name)
