"""The distribution of activations, kept in little room: all that a prior is fitted to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_FRAMES = 2**16
"""Training activations are kept as they are up to so many frames, at the defaults 4.4 minutes."""

KEPT_QUANTILES = 2**13
"""Of more frames, each row of H is kept as so many values."""


def condensed(H: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keep of many frames of H (K, T) the means of equal shares of each sorted row."""
    K, T = H.shape
    if T <= MOST_FRAMES:
        return H
    starts = np.arange(KEPT_QUANTILES) * T // KEPT_QUANTILES
    kept = np.empty((K, KEPT_QUANTILES), dtype=np.float32)
    for row, few in zip(H, kept, strict=True):
        few[:] = np.add.reduceat(np.sort(row), starts, dtype=np.float64) / np.diff(starts, append=T)
        mean = few.mean(dtype=np.float64) or 1.0  # not the row's: shares differ by one frame
        few *= row.mean(dtype=np.float64) / mean
    return kept
