"""Encoding: the updates of H with fixed bases, block by block; see `nmflab.nmf`."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmflab.core.nmf_steps import (
    FLOOR,
    LEAST_WEIGHT,
    Matrix,
    Vector,
    extrapolate,
    frame_major,
    ratio,
)
from nmflab.priors.distributions import Prior
from nmflab.system.threads import aligned, even_split, matmul

Costs = NDArray[np.float64]  # (2, frames) or (2,): D(V‖WH) and λ Σ φ(H)

ENCODING_FRAMES = 640  # frames in a block, at most
FEW_FRAMES = 128  # too few to be worth a thread of their own
FLOOR_EVERY = 8  # iterations of plain NMF until activations are held at their floor again
WATCHED = 4  # frames of a block whose divergence alone shows that it is above ε
QUIET = 1e-6  # of V's mean frame sum: a quieter frame knows its floor in every iteration
GUARD = np.float32(0.1)  # least denominator of "mu", relative to Wᵀ1 + λ/b


@dataclass(frozen=True, eq=False)
class UpdateRule:
    """The update of H, with all that doesn't depend on H computed once.

    With den = Wᵀ1 + λ/b the rule "mm" is H ← max(ε, H ∘ G + offset), where G = Wᵀ(V/WH)/den and
    offset = λ(a−1)/den; "mu" is H ← H ∘ G / max(GUARD, 1 − offset/H): the paper's fraction,
    divided by den above and below the line.
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

    @property
    def silent(self) -> Vector:
        """The activations of a silent frame, where one update reaches the least objective."""
        if self.offset is None or self.multiplicative:
            return self.floor
        return np.maximum(self.floor, self.offset)

    def cost_of_silence(self) -> Costs:
        """Compute what a silent frame costs."""
        divergence, penalty = (self.silent @ self.linear).astype(np.float64)
        return np.array([divergence, penalty + np.log(self.silent) @ self.logarithmic])

    def replace_bases(self, bases: slice, correlates: Matrix) -> None:
        """Multiply bases by their correlates R Hᵀ (K_f, F), and norm them to a sum of 1."""
        W = self.Wt[bases]
        W *= correlates
        W /= np.maximum(W.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
        np.maximum(W, np.float32(LEAST_WEIGHT), out=W)
        self.W_over_den[:, bases] = (W / self.den[bases, None]).T


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
        self._spare = [aligned((most, K)) for _ in range(2)]
        if rule.offset is not None:
            self._offsets = aligned((most, K), rule.offset)
        if rule.multiplicative:
            self._guard = aligned((most, K), GUARD)

    def take(self, V: NDArray[np.floating], frame_sums: NDArray[np.float64], *, flat: bool) -> None:
        """Turn to a block of frames, with the sum of each."""
        least_share = frame_sums.min() / self._rule.row_sums.sum(dtype=np.float64)
        self._flat = flat and bool(least_share >= self._rule.floor.max())  # H alike in a frame
        (F, n), K = V.shape, len(self._rule.Wt)
        self._Vt, self._frame_sums = frame_major(V, self._rule.level), frame_sums
        safe = not self._rule.penalised and frame_sums.min() > QUIET * self._rule.level
        self._floor_every = FLOOR_EVERY if safe else 1
        self._watched = np.argsort(frame_sums)[-WATCHED:]  # the loudest
        self._R, self._L = (part[: n * F].reshape(n, F) for part in self._scratch)  # V/WH, its log
        # In their place a scratch and G, which `correlate` computes:
        self._T, self._G = (part[: n * K].reshape(n, K) for part in self._scratch)

    def divide(self, H: Matrix) -> None:
        """Compute V/WH, at a flat start without a product of matrices."""
        if self._flat:
            np.multiply(H[:, :1], self._rule.row_sums, out=self._R)
            np.divide(self._Vt, self._R, out=self._R)
            self._flat = False
        else:
            ratio(self._Vt, H, self._rule.Wt, self._R)

    def correlate(self) -> None:
        """Compute G = Wᵀ(V/WH)/den from V/WH as it stands."""
        matmul(self._R, self._rule.W_over_den, out=self._G)

    def measure(self, H: Matrix) -> Costs:
        """Compute V/WH, and from it what each frame costs."""
        self.divide(H)
        np.log(self._R, out=self._L)
        divergence, penalty = (H @ self._rule.linear).T.astype(np.float64)  # ΣWH and λ Σ H/b
        divergence += np.vecdot(self._Vt, self._L) - self._frame_sums
        if self._rule.offset is not None:
            np.log(H, out=self._G)
            penalty += self._G @ self._rule.logarithmic
        return np.stack([divergence, penalty])

    @property
    def ratio(self) -> Matrix:
        """V/WH as it stands: the next steps take its place."""
        return self._R

    def update(self, Q: Matrix, H: Matrix) -> None:
        """Update Q, with G as it stands, into H, which may be Q itself."""
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

    def _least(self, seen: list[Matrix]) -> list[Costs]:
        """Give D of the frames watched at each H seen of them: D of all frames is no less."""
        if not seen:
            return []
        V, V_hat = self._Vt[self._watched], np.concatenate(seen) @ self._rule.Wt
        V_hat = V_hat.reshape(-1, *V.shape)
        terms = V * np.log(V / V_hat) - V + V_hat
        return [np.array([D, 0.0]) for D in terms.sum(axis=(1, 2), dtype=np.float64)]

    def iterate(self, H: Matrix, n_iter: int, *, trace: bool, watch: bool = False) -> list[Costs]:
        """Iterate on H in place; give the costs after each iteration, or none.

        Those who `watch` get D of a few frames instead, and none after the last iteration.
        """
        costs, seen = [], []
        self.floor(H)
        for i in range(n_iter):
            if watch and i > 0:
                seen.append(H[self._watched])
            if trace and i > 0:
                costs.append(self.measure(H).sum(axis=1))
            else:
                self.divide(H)
            self.correlate()
            self.update(H, H)
            if i % self._floor_every == 0 or i == n_iter - 1:
                self.floor(H)
        return [*costs, self.measure(H).sum(axis=1)] if trace else self._least(seen)

    def iterate_accelerated(
        self, H: Matrix, n_iter: int, *, trace: bool, watch: bool = False, at_H: bool = False
    ) -> list[Costs]:
        """Do the same with each update taken at an extrapolated point Q.

        A frame that isn't known to get better, from H by way of Q, keeps its H, and its momentum
        starts anew: known from how much worse Q can be than H (`_rise`) and, where it can, how much
        the update gains from there (`_gain`). So no frame gets worse with more iterations; not so
        "mu" with a gamma prior, whose updates may themselves. No frame depends on those beside it,
        but for ε and how often it is held. The costs are those of the best Q that a frame was
        updated from so far and at the end those of H or, which takes a product of matrices more,
        those of each H (`at_H`).
        """
        Q, P = (spare[: len(H)] for spare in self._spare)
        costs: list[Costs] = []
        seen: list[Matrix] = []
        at_Q, least = trace and not at_H, np.full((2, len(H)), np.inf)
        self.floor(H)
        P.fill(1.0)
        for i in range(n_iter):
            if watch and i > 0:
                seen.append(H[self._watched])
            if at_H and i > 0:
                costs.append(self.measure(H).sum(axis=1))
            extrapolate(H, P, i / (i + 2), out=Q)
            if self._floor_every == 1:
                self.floor(Q)
            if at_Q:
                cost = self.measure(Q)
            else:
                self.divide(Q)
            self.correlate()
            rise = self._rise(H, Q)
            doubtful = np.flatnonzero(rise > 0)
            before = H[doubtful]
            self.update(Q, H)
            worse = rise[doubtful] > self._gain(Q[doubtful], H[doubtful])
            kept = doubtful[worse]
            H[kept] = before[worse]
            if at_Q:
                cost[:, kept] = np.inf
                least = np.where(cost.sum(axis=0) < least.sum(axis=0), cost, least)
                costs.append(least.sum(axis=1))
            if i % self._floor_every == 0 or i == n_iter - 1:
                self.floor(H)
            factor = self._G if self._rule.offset is None else np.divide(H, Q, out=self._T)
            with np.errstate(over="ignore"):  # P = ∞ makes Q = H/c
                P *= factor
                P *= factor
            P[kept] = 1.0
        return [*costs[at_Q:], self.measure(H).sum(axis=1)] if trace else self._least(seen)

    def _rise(self, H: Matrix, Q: Matrix) -> Vector:
        """Give what the objective of a frame rises by at most from H to Q, one value a frame.

        D is convex: D(V‖WQ) − D(V‖WH) ≤ Σ (Wᵀ1 − Wᵀ(V/WQ)) (Q − H). With what the prior costs this
        is Σ den (1 − G) (Q − H) + λ(1−a) log(Q/H). It needs G at Q.
        """
        den, T = self._rule.den, self._T
        np.subtract(Q, H, out=T)
        rise: Vector = T @ den
        T *= self._G
        rise -= T @ den
        if self._rule.offset is not None:
            np.divide(Q, H, out=T)
            np.log(T, out=T)
            rise += T @ self._rule.logarithmic
        return rise

    def _gain(self, Q: Matrix, H: Matrix) -> Vector:
        """Give what the update of these frames gains from Q to H at least, one value a frame.

        It is what their auxiliary function falls by, Σ den (H log(H/Q) − H + Q); where H is held at
        ε it falls by more.
        """
        floors = self._floors[: len(Q)]
        Q, H = np.maximum(Q, floors), np.maximum(H, floors)
        T = np.log(H / Q)
        T -= np.float32(1.0)
        T *= H
        T += Q
        gain: Vector = T @ self._rule.den
        return gain


def encoding_blocks(num_frames: int) -> list[slice]:
    """Split the frames into blocks: more than `FEW_FRAMES` into two at least, for two threads."""
    half = -(-num_frames // 2)
    return even_split(0, num_frames, min(max(half, FEW_FRAMES), ENCODING_FRAMES))


def encoding_start(
    frame_sums: NDArray[np.float64],
    W: NDArray[np.floating],
    init: NDArray[np.float32] | str,
    seed: int,
) -> Matrix:
    """Give a frame-major H to start from: all bases alike, random, or a copy."""
    K, T = W.shape[1], len(frame_sums)
    if isinstance(init, np.ndarray):
        return aligned((T, K), init.T)
    share = frame_sums / W.sum(dtype=np.float64)
    Ht = aligned((T, K), share.astype(np.float32)[:, None])
    if init == "random":
        Ht *= 2 * np.random.default_rng(seed).random((T, K), dtype=np.float32)
    return Ht
