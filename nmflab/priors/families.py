"""Four families of distributions for rows of H: which fits best depends on the floor.

Conventions: rows of H (K, T) are relative to their means; what is below the floor is raised to it.
The exponential and the gamma are the priors of `nmflab.priors`; two more are for comparison alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.priors.distributions import ExponentialPrior, GammaPrior

__all__ = ["FAMILIES", "fit_families", "log_likelihoods"]

FAMILIES = ("exponential", "gamma", "log-normal", "spike and slab")
"""Their names, in the order in which they are drawn."""

Rows = NDArray[np.float64]


class Family(Protocol):
    """What all of them can."""

    def logpdf(self, H: ArrayLike) -> Rows:
        """Compute log p(h) for each entry of H (K, T)."""

    def quantile(self, probability: ArrayLike) -> Rows:
        """Compute the activations (K, Q) below which given shares (Q,) of each row lie."""


@dataclass(frozen=True, eq=False)
class LogNormal:
    """log h is Gaussian.

    Parameters
    ----------
    mean, deviation : ndarray of float64, shape (K, 1)
        Of log h.
    """

    mean: Rows
    deviation: Rows

    @classmethod
    def fit(cls, H: Rows) -> LogNormal:
        """Fit rows H (K, T), floored, by maximum likelihood.

        Parameters
        ----------
        H : ndarray of float64, shape (K, T)
            Above 0.

        Returns
        -------
        LogNormal
            The fit.
        """
        logs = np.log(H)
        return cls(logs.mean(axis=1, keepdims=True), logs.std(axis=1, keepdims=True) + 1e-12)

    def logpdf(self, H: ArrayLike) -> Rows:
        """Compute log p(h) for each entry of H (K, T)."""
        logs = np.log(np.asarray(H, dtype=np.float64))
        z = (logs - self.mean) / self.deviation
        density: Rows = -0.5 * z**2 - logs - np.log(self.deviation) - 0.5 * np.log(2 * np.pi)
        return density

    def quantile(self, probability: ArrayLike) -> Rows:
        """Compute the activations (K, Q) below which given shares (Q,) of each row lie."""
        from scipy.special import ndtri

        quantiles: Rows = np.exp(self.mean + self.deviation * ndtri(np.asarray(probability)))
        return quantiles


@dataclass(frozen=True, eq=False)
class SpikeAndSlab:
    """Off with a probability, anywhere up to the floor; else an exponential above it.

    Parameters
    ----------
    off : ndarray of float64, shape (K, 1)
        Share of the frames in which a basis is off.
    mean : ndarray of float64, shape (K, 1)
        Mean of what lies above the floor, counted from there.
    floor : float
        Where the spike ends.
    """

    off: Rows
    mean: Rows
    floor: float

    @classmethod
    def fit(cls, H: Rows, floor: float) -> SpikeAndSlab:
        """Fit rows H (K, T), floored, by maximum likelihood.

        Parameters
        ----------
        H : ndarray of float64, shape (K, T)
            At least the floor.
        floor : float
            The floor.

        Returns
        -------
        SpikeAndSlab
            The fit.
        """
        on = floor < H
        above = np.where(on, H - floor, 0).sum(axis=1, keepdims=True)
        mean = above / np.maximum(on.sum(axis=1, keepdims=True), 1)
        off = np.clip(1 - on.mean(axis=1, keepdims=True), 1e-6, 1 - 1e-6)
        return cls(off, np.maximum(mean, 1e-12), floor)

    def logpdf(self, H: ArrayLike) -> Rows:
        """Compute log p(h) for each entry of H (K, T)."""
        h = np.asarray(H, dtype=np.float64)
        slab = np.log1p(-self.off) - np.log(self.mean) - (h - self.floor) / self.mean
        return np.where(h <= self.floor, np.log(self.off / self.floor), slab)

    def quantile(self, probability: ArrayLike) -> Rows:
        """Compute the activations (K, Q) below which given shares (Q,) of each row lie."""
        share = np.asarray(probability, dtype=np.float64)
        left = np.minimum((1 - share) / (1 - self.off), 1.0)
        slab = self.floor - self.mean * np.log(np.maximum(left, 1e-12))
        return np.where(share <= self.off, self.floor * share / self.off, slab)


def fit_families(H: ArrayLike, floor: float) -> tuple[Rows, dict[str, Family]]:
    """Fit all four to rows of H.

    Parameters
    ----------
    H : array_like, shape (K, T)
        Activations.
    floor : float
        Relative to the mean of each row.

    Returns
    -------
    ndarray of float64, shape (K, T)
        The rows over their means, floored.
    dict of str to Family
        The fits, by their names.
    """
    rows: Any = np.asarray(H, dtype=np.float64)
    mean = rows.mean(axis=1, keepdims=True)
    relative = rows / np.where(mean > 0, mean, 1.0)
    h = np.maximum(relative, floor)
    fits: dict[str, Family] = {
        "exponential": ExponentialPrior.fit(relative),
        "gamma": GammaPrior.fit(relative, floor=floor),
        "log-normal": LogNormal.fit(h),
        "spike and slab": SpikeAndSlab.fit(h, floor),
    }
    return h, fits


def log_likelihoods(H: ArrayLike, floor: float) -> dict[str, Rows]:
    """Give the mean log-likelihood of each row under each family, in nats an activation.

    Parameters
    ----------
    H : array_like, shape (K, T)
        Activations.
    floor : float
        Relative to the mean of each row.

    Returns
    -------
    dict of str to ndarray of float64, shape (K,)
        The higher, the better the fit.
    """
    h, fits = fit_families(H, floor)
    return {name: fit.logpdf(h).mean(axis=1) for name, fit in fits.items()}
