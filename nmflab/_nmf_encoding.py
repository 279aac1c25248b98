"""Encoding: the updates of H with fixed bases, block by block; see `nmflab.nmf`."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab._nmf_checks import check_choice, fitting
from nmflab._nmf_steps import (
    FLOOR,
    LEAST_WEIGHT,
    Matrix,
    Vector,
    extrapolate,
    frame_major,
    log_term,
    ratio,
)
from nmflab.parallel import aligned, even_split
from nmflab.priors import Prior

Cost = tuple[float, float]  # D(V‖WH) and λ Σ φ(H)

ENCODING_FRAMES = 640  # frames in a block, at most
FEW_FRAMES = 128  # too few to be worth a thread of their own
FLOOR_EVERY = 8  # iterations of plain NMF until activations are held at their floor again
QUIET = 1e-14  # frame sum from which on WH can't fall to 0 meanwhile: it keeps the sum of V
TINY = 1e-30  # no frame has less energy, but the silent
GUARD = np.float32(0.1)  # least denominator of "mu", relative to Wᵀ1 + λ/b


@dataclass(frozen=True, eq=False)
class UpdateRule:
    """The update of H, with all that doesn't depend on H computed once.

    With den = Wᵀ1 + λ/b the rule "mm" is H ← max(ε, H ∘ G + offset), where G = Wᵀ(V/WH)/den and
    offset = λ(a−1)/den; "mu" is H ← H ∘ G / (1 − offset/H): the paper's fraction, divided by den
    above and below the line.
    """

    Wt: Matrix  # (K, F)
    W_over_den: Matrix  # (F, K)
    den: Vector  # Wᵀ1 + λ/b
    row_sums: Vector  # W1
    linear: Matrix  # (K, 2): Wᵀ1 and λ/b, what an activation costs in D and in the penalty
    logarithmic: Vector  # λ(1−a), what its logarithm costs
    offset: Vector | None  # None where a = 1 throughout
    penalised: bool  # whether there is a prior and a penalty
    multiplicative: bool
    floor: Vector  # ε
    level: float  # mean frame sum of V

    @classmethod
    def of(
        cls, W: NDArray[np.floating], prior: Prior | None, penalty: float, update: str, level: float
    ) -> UpdateRule:
        """Compute the rule for these bases and this penalised prior, at V's mean frame sum."""
        column_sums = W.sum(axis=0, dtype=np.float64)
        rate = logarithmic = np.zeros_like(column_sums)
        if prior is not None and penalty > 0:
            rate = penalty / prior.scale
            logarithmic = penalty * (1.0 - prior.shape)
        den = column_sums + rate
        least = LEAST_WEIGHT * column_sums[:, None]
        Wt = np.maximum(W.T, least, dtype=np.float32, order="C")
        return cls(
            Wt=Wt,
            W_over_den=np.ascontiguousarray((Wt / den[:, None].astype(np.float32)).T),
            den=den.astype(np.float32),
            row_sums=Wt.sum(axis=0),
            linear=np.stack([column_sums, rate], axis=1).astype(np.float32),
            logarithmic=logarithmic.astype(np.float32),
            offset=(-logarithmic / den).astype(np.float32) if logarithmic.any() else None,
            penalised=bool(rate.any() or logarithmic.any()),
            multiplicative=update == "mu",
            floor=(FLOOR * level / column_sums).astype(np.float32),
            level=level,
        )


