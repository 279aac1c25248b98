"""Dictionaries that are shipped, in little room: of H only what the priors are fitted to.

The one of speech comes with the package (`nmflab.recordings.voice`). The JupyterLite site brings
those that its explorers begin with, for a browser is slow at training (``tools/build_lite.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.checks import as_signals
from nmflab.core.model import Dictionary
from nmflab.errors import NmflabError
from nmflab.settings import Settings, settings_of
from nmflab.system.archives import read_archive, write_archive
from nmflab.system.caching import fingerprint
from nmflab.system.shipped import dictionaries_folder

KIND, VERSION = "speech dictionary", 1  # of the files; the first of them was one of speech

QUANTILES = 128
"""Each row of H is kept as so many values: enough for the priors."""

FINEST = 2.0**-11
"""Step, relative to its column's greatest, below which an entry of W is left out."""


def write(dictionary: Dictionary, settings: Settings, path: Path) -> Path:
    """Write a dictionary in a few hundred kilobytes: W in half precision, of H its quantiles."""
    W = np.where(FINEST * dictionary.W.max(axis=0) > dictionary.W, 0, dictionary.W)
    H = np.quantile(dictionary.H, (np.arange(QUANTILES) + 0.5) / QUANTILES, axis=1).T
    H *= (dictionary.row_means / H.mean(axis=1))[:, np.newaxis]
    arrays = {
        "W": (W / W.max(axis=0)).astype(np.float16),
        "H": H.astype(np.float32),
        "rms": np.float64(dictionary.rms),
    }
    return write_archive(
        path, KIND, VERSION, {"settings": settings.to_dict()}, arrays, compressed=True
    )


def read(path: Path) -> tuple[Dictionary, Settings]:
    """Read what `write` wrote."""

    def build(header: dict[str, Any], arrays: Any) -> tuple[Dictionary, Settings]:
        settings = Settings.from_dict(header["settings"])
        W: NDArray[np.float32] = arrays["W"].astype(np.float32)
        W /= W.sum(axis=0)
        H, rms = arrays["H"], float(arrays["rms"])
        return Dictionary(W, H, np.empty(0), rms, settings.context), settings

    return read_archive(path, KIND, VERSION, build, remedy="install nmflab anew")


def facts_of(source: str, settings: Settings) -> dict[str, Any]:
    """Give the settings that the training of a source reads, by name."""
    return {name: getattr(settings, name) for name in settings_of(source)}


def fingerprint_of(
    signals: Sequence[ArrayLike], source: str, settings: Settings, *, anywhere: bool = False
) -> str:
    """Give the `nmflab.system.caching.fingerprint` of a dictionary, before it is trained."""
    facts, arrays = facts_of(source, settings), as_signals(signals, source)
    return fingerprint({"source": source, **facts}, arrays, rooms=("core",), anywhere=anywhere)


def name_of(signals: Sequence[ArrayLike], source: str, settings: Settings) -> str:
    """Name the file of a dictionary, on whatever machine: its last bits may be another's."""
    return fingerprint_of(signals, source, settings, anywhere=True) + ".npz"


def shipped(signals: Sequence[ArrayLike], source: str, settings: Settings) -> Dictionary | None:
    """Give the dictionary of a source if it is shipped; None if not, or if its file is damaged."""
    folder = dictionaries_folder()
    if folder is None:
        return None
    path = folder / name_of(signals, source, settings)
    try:
        return read(path)[0] if path.is_file() else None
    except NmflabError:
        return None
