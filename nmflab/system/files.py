"""Files that appear whole or not at all, and folders that can be written."""

from __future__ import annotations

import csv
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from nmflab.errors import NmflabError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

StrPath = str | os.PathLike[str]

TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.part")

_swept: set[Path] = set()


@contextmanager
def locked(path: StrPath) -> Iterator[None]:
    """Keep a file to oneself while it is read and written anew; others wait.

    An empty hidden file beside it, which stays, is what is locked; who is killed lets go of it.
    Without the package filelock, as in a browser, where nobody else is there, nothing is.
    """
    try:
        from filelock import FileLock
    except ImportError:
        make_folder(Path(path).parent)
        yield
        return
    path = Path(path)
    make_folder(path.parent)
    try:
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        lock.acquire()
    except OSError as error:
        raise NmflabError(
            f"{str(path)!r} can't be locked ({reason(error)}): choose another folder with --output."
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def replacing(path: StrPath) -> Iterator[Path]:
    """Give a temporary path to write to, which takes the name `path` when all went well.

    Whoever looks at `path` sees the old file or the whole new one. When the writing fails or is
    interrupted the temporary file is removed; that of a killed process is by the next one that
    writes to the folder. Missing folders are made.
    """
    path = Path(path)
    _refuse_other_than_file(path)
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_over(path.parent)
        with _in_use(temporary):
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


@contextmanager
def _in_use(temporary: Path) -> Iterator[None]:
    """Hold a lock on a temporary file, which tells others that its process lives."""
    if fcntl is None:
        yield
        return
    with temporary.open("xb") as file:
        _try_to_lock(file)
        yield


def _remove_left_over(folder: Path) -> None:
    """Remove temporary files that nobody holds: those of processes that were killed."""
    folder = folder.resolve()
    if fcntl is None or folder in _swept:  # elsewhere an open file can't be renamed
        return
    _swept.add(folder)
    for path in folder.iterdir():
        if TEMPORARY.fullmatch(path.name):
            with suppress(OSError), path.open("rb") as file:
                if _try_to_lock(file):
                    path.unlink()


def _try_to_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked, or on a file system that has no locks
        return False
    return True


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


def is_empty(folder: Path) -> bool:
    """Find folders in which there is nothing, but for what a process left that was killed."""
    return all(TEMPORARY.fullmatch(path.name) for path in folder.iterdir())


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
