"""From arrays to what is painted: levels in dB, and where frames and bins begin and end."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.core.stft import Stft

__all__ = ["decibels", "frequency_edges", "time_edges"]


def decibels(
    magnitudes: ArrayLike, reference: float | None = None, *, lowest: float = -140.0
) -> NDArray[np.float32]:
    """Give 20 log10 of magnitudes relative to a reference, in float32, cut off below.

    Parameters
    ----------
    magnitudes : array_like, any shape
        Magnitudes, ≥ 0.
    reference : float, optional
        What is 0 dB; by default the greatest of them.
    lowest : float, default -140
        The least level, in dB.

    Returns
    -------
    ndarray of float32, of that shape
        Levels in dB.
    """
    magnitudes = np.asarray(magnitudes)
    if reference is None:
        reference = float(magnitudes.max(initial=0.0)) or 1.0
    least = np.float32(reference * 10 ** (lowest / 20))
    levels: NDArray[np.float32] = np.maximum(magnitudes, least, dtype=np.float32)
    np.log10(levels, out=levels)
    levels *= np.float32(20)
    levels -= np.float32(20 * np.log10(reference))
    return levels


def time_edges(stft: Stft, num_frames: int) -> tuple[float, float]:
    """Give the outer edges of the first and the last frame.

    Parameters
    ----------
    stft : Stft
        The transform.
    num_frames : int
        Frames.

    Returns
    -------
    tuple of float
        Begin and end in seconds.
    """
    centres = stft.times(num_frames)
    half = stft.hop / stft.sampling_rate / 2
    return float(centres[0]) - half, float(centres[-1]) + half


def frequency_edges(stft: Stft) -> tuple[float, float]:
    """Give the outer edges of the lowest and the highest bin.

    Parameters
    ----------
    stft : Stft
        The transform.

    Returns
    -------
    tuple of float
        Bottom and top in kHz.
    """
    khz = stft.frequencies() / 1000
    half = stft.sampling_rate / stft.fft / 2000
    return float(khz[0]) - half, float(khz[-1]) + half
