"""The small tables beside the player."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence


def table(heads: Sequence[str], rows: Mapping[str, Iterable[str]]) -> str:
    """Write a table in HTML: a row of heads ("" is none), then each row with its name."""
    top = "".join(
        f"<th scope='col'>{html.escape(head)}</th>" if head else "<td></td>" for head in heads
    )
    body = "".join(
        f"<tr><th scope='row'>{html.escape(name)}</th>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows.items()
    )
    return f"<table class='nmflab-scores'><tr><td></td>{top}</tr>{body}</table>"
