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
D. Kim and J. A. Fessler, "Optimized first-order methods for smooth convex minimization",
Mathematical Programming 159, 2016, doi:10.1007/s10107-015-0949-3.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.errors import NmflabError
from nmflab.parallel import aligned, even_split, map_blocks
from nmflab.priors import Prior
from nmflab.settings import SOLVERS, UPDATES

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Progress = Callable[[int, int], None]
_Cost = tuple[float, float]  # D(V‖WH) and λ Σ φ(H)

ENCODING_FRAMES = 640  # frames in a block of encoding
TRAINING_FRAMES = 800  # frames in a block of training
TRAINING_STRIPES = 4  # parts of T whose numerators of W are added up apart, in a fixed order
FLOOR_EVERY = 4  # iterations of plain NMF until activations are held at their floor again
FLOOR = 1e-12  # least activation times its basis's sum, relative to the mean frame sum
LEAST_MAGNITUDE = 1e-20  # least entry of V, relative to the mean frame sum
LEAST_WEIGHT = 1e-20  # least entry of W, relative to its column's sum
GUARD = np.float32(0.1)  # least denominator of "mu", relative to Wᵀ1 + λ/b
MOMENTUM = 0.9  # the most by which an accelerated step looks ahead
OVERSTEP = 0.9  # part of the free length by which accelerated training lengthens a step of H
ROUNDING = 1e-6  # of ΣV: a rise of D by less is one of float32


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
    trace: bool = True,
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
        The updates as published, or longer ones that never raise D either
        (`_AcceleratedTraining`).
    init : (array_like (F, K), array_like (K, T)), optional
        Where to start. By default W and H are drawn at random, H at the level of V.
    seed : int, default 0
        Seed of the random start.
    trace : bool, default True
        Whether to compute the divergence after each iteration, which takes a twentieth of the
        time. Without it the result holds none; ε > 0 and the accelerated solver need it.
    progress : callable, optional
        Called as ``progress(done, n_iter)`` after each iteration; an exception that it raises
        ends the training.

    Returns
    -------
    Factorisation
        W with columns that sum to 1, H, and the divergence after each iteration or, without
        `trace`, an empty one.

    Raises
    ------
    NmflabError
        If V isn't a matrix of finite values ≥ 0 that holds some energy, K is out of range, or
        `init` doesn't fit.
    """
    V, frame_sums = _magnitudes(V)
    _check_choice("solver", solver, SOLVERS)
    _check_counts(n_bases, n_iter, V.shape[1])
    if not frame_sums.any():
        raise NmflabError("V is silent, all its entries are 0: nothing can be learnt from it.")
    energy = float(frame_sums.sum())
    level = energy / V.shape[1]
    Vt = _frame_major(V, level)

    def start() -> tuple[Matrix, Matrix]:
        return _training_start(Vt, n_bases, init, seed, level)

    training: _Training
    if solver == "accelerated":
        training = _AcceleratedTraining(Vt, start, energy)
    else:
        training = _Training(Vt, start, energy, trace=trace or epsilon > 0)
    divergence: list[float] = []
    for i in range(n_iter):
        divergence.append(training.iterate())  # as it was before this iteration
        if progress is not None:
            progress(i + 1, n_iter)
        if i > 0 and divergence[i] < epsilon:
            break
    training.settle()
    traced = [*divergence[1:], training.measure()] if trace else []
    return Factorisation(training.Wt.T, training.Ht.T, np.array(traced))


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
        The updates as published, or with multiplicative momentum (`_extrapolate`).
    init : array_like (K, T) or {"flat", "random"}, optional
        Where to start. "flat", the default, gives all bases the same share of each frame.
    seed : int, default 0
        Seed of a random start.
    trace : bool, default True
        Whether to compute the objective after each iteration, which takes a tenth of the time.
        Without it the result holds H alone and no values; ε > 0 needs them.
    progress : callable, optional
        Called as ``progress(done, blocks)`` after each block of frames.

    Returns
    -------
    Encoding
        H, and the objective after each iteration or, without `trace`, an empty one.

    Raises
    ------
    NmflabError
        If V, W, the prior or `init` hold what they may not or don't fit each other, or λ is
        negative.
    """
    V, frame_sums = _magnitudes(V)
    W = _bases(W, V.shape[0])
    _check_choice("solver", solver, SOLVERS)
    _check_choice("update", update, UPDATES)
    _check_counts(1, n_iter, V.shape[1])
    _check_prior(prior, penalty, W.shape[1])
    rule = _Rule.of(W, prior, penalty, update, float(frame_sums.mean()) or 1.0)
    blocks = even_split(0, V.shape[1], ENCODING_FRAMES)
    flat = init is None or (isinstance(init, str) and init == "flat")
    block = _EncodingBlock(rule, max(frames.stop - frames.start for frames in blocks))

    def run(n_iter: int) -> Encoding:
        Ht = _encoding_start(frame_sums, W, init, seed)

        def work(frames: slice) -> list[_Cost]:
            block.take(V[:, frames], float(frame_sums[frames].sum()), flat=flat)
            iterate = block.iterate_accelerated if solver == "accelerated" else block.iterate
            return iterate(Ht[frames], n_iter, trace=trace or epsilon > 0)

        parts = []
        for done, part in enumerate(map_blocks(work, blocks), start=1):
            parts.append(part)
            if progress is not None:
                progress(done, len(blocks))
        divergence, penalties = np.sum(parts, axis=0).reshape(-1, 2).T
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
    row_sums: Vector  # W1
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
            row_sums=W.sum(axis=1, dtype=np.float64).astype(np.float32),
            linear=np.stack([column_sums, rate], axis=1).astype(np.float32),
            logarithmic=logarithmic.astype(np.float32),
            offset=(-logarithmic / den).astype(np.float32) if logarithmic.any() else None,
            multiplicative=update == "mu",
            floor=(FLOOR * level / column_sums).astype(np.float32),
            level=level,
        )


