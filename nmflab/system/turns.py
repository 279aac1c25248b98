"""Turns: the slow work of many kernels on one machine, a few of them at a time.

When a class comes to rest, thirty kernels would compute their scores at once, and whoever moves a
slider then would wait for a core. So slow work has one core less than there are. (Threads of low
priority would do worse: one that holds Python's lock while it waits for a core keeps its own page
waiting, for seconds.) A turn is a name that one process alone can have; the system takes it back
when that process ends, however it does (abstract sockets, on Linux), and no file is left behind.
Elsewhere, and where nobody has shared turns, everybody has one.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from nmflab.system.cores import usable_cores

NAME = "NMFLAB_TURNS"
"""The environment variable with what the turns of a server's kernels are called."""


def share_turns() -> None:
    """Have all processes that this one starts share turns: one core stays free of slow work."""
    os.environ[NAME] = f"nmflab-{secrets.token_hex(8)}"


@contextmanager
def turn() -> Iterator[bool]:
    """Take a turn until the block ends, and give whether there was one.

    >>> with turn() as is_ours:
    ...     is_ours
    True
    """
    name = os.environ.get(NAME)
    if not name or sys.platform != "linux":
        yield True
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as place:
        numbers = range(max(1, usable_cores() - 1))
        yield any(_is_free(place, f"\0{name}-{number}") for number in numbers)


def _is_free(place: socket.socket, name: str) -> bool:
    try:
        place.bind(name)
    except OSError as error:
        return error.errno != errno.EADDRINUSE  # where there are no such names, nobody waits
    return True
