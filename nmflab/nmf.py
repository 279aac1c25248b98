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

Inside, all is frame-major: frames are rows, and a block of frames stays in the cache while it is
worked on, in float32. See notebooks/02_nmf.ipynb and notebooks/06_map_separation.ipynb.

References
----------
D. D. Lee and H. S. Seung, "Algorithms for non-negative matrix factorization", NIPS 2000 (2001).
K. Kwon, J. W. Shin and N. S. Kim, "NMF-based source separation utilizing prior knowledge on
encoding vector", ICASSP 2016.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.errors import NmflabError
from nmflab.parallel import even_split, map_blocks
from nmflab.priors import Prior
from nmflab.settings import SOLVERS, UPDATES

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Progress = Callable[[int, int], None]
_Cost = tuple[float, float]  # D(V‖WH) and λ Σ φ(H)

ENCODING_FRAMES = 384  # frames in a block of encoding
TRAINING_FRAMES = 512  # frames in a block of training
TRAINING_STRIPES = 4  # parts of T whose numerators of W are added up apart, in a fixed order
FLOOR = 1e-12  # least activation times its basis's sum, relative to the mean frame sum
LEAST_MAGNITUDE = 1e-20  # least entry of V, relative to the mean frame sum
LEAST_WEIGHT = 1e-20  # least entry of W, relative to its column's sum
GUARD = np.float32(0.1)  # least denominator of "mu", relative to Wᵀ1 + λ/b
LOG_2 = math.log(2.0)  # log₂ is the fastest logarithm
MOMENTUM = 0.9  # the most by which an accelerated step looks ahead


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
        D(V‖WH) after each of the n iterations; those of the accelerated solver but the last are
        taken at the extrapolated point where the next update starts.
    """

    W: Matrix
    H: Matrix
    divergence: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Encoding:
    """What encoding finds.

    Parameters
    ----------
    H : ndarray of float32, shape (K, T)
        Activations.
    objective : ndarray of float64, shape (n,)
        D(V‖WH) + λ Σ φ(H) after each of the n iterations; those of the accelerated solver but
        the last are taken at the extrapolated point where the next update starts.
    divergence : ndarray of float64, shape (n,)
        D(V‖WH) by itself.
    """

    H: Matrix
    objective: NDArray[np.float64]
    divergence: NDArray[np.float64]


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

    V, V_hat = _non_negative(V, "V"), _non_negative(V_hat, "V_hat")
    if V.shape != V_hat.shape:
        raise NmflabError(f"V and V_hat must have one shape, but have {V.shape} and {V_hat.shape}.")
    V, V_hat = V.astype(np.float64), V_hat.astype(np.float64)
    terms = xlogy(V, V) - xlogy(V, V_hat) - V + V_hat
    return float(np.maximum(terms, 0.0).sum())


def train_nmf(
    V: ArrayLike,
    n_bases: int,
    *,
    n_iter: int = 100,
    epsilon: float = 0.0,
    solver: str = "plain",
    init: tuple[ArrayLike, ArrayLike] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Factorisation:
    """Factorise V into bases and activations by the updates of Lee and Seung (2001).

    Parameters
    ----------
    V : array_like, shape (F, T)
        Magnitudes, ≥ 0, any float dtype. float32 with its frames one after another in memory,
        as `Stft.analyse` gives them, is used without a copy.
    n_bases : int
        Number of bases K, at most T.
    n_iter : int, default 100
        Iterations.
    epsilon : float, default 0.0
        Stop once the divergence has been seen below this.
    solver : {"plain", "accelerated"}
        The updates as published, or with multiplicative momentum (`_extrapolated`).
    init : (array_like (F, K), array_like (K, T)), optional
        Where to start. By default W and H are drawn at random, H at the level of V.
    seed : int, default 0
        Seed of the random start.
    progress : callable, optional
        Called as ``progress(done, n_iter)`` after each iteration; an exception that it raises
        ends the training.

    Returns
    -------
    Factorisation
        W with columns that sum to 1, H, and the divergence after each iteration.

    Raises
    ------
    NmflabError
        If V isn't a matrix of finite values ≥ 0 that holds some energy, K is out of range, or
        `init` doesn't fit.
    """
    V = _magnitudes(V)
    _check_choice("solver", solver, SOLVERS)
    _check_counts(n_bases, n_iter, V.shape[1])
    if not V.any():
        raise NmflabError("V is silent, all its entries are 0: nothing can be learnt from it.")
    Vt = _frame_major(V, _level(V))
    Wt, Ht = _training_start(Vt, n_bases, init, seed)
    training = (_AcceleratedTraining if solver == "accelerated" else _Training)(Vt, Wt, Ht)
    divergence: list[float] = []
    for i in range(n_iter):
        divergence.append(training.iterate())  # as it was before this iteration
        if progress is not None:
            progress(i + 1, n_iter)
        if i > 0 and divergence[i] < epsilon:
            break
    divergence.append(training.finish())
    return Factorisation(training.Wt.T, training.Ht.T, np.array(divergence[1:]))


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
    trace: bool = True,
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
        The updates as published, or with multiplicative momentum (`_extrapolated`).
    init : array_like (K, T) or {"flat", "random"}, optional
        Where to start. "flat", the default, gives all bases the same share of each frame.
    seed : int, default 0
        Seed of a random start.
    trace : bool, default True
        Whether to compute the objective after each iteration, which takes a tenth of the time.
        Without it the result holds the last value alone; ε > 0 and the accelerated solver need it.
    progress : callable, optional
        Called as ``progress(done, blocks)`` after each block of frames.

    Returns
    -------
    Encoding
        H and the objective after each iteration.

    Raises
    ------
    NmflabError
        If V, W, the prior or `init` hold what they may not or don't fit each other, or λ is
        negative.
    """
    V = _magnitudes(V)
    W = _bases(W, V.shape[0])
    _check_choice("solver", solver, SOLVERS)
    _check_choice("update", update, UPDATES)
    _check_counts(1, n_iter, V.shape[1])
    _check_prior(prior, penalty, W.shape[1])
    rule = _Rule.of(W, prior, penalty, update, level=_level(V))
    blocks = even_split(0, V.shape[1], ENCODING_FRAMES)

    def run(n_iter: int) -> Encoding:
        Ht = _encoding_start(V, W, init, seed)

        def work(frames: slice) -> list[_Cost]:
            block = _EncodingBlock(V[:, frames], rule)
            if solver == "accelerated":
                return block.iterate_accelerated(Ht[frames], n_iter)
            return block.iterate(Ht[frames], n_iter, trace=trace or epsilon > 0)

        parts = []
        for done, part in enumerate(map_blocks(work, blocks), start=1):
            parts.append(part)
            if progress is not None:
                progress(done, len(blocks))
        divergence, penalties = np.sum(parts, axis=0).T
        return Encoding(Ht.T, divergence + penalties, np.maximum(divergence, 0.0))

    encoding = run(n_iter)
    below = np.flatnonzero(encoding.divergence[:-1] < epsilon)
    return run(int(below[0]) + 1) if len(below) else encoding  # no block knows the sum by itself


