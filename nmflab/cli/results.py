"""Where the two parts of a recording go, for the commands that take recordings apart."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from nmflab.errors import NmflabError


def stems(files: Mapping[str, Path]) -> dict[Path, Path]:
    """Say for each recording where its results go; refuse what would destroy a file.

    `files` gives for each file the place of its results, without what tells the parts apart.
    """
    found: dict[Path, Path] = {}
    for file, stem in {os.path.realpath(f): (Path(f), s) for f, s in files.items()}.values():
        if stem in found.values():
            other = next(other for other in found if found[other] == stem)
            raise NmflabError(
                f"The results of {other} and {file} would have the same names: rename one of "
                "them, or separate them into different folders with --output."
            )
        found[file] = stem
    inputs = {os.path.realpath(file) for file in found}
    for file, stem in found.items():
        for result in parts(stem).values():
            if os.path.realpath(result) in inputs:
                raise NmflabError(
                    f"The results of {file} would replace the recording {result}: choose another "
                    "folder with --output."
                )
    return found


def parts(stem: Path) -> dict[str, Path]:
    """Give the names of the two files."""
    return {source: stem.with_name(f"{stem.name}_{source}.wav") for source in ("speech", "noise")}


def record_file(stem: Path) -> Path:
    """Give the name of the file that says what made them."""
    return stem.with_name(f"{stem.name}_made.json")
