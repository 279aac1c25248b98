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

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.errors import NmflabError
from nmflab.parallel import map_blocks
from nmflab.priors import Prior
from nmflab.settings import SOLVERS, UPDATES

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Progress = Callable[[int, int], None]

ENCODING_FRAMES = 256  # frames in a block of encoding
TRAINING_FRAMES = 512  # frames in a block of training
TRAINING_STRIPES = 4  # parts of T whose numerators of W are added up apart, in a fixed order
FLOOR = 1e-12  # least activation, relative to the mean frame sum: subnormals are slow
LEAST_WEIGHT = 1e-20  # least entry of W, whose columns sum to 1
LEAST_RATIO = np.float32(1e-30)  # of V/V̂ in a logarithm, where V is 0
GUARD = np.float32(0.1)  # least denominator of "mu", relative to Wᵀ1 + λ/b
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
        D(V‖WH) after each of the n iterations.
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
        D(V‖WH) + λ Σ φ(H) after each of the n iterations.
    """

    H: Matrix
    objective: NDArray[np.float64]


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
    from scipy.special import kl_div

    V, V_hat = _non_negative(V, "V"), _non_negative(V_hat, "V_hat")
    if V.shape != V_hat.shape:
        raise NmflabError(f"V and V_hat must have one shape, but have {V.shape} and {V_hat.shape}.")
    terms = kl_div(V.astype(np.float64), V_hat.astype(np.float64))
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
    Vt = np.ascontiguousarray(V.T, dtype=np.float32)
    Wt, Ht = _training_start(Vt, n_bases, init, seed)
    training = (_AcceleratedTraining if solver == "accelerated" else _Training)(Vt, Wt, Ht)
    divergence: list[float] = []
    for i in range(n_iter):
        divergence.append(training.iterate())  # as it was before this iteration
        if progress is not None:
            progress(i + 1, n_iter)
        if i > 0 and divergence[i] < epsilon:
            break
    divergence.append(training.divergence())
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
        Stop at the first iteration after which the objective is below this.
    update : {"mm", "mu"}
        The majorise-minimise rule, under which the objective never rises, or the paper's
        multiplicative rule, whose denominator is guarded where a gamma prior makes it negative.
    solver : {"plain", "accelerated"}
        The updates as published, or with multiplicative momentum (`_extrapolated`).
    init : array_like (K, T) or {"flat", "random"}, optional
        Where to start. "flat", the default, gives all bases the same share of each frame.
    seed : int, default 0
        Seed of a random start.
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
    rule = _Rule.of(W, prior, penalty, update, floor=FLOOR * _level(V))
    blocks = _even_split(0, V.shape[1], ENCODING_FRAMES)

    def run(n_iter: int) -> Encoding:
        Ht = _encoding_start(V, W, init, seed)

        def work(frames: slice) -> list[float]:
            Vt = np.ascontiguousarray(V.T[frames], dtype=np.float32)
            block = _EncodingBlock(Vt, rule)
            iterate = block.iterate_accelerated if solver == "accelerated" else block.iterate
            return iterate(Ht[frames], n_iter)

        objective = np.zeros(n_iter + 1)
        for done, part in enumerate(map_blocks(work, blocks), start=1):
            objective += part
            if progress is not None:
                progress(done, len(blocks))
        return Encoding(Ht.T, objective[1:])

    encoding = run(n_iter)
    below = np.flatnonzero(encoding.objective[:-1] < epsilon)
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
    linear: Vector  # Wᵀ1 + λ/b, what an activation costs
    logarithmic: Vector  # λ(1−a), what its logarithm costs
    offset: Vector | None  # None where a = 1 throughout
    multiplicative: bool
    floor: np.float32  # ε

    @classmethod
    def of(
        cls, W: NDArray[np.floating], prior: Prior | None, penalty: float, update: str, floor: float
    ) -> _Rule:
        den = column_sums = W.sum(axis=0, dtype=np.float64)
        logarithmic = np.zeros_like(den)
        if prior is not None and penalty > 0:
            den = column_sums + penalty / prior.scale
            logarithmic = penalty * (1.0 - prior.shape)
        W = np.maximum(W, LEAST_WEIGHT * column_sums)
        return cls(
            Wt=np.ascontiguousarray(W.T, dtype=np.float32),
            W_over_den=np.ascontiguousarray(W / den, dtype=np.float32),
            linear=den.astype(np.float32),
            logarithmic=logarithmic.astype(np.float32),
            offset=(-logarithmic / den).astype(np.float32) if logarithmic.any() else None,
            multiplicative=update == "mu",
            floor=np.float32(floor),
        )

    def apply(self, H: Matrix, G: Matrix) -> None:
        """Update a block of H in place; G is used up."""
        if self.offset is not None and self.multiplicative:
            G *= H
            np.divide(-self.offset, H, out=H)
            H += np.float32(1.0)
            np.maximum(H, GUARD, out=H)
            np.divide(G, H, out=H)
        else:
            H *= G
            if self.offset is not None:
                H += self.offset
        np.maximum(H, self.floor, out=H)

    def cost(self, H: Matrix, scratch: Matrix) -> float:
        """Σ v̂ + λ Σ φ(h) of a block."""
        cost = (H @ self.linear).sum(dtype=np.float64)
        if self.offset is not None:
            np.log(H, out=scratch)
            cost += (scratch @ self.logarithmic).sum(dtype=np.float64)
        return float(cost)


class _EncodingBlock:
    """A block of frames of V and the scratch for its updates, all in the cache."""

    def __init__(self, Vt: Matrix, rule: _Rule) -> None:
        self._Vt, self._rule = Vt, rule
        self._R, self._L = np.empty_like(Vt), np.empty_like(Vt)
        self._G = np.empty((len(Vt), len(rule.Wt)), dtype=np.float32)
        self._energy = float(Vt.sum(dtype=np.float64))

    def measure(self, H: Matrix) -> float:
        """Compute V/WH, and from it D(V‖WH) + λ Σ φ(H)."""
        _ratio(self._Vt, H, self._rule.Wt, self._R)
        return _log_term(self._Vt, self._R, self._L) - self._energy + self._rule.cost(H, self._G)

    def update(self, H: Matrix) -> None:
        """Update H in place, with V/WH as `measure` left it."""
        np.matmul(self._R, self._rule.W_over_den, out=self._G)
        self._rule.apply(H, self._G)

    def iterate(self, H: Matrix, n_iter: int) -> list[float]:
        """Iterate on H in place; give the objective before each iteration and at the end."""
        objective = []
        for _ in range(n_iter):
            objective.append(self.measure(H))
            self.update(H)
        return [*objective, self.measure(H)]

    def iterate_accelerated(self, H_out: Matrix, n_iter: int) -> list[float]:
        """Do the same with each update taken at an extrapolated point Q.

        An update never raises the objective above that of the point where it is taken. Where Q's
        is above the one before, the update is taken at H instead: so the values never rise.
        """
        H, before, Q = H_out.copy(), H_out.copy(), np.empty_like(H_out)
        objective: list[float] = []
        momentum = 0
        for _ in range(n_iter):
            _extrapolate(H, before, momentum, out=Q)
            value = self.measure(Q)
            if momentum > 0 and value > objective[-1]:
                momentum = 0
                np.copyto(Q, H)
                value = self.measure(Q)
            objective.append(value)
            before, H, Q = H, Q, before
            self.update(H)
            momentum += 1
        np.copyto(H_out, H)
        return [*objective, self.measure(H)]


class _Training:
    """The alternating updates of H and W (Lee and Seung 2001)."""

    def __init__(self, Vt: Matrix, Wt: Matrix, Ht: Matrix) -> None:
        self.Vt, self.Wt, self.Ht = Vt, Wt, Ht
        self._energy = float(Vt.sum(dtype=np.float64))
        self._floor = np.float32(FLOOR * _level(Vt.T))
        self._scale = np.ones(len(Wt), dtype=np.float32)  # of W's columns, due to H
        self._stripes = [
            _even_split(stripe.start, stripe.stop, TRAINING_FRAMES)
            for stripe in _even_split(0, len(Vt), -(-len(Vt) // TRAINING_STRIPES))
        ]

    def iterate(self) -> float:
        """Update H, then W and its scale; give the divergence as it was before."""
        parts = list(map_blocks(self._update_stripe, self._stripes))
        self.Wt *= sum(part[1] for part in parts)  # (V/WH)Hᵀ, as (K, F)
        self.Wt /= np.sum([part[2] for part in parts], axis=0)[:, None]  # 1Hᵀ
        self._scale = _normalise(self.Wt)
        return max(0.0, sum(part[0] for part in parts) - self._energy)

    def divergence(self) -> float:
        """Give H the scale that is due to it, and D(V‖WH) as it stands."""
        self.Ht *= self._scale
        self._scale[:] = 1.0
        return max(0.0, sum(map_blocks(self._measure_stripe, self._stripes)) - self._energy)

    def _update_stripe(self, stripe: list[slice]) -> tuple[float, Matrix, Vector]:
        """Update H block by block, and add up what W is to be updated with."""
        numerator, product = np.zeros_like(self.Wt), np.empty_like(self.Wt)
        denominator = np.zeros(len(self.Wt), dtype=np.float64)
        divergence = 0.0
        for V, H, R, L, G in self._blocks(stripe):
            H *= self._scale
            divergence += self._measure(V, H, R, L)
            np.matmul(R, self.Wt.T, out=G)  # Wᵀ(V/WH), and Wᵀ1 = 1
            H *= G
            np.maximum(H, self._floor, out=H)
            _ratio(V, H, self.Wt, R)
            numerator += np.matmul(H.T, R, out=product)
            denominator += H.sum(axis=0)
        return divergence, numerator, denominator.astype(np.float32)

    def _measure_stripe(self, stripe: list[slice]) -> float:
        return sum(self._measure(V, H, R, L) for V, H, R, L, _ in self._blocks(stripe))

    def _measure(self, V: Matrix, H: Matrix, R: Matrix, L: Matrix) -> float:
        """Compute V/WH, and from it Σ v log(v/v̂) + v̂."""
        _ratio(V, H, self.Wt, R)
        return _log_term(V, R, L) + float(H.sum(dtype=np.float64))

    def _blocks(self, stripe: list[slice]) -> Iterator[tuple[Matrix, ...]]:
        """Go through a stripe's blocks of V and H, with scratch for V/WH, its log and Wᵀ(V/WH)."""
        most = max(frames.stop - frames.start for frames in stripe)
        R, L = np.empty((2, most, self.Vt.shape[1]), dtype=np.float32)
        G = np.empty((most, len(self.Wt)), dtype=np.float32)
        for frames in stripe:
            n = frames.stop - frames.start
            yield self.Vt[frames], self.Ht[frames], R[:n], L[:n], G[:n]


