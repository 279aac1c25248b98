"""What nmflab says to its user: errors that the user can put right, and warnings."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nmflab.names import showable

__all__ = ["NmflabError", "NmflabWarning"]


class NmflabError(ValueError):
    """Something the user gave can't be used; the message names it and says what to do.

    The command line prints the message as it stands, without a traceback. It is one line,
    whatever the names in it.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(showable(message))


class NmflabWarning(UserWarning):
    """Something the user gave can be used, but is very likely not meant; the message names it.

    The command line prints the message as it stands and goes on.
    """


def first_of(reasons: Sequence[str]) -> str:
    """End a sentence with the first of some reasons, and say how many there are."""
    several = f"; the first of {len(reasons)} reasons" if len(reasons) > 1 else ""
    return f"{several}: {reasons[0]}"


def warn(sentence: str) -> None:
    """Say a sentence as a warning, at the line that called nmflab."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("nmflab."):
        level, frame = level + 1, frame.f_back
    warnings.warn(showable(sentence), NmflabWarning, stacklevel=level)


@contextmanager
def warnings_to(say: Callable[[str], object]) -> Iterator[None]:
    """Hand every `NmflabWarning` to a function, in place of Python's own way to show it."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", NmflabWarning)
        show_others = warnings.showwarning

        def show(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, NmflabWarning):
                say(str(message))
            else:
                show_others(message, category, *where, **more)

        warnings.showwarning = show
        yield