@dataclass(frozen=True, eq=False)
class _Rule:
    """The update of H, with all that doesn't depend on H computed once.

    With den = Wᵀ1 + λ/b the rule "mm" is H ← max(ε, H ∘ G + offset), where G = Wᵀ(V/WH)/den and
    offset = λ(a−1)/den; "mu" is H ← H ∘ G / (1 − offset/H): the paper's fraction, divided by den
    above and below the line.
    """

    Wt: Matrix  # (K, F)
    W_over_den: Matrix  # (F, K)
    linear: Matrix  # (K, 2): Wᵀ1 and λ/b, what an activation costs in D and in the penalty
    logarithmic: Vector  # λ(1−a), what its logarithm costs
    offset: Vector | None  # None where a = 1 throughout
    multiplicative: bool
    floor: Vector  # ε
    level: float  # mean frame sum of V

    @classmethod
    def of(
        cls, W: NDArray[np.floating], prior: Prior | None, penalty: float, update: str, level: float
    ) -> _Rule:
        column_sums = W.sum(axis=0, dtype=np.float64)
        rate = logarithmic = np.zeros_like(column_sums)
        if prior is not None and penalty > 0:
            rate = penalty / prior.scale
            logarithmic = penalty * (1.0 - prior.shape)
        den = column_sums + rate
        W = np.maximum(W, LEAST_WEIGHT * column_sums)
        return cls(
            Wt=np.ascontiguousarray(W.T, dtype=np.float32),
            W_over_den=np.ascontiguousarray(W / den, dtype=np.float32),
            linear=np.stack([column_sums, rate], axis=1).astype(np.float32),
            logarithmic=logarithmic.astype(np.float32),
            offset=(-logarithmic / den).astype(np.float32) if logarithmic.any() else None,
            multiplicative=update == "mu",
            floor=(FLOOR * level / column_sums).astype(np.float32),
            level=level,
        )