class _AcceleratedTraining(_Training):
    """Both factors from one ratio, at a point extrapolated from the last two iterates.

    With W's columns normalised, H ← H ∘ Wᵀ(V/WH) together with W ∝ W ∘ (V/WH)Hᵀ is the EM step
    for V ≈ WH, which never raises D above that of the point where it is taken. A step that was
    taken at a point worse than the one before is undone, and momentum starts anew.
    """

    def __init__(self, Vt: Matrix, Wt: Matrix, Ht: Matrix) -> None:
        super().__init__(Vt, Wt, Ht)
        self._Wt_before, self._Ht_before = Wt.copy(), Ht.copy()
        self._momentum = 0
        self._last = np.inf

    def iterate(self) -> float:
        """Take one EM step at the extrapolated point; give the divergence of that point."""
        W_H = self.Wt
        self.Wt = np.empty_like(W_H)
        _extrapolate(W_H, self._Wt_before, self._momentum, out=self.Wt)
        _normalise(self.Wt)
        parts = list(map_blocks(self._update_stripe, self._stripes))
        value = max(0.0, sum(part[0] for part in parts) - self._energy)
        if self._momentum > 0 and value > self._last:
            np.copyto(self.Ht, self._Ht_before)
            self.Wt = W_H
            self._momentum = 0
            return self._last
        self._Wt_before = W_H
        self.Wt *= sum(part[1] for part in parts)
        _normalise(self.Wt)
        self._momentum += 1
        self._last = value
        return value

    def _update_stripe(self, stripe: list[slice]) -> tuple[float, Matrix, Vector]:
        numerator, product = np.zeros_like(self.Wt), np.empty_like(self.Wt)
        divergence = 0.0
        for (V, H, R, L, G), frames in zip(self._blocks(stripe), stripe, strict=True):
            before = self._Ht_before[frames]
            Q = np.empty_like(H)
            _extrapolate(H, before, self._momentum, out=Q)
            divergence += self._measure(V, Q, R, L)
            numerator += np.matmul(Q.T, R, out=product)
            np.matmul(R, self.Wt.T, out=G)
            np.copyto(before, H)
            np.multiply(Q, G, out=H)
            np.maximum(H, self._floor, out=H)
        return divergence, numerator, np.empty(0, dtype=np.float32)


