"""Files that appear whole or not at all, and folders that can be written."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nmflab.errors import NmflabError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to, which takes the name `path` when all went well.

    Whoever looks at `path` sees the old file or the whole new one. When the writing fails or is
    interrupted the temporary file is removed.

    Parameters
    ----------
    path : str or path
        The file to make; missing folders are made, an existing file is replaced.

    Yields
    ------
    Path
        The file to write to, in the same folder.

    Raises
    ------
    NmflabError
        If `path` is a folder or its folder can't be written.
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
        _remove(temporary)


def check_output(path: str | os.PathLike[str]) -> None:
    """Check before long work that its result can be written.

    Parameters
    ----------
    path : str or path
        The file to make; missing folders are made, the file isn't touched.

    Raises
    ------
    NmflabError
        If `path` is a folder or a device, or its folder can't be made or written.
    """
    _refuse_other_than_file(Path(path))
    make_folder(Path(path).parent)


def make_folder(folder: str | os.PathLike[str]) -> None:
    """Make a folder where it is missing, and check that it can be written.

    Parameters
    ----------
    folder : str or path
        The folder; those it lies in are made too.

    Raises
    ------
    NmflabError
        If it can't be made or written.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise NmflabError(
            f"The folder {str(folder)!r} can't be written ({_reason(error)}): choose another for "
            "the output."
        ) from error


def _is_folder(path: Path) -> bool:
    with suppress(OSError):  # a name too long, for one
        return path.is_dir()
    return False


def _is_special(path: Path) -> bool:
    """Find devices, pipes and sockets, which may wait for ever, or must not be replaced."""
    with suppress(OSError):
        return path.exists() and not path.is_file() and not path.is_dir()
    return False


def _refuse_other_than_file(path: Path) -> None:
    """Refuse to write where there is something else than a file."""
    if _is_folder(path):
        raise NmflabError(f"{str(path)!r} is a folder but must be a file: add a file name to it.")
    if _is_special(path):
        raise NmflabError(f"{str(path)!r} is a device or a pipe: choose the name of a plain file.")


def _remove(path: Path) -> None:
    """Remove a file if it is there and if that is possible."""
    with suppress(OSError):
        path.unlink()


def _reason(error: Exception) -> str:
    """Give an error's own words without its ending stop, to stand in brackets."""
    words = getattr(error, "error_string", "") or getattr(error, "strerror", "") or str(error)
    return words.strip().rstrip(".")