class _EncodingBlock(threading.local):
    """A block of frames of V and the scratch for its updates, all in the cache.

    Each thread has its own, and keeps it from block to block. Constants are spread to the size of
    the block, for NumPy is faster on two whole arrays than on an array and a scalar.
    """

    def __init__(self, rule: _Rule, most: int) -> None:
        self._rule = rule
        K, F = rule.Wt.shape
        self._scratch = [aligned((most * max(F, K),)) for _ in range(2)]
        self._floors = aligned((most, K), rule.floor)
        self._ones = np.ones(most, dtype=np.float32)
        self._spare = [aligned((most, K)) for _ in range(2)]
        if rule.offset is not None:
            self._offsets = aligned((most, K), rule.offset)
            self._guard = aligned((most, K), GUARD)

    def take(self, V: NDArray[np.floating], energy: float, *, flat: bool) -> None:
        """Turn to a block of frames, whose entries sum to the energy."""
        self._flat = flat  # all activations of a frame are the same, as yet
        (F, n), K = V.shape, len(self._rule.Wt)
        self._Vt, self._energy = _frame_major(V, self._rule.level), energy
        self._R, self._L = (part[: n * F].reshape(n, F) for part in self._scratch)  # V/WH, its log
        self._T, self._G = (part[: n * K].reshape(n, K) for part in self._scratch)  # in their place
        self._one = self._ones[:n]

    def _divide(self, H: Matrix) -> None:
        """Compute V/WH, at a flat start without a product of matrices."""
        if self._flat:
            np.multiply(H[:, :1], self._rule.row_sums, out=self._R)
            np.divide(self._Vt, self._R, out=self._R)
            self._flat = False
        else:
            _ratio(self._Vt, H, self._rule.Wt, self._R)

    def measure(self, H: Matrix) -> _Cost:
        """Compute V/WH, and from it D(V‖WH) and λ Σ φ(H)."""
        self._divide(H)
        self._sums = self._one @ H
        linear, penalty = self._sums.astype(np.float64) @ self._rule.linear
        divergence = _log_term(self._Vt, self._R, self._L) - self._energy + linear
        if self._rule.offset is not None:
            np.log(H, out=self._G)
            penalty += (self._G @ self._rule.logarithmic).sum(dtype=np.float64)
        return float(divergence), float(penalty)

    def update(self, Q: Matrix, H: Matrix) -> None:
        """Update Q, with V/WQ as it stands, into H, which may be Q itself."""
        np.matmul(self._R, self._rule.W_over_den, out=self._G)
        if self._rule.offset is not None and self._rule.multiplicative:
            np.divide(self._offsets[: len(Q)], Q, out=self._T)
            np.subtract(np.float32(1.0), self._T, out=self._T)
            np.maximum(self._T, self._guard[: len(Q)], out=self._T)
            self._G /= self._T
        np.multiply(Q, self._G, out=H)
        if self._rule.offset is not None and not self._rule.multiplicative:
            H += self._offsets[: len(Q)]

    def floor(self, H: Matrix) -> None:
        """Hold H at ε or above."""
        np.maximum(H, self._floors[: len(H)], out=H)

    def iterate(self, H: Matrix, n_iter: int, *, trace: bool) -> list[_Cost]:
        """Iterate on H in place; give the costs after each iteration, or none."""
        costs = []
        often = 1 if self._rule.offset is not None else FLOOR_EVERY
        self.floor(H)
        for i in range(n_iter):
            if trace and i > 0:
                costs.append(self.measure(H))
            else:
                self._divide(H)
            self.update(H, H)
            if i % often == 0 or i == n_iter - 1:
                self.floor(H)
        return [*costs, self.measure(H)] if trace else []

    def iterate_accelerated(self, H: Matrix, n_iter: int, *, trace: bool) -> list[_Cost]:
        """Do the same with each update taken at an extrapolated point Q.

        An update never raises the objective from Q to H = Q ∘ G. Where the next Q would, the
        update is taken at H itself and momentum starts anew: so the values never rise, and the H
        that is given is at or below the last of them.
        """
        Q, P = (spare[: len(H)] for spare in self._spare)
        costs: list[_Cost] = []
        momentum = 0
        self.floor(H)
        for _ in range(n_iter):
            if momentum > 0:
                _extrapolate(H, P, momentum, out=Q)
                if self._rule.offset is not None:  # its logarithm is a gain below ε
                    self.floor(Q)
                cost = self.measure(Q)
            if momentum == 0 or sum(cost) > sum(costs[-1]):
                momentum = 0
                P.fill(1.0)
                np.copyto(Q, H)
                cost = self.measure(Q)
            costs.append(cost)
            self.update(Q, H)
            self.floor(H)
            if self._rule.offset is not None:
                np.divide(H, Q, out=self._G)
            P *= self._G
            P *= self._G
            momentum += 1
        return [*costs[1:], self.measure(H)] if trace else []


