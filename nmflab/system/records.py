"""What a result says of itself: the record that lies beside it, or in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from nmflab.errors import NmflabError
from nmflab.system.caching import machine
from nmflab.system.files import replacing

LIBRARIES = ("numpy", "scipy", "mir_eval", "pesq", "soundfile", "soxr")
"""What has a say in a result."""


def record(kind: str, **facts: Any) -> dict[str, Any]:
    """Say what makes a result.

    Parameters
    ----------
    kind : str
        What the result is, as "sweep".
    **facts
        What else there is to say: the command, the settings, the corpus, the seed.

    Returns
    -------
    dict
        The facts with kind, time, versions and what of the machine decides about the last bits.
    """
    versions = {name: found for name in LIBRARIES if (found := _version(name))}
    time = datetime.now(UTC).isoformat(timespec="seconds")
    own = {"kind": kind, "nmflab": _version("nmflab") or "unknown", "time": time}
    return {**own, **facts, "libraries": versions, "machine": machine()}


def write_record(path: Path, facts: Mapping[str, Any]) -> None:
    """Write a record as JSON, whole or not at all.

    Parameters
    ----------
    path : Path
        The file.
    facts : mapping
        The record.

    Raises
    ------
    NmflabError
        If it can't be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")


def read_record(path: Path) -> dict[str, Any]:
    """Read a record that `write_record` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        The record.

    Raises
    ------
    NmflabError
        If there is none, or it can't be read.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise NmflabError(f"The record {str(path)!r} can't be read: {error}.") from error
    if not isinstance(found, dict):
        raise NmflabError(f"The record {str(path)!r} holds something else.")
    return found


def digest_of(path: Path) -> str:
    """Give twelve hexadecimal digits of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
