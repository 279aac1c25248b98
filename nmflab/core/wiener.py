"""The Wiener gain that takes the speech out of a mixture.

    G = Ŝ^p / (Ŝ^p + N̂^p),        Ŝ = W_S H_S,   N̂ = W_N H_N

(Kwon, Shin and Kim, ICASSP 2016). With L = log Ŝ − log N̂ the same gain is a logistic function,

    G = 1 / (1 + e^{−pL}),

which divides by zero nowhere, whatever the level and the power, and keeps its relative accuracy
where the gain is small. See notebooks/04_separation.ipynb.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.errors import NmflabError

__all__ = ["gain_from_log_ratio", "log_ratio", "wiener_gain"]


def wiener_gain(S: ArrayLike, N: ArrayLike, *, p: float = 2.0) -> NDArray[np.float32]:
    """Compute the gain G = S^p / (S^p + N^p).

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

    References
    ----------
    K. Kwon, J. W. Shin and N. S. Kim, "NMF-based source separation utilizing prior knowledge on
    encoding vector", ICASSP 2016.

    Examples
    --------
    >>> wiener_gain([3.0, 0.0], [1.0, 0.0], p=2.0)
    array([0.9, 0.5], dtype=float32)
    """
    S, N = _magnitudes(S, "S"), _magnitudes(N, "N")
    if S.shape != N.shape:
        raise NmflabError(f"S and N must have one shape, but have {S.shape} and {N.shape}.")
    return gain_from_log_ratio(log_ratio(S, N), p=p)


def log_ratio(S: NDArray[np.floating], N: NDArray[np.floating]) -> NDArray[np.float32]:
    """Compute L = log S − log N, 0 where both are 0.

    All of the gain but its power: kept, it makes a new p a matter of milliseconds.

    Parameters
    ----------
    S, N : ndarray of float, shape (F, T)
        Magnitudes of the speech and of the noise, ≥ 0.

    Returns
    -------
    ndarray of float32, shape (F, T)
        The log-ratio, infinite where one of the two is 0.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        L = np.asarray(np.log(S) - np.log(N), dtype=np.float32)
    np.copyto(L, 0.0, where=np.isnan(L))
    return L


def gain_from_log_ratio(L: NDArray[np.float32], *, p: float = 2.0) -> NDArray[np.float32]:
    """Compute G = 1 / (1 + e^{−pL}).

    Parameters
    ----------
    L : ndarray of float32, shape (F, T)
        Log-ratio of speech to noise.
    p : float, default 2.0
        Power, above 0.

    Returns
    -------
    ndarray of float32, shape (F, T)
        Gain from 0 to 1.

    Raises
    ------
    NmflabError
        If p isn't a finite number above 0.
    """
    if not (np.isfinite(p) and p > 0):
        raise NmflabError(f"p (power of the Wiener gain) is {p!r} but must be a number above 0.")
    with np.errstate(over="ignore"):  # e^{−pL} = ∞ is the gain 0
        G = np.asarray(L * np.float32(-np.clip(p, 1e-30, 1e30)))
        np.exp(G, out=G)
    G += np.float32(1.0)
    np.divide(np.float32(1.0), G, out=G)
    return G


def _magnitudes(values: ArrayLike, name: str) -> NDArray[np.floating]:
    """Take the magnitudes as floats, or say what is wrong with them."""
    magnitudes = np.asarray(values)
    if magnitudes.dtype.kind not in "fiu":
        raise NmflabError(f"{name} holds {magnitudes.dtype} values but must hold real numbers.")
    if not ((magnitudes >= 0) & (magnitudes < np.inf)).all():
        raise NmflabError(
            f"{name} holds negative, infinite or NaN values; magnitudes are finite and at least 0."
        )
    return magnitudes.astype(np.result_type(magnitudes, np.float32), copy=False)
