"""The Wiener gain that takes the speech out of a mixture.

    G = Ŝ^p / (Ŝ^p + N̂^p),        Ŝ = W_S H_S,   N̂ = W_N H_N

With L = log Ŝ − log N̂ the same gain is a logistic function,

    G = 1 / (1 + e^{−pL}),

which divides by zero nowhere, whatever the level and the power, and keeps its relative accuracy
where the gain is small. See notebooks/04_separation.ipynb.

References
----------
K. Kwon, J. W. Shin and N. S. Kim, "NMF-based source separation utilizing prior knowledge on
encoding vector", ICASSP 2016.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.checks import check_above_0, non_negative, steady
from nmflab.errors import NmflabError

__all__ = ["wiener_gain"]


@steady
def wiener_gain(S: ArrayLike, N: ArrayLike, *, p: float = 2.0) -> NDArray[np.float32]:
    """Compute the gain G = S^p / (S^p + N^p) of Kwon, Shin and Kim (ICASSP 2016).

    Parameters
    ----------
    S : array_like, shape (F, T)
        Magnitudes of the speech, Ŝ ≥ 0. Any shape will do.
    N : array_like, shape (F, T)
        Magnitudes of the noise, N̂ ≥ 0.
    p : float, default 2.0
        Power, above 0: 1 is a soft ratio, 2 the Wiener filter, 10 nearly a binary mask.

    Returns
    -------
    ndarray of float32, shape (F, T)
        Gain from 0 to 1; ½ where both magnitudes are 0.

    Raises
    ------
    NmflabError
        If the shapes differ, p isn't above 0, or a magnitude is negative or NaN.

    Examples
    --------
    >>> wiener_gain([3.0, 0.0], [1.0, 0.0], p=2.0)
    array([0.9, 0.5], dtype=float32)
    """
    S, N = non_negative(S, "S"), non_negative(N, "N")
    if S.shape != N.shape:
        raise NmflabError(f"S and N must have one shape, but have {S.shape} and {N.shape}.")
    return gain_from_log_ratio(log_ratio(S, N), p=p)


@steady
def log_ratio(S: NDArray[np.floating], N: NDArray[np.floating]) -> NDArray[np.float32]:
    """Compute L = log S − log N of magnitudes (F, T); 0 where both are 0, else infinite at a 0.

    All of the gain but its power: kept, it makes a new p a matter of milliseconds.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = (np.log(X, dtype=np.result_type(X, np.float32)) for X in (S, N))
        L = np.asarray(np.subtract(*logarithms), dtype=np.float32)
    np.copyto(L, 0.0, where=np.isnan(L))
    return L


@steady
def gain_from_log_ratio(L: NDArray[np.float32], *, p: float = 2.0) -> NDArray[np.float32]:
    """Compute the gain G = 1 / (1 + e^{−pL}) of shape (F, T) from the log-ratio L."""
    check_above_0(p, "p (power of the Wiener gain)")
    with np.errstate(over="ignore"):  # e^{−pL} = ∞ is the gain 0
        G = np.asarray(L * np.float32(-np.clip(p, 1e-30, 1e30)))
        np.exp(G, out=G)
    G += np.float32(1.0)
    np.divide(np.float32(1.0), G, out=G)
    return G
