"""Non-negative matrix factorisation with the generalised Kullback-Leibler divergence.

V ≈ WH: V (F, T) are magnitudes, the columns of W (F, K) are bases, the rows of H (K, T) are
their activations. The divergence is

    D(V‖V̂) = Σ [v log(v/v̂) − v + v̂],      V̂ = WH,

and the multiplicative updates of Lee and Seung (2001) never let it rise:

    H ← H ∘ Wᵀ(V/WH) / Wᵀ1          W ← W ∘ (V/WH)Hᵀ / 1Hᵀ

Encoding keeps W fixed and adds a prior on H, D + λ Σ φ_k(h_kt) (Kwon, Shin and Kim, 2016):

    mu:  H ← H ∘ Wᵀ(V/WH) / (Wᵀ1 + λ φ'(H))
    mm:  H ← max(ε, (H ∘ Wᵀ(V/WH) + λ(a−1)) / (Wᵀ1 + λ/b))

"mu" is the paper's rule; "mm" minimises the auxiliary function of D and the prior together, so
that the penalised objective never rises. For an exponential prior (a = 1) they are the same.

The accelerated solver updates a point Q beyond H (after Kim and Fessler, 2016), G being what the
last update multiplied by and H⁻ the H before it:

    Q = H ∘ (P + c) / (cP + 1)      P = H/H⁻ ∘ G

Where convexity doesn't show the result to be as good as H, a frame keeps H, and P = 1 again.

Inside, all is frame-major: frames are rows, and a block of frames stays in the cache while it is
worked on, in float32. See notebooks/02_nmf.ipynb and notebooks/06_map_separation.ipynb.

References
----------
D. D. Lee and H. S. Seung, "Algorithms for non-negative matrix factorization", NIPS 2000 (2001).
K. Kwon, J. W. Shin and N. S. Kim, "NMF-based source separation utilizing prior knowledge on
encoding vector", ICASSP 2016.
D. Kim and J. A. Fessler, "Optimized first-order methods for smooth convex minimization",
Mathematical Programming 159, 2016, doi:10.1007/s10107-015-0949-3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import NoneType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab import checks
from nmflab.checks import sounding, steady
from nmflab.core.nmf_encoding import (
    Costs,
    EncodingBlock,
    UpdateRule,
    encoding_blocks,
    encoding_start,
)
from nmflab.core.nmf_steps import FLOOR, Matrix, frame_major, spread
from nmflab.core.nmf_training import AcceleratedTraining, Training, training_start
from nmflab.errors import NmflabError
from nmflab.priors.distributions import Prior
from nmflab.settings import SOLVERS, UPDATES
from nmflab.system.threads import map_blocks, one_blas_thread

__all__ = ["Encoding", "Factorisation", "encode", "kl_divergence", "train_nmf"]

Progress = Callable[[int, int], None]

SAME = 1e-3  # of the greatest activation: what two encodings of one V may differ by
PROVABLE = 1e-3  # of ΣV: an ε up to which a few frames can show that D is above it
UNCERTAIN = 1e-5  # of ΣV: more than D is wrong by in float32


@dataclass(frozen=True, eq=False)
class Factorisation:
    """What training finds.

    Parameters
    ----------
    W : ndarray of float32, shape (F, K)
        Bases; each column sums to 1.
    H : ndarray of float32, shape (K, T)
        Activations.
    divergence : ndarray of float64, shape (n,)
        D(V‖WH) after each iteration; those of the accelerated solver but the last are taken at the
        extrapolated point where the next update starts.
    """

    W: Matrix
    H: Matrix
    divergence: NDArray[np.float64]


class Traced:
    """What has an objective: as it was traced, or found by encoding V once more when it is read."""

    H: Matrix
    _V: ArrayLike
    _trace: Costs | Callable[..., Encoding]

    @cached_property
    def objective(self) -> NDArray[np.float64]:
        """D(V‖WH) + λ Σ φ(H) after each iteration, shape (n,)."""
        return np.asarray(self._costs.sum(axis=0))

    @cached_property
    def divergence(self) -> NDArray[np.float64]:
        """D(V‖WH) by itself, shape (n,)."""
        return np.asarray(self._costs[0])

    @cached_property
    def _costs(self) -> Costs:
        if isinstance(self._trace, np.ndarray):
            return self._trace
        found = self._trace(self._V, trace=True)
        if found.H.shape != self.H.shape or np.abs(found.H - self.H).max() > SAME * self.H.max():
            raise NmflabError(
                "The objective can't be computed any more, for V, W, init or H has been changed "
                "since: read it before, or encode with trace=True."
            )
        return found._costs


@dataclass(frozen=True, eq=False)
class Encoding(Traced):
    """What encoding finds; its objective is computed when it is first read, see `encode`.

    Parameters
    ----------
    H : ndarray of float32, shape (K, T)
        Activations.

    Attributes
    ----------
    objective : ndarray of float64, shape (n,)
        D(V‖WH) + λ Σ φ(H) after each iteration; those of the accelerated solver but the last are
        of the best point beyond H that each frame was updated from, unless ε > 0.
    divergence : ndarray of float64, shape (n,)
        D(V‖WH) by itself.
    W_free : ndarray of float32, shape (F, K_f), optional
        Bases learnt on V, whose activations are the last rows of H; see `nmflab.core.nmf_free`.
    """

    H: Matrix
    _V: ArrayLike = field(repr=False)
    _trace: Costs | Callable[..., Encoding] = field(repr=False)
    W_free: Matrix | None = None


@steady
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

    V, V_hat = checks.non_negative(V, "V"), checks.non_negative(V_hat, "V_hat")
    if V.shape != V_hat.shape:
        raise NmflabError(f"V and V_hat must have one shape, but have {V.shape} and {V_hat.shape}.")
    V, V_hat = (X.astype(np.float64, order="C") for X in (V, V_hat))
    terms = xlogy(V, V) - xlogy(V, V_hat) - V + V_hat
    return float(np.maximum(terms, 0.0).sum())


@steady
def train_nmf(
    V: ArrayLike,
    n_bases: int,
    *,
    n_iter: int = 100,
    epsilon: float = 0.0,
    solver: str = "plain",
    init: tuple[ArrayLike, ArrayLike] | None = None,
    seed: int = 0,
    trace: bool = True,
    progress: Progress | None = None,
) -> Factorisation:
    """Factorise V into bases and activations by the updates of Lee and Seung (2001).

    Parameters
    ----------
    V : array_like, shape (F, T)
        Magnitudes, ≥ 0. float32 as `Stft.analyse` lays it out is used without a copy.
    n_bases : int
        Number of bases K, at most T.
    n_iter : int, default 100
        Iterations.
    epsilon : float, default 0.0
        Stop once the divergence has been seen below this.
    solver : {"plain", "accelerated"}
        The updates as published, or longer ones (`AcceleratedTraining`). The values traced never
        rise; but n + 1 of the longer ones can end above n of them, by up to 6e-4 ΣV.
    init : (array_like (F, K), array_like (K, T)), optional
        Where to start. By default W and H are drawn at random, H at the level of V.
    seed : int, default 0
        Seed of the random start.
    trace : bool, default True
        Whether to compute the divergence after each iteration; without it the result holds none.
    progress : callable, optional
        Called as ``progress(done, n_iter)`` after each iteration; an exception that it raises ends
        the training.

    Returns
    -------
    Factorisation
        W with columns that sum to 1, H, and the divergence.

    Raises
    ------
    NmflabError
        If V isn't a matrix of finite values ≥ 0 that holds some energy, K is out of range, or
        `init` doesn't fit.
    """
    V, frame_sums = checks.magnitudes(V)
    checks.check_run(solver, SOLVERS, epsilon, seed, trace, progress)
    checks.check_counts(n_bases, n_iter, V.shape[1])
    if not frame_sums.any():
        raise NmflabError("V is silent, all its entries are 0: nothing can be learnt from it.")
    num_frames, heard = V.shape[1], sounding(frame_sums)
    factors = checks.factors(init, V.shape, n_bases, heard)
    V, frame_sums = V.T[heard].T, frame_sums[heard]
    energy = float(frame_sums.sum())
    level = energy / V.shape[1]
    Vt = frame_major(V, level)
    start = partial(training_start, Vt, n_bases, factors, seed, level)
    kind = AcceleratedTraining if solver == "accelerated" else Training
    training = kind(Vt, start, energy, trace=trace or epsilon > 0)
    divergence: list[float] = []
    with one_blas_thread():  # once for all iterations
        for i in range(n_iter):
            divergence.append(training.iterate())  # as it was before this iteration
            if progress is not None:
                progress(i + 1, n_iter)
            if i > 0 and divergence[i] < epsilon:
                break
    training.settle()
    traced = [*divergence[1:], training.measure()] if trace else []
    Ht = spread(training.Ht, heard, num_frames, FLOOR * level)
    return Factorisation(training.Wt.T, Ht.T, np.array(traced))


@steady
def encode(
    V: ArrayLike,
    W: ArrayLike,
    *,
    prior: Prior | None = None,
    penalty: float = 0.0,
    n_iter: int = 30,
    epsilon: float = 0.0,
    update: str = "mm",
    solver: str = "plain",
    init: ArrayLike | str | None = None,
    seed: int = 0,
    trace: bool = False,
    progress: Progress | None = None,
) -> Encoding:
    """Find the activations of fixed bases, with or without a prior on them.

    Minimises D(V‖WH) + λ Σ φ_k(h_kt) over H (Kwon, Shin and Kim 2016).

    Parameters
    ----------
    V : array_like, shape (F, T)
        Magnitudes, ≥ 0, any float dtype.
    W : array_like, shape (F, K)
        Bases, ≥ 0, each with some energy.
    prior : Prior, optional
        An `ExponentialPrior` or `GammaPrior` for the K rows of H, in the units of H.
    penalty : float, default 0.0
        Penalty rate λ in the units of D; 0 is plain NMF, to the bit.
    n_iter : int, default 30
        Iterations.
    epsilon : float, default 0.0
        Stop at the first iteration after which the divergence is below this.
    update : {"mm", "mu"}
        The majorise-minimise rule, under which the objective never rises, or the paper's
        multiplicative rule, whose denominator is guarded where a gamma prior makes it negative.
    solver : {"plain", "accelerated"}
        The updates as published, or with momentum, which a frame loses where it would lead uphill:
        no frame gets worse with more iterations, save under "mu" with a gamma prior.
    init : array_like (K, T) or {"flat", "random"}, optional
        Where to start. "flat", the default, gives all bases the same share of each frame.
    seed : int, default 0
        Seed of a random start.
    trace : bool, default False
        Whether to compute the objective along the way. If not, it is computed when it is first
        read, by encoding once more: V, W and `init` are kept as they are, not copied, and mustn't
        have changed by then.
    progress : callable, optional
        Called as ``progress(done, blocks)`` after each block of frames; anew where it needs a
        second run to find the first H below ε.

    Returns
    -------
    Encoding
        H, and the objective when it is read, see `trace`.

    Raises
    ------
    NmflabError
        If V, W, the prior or `init` hold what they may not or don't fit each other, or λ is
        negative.
    """
    again = partial(encode, W=W, prior=prior, penalty=penalty, n_iter=n_iter, epsilon=epsilon)
    again = partial(again, update=update, solver=solver, init=init, seed=seed)
    given = V
    V, frame_sums = checks.magnitudes(V)
    W = checks.bases(W, V.shape[0])
    checks.check_run(solver, SOLVERS, epsilon, seed, trace, progress)
    checks.check_choice("update", update, UPDATES)
    checks.check_counts(1, n_iter, V.shape[1])
    checks.check_kind(prior, (Prior, NoneType), "prior", "a GammaPrior or an ExponentialPrior")
    checks.check_prior(prior, penalty, W.shape[1])
    num_frames, heard = V.shape[1], sounding(frame_sums)
    init = checks.start(init, (W.shape[1], num_frames), heard)
    V, frame_sums = V.T[heard].T, frame_sums[heard]
    rule = UpdateRule.of(W, prior, penalty, update, float(frame_sums.mean()) or 1.0)
    blocks = encoding_blocks(V.shape[1])
    flat = isinstance(init, str) and init == "flat"
    block = EncodingBlock(rule, max(frames.stop - frames.start for frames in blocks))

    def run(n_iter: int) -> tuple[Matrix, Costs]:
        Ht = encoding_start(frame_sums, W, init, seed)
        looks = {"trace": trace, "watch": epsilon > 0 and not trace}

        def work(frames: slice) -> list[Costs]:
            block.take(V[:, frames], frame_sums[frames], flat=flat)
            if solver == "accelerated":
                return block.iterate_accelerated(
                    Ht[frames], n_iter, **looks, at_H=trace and epsilon > 0
                )
            return block.iterate(Ht[frames], n_iter, **looks)

        parts = []
        for done, part in enumerate(map_blocks(work, blocks), start=1):
            parts.append(part)
            if progress is not None:
                progress(done, len(blocks))
        costs: Costs = np.sum(parts, axis=0).reshape(-1, 2).T
        costs[0] = np.maximum(costs[0], 0.0)
        return Ht, costs

    energy = float(frame_sums.sum())
    trace = trace or epsilon > PROVABLE * energy
    Ht, costs = run(n_iter)
    if not trace and (costs[0] < epsilon + UNCERTAIN * energy).any():  # D may have been below ε
        trace = True
        Ht, costs = run(n_iter)
    below = np.flatnonzero(costs[0, :-1] < epsilon)
    if trace and len(below):  # no block knows the sum by itself
        Ht, costs = run(int(below[0]) + 1)
    costs += (num_frames - len(Ht)) * rule.cost_of_silence()[:, None]
    Ht = spread(Ht, heard, num_frames, rule.silent)
    return Encoding(Ht.T, (), costs) if trace else Encoding(Ht.T, given, again)