class _Training:
    """The alternating updates of H and W (Lee and Seung 2001).

    When W's columns are normalised, their scale is due to H. It is paid in H's next update: with
    the columns as they were, H ∘ Wᵀ(V/WH) comes out at the new scale.
    """

    def __init__(
        self,
        Vt: Matrix,
        start: Callable[[], tuple[Matrix, Matrix]],
        energy: float,
        *,
        trace: bool = True,
    ) -> None:
        self.Vt, self._start, self._energy, self._trace = Vt, start, energy, trace
        self._stripes = [
            even_split(stripe.start, stripe.stop, TRAINING_FRAMES)
            for stripe in even_split(0, len(Vt), -(-len(Vt) // TRAINING_STRIPES))
        ]
        self.begin()
        most = max(frames.stop - frames.start for stripe in self._stripes for frames in stripe)
        self._scratch = _TrainingScratch(most, self.Wt.shape, FLOOR * energy / len(Vt))

    def begin(self) -> None:
        self.Wt, self.Ht = self._start()
        self._Wt_unscaled = self.Wt
        self._row_sums = self.Ht.sum(axis=0, dtype=np.float64)  # 1Hᵀ

    def iterate(self) -> float:
        """Update H, then W; give the divergence as it was before, if it is traced."""
        divergence, numerator = self._update_H(self._Wt_unscaled)
        self._Wt_unscaled = (self.Wt * numerator / self._row_sums[:, None]).astype(np.float32)
        self.Wt = _normalised(self._Wt_unscaled)
        return divergence

    def settle(self) -> None:
        """Pay H the scale that is due to it."""
        scale = self._Wt_unscaled.sum(axis=1)
        self.Ht *= scale
        self._row_sums *= scale
        self._Wt_unscaled = self.Wt

    def measure(self) -> float:
        """Compute D(V‖WH) as it stands."""
        return self._divergence(self.Wt, map_blocks(self._measure_stripe, self._stripes))

    def _update_H(self, Wt: Matrix) -> tuple[float, Matrix]:
        """Update H with these bases; give the divergence before it, and (V/WH)Hᵀ after it."""
        W = np.ascontiguousarray(Wt.T)  # BLAS is faster on rows that are one after another

        def work(stripe: list[slice]) -> tuple[float, Matrix, NDArray[np.float64]]:
            return self._update_stripe(stripe, Wt, W)

        log_terms, numerators, row_sums = zip(*map_blocks(work, self._stripes), strict=True)
        divergence = self._divergence(Wt, log_terms)
        self._row_sums = sum(row_sums)
        return divergence, sum(numerators)

    def _divergence(self, Wt: Matrix, log_terms: Iterable[float]) -> float:
        total = float(Wt.sum(axis=1, dtype=np.float64) @ self._row_sums)  # ΣWH
        return max(0.0, sum(log_terms) - self._energy + total)

    def _update_stripe(
        self, stripe: list[slice], Wt: Matrix, W: Matrix
    ) -> tuple[float, Matrix, NDArray[np.float64]]:
        """Update H block by block, and add up what W is to be updated with."""
        numerator, product = np.zeros_like(Wt), np.empty_like(Wt)
        row_sums, log_term = np.zeros(len(Wt)), 0.0
        for V, H, scratch in self._blocks(stripe):
            _ratio(V, H, Wt, scratch.R)
            if self._trace:
                log_term += _log_term(V, scratch.R, scratch.L)
            np.matmul(scratch.R, W, out=scratch.G)  # Wᵀ(V/WH), and Wᵀ1 = 1
            H *= scratch.G
            np.maximum(H, scratch.floor, out=H)
            _ratio(V, H, self.Wt, scratch.R)
            numerator += np.matmul(H.T, scratch.R, out=product)
            row_sums += scratch.ones @ H
        return log_term, numerator, row_sums

    def _measure_stripe(self, stripe: list[slice]) -> float:
        log_term = 0.0
        for V, H, scratch in self._blocks(stripe):
            _ratio(V, H, self.Wt, scratch.R)
            log_term += _log_term(V, scratch.R, scratch.L)
        return log_term

    def _blocks(self, stripe: list[slice]) -> Iterator[tuple[Matrix, Matrix, _TrainingScratch]]:
        """Go through a stripe's blocks of V and H, with scratch of their size."""
        for frames in stripe:
            self._scratch.fit(frames.stop - frames.start)
            yield self.Vt[frames], self.Ht[frames], self._scratch


class _TrainingScratch(threading.local):
    """What a thread needs to work on a block of frames, kept from block to block."""

    def __init__(self, most: int, shape: tuple[int, ...], floor: float) -> None:
        K, F = shape
        self._all = [aligned((most, F)) for _ in range(2)]
        self._all_K = [aligned((most, K)) for _ in range(3)]
        self._floor = aligned((most, K), floor)
        self._ones = np.ones((most, K), dtype=np.float32)

    def fit(self, n: int) -> None:
        """Give all arrays n frames."""
        self.R, self.L = (part[:n] for part in self._all)  # V/WH and its logarithm
        self.G, *self.steps = (part[:n] for part in self._all_K)
        self.floor, self.one = self._floor[:n], self._ones[:n]
        self.ones = self._ones.ravel()[:n]


class _AcceleratedTraining(_Training):
    """Both factors from one ratio: W extrapolated from its last two iterates, H by longer steps.

    With W's columns normalised, H ← H ∘ G, G = Wᵀ(V/WH), together with W ∝ W ∘ (V/WH)Hᵀ is the
    EM step for V ≈ WH. Per activation it minimises h' − h G log h', which H ← H ∘ M raises
    nowhere if M lies between 1 and the M* whose logarithmic mean with 1 is G. As that mean is
    between the geometric and the arithmetic one, G² where G < 1 and 2G − 1 where G > 1 lie there
    too: nearly twice the step is free. The extrapolation of W has no such warrant. Where the
    divergence rises, training is taken again from its start, and goes on from there without it.
    """

    def __init__(
        self, Vt: Matrix, start: Callable[[], tuple[Matrix, Matrix]], energy: float
    ) -> None:
        super().__init__(Vt, start, energy)
        self._values: list[float] = []
        self._plain_from = sys.maxsize  # the step from which on W isn't extrapolated

    def iterate(self) -> float:
        """Take one step; give the divergence of its point."""
        steps = len(self._values)
        value = self._step(steps)
        least = min(self._values, default=value)
        if steps < self._plain_from and value > least + ROUNDING * self._energy:
            self._plain_from = steps
            del self.Ht  # or two of them would be there at once
            self.begin()
            value = [self._step(step) for step in range(steps + 1)][-1]
        self._values.append(value)
        return value

    def _step(self, steps: int) -> float:
        Wt_Q = self.Wt
        if 0 < steps < self._plain_from:
            Wt_Q = np.empty_like(self.Wt)
            _extrapolate(self.Wt, self._P, steps, out=Wt_Q)
            Wt_Q = _normalised(Wt_Q)
        value, numerator = self._update_H(Wt_Q)
        before, self.Wt = self.Wt, _normalised(Wt_Q * numerator)
        self._P = self.Wt / before * (self.Wt / Wt_Q)
        self._Wt_unscaled = self.Wt
        return value

    def _update_stripe(
        self, stripe: list[slice], Wt: Matrix, W: Matrix
    ) -> tuple[float, Matrix, NDArray[np.float64]]:
        numerator, product = np.zeros_like(Wt), np.empty_like(Wt)
        row_sums, log_term = np.zeros(len(Wt)), 0.0
        for V, H, scratch in self._blocks(stripe):
            _ratio(V, H, Wt, scratch.R)
            log_term += _log_term(V, scratch.R, scratch.L)
            numerator += np.matmul(H.T, scratch.R, out=product)
            np.matmul(scratch.R, W, out=scratch.G)
            H *= _lengthened(scratch.G, scratch.one, *scratch.steps)
            np.maximum(H, scratch.floor, out=H)
            row_sums += scratch.ones @ H
        return log_term, numerator, row_sums


def _ratio(V: Matrix, H: Matrix, Wt: Matrix, R: Matrix) -> None:
    """R = V / WH, frame-major."""
    np.matmul(H, Wt, out=R)
    np.divide(V, R, out=R)


def _log_term(V: Matrix, R: Matrix, L: Matrix) -> float:
    """Σ v log(v/v̂) from R = V/V̂."""
    np.log(R, out=L)
    return float(np.vdot(V, L))


def _extrapolate(H: Matrix, P: Matrix, steps: int, *, out: Matrix) -> None:
    """Q = H ∘ (P + c) / (c P + 1), a point beyond H, P = H/H⁻ ∘ G; P becomes Q/H.

    H⁻ is the iterate before, G what an update has just multiplied by. In logarithms this is the
    optimised gradient method of Kim and Fessler (2016), log Q = log H + a log P with a near 1,
    whose second momentum, G, doubles the speed of Nesterov's. With c = (1 − a)/(1 + a) the
    rational form agrees to first order, needs no power, and can't go further than a factor 1/c.
    It is 1/c − (1/c − c)/(c P + 1).
    """
    a = min(steps / (steps + 1.0), MOMENTUM)
    c = (1.0 - a) / (1.0 + a)
    P *= np.float32(c)
    P += np.float32(1.0)
    np.divide(np.float32(1.0 / c - c), P, out=P)
    np.subtract(np.float32(1.0 / c), P, out=P)
    np.multiply(H, P, out=out)


def _lengthened(G: Matrix, one: Matrix, T: Matrix, scratch: Matrix) -> Matrix:
    """M = G + OVERSTEP · (G − 1) · min(G, 1), in G's place: see `_AcceleratedTraining`."""
    np.minimum(G, one, out=T)
    T *= np.float32(OVERSTEP)
    np.multiply(G, T, out=scratch)
    scratch -= T
    G += scratch
    return G


def _normalised(Wt: Matrix) -> Matrix:
    """Give the bases such that each sums to 1."""
    floored = np.maximum(Wt, LEAST_WEIGHT * Wt.max(axis=1, keepdims=True))
    normalised: Matrix = floored / floored.sum(axis=1, keepdims=True)
    return normalised


def _training_start(
    Vt: Matrix, n_bases: int, init: tuple[ArrayLike, ArrayLike] | None, seed: int, level: float
) -> tuple[Matrix, Matrix]:
    """Give frame-major W and H to start from: random ones at the level of V, or copies."""
    T, F = Vt.shape
    if init is not None:
        Wt = _bases(_fitting(init[0], (F, n_bases), "W of init"), F).T.copy()
        Ht = aligned((T, n_bases), _fitting(init[1], (n_bases, T), "H of init").T)
    else:
        rng = np.random.default_rng(seed)
        Wt = rng.random((n_bases, F), dtype=np.float32)
        Ht = rng.random(out=aligned((T, n_bases)), dtype=np.float32)
        Ht *= np.float32(2.0 * level / n_bases)
    if init is not None:
        Ht *= Wt.sum(axis=1)
    np.maximum(Ht, np.float32(FLOOR * level), out=Ht)
    return _normalised(Wt), Ht


def _encoding_start(
    frame_sums: NDArray[np.float64],
    W: NDArray[np.floating],
    init: ArrayLike | str | None,
    seed: int,
) -> Matrix:
    """Give a frame-major H to start from: all bases alike, random, or a copy."""
    K, T = W.shape[1], len(frame_sums)
    if init is None or isinstance(init, str):
        _check_choice("init", init or "flat", ("flat", "random"))
        share = frame_sums / W.sum(dtype=np.float64)
        Ht = aligned((T, K), share.astype(np.float32)[:, None])
        if init == "random":
            Ht *= 2 * np.random.default_rng(seed).random((T, K), dtype=np.float32)
    else:
        Ht = aligned((T, K), _fitting(init, (K, T), "init").T)
    return Ht


def _magnitudes(V: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    """Take V as magnitudes that float32 can hold, with its frame sums, or say what is wrong."""
    V = _non_negative(V, "V")
    if V.ndim != 2 or V.size == 0:
        raise NmflabError(f"V must be a matrix (bins, frames), but has the shape {V.shape}.")
    with np.errstate(over="ignore"):
        frame_sums = V.sum(axis=0, dtype=np.result_type(V, np.float32)).astype(np.float64)
    level = float(frame_sums.mean())
    if level and not 1e-15 < level < 1e15:
        raise NmflabError(
            f"V has a mean frame sum of {level:g}, beyond what float32 can work with: "
            "scale it to the order of 1."
        )
    return V, frame_sums


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
