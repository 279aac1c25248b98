"""What decoders are given, what they give, and what is said of a file that is not whole."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmflab.errors import warn

Source = Path | io.BytesIO
"""What is decoded: a file by its path, or the content of a file object."""

WHOLE = 0.99
"""Part of what its header promises that a file must hold to pass for whole."""

PEEK = 2**16
"""Bytes at the beginning of a file in which its kind, or a count of its frames, is looked for."""


@dataclass(frozen=True)
class Sound:
    """A recording that is being decoded: its form, and its blocks of samples, once.

    The subtype is libsndfile's name of how samples are stored, as PCM_16, PCM_24 or FLOAT; of what
    FFmpeg decodes with loss it is the codec's name. The length is what the header promises.
    """

    rate: int
    channels: int
    length: int | None
    subtype: str
    blocks: Iterator[NDArray[np.float32]]


def beginning(source: Source) -> bytes:
    """Give the first bytes of a file."""
    if not isinstance(source, Path):
        return source.getvalue()[:PEEK]
    with source.open("rb") as file:
        return file.read(PEEK)


def ending(source: Source) -> str:
    """Give the ending of a file's name in lower case; a file object has none."""
    return source.suffix.lower() if isinstance(source, Path) else ""


def say_shorter(held: float, promised: float, name: str) -> None:
    """Say so where a file holds less seconds than its header promises."""
    if held < WHOLE * promised:
        warn(
            f"{name} holds {held:.1f} s, but its header promises {promised:.1f} s: it is "
            "very likely cut off, or not copied whole."
        )
