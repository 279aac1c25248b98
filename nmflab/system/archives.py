"""NumPy archives with a header that names their format, written whole and read without pickles."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nmflab.errors import NmflabError
from nmflab.system.files import replacing

Content = TypeVar("Content")

UNREADABLE = (  # what a file that isn't such an archive may raise; NmflabError is a ValueError
    *(ValueError, KeyError, TypeError, AttributeError, EOFError, OSError),
    *(NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error),
)


def write_archive(
    path: str | Path,
    kind: str,
    version: int,
    header: dict[str, Any],
    arrays: Mapping[str, Any],
    *,
    compressed: bool = False,
) -> Path:
    """Write arrays and a header that JSON can hold, whole or not at all."""
    header = {"format": f"nmflab {kind}", "version": version, **header}
    with replacing(path) as temporary, temporary.open("wb") as file:
        (np.savez_compressed if compressed else np.savez)(
            file, header=np.array(json.dumps(header)), **arrays
        )
    return Path(path)


def read_archive(
    path: str | Path,
    kind: str,
    version: int,
    build: Callable[[dict[str, Any], Mapping[str, Any]], Content],
    *,
    remedy: str,
) -> Content:
    """Read what `write_archive` wrote and build something of its header and arrays.

    Any error of `build` says that the file is damaged. The remedy ends the sentence that says so.
    """
    path = Path(path)
    if path.exists() and not path.is_file():  # a pipe would keep its reader waiting
        raise NmflabError(f"{path} is not a file but must be an nmflab {kind}: {remedy}.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            header = json.loads(str(archive["header"]))
            found = header["version"] if header["format"] == f"nmflab {kind}" else None
            if found == version:
                return build(header, archive)
    except FileNotFoundError:
        raise NmflabError(f"There is no {kind} file {path}: {remedy}.") from None
    except UNREADABLE as error:
        raise NmflabError(
            f"{path} can't be read as an nmflab {kind}, it is damaged or something else: {remedy}."
        ) from error
    raise NmflabError(
        f"{path} is a {kind} of version {found}, but this nmflab reads {version}: {remedy}."
    )