class _EncodingBlock:
    """A block of frames of V and the scratch for its updates, all in the cache.

    Constants are spread to the size of the block, for NumPy is four times as fast on two whole
    arrays as on an array and a scalar or a row.
    """

    def __init__(self, V: NDArray[np.floating], rule: _Rule) -> None:
        self._rule = rule
        self._Vt = _frame_major(V, rule.level)
        self._energy = float(self._Vt.sum(dtype=np.float64))
        self._R = np.empty_like(self._Vt)
        size = (V.shape[1], len(rule.Wt))
        scratch = np.empty(max(self._Vt.size, math.prod(size)), dtype=np.float32)
        self._G = scratch[: math.prod(size)].reshape(size)  # Wᵀ(V/WH)/den, or log H
        self._L = scratch[: self._Vt.size].reshape(self._Vt.shape)  # log V/WH
        self._floor = np.broadcast_to(rule.floor, size).copy()
        if rule.offset is not None:
            self._offset = np.broadcast_to(rule.offset, size).copy()
            self._guard = np.full(size, GUARD)

    def measure(self, H: Matrix) -> _Cost:
        """Compute V/WH, and from it D(V‖WH) and λ Σ φ(H)."""
        _ratio(self._Vt, H, self._rule.Wt, self._R)
        sums = (H @ self._rule.linear).sum(axis=0, dtype=np.float64)
        divergence = _log_term(self._Vt, self._R, self._L) - self._energy + sums[0]
        penalty = sums[1]
        if self._rule.offset is not None:
            np.log2(H, out=self._G)
            penalty += (self._G @ self._rule.logarithmic).sum(dtype=np.float64) * LOG_2
        return float(divergence), float(penalty)

    def update(self, H: Matrix) -> None:
        """Update H in place, with V/WH as `measure` left it."""
        np.matmul(self._R, self._rule.W_over_den, out=self._G)
        if self._rule.offset is not None and self._rule.multiplicative:
            self._G *= H
            np.divide(self._offset, H, out=H)
            np.subtract(np.float32(1.0), H, out=H)
            np.maximum(H, self._guard, out=H)
            np.divide(self._G, H, out=H)
        else:
            H *= self._G
            if self._rule.offset is not None:
                H += self._offset
        np.maximum(H, self._floor, out=H)

    def iterate(self, H: Matrix, n_iter: int, *, trace: bool) -> list[_Cost]:
        """Iterate on H in place; give the costs after each iteration, or after the last."""
        costs = []
        np.maximum(H, self._floor, out=H)
        for i in range(n_iter):
            if trace and i > 0:
                costs.append(self.measure(H))
            else:
                _ratio(self._Vt, H, self._rule.Wt, self._R)
            self.update(H)
        return [*costs, self.measure(H)]

    def iterate_accelerated(self, H_out: Matrix, n_iter: int) -> list[_Cost]:
        """Do the same with each update taken at an extrapolated point Q.

        An update never raises the objective above that of the point where it is taken. Where Q's
        is above the one before, the update is taken at H instead: so the values never rise.
        """
        H = np.maximum(H_out, self._floor)
        before, Q = H.copy(), np.empty_like(H)
        costs: list[_Cost] = []
        momentum = 0
        for _ in range(n_iter):
            _extrapolate(H, before, momentum, out=Q, scratch=self._G)
            np.maximum(Q, self._floor, out=Q)
            cost = self.measure(Q)
            if momentum > 0 and sum(cost) > sum(costs[-1]):
                momentum = 0
                np.copyto(Q, H)
                cost = self.measure(Q)
            costs.append(cost)
            before, H, Q = H, Q, before
            self.update(H)
            momentum += 1
        np.copyto(H_out, H)
        return [*costs[1:], self.measure(H)]


