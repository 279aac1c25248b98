"""Window functions by their names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nmflab.errors import NmflabError

COSINES = {"hamming": (0.54, 1 - 0.54), "hann": (0.5, 0.5), "blackman": (0.42, 0.50, 0.08)}
"""Weights of the windows that need no scipy.signal, which takes 45 MB and a second to import."""


def window_by_name(name: str, win_size: int) -> NDArray[np.float32]:
    """Give a periodic window of so many samples, any that `scipy.signal.get_window` knows."""
    if name in COSINES and win_size > 1:
        return _cosine_window(COSINES[name], win_size).astype(np.float32)
    from scipy.signal import get_window

    try:
        window = get_window(name, win_size, fftbins=True)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise NmflabError(
            f"window is {name!r} but must be a window that scipy.signal.get_window knows by its "
            "name alone, such as hamming, hann or blackman."
        ) from error
    return np.asarray(window, dtype=np.float32)


def _cosine_window(weights: Sequence[float], win_size: int) -> NDArray[np.float64]:
    """Σ a_k cos kφ over a period, φ from −π on, as scipy.signal computes it."""
    phase = np.linspace(-np.pi, np.pi, win_size + 1)
    window: NDArray[np.float64] = np.zeros(win_size + 1)
    for k, a in enumerate(weights):
        window += a * np.cos(k * phase)
    return window[:-1]
