"""Files that appear whole or not at all, and folders that can be written."""

from __future__ import annotations

import csv
import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nmflab.errors import NmflabError

StrPath = str | os.PathLike[str]


@contextmanager
def replacing(path: StrPath) -> Iterator[Path]:
    """Give a temporary path to write to, which takes the name `path` when all went well.

    Whoever looks at `path` sees the old file or the whole new one. When the writing fails or is
    interrupted the temporary file is removed. Missing folders are made.
    """
    path = Path(path)
    _refuse_other_than_file(path)
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise NmflabError(
            f"{path.name!r} can't be written to the folder {str(path.parent)!r} "
            f"({error.strerror or error}): choose a folder where you may write and that has space."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_table(path: StrPath, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a table as CSV, whole or not at all; NaN, a score that isn't there, is left empty."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: "" if value != value else value for name, value in row.items()})


def check_output(path: StrPath) -> None:
    """Check before long work that its result can be written; make its folder if it is missing."""
    _refuse_other_than_file(Path(path))
    make_folder(Path(path).parent)


def make_folder(folder: StrPath) -> None:
    """Make a folder, and those it lies in, where they are missing; check that it can be written."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise NmflabError(
            f"The folder {str(folder)!r} can't be written ({reason(error)}): choose another for "
            "the output."
        ) from error


def check_space(folder: Path, needed: int) -> None:
    """Check before long work that a disk has room for so many bytes."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:  # a file system that doesn't tell
        return
    if free < needed:
        raise NmflabError(
            f"The folder {str(folder)!r} has {free / 1e6:.1f} MB free, but {needed / 1e6:.1f} MB "
            "are needed: make room, or choose another for the output."
        )


def same_file(one: StrPath, other: StrPath) -> bool:
    """Find out whether two names are of one file, through links too."""
    with suppress(OSError):
        if Path(one).samefile(other):
            return True
    return os.path.realpath(one) == os.path.realpath(other)


def is_folder(path: Path) -> bool:
    """Find folders; a path that can't be one, for its name is too long, is none."""
    with suppress(OSError):
        return path.is_dir()
    return False


def is_special(path: Path) -> bool:
    """Find devices, pipes and sockets, which may wait for ever, or must not be replaced."""
    with suppress(OSError):
        return path.exists() and not path.is_file() and not path.is_dir()
    return False


def reason(error: Exception) -> str:
    """Give an error's own words without its ending stop, to stand in brackets."""
    words = getattr(error, "error_string", "") or getattr(error, "strerror", "") or str(error)
    return words.strip().rstrip(".")


def _refuse_other_than_file(path: Path) -> None:
    if is_folder(path):
        raise NmflabError(f"{str(path)!r} is a folder but must be a file: add a file name to it.")
    if is_special(path):
        raise NmflabError(f"{str(path)!r} is a device or a pipe: choose the name of a plain file.")
