"""Canvases whose new pictures leave in one go, for the browser to paint in one frame."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from nmflab.explorer.widgets.canvas import MatrixCanvas


@contextmanager
def painted_together(widgets: Sequence[Any]) -> Iterator[None]:
    """Hold back what is shown inside on those of the widgets that are canvases, of one group."""
    canvases = [widget for widget in widgets if isinstance(widget, MatrixCanvas)]
    before = [canvas.seq for canvas in canvases]
    with ExitStack() as held:
        for canvas in canvases:
            held.enter_context(canvas.hold_sync())
        yield
        new = [canvas for canvas, seq in zip(canvases, before, strict=True) if canvas.seq != seq]
        if len(new) > 1:
            name = uuid.uuid4().hex
            for number, canvas in enumerate(new):
                canvas.note_batch(name, number, len(new))
