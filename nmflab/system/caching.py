"""The cache folder: what took long to compute, kept for later runs under its fingerprint.

`NMFLAB_CACHE` names another folder, or is "off" for none. Whatever goes wrong with a cache, what
it should have given is computed anew: a folder that can't be written keeps nothing, a file that is
damaged counts as missing. Runs may share the folder at the same time, for a file appears whole,
and the same name stands for the same content.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nmflab.errors import NmflabError
from nmflab.system.archives import read_archive, write_archive

Content = TypeVar("Content")

FORMAT = 1  # of the files
LARGEST = 2**30
"""Bytes that the folder may hold: beyond that, what wasn't used for longest goes."""

PACKAGE = Path(__file__).parents[1]
USED_BY_ALL = (".", "system")  # the first of them names the version of nmflab, too
NAME = re.compile(r"[a-z]+-[0-9a-f]{64}\.npz")


def cache_folder() -> Path | None:
    """Find the folder; None if there is to be no cache."""
    named = os.environ.get("NMFLAB_CACHE")
    if named is None:
        try:
            from platformdirs import user_cache_path
        except ImportError:  # as in a browser, where files are gone with the page
            return None
        folder = user_cache_path("nmflab") / "results"
        return folder if folder.is_absolute() else None  # who has no home has no cache
    return None if named in ("", "off") else Path(named).expanduser()


def fingerprint(
    facts: Mapping[str, Any],
    signals: Iterable[NDArray[np.float32]],
    *,
    rooms: Iterable[str],
    anywhere: bool = False,
) -> str:
    """Give a name to what these rooms of the package compute of some facts and signals.

    It differs wherever the bytes of the result might: with the code of the rooms and of what all
    rooms use, the libraries and the kind of processor, too. `anywhere` leaves these last two out.
    """
    code = {room: _code(room) for room in (*rooms, *USED_BY_ALL)}
    computed_by = None if anywhere else machine()
    everything = {"format": FORMAT, "machine": computed_by, "code": code, **facts}
    digest = hashlib.sha256(json.dumps(everything, sort_keys=True).encode())
    for signal in signals:
        digest.update(str(signal.size).encode())
        digest.update(np.ascontiguousarray(signal, dtype="<f4").data)
    return digest.hexdigest()


def look_up(
    kind: str, name: str, build: Callable[[dict[str, Any], Mapping[str, Any]], Content]
) -> Content | None:
    """Give what was kept under a fingerprint; None if there is no such file, or none that is good.

    `build` makes it of the header and the arrays, see `nmflab.system.archives.read_archive`.
    """
    path = _place(kind, name)
    if path is None:
        return None
    try:
        found = read_archive(path, kind, FORMAT, build, remedy="it is computed anew")
    except (NmflabError, OSError):
        return None
    with suppress(OSError):
        os.utime(path)  # the latest to be used
    return found


def keep(kind: str, name: str, header: dict[str, Any], arrays: Mapping[str, Any]) -> None:
    """Keep something under a fingerprint, where that can be done."""
    path = _place(kind, name)
    if path is None:
        return
    with suppress(NmflabError, OSError):
        write_archive(path, kind, FORMAT, header, arrays)
        _make_room(path.parent)


def _place(kind: str, name: str) -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / f"{kind}-{name}.npz"


def _make_room(folder: Path) -> None:
    """Remove what wasn't used for longest until the rest is small enough."""
    with os.scandir(folder) as entries:
        ours = [(entry.stat(), entry.path) for entry in entries if NAME.fullmatch(entry.name)]
    files = [(stat.st_mtime_ns, stat.st_size, path) for stat, path in ours]
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= LARGEST:
            return
        with suppress(OSError):  # another run was quicker, or Windows has it open
            Path(path).unlink()
        total -= size


def code_of(*rooms: str) -> str:
    """Give twelve hexadecimal digits of the code of some rooms, with the version of nmflab."""
    text = "".join(_code(room) for room in (*rooms, *USED_BY_ALL))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def _code(room: str) -> str:
    """Give the hash of a room's code: what it computed before a change of it is of no use."""
    digest = hashlib.sha256()
    for file in sorted((PACKAGE / room).glob("*.py")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


@cache
def machine() -> dict[str, Any]:
    """Say what decides about the last bits: libraries, and what the processor can do."""
    import scipy

    from nmflab.system.threads import blas_kernels

    built: Any = np.show_config(mode="dicts")
    return {
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "blas": blas_kernels(),
        "processor": [platform.machine(), built.get("SIMD Extensions", {}).get("found")],
    }