def _ratio(V: Matrix, H: Matrix, Wt: Matrix, R: Matrix) -> None:
    """R = V / WH, frame-major."""
    np.matmul(H, Wt, out=R)
    np.divide(V, R, out=R)


def _log_term(V: Matrix, R: Matrix, L: Matrix) -> float:
    """Σ v log(v/v̂), 0 where v is 0."""
    np.maximum(R, LEAST_RATIO, out=L)
    np.log(L, out=L)
    return float(np.vdot(V, L))


def _extrapolate(H: Matrix, before: Matrix, steps: int, *, out: Matrix) -> None:
    """Q = H ∘ (H + c H⁻) / (c H + H⁻), a point beyond H as seen from H⁻.

    The rational form of the extrapolation log Q = log H + a (log H − log H⁻): with
    c = (1 − a)/(1 + a) both agree to first order, but this one stays positive and can't go
    further than a factor 1/c. a = i/(i + 3) after i steps, and never above MOMENTUM.
    """
    a = min(steps / (steps + 3.0), MOMENTUM)
    c = np.float32((1.0 - a) / (1.0 + a))
    np.multiply(before, c, out=out)
    out += H
    scratch = H * c
    scratch += before
    out /= scratch
    out *= H


def _normalise(Wt: Matrix) -> Vector:
    """Make each basis sum to 1, in place; give the sums."""
    np.maximum(Wt, LEAST_WEIGHT, out=Wt)
    sums: Vector = Wt.sum(axis=1)
    Wt /= sums[:, None]
    return sums


