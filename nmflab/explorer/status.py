"""What an explorer's status line says."""

from __future__ import annotations

import html
import logging

from nmflab.errors import NmflabError

log = logging.getLogger(__name__)


def status_line(text: str, mark: str, seq: int) -> str:
    """Give the line as HTML; `mark` and `seq` say to whoever waits for it what it is about."""
    return (
        f'<div class="nmflab-status" role="status" data-seq="{seq}" '
        f'data-state="{mark}">{html.escape(text)}</div>'
    )


def sentence_of(error: BaseException) -> str:
    """Say in one sentence what went wrong; what nobody has foreseen is logged, too."""
    if isinstance(error, NmflabError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted; the earlier result stays."
    log.error("An explorer failed", exc_info=error)
    return f"This went wrong: {type(error).__name__}: {error}."
