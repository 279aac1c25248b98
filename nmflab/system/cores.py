"""How many cores this process may use: affinity, a container's CPU quota, JupyterHub's limit.

A quota of the kernel's control groups (cgroups) stops all threads of a group once they have used
their time: more threads than it allows make everything wait. It stands in a file of the group or
of any group above it, in version 2 as ``max 100000`` or ``150000 100000`` (microseconds of
work in each so many microseconds), in version 1 as two files. A container sees its own group as
the root.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path("/")


def usable_cores() -> int:
    """Count the cores that this process may use, at least one; a part of one counts as one.

    A browser's Python has one: it starts no thread.
    """
    if sys.platform == "emscripten":
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    hub = _number(os.environ.get("CPU_LIMIT", ""))
    limits = (cores, _quota(ROOT), hub if hub > 0 else math.inf)
    return max(1, math.ceil(min(limits)))


@cache
def _quota(root: Path) -> float:
    """Give the least quota of this process's groups in cores."""
    return min((quota for quota in _quotas(root) if quota > 0), default=math.inf)


def _quotas(root: Path) -> Iterator[float]:
    """Give what stands in the files of all groups; 0 or less stands for no quota."""
    mounted = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        group = PurePosixPath(path.lstrip("/"))
        if number == "0" and not controllers:
            bases = [mounted, mounted / "unified"]
        elif "cpu" in controllers.split(","):
            bases = [mounted / controllers, mounted / "cpu"]
        else:
            continue
        for base in bases:
            for folder in (base / part for part in (group, *group.parents)):
                yield _version_2(folder)
                yield _version_1(folder)


def _version_2(folder: Path) -> float:
    used, _, period = _read(folder / "cpu.max").partition(" ")
    return _ratio(used, period)


def _version_1(folder: Path) -> float:
    return _ratio(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _ratio(used: str, period: str) -> float:
    return _number(used) / (_number(period) or math.inf)


def _number(text: str) -> float:
    """Read a number; 0 where there is none, as for "max"."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""