def _even_split(start: int, stop: int, most: int) -> list[slice]:
    """Split a range into parts of nearly one size, an even number of them where there are two."""
    count = -(-(stop - start) // most)
    count = min(count + (count > 1 and count % 2), stop - start)
    edges = np.linspace(start, stop, count + 1).astype(int).tolist()
    return [slice(a, b) for a, b in pairwise(edges)]


def _training_start(
    Vt: Matrix, n_bases: int, init: tuple[ArrayLike, ArrayLike] | None, seed: int
) -> tuple[Matrix, Matrix]:
    """Give frame-major W and H to start from: random ones at the level of V, or copies."""
    T, F = Vt.shape
    if init is not None:
        Wt = _fitting(init[0], (F, n_bases), "W of init").T.copy()
        Ht = _fitting(init[1], (n_bases, T), "H of init").T.copy()
    else:
        rng = np.random.default_rng(seed)
        Wt = rng.random((n_bases, F), dtype=np.float32)
        Ht = rng.random((T, n_bases), dtype=np.float32)
        Ht *= np.float32(2.0 * _level(Vt.T) / n_bases)
    scale = _normalise(Wt)
    if init is not None:
        Ht *= scale
    return Wt, np.asarray(np.maximum(Ht, np.float32(FLOOR * _level(Vt.T))))


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
    np.maximum(Ht, np.float32(FLOOR * _level(V)), out=Ht)
    return Ht


def _level(V: NDArray[np.floating]) -> float:
    """Mean frame sum of V, the scale of its activations; 1 for a silent V."""
    return float(V.sum(dtype=np.float64)) / V.shape[1] or 1.0


def _magnitudes(V: ArrayLike) -> NDArray[np.floating]:
    """Take V as a matrix of magnitudes that float32 can hold, or say what is wrong with it."""
    V = _non_negative(V, "V")
    if V.ndim != 2 or V.size == 0:
        raise NmflabError(f"V must be a matrix (bins, frames), but has the shape {V.shape}.")
    if not 1e-18 < _level(V) < 1e18:
        raise NmflabError(
            f"V has a mean frame sum of {_level(V):g}, beyond what float32 can work with: "
            "scale it to the order of 1."
        )
    return V


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
    if prior is not None and len(prior.scale) != K:
        raise NmflabError(
            f"prior is one for {len(prior.scale)} rows of H but W has {K} bases: "
            "join the priors of all sources, in the order of their bases."
        )


def _check_counts(n_bases: int, n_iter: int, num_frames: int) -> None:
    if not 1 <= n_bases <= num_frames:
        raise NmflabError(
            f"n_bases is {n_bases} but must be from 1 to the number of frames, {num_frames}: "
            "take fewer bases or more audio."
        )
    if n_iter < 1:
        raise NmflabError(f"n_iter is {n_iter} but must be at least 1.")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise NmflabError(f"{name} is {value!r} but must be {' or '.join(choices)}.")
