"""A matrix as bytes: quantised, and the colours that the bytes stand for; see codes.js."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmflab.errors import NmflabError

MAX_COLUMNS = 8192
"""Longer matrices are sent with the maximum of neighbouring columns (a browser's canvas ends)."""


def quantise(matrix: NDArray[np.floating], low: float, high: float) -> NDArray[np.uint8]:
    """Map values to 0 … 255, in float32.

    Parameters
    ----------
    matrix : ndarray of float, any shape
        Values.
    low, high : float
        What becomes 0 and 255. Values beyond are cut; NaN becomes 0.

    Returns
    -------
    ndarray of uint8, shape of `matrix`
        Codes, in the memory layout of `matrix`.

    Examples
    --------
    >>> quantise(np.array([-80.0, -np.inf, np.nan, 20.0, 99.0]), -80.0, 20.0)
    array([  0,   0,   0, 255, 255], dtype=uint8)
    """
    scale = np.float32(255.0 / (high - low))
    codes: NDArray[np.float32] = np.multiply(matrix, scale, dtype=np.float32, casting="same_kind")
    codes += np.float32(0.5) - np.float32(low) * scale
    np.fmax(codes, np.float32(0), out=codes)  # fmax, not maximum: NaN becomes 0
    np.fmin(codes, np.float32(255), out=codes)
    return codes.astype(np.uint8)


def palette(colormap: str) -> bytes:
    """Give 256 colours of a matplotlib colour map.

    Parameters
    ----------
    colormap : str
        One of matplotlib's names.

    Returns
    -------
    bytes
        Red, green and blue of each colour, 768 bytes.
    """
    import matplotlib as mpl

    if colormap not in mpl.colormaps:
        raise NmflabError(f"matplotlib has no colour map {colormap!r}; try 'magma' or 'viridis'.")
    colours = mpl.colormaps[colormap](np.linspace(0, 1, 256), bytes=True)
    return bytes(np.ascontiguousarray(colours[:, :3]).tobytes())


def pooled_columns(
    matrix: NDArray[np.floating], columns: tuple[float, float]
) -> tuple[NDArray[np.floating], tuple[float, float], int]:
    """Keep the maximum of every `step` columns where there are more than `MAX_COLUMNS`."""
    count = matrix.shape[1]
    step = -(-count // MAX_COLUMNS)
    if step == 1:
        return matrix, columns, 1
    pooled = np.maximum.reduceat(matrix, np.arange(0, count, step), axis=1)
    width = (columns[1] - columns[0]) / count
    return pooled, (columns[0], columns[0] + width * step * pooled.shape[1]), step