class _Training:
    """The alternating updates of H and W (Lee and Seung 2001).

    When W's columns are normalised, their scale is due to H. It is paid in H's next update: with
    the columns as they were, H ∘ Wᵀ(V/WH) comes out at the new scale.
    """

    def __init__(self, Vt: Matrix, Wt: Matrix, Ht: Matrix) -> None:
        self.Vt, self.Wt, self.Ht = Vt, Wt, Ht
        self._Wt_unscaled = Wt
        self._energy = float(Vt.sum(dtype=np.float64))
        self._floor = np.float32(FLOOR * _level(Vt.T))
        self._stripes = [
            even_split(stripe.start, stripe.stop, TRAINING_FRAMES)
            for stripe in even_split(0, len(Vt), -(-len(Vt) // TRAINING_STRIPES))
        ]

    def iterate(self) -> float:
        """Update H, then W; give the divergence as it was before."""
        parts = list(map_blocks(self._update_stripe, self._stripes))
        numerator = sum(part[1] for part in parts)  # (V/WH)Hᵀ, as (K, F)
        denominator = np.sum([part[2] for part in parts], axis=0)  # 1Hᵀ
        self._Wt_unscaled = self.Wt * numerator / denominator[:, None]
        self.Wt = _normalised(self._Wt_unscaled)
        return max(0.0, sum(part[0] for part in parts) - self._energy)

    def finish(self) -> float:
        """Pay H the scale that is due to it; give D(V‖WH) as it stands."""
        self.Ht *= self._Wt_unscaled.sum(axis=1)
        self._Wt_unscaled = self.Wt
        return max(0.0, sum(map_blocks(self._measure_stripe, self._stripes)) - self._energy)

    def _update_stripe(self, stripe: list[slice]) -> tuple[float, Matrix, Vector]:
        """Update H block by block, and add up what W is to be updated with."""
        numerator, product = np.zeros_like(self.Wt), np.empty_like(self.Wt)
        denominator = np.zeros(len(self.Wt), dtype=np.float32)
        sums = self._Wt_unscaled.sum(axis=1)
        divergence = 0.0
        for V, H, R, L, G, floor in self._blocks(stripe):
            _ratio(V, H, self._Wt_unscaled, R)
            divergence += _log_term(V, R, L) + float((H @ sums).sum(dtype=np.float64))
            np.matmul(R, self._Wt_unscaled.T, out=G)  # Wᵀ(V/WH), and Wᵀ1 = 1
            H *= G
            np.maximum(H, floor, out=H)
            _ratio(V, H, self.Wt, R)
            numerator += np.matmul(H.T, R, out=product)
            denominator += H.sum(axis=0)
        return divergence, numerator, denominator

    def _measure_stripe(self, stripe: list[slice]) -> float:
        total = 0.0
        for V, H, R, L, _, _ in self._blocks(stripe):
            _ratio(V, H, self.Wt, R)
            total += _log_term(V, R, L) + float(H.sum(dtype=np.float64))
        return total

    def _blocks(self, stripe: list[slice]) -> Iterator[tuple[Matrix, ...]]:
        """Go through a stripe's blocks of V and H, with scratch for V/WH, its log and the rest."""
        most = max(frames.stop - frames.start for frames in stripe)
        R, L = np.empty((2, most, self.Vt.shape[1]), dtype=np.float32)
        G = np.empty((most, len(self.Wt)), dtype=np.float32)
        floor = np.full_like(G, self._floor)
        for frames in stripe:
            n = frames.stop - frames.start
            yield self.Vt[frames], self.Ht[frames], R[:n], L[:n], G[:n], floor[:n]


class _AcceleratedTraining(_Training):
    """Both factors from one ratio, at a point Q extrapolated from the last two iterates.

    With W's columns normalised, H ← H ∘ Wᵀ(V/WH) together with W ∝ W ∘ (V/WH)Hᵀ is the EM step
    for V ≈ WH, which never raises D above that of the point where it is taken. A step whose
    point turns out worse than the one before is undone, and momentum starts anew.
    """

    def __init__(self, Vt: Matrix, Wt: Matrix, Ht: Matrix) -> None:
        super().__init__(Vt, Wt, Ht)
        self._Wt_before, self._Ht_before = Wt, Ht.copy()
        self._Wt_Q = Wt
        self._momentum = 0
        self._last = np.inf

    def iterate(self) -> float:
        """Take one EM step at the extrapolated point; give the divergence of that point."""
        self._Wt_Q = np.empty_like(self.Wt)
        scratch = np.empty_like(self.Wt)
        _extrapolate(self.Wt, self._Wt_before, self._momentum, out=self._Wt_Q, scratch=scratch)
        self._Wt_Q = _normalised(self._Wt_Q)
        parts = list(map_blocks(self._update_stripe, self._stripes))
        value = max(0.0, sum(part[0] for part in parts) - self._energy)
        if self._momentum > 0 and value > self._last:
            np.copyto(self.Ht, self._Ht_before)
            self._momentum = 0
            return self._last
        self._Wt_before = self.Wt
        self.Wt = self._Wt_unscaled = _normalised(self._Wt_Q * sum(part[1] for part in parts))
        self._momentum += 1
        self._last = value
        return value

    def _update_stripe(self, stripe: list[slice]) -> tuple[float, Matrix, Vector]:
        numerator, product = np.zeros_like(self.Wt), np.empty_like(self.Wt)
        divergence = 0.0
        before = (self._Ht_before[frames] for frames in stripe)
        scratch = np.empty((max(s.stop - s.start for s in stripe), len(self.Wt)), np.float32)
        for (V, H, R, L, G, floor), H_before in zip(self._blocks(stripe), before, strict=True):
            Q = scratch[: len(H)]
            _extrapolate(H, H_before, self._momentum, out=Q, scratch=G)
            _ratio(V, Q, self._Wt_Q, R)
            divergence += _log_term(V, R, L) + float(Q.sum(dtype=np.float64))
            numerator += np.matmul(Q.T, R, out=product)
            np.matmul(R, self._Wt_Q.T, out=G)
            np.copyto(H_before, H)
            np.multiply(Q, G, out=H)
            np.maximum(H, floor, out=H)
        return divergence, numerator, np.empty(0, dtype=np.float32)


def _ratio(V: Matrix, H: Matrix, Wt: Matrix, R: Matrix) -> None:
    """R = V / WH, frame-major."""
    np.matmul(H, Wt, out=R)
    np.divide(V, R, out=R)


def _log_term(V: Matrix, R: Matrix, L: Matrix) -> float:
    """Σ v log(v/v̂) from R = V/V̂."""
    np.log2(R, out=L)
    return float(np.vdot(V, L)) * LOG_2


def _extrapolate(H: Matrix, before: Matrix, steps: int, *, out: Matrix, scratch: Matrix) -> None:
    """Q = H ∘ (H + c H⁻) / (c H + H⁻), a point beyond H as seen from H⁻.

    The rational form of the extrapolation log Q = log H + a (log H − log H⁻): with
    c = (1 − a)/(1 + a) both agree to first order, but this one stays positive and can't go
    further than a factor 1/c. a = i/(i + 3) after i steps, and never above MOMENTUM.
    """
    a = min(steps / (steps + 3.0), MOMENTUM)
    c = np.float32((1.0 - a) / (1.0 + a))
    np.multiply(before, c, out=out)
    out += H
    np.multiply(H, c, out=scratch)
    scratch += before
    out /= scratch
    out *= H


def _normalised(Wt: Matrix) -> Matrix:
    """Give the bases such that each sums to 1."""
    floored = np.maximum(Wt, LEAST_WEIGHT * Wt.max(axis=1, keepdims=True))
    normalised: Matrix = floored / floored.sum(axis=1, keepdims=True)
    return normalised


def _training_start(
    Vt: Matrix, n_bases: int, init: tuple[ArrayLike, ArrayLike] | None, seed: int
) -> tuple[Matrix, Matrix]:
    """Give frame-major W and H to start from: random ones at the level of V, or copies."""
    T, F = Vt.shape
    if init is not None:
        Wt = _bases(_fitting(init[0], (F, n_bases), "W of init"), F).T.copy()
        Ht = _fitting(init[1], (n_bases, T), "H of init").T.copy()
    else:
        rng = np.random.default_rng(seed)
        Wt = rng.random((n_bases, F), dtype=np.float32)
        Ht = rng.random((T, n_bases), dtype=np.float32)
        Ht *= np.float32(2.0 * _level(Vt.T) / n_bases)
    if init is not None:
        Ht *= Wt.sum(axis=1)
    np.maximum(Ht, np.float32(FLOOR * _level(Vt.T)), out=Ht)
    return _normalised(Wt), Ht


def _encoding_start(
    V: NDArray[np.floating], W: NDArray[np.floating], init: ArrayLike | str | None, seed: int
) -> Matrix:
    """Give a frame-major H to start from: all bases alike, random, or a copy."""
    K, T = W.shape[1], V.shape[1]
    if init is None or isinstance(init, str):
        _check_choice("init", init or "flat", ("flat", "random"))
        share = V.sum(axis=0, dtype=np.float64) / W.sum(dtype=np.float64)
        Ht = np.repeat(share.astype(np.float32)[:, None], K, axis=1)
        if init == "random":
            Ht *= 2 * np.random.default_rng(seed).random((T, K), dtype=np.float32)
    else:
        Ht = _fitting(init, (K, T), "init").T.copy()
    return Ht


def _level(V: NDArray[np.floating]) -> float:
    """Mean frame sum of V, the scale of its activations; 1 for a silent V."""
    return float(V.sum(dtype=np.float64)) / V.shape[1] or 1.0


def _magnitudes(V: ArrayLike) -> NDArray[np.floating]:
    """Take V as a matrix of magnitudes that float32 can hold, or say what is wrong with it."""
    V = _non_negative(V, "V")
    if V.ndim != 2 or V.size == 0:
        raise NmflabError(f"V must be a matrix (bins, frames), but has the shape {V.shape}.")
    if V.any() and not 1e-15 < _level(V) < 1e15:
        raise NmflabError(
            f"V has a mean frame sum of {_level(V):g}, beyond what float32 can work with: "
            "scale it to the order of 1."
        )
    return V


def _frame_major(V: NDArray[np.floating], level: float) -> Matrix:
    """Give V as float32 with frames in rows and no zeros, which have no logarithm."""
    Vt = np.ascontiguousarray(V.T, dtype=np.float32)
    least = np.float32(LEAST_MAGNITUDE * level)
    return Vt if Vt.min() >= least else np.maximum(Vt, least)


def _bases(W: ArrayLike, num_bins: int) -> NDArray[np.floating]:
    W = _non_negative(W, "W")
    if W.ndim != 2 or W.shape[0] != num_bins or W.shape[1] == 0:
        raise NmflabError(
            f"W has the shape {W.shape} but must be ({num_bins}, K): V has {num_bins} bins."
        )
    if not W.any(axis=0).all():
        raise NmflabError(
            f"W's column {int(np.argmin(W.any(axis=0)))} is all zeros: each basis needs energy."
        )
    return W


def _fitting(start: ArrayLike, shape: tuple[int, int], name: str) -> Matrix:
    start = _non_negative(start, name)
    if start.shape != shape:
        raise NmflabError(f"{name} has the shape {start.shape} but must be {shape}.")
    return start.astype(np.float32, copy=False)


def _non_negative(values: ArrayLike, name: str) -> NDArray[np.floating]:
    values = np.asarray(values)
    if values.dtype.kind not in "fiu":
        raise NmflabError(f"{name} holds {values.dtype} values but must hold real numbers.")
    if values.size and not (values.min() >= 0 and values.max() < np.inf):  # NaN fails too
        raise NmflabError(f"{name} must hold finite values of at least 0, but some are not.")
    return values


def _check_prior(prior: Prior | None, penalty: float, K: int) -> None:
    if not (np.isfinite(penalty) and penalty >= 0):
        raise NmflabError(f"penalty (λ) is {penalty!r} but must be a number of at least 0.")
    if prior is None:
        return
    if not prior.scale.shape == prior.shape.shape == (K,):
        raise NmflabError(
            f"prior is one for {prior.scale.shape[0]} rows of H but W has {K} bases: "
            "join the priors of all sources, in the order of their bases."
        )
    if not all((p > 0).all() and (p < np.inf).all() for p in (prior.scale, prior.shape)):
        raise NmflabError("prior must have scales and shapes that are finite and above 0.")


def _check_counts(n_bases: int, n_iter: int, num_frames: int) -> None:
    if n_bases != int(n_bases) or not 1 <= n_bases <= num_frames:
        raise NmflabError(
            f"n_bases is {n_bases} but must be from 1 to the number of frames, {num_frames}, "
            "a whole number: take fewer bases or more audio."
        )
    if n_iter != int(n_iter) or n_iter < 1:
        raise NmflabError(f"n_iter is {n_iter} but must be a whole number of at least 1.")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise NmflabError(f"{name} is {value!r} but must be {' or '.join(choices)}.")
