"""Priors on the activations: what each row of H looks like when its source sounds.

Each row k of H is taken as independent over the frames and drawn from

    exponential:  p(h) = (1/μ_k) e^{−h/μ_k},                          φ(h) = h/μ_k
    gamma:        p(h) = h^{a_k−1} e^{−h/b_k} / (Γ(a_k) b_k^{a_k}),    φ(h) = (1−a_k) log h + h/b_k

with φ = −log p up to a constant, the penalty that encoding adds to the divergence (Kwon, Shin and
Kim, ICASSP 2016). The exponential is the gamma of shape 1, so both offer the same `shape` and
`scale`. They are fitted by maximum likelihood to the H left over from training. See
notebooks/05_priors.ipynb.

References
----------
T. P. Minka, "Estimating a Gamma distribution", technical report, 2002.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab import checks
from nmflab.checks import activations, non_negative, steady
from nmflab.errors import NmflabError

__all__ = ["ExponentialPrior", "GammaPrior"]

LEAST_MEAN = 1e-9  # of a row, relative to the greatest: a basis that never sounded
GREATEST_SHAPE = 1e6  # a row that hardly varies at all
NEWTON_STEPS = 12  # quadratic convergence: 4 do for most rows

Rows = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prior:
    """What the two priors share: one distribution for each row of H.

    Parameters
    ----------
    scale : ndarray of float64, shape (K,)
        Scale b_k, in the units of H. For the exponential it is the mean μ_k.
    shape : ndarray of float64, shape (K,)
        Shape a_k; 1 for the exponential.
    """

    scale: Rows
    shape: Rows

    def __post_init__(self) -> None:
        """Take the parameters as float64, or say what is wrong with them."""
        for name, parameter in checks.prior_parameters(self.scale, self.shape).items():
            object.__setattr__(self, name, parameter)

    def stretched(self, factor: float) -> Prior:
        """Give the prior of activations that are louder by a factor."""
        checks.check_above_0(factor, "factor")
        return Prior(scale=self.scale * factor, shape=self.shape)

    @steady
    def penalty(self, H: ArrayLike) -> float:
        """Compute Σ φ_k(h_kt) of activations H (K, T), up to the constant that makes p a density.

        H is above 0 where the shape isn't 1.
        """
        from scipy.special import xlogy

        H = activations(H, len(self.scale))
        return float((xlogy(1.0 - self.shape[:, None], H) + H / self.scale[:, None]).sum())

    @steady
    def derivative(self, H: ArrayLike) -> NDArray[np.float64]:
        """Compute φ'(h) = (1 − a)/h + 1/b for each entry of H (K, T)."""
        H = activations(H, len(self.scale))
        numerator = np.broadcast_to(1.0 - self.shape[:, None], H.shape)
        logarithmic = np.divide(numerator, H, out=np.zeros_like(H), where=numerator != 0)
        slope: NDArray[np.float64] = logarithmic + 1.0 / self.scale[:, None]
        return slope

    @steady
    def logpdf(self, H: ArrayLike) -> NDArray[np.float64]:
        """Compute log p(h) for each entry of H (K, T)."""
        from scipy.special import gammaln, xlogy

        H = activations(H, len(self.scale))
        a, b = self.shape[:, None], self.scale[:, None]
        density: NDArray[np.float64] = xlogy(a - 1.0, H) - H / b - gammaln(a) - a * np.log(b)
        return density

    @steady
    def pdf(self, H: ArrayLike) -> NDArray[np.float64]:
        """Compute p(h) for each entry of H (K, T)."""
        return np.exp(self.logpdf(H))

    @steady
    def quantile(self, probability: ArrayLike) -> NDArray[np.float64]:
        """Compute the activations (K, Q) below which given shares (Q,) of each row lie."""
        from scipy.special import gammaincinv

        shares = checks.as_shares(probability, "probability")
        quantiles: NDArray[np.float64] = gammaincinv(self.shape[:, None], shares)
        return self.scale[:, None] * quantiles

    @steady
    def log_likelihood(self, H: ArrayLike, *, floor: float = 0.1) -> NDArray[np.float64]:
        """Compute the mean log-likelihood of each row of H (K, T), in nats an activation.

        The greater, the better the fit. The floor is relative to the row's mean, as in the fit.
        """
        mean: NDArray[np.float64] = self.logpdf(floored(_rows(H), floor)).mean(axis=1)
        return mean


