"""The generalised Kullback-Leibler divergence between V and its model WH."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nmflab.checks import non_negative
from nmflab.errors import NmflabError

__all__ = ["kl_divergence"]


def kl_divergence(V: ArrayLike, V_hat: ArrayLike) -> float:
    """Compute the generalised Kullback-Leibler divergence D(V‖V̂).

    Parameters
    ----------
    V, V_hat : array_like, shape (F, T)
        Magnitudes and their approximation, ≥ 0; of any one shape.

    Returns
    -------
    float
        Σ [v log(v/v̂) − v + v̂] with 0·log 0 = 0 (Lee and Seung 2001), in the units of V. Never
        negative and never NaN; infinite where v̂ is 0 but v isn't.

    Raises
    ------
    NmflabError
        If the shapes differ, or an entry is negative, infinite or NaN.

    Examples
    --------
    >>> kl_divergence([1.0, 2.0], [1.0, 2.0])
    0.0
    """
    from scipy.special import xlogy

    V, V_hat = non_negative(V, "V"), non_negative(V_hat, "V_hat")
    if V.shape != V_hat.shape:
        raise NmflabError(f"V and V_hat must have one shape, but have {V.shape} and {V_hat.shape}.")
    V, V_hat = V.astype(np.float64), V_hat.astype(np.float64)
    terms = xlogy(V, V) - xlogy(V, V_hat) - V + V_hat
    return float(np.maximum(terms, 0.0).sum())
