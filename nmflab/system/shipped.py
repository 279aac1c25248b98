"""Where the folders are that come with the package: corpus, notebooks, dictionaries."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nmflab.errors import NmflabError


def embedded_folder() -> Path:
    """Give the data folder of the embedded corpus."""
    return _shipped("data", "train", "corpus: give a data folder of your own")


def is_short() -> bool:
    """Say whether the embedded corpus is to be short: NMFLAB_SHORT says 1 or 0.

    In a browser's Python it is by default: what is trained and scored takes a quarter of the time,
    and its figures are others.
    """
    default = "1" if sys.platform == "emscripten" else "0"
    return os.environ.get("NMFLAB_SHORT", default) == "1"


def is_embedded(folder: Path | None) -> bool:
    """Say whether a data folder is that of the embedded corpus."""
    try:
        return folder == embedded_folder()
    except NmflabError:  # there is none
        return False


def notebooks_folder() -> Path:
    """Give the folder of the notebooks."""
    return _shipped("notebooks", ".", "notebooks: take them from the project's sources")


def dictionaries_folder() -> Path | None:
    """Give the folder of dictionaries that were trained beforehand; only a site's wheel has it."""
    folder = _embedded() / "dictionaries"
    return folder if folder.is_dir() else None


def _embedded() -> Path:
    return Path(__file__).resolve().parents[1] / "embedded"


def _shipped(name: str, content: str, remedy: str) -> Path:
    """Look inside the installed package first, then in a checkout."""
    embedded = _embedded()
    for folder in (embedded / name, embedded.parents[1] / name):
        if (folder / content).is_dir():
            return folder
    raise NmflabError(f"This installation of nmflab has no {remedy}, or install nmflab anew.")