class EncodingBlock(threading.local):
    """A block of frames of V and the scratch for its updates, all in the cache.

    Each thread has its own, and keeps it from block to block. Constants are spread to the size of
    the block, for NumPy is faster on two whole arrays than on an array and a scalar.
    """

    def __init__(self, rule: UpdateRule, most: int) -> None:
        self._rule = rule
        K, F = rule.Wt.shape
        self._scratch = [aligned((most * max(F, K),)) for _ in range(2)]
        self._floors = aligned((most, K), rule.floor)
        self._ones = np.ones(most, dtype=np.float32)
        self._spare = [aligned((most, K)) for _ in range(2)]
        if rule.offset is not None:
            self._offsets = aligned((most, K), rule.offset)
            self._guard = aligned((most, K), GUARD)

    def take(self, V: NDArray[np.floating], frame_sums: NDArray[np.float64], *, flat: bool) -> None:
        """Turn to a block of frames, with the sum of each."""
        self._flat = flat  # all activations of a frame are the same, as yet
        (F, n), K = V.shape, len(self._rule.Wt)
        self._Vt, self._energy = frame_major(V, self._rule.level), float(frame_sums.sum())
        self._frame_sums, self._log_sums = frame_sums, np.log(np.maximum(frame_sums, TINY))
        safe = not self._rule.penalised and frame_sums.min() > QUIET
        self._floor_every = FLOOR_EVERY if safe else 1
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
            ratio(self._Vt, H, self._rule.Wt, self._R)

    def measure(self, H: Matrix) -> Cost:
        """Compute V/WH, and from it D(V‖WH) and λ Σ φ(H)."""
        self._divide(H)
        sums = (self._one @ H).astype(np.float64)
        self._linear, penalty = sums @ self._rule.linear  # ΣWH, and what H costs in the penalty
        divergence = log_term(self._Vt, self._R, self._L) - self._energy + self._linear
        if self._rule.offset is not None:
            np.log(H, out=self._G)
            penalty += (self._G @ self._rule.logarithmic).sum(dtype=np.float64)
        return float(divergence), float(penalty)

    def update(self, Q: Matrix, H: Matrix) -> None:
        """Update Q, with V/WQ as it stands, into H, which may be Q itself."""
        np.matmul(self._R, self._rule.W_over_den, out=self._G)
        if self._rule.offset is None:
            np.multiply(Q, self._G, out=H)
        elif self._rule.multiplicative:
            np.divide(self._offsets[: len(Q)], Q, out=self._T)
            np.subtract(np.float32(1.0), self._T, out=self._T)
            np.maximum(self._T, self._guard[: len(Q)], out=self._T)
            np.multiply(Q, self._G, out=H)
            H /= self._T
        else:
            np.multiply(Q, self._G, out=H)
            H += self._offsets[: len(Q)]

    def floor(self, H: Matrix) -> None:
        """Hold H at ε or above."""
        np.maximum(H, self._floors[: len(H)], out=H)

    def iterate(self, H: Matrix, n_iter: int, *, trace: bool) -> list[Cost]:
        """Iterate on H in place; give the costs after each iteration, or none."""
        costs = []
        self.floor(H)
        for i in range(n_iter):
            if trace and i > 0:
                costs.append(self.measure(H))
            else:
                self._divide(H)
            self.update(H, H)
            if i % self._floor_every == 0 or i == n_iter - 1:
                self.floor(H)
        return [*costs, self.measure(H)] if trace else []

    def iterate_accelerated(
        self, H: Matrix, n_iter: int, *, trace: bool, at_H: bool = False
    ) -> list[Cost]:
        """Do the same with each update taken at an extrapolated point Q.

        An update never raises the objective from Q to H, but "mu" with a gamma prior. Where the
        next Q isn't known to be as good as that H (`_bound`), the update is taken at H itself and
        momentum starts anew. So neither the values rise, nor does what is reached from one number
        of iterations to the next. The block decides as a whole: what a frame gets depends on those
        beside it. The costs are those of each Q and the last H or, which takes half as long again,
        those of each H (`at_H`).
        """
        Q, P = (spare[: len(H)] for spare in self._spare)
        costs: list[Cost] = []
        momentum, bound = 0, np.inf
        self.floor(H)
        for i in range(n_iter):
            if momentum > 0:
                extrapolate(H, P, momentum, out=Q)
                if self._rule.offset is not None:  # its logarithm is a gain below ε
                    self.floor(Q)
                cost = self.measure(Q)
            if momentum == 0 or sum(cost) > bound:
                momentum = 0
                P.fill(1.0)
                np.copyto(Q, H)
                cost = self.measure(Q)
            if i > 0 and not at_H:
                costs.append(cost)
            self.update(Q, H)
            self.floor(H)
            if i == n_iter - 1:
                break
            factor = self._G if self._rule.offset is None else np.divide(H, Q, out=self._T)
            with np.errstate(over="ignore"):  # P = ∞ makes Q = H/c
                P *= factor
                P *= factor
            bound = self._bound(cost[0], H)
            momentum += 1
            if at_H:
                costs.append(self.measure(H))
        return [*costs, self.measure(H)] if trace else []

    def _bound(self, divergence: float, H: Matrix) -> float:
        """Give what the objective at H is at least, after the update from Q with D(V‖WQ).

        v log(v/v̂) ≥ v log r − r v̂ + v for any r > 0. With r = s V/WQ, and for each frame the
        best s, that is D(V‖WH) ≥ D(V‖WQ) + Σ W(H − Q) − Σ V log(Σ (V/WQ) WH / Σ V). To this comes
        what the prior costs at H. It needs G and ΣWQ as the update left them, and G is lost.
        """
        rule, G = self._rule, self._G
        G *= H
        explained = np.maximum(G @ rule.den, TINY).astype(np.float64)  # Σ (V/WQ) WH, a frame
        fall = self._frame_sums @ (np.log(explained) - self._log_sums)
        linear, logarithms = self._energy, 0.0  # Σ den H is Σ den G Q = Σ V, or more at the floor
        if rule.offset is not None:  # but not so here
            linear = float((self._one @ H).astype(np.float64) @ rule.den)
            np.log(H, out=G)
            logarithms = float((G @ rule.logarithmic).sum(dtype=np.float64))
        return float(divergence - self._linear + linear - fall + logarithms)


def encoding_blocks(num_frames: int) -> list[slice]:
    """Split the frames into blocks: more than `FEW_FRAMES` into two, for two threads."""
    half = -(-num_frames // 2)
    return even_split(0, num_frames, min(max(half, FEW_FRAMES), ENCODING_FRAMES))


def encoding_start(
    frame_sums: NDArray[np.float64],
    W: NDArray[np.floating],
    init: ArrayLike | str | None,
    seed: int,
) -> Matrix:
    """Give a frame-major H to start from: all bases alike, random, or a copy."""
    K, T = W.shape[1], len(frame_sums)
    if init is None or isinstance(init, str):
        check_choice("init", init or "flat", ("flat", "random"))
        share = frame_sums / W.sum(dtype=np.float64)
        Ht = aligned((T, K), share.astype(np.float32)[:, None])
        if init == "random":
            Ht *= 2 * np.random.default_rng(seed).random((T, K), dtype=np.float32)
    else:
        Ht = aligned((T, K), fitting(init, (K, T), "init").T)
    return Ht