@dataclass(frozen=True, eq=False)
class ExponentialPrior(Prior):
    """Exponential prior, p(h) = (1/μ_k) e^{−h/μ_k}.

    Parameters
    ----------
    scale : ndarray of float64, shape (K,)
        Mean μ_k of each row.
    shape : ndarray of float64, shape (K,)
        Ones.
    """

    @classmethod
    @steady
    def fit(cls, H: ArrayLike) -> ExponentialPrior:
        """Fit by maximum likelihood: μ_k is the mean of the row.

        Parameters
        ----------
        H : array_like, shape (K, T)
            Activations left over from training, ≥ 0.

        Returns
        -------
        ExponentialPrior
            One distribution for each row.

        Raises
        ------
        NmflabError
            If H isn't a non-empty matrix of finite values ≥ 0, or is all 0.
        """
        mean = _row_means(_rows(H))
        return cls(scale=mean, shape=np.ones_like(mean))


@dataclass(frozen=True, eq=False)
class GammaPrior(Prior):
    """Gamma prior, p(h) = h^{a_k−1} e^{−h/b_k} / (Γ(a_k) b_k^{a_k}).

    Parameters
    ----------
    scale : ndarray of float64, shape (K,)
        Scale b_k of each row.
    shape : ndarray of float64, shape (K,)
        Shape a_k of each row.
    """

    @classmethod
    @steady
    def fit(cls, H: ArrayLike, *, floor: float = 0.1) -> GammaPrior:
        """Fit by maximum likelihood at location 0, all rows at once.

        With s = log mean(h) − mean(log h), the shape solves log a − ψ(a) = s; it is found by
        Minka's start and his generalised Newton steps (Minka 2002), and b = mean(h)/a.

        Parameters
        ----------
        H : array_like, shape (K, T)
            Activations left over from training, ≥ 0.
        floor : float, default 0.1
            Activations below this fraction of their row's mean are raised to it. Multiplicative
            updates leave "nothing" at anything from 1e-3 to 1e-12, and mean(log h) would measure
            just that: without a floor the shape tells how long training ran, with it how the
            source sounds. It decides a_k.

        Returns
        -------
        GammaPrior
            One distribution for each row.

        Raises
        ------
        NmflabError
            If H isn't a non-empty matrix of finite values ≥ 0, or is all 0, or the floor isn't
            at least 0.
        """
        rows = floored(_rows(H), floor)
        mean = rows.mean(axis=1, dtype=np.float64)
        shape = _solve_shape(np.log(mean) - np.log(rows).mean(axis=1, dtype=np.float64))
        audible = _row_means(rows)
        shape[mean < audible] = 1.0  # a basis that never sounded has no shape: exponential
        return cls(scale=audible / shape, shape=shape)


def floored(H: NDArray[np.floating], floor: float) -> NDArray[np.floating]:
    """Raise activations (K, T) to a fraction of their row's mean, at least 0."""
    checks.check_floor(floor)
    raised: NDArray[np.floating] = np.maximum(H, floor * H.mean(axis=1, keepdims=True))
    np.maximum(raised, np.finfo(raised.dtype).tiny, out=raised)  # 0 has no logarithm
    return raised


def joined(priors: Sequence[Prior]) -> Prior:
    """Join the priors of several sources, in the order of their bases."""
    return Prior(
        scale=np.concatenate([prior.scale for prior in priors]),
        shape=np.concatenate([prior.shape for prior in priors]),
    )


def _solve_shape(s: Rows) -> Rows:
    """Solve log a − ψ(a) = s for each row (Minka 2002, his equation 12)."""
    from scipy.special import digamma, polygamma

    s = np.maximum(s, 0.5 / GREATEST_SHAPE)
    a = (3.0 - s + np.sqrt((s - 3.0) ** 2 + 24.0 * s)) / (12.0 * s)
    for _ in range(NEWTON_STEPS):
        slope = 1.0 / a - polygamma(1, a)
        step = (np.log(a) - digamma(a) - s) / (a**2 * slope)
        refined = 1.0 / (1.0 / a + step)
        converged = np.allclose(refined, a, rtol=1e-12, atol=0.0)
        a = refined
        if converged:
            break
    return np.asarray(a, dtype=np.float64)


def _row_means(H: NDArray[np.floating]) -> Rows:
    """Mean of each row, floored so that a basis that never sounded keeps a finite rate."""
    mean = H.mean(axis=1, dtype=np.float64)
    return np.asarray(np.maximum(mean, LEAST_MEAN * mean.max()))


def _rows(H: ArrayLike) -> NDArray[np.floating]:
    H = non_negative(H, "H")
    if H.ndim != 2 or H.size == 0:
        raise NmflabError(f"H must be a matrix (bases, frames), but has the shape {H.shape}.")
    if not H.any():
        raise NmflabError("H is all zeros: no prior can be fitted to a silent source.")
    return np.asarray(H, dtype=np.result_type(H, np.float32), order="F")
