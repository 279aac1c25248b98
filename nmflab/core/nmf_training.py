"""Training: the alternating updates of H and W; see `nmflab.nmf`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.core.nmf_steps import FLOOR, LEAST_WEIGHT, Matrix, extrapolate, ratio
from nmflab.system.threads import aligned, even_split, map_blocks, matmul

TRAINING_FRAMES = 800  # frames in a block
TRAINING_STRIPES = 4  # parts of T whose numerators of W are added up apart, in a fixed order
OVERSTEP = 0.9  # part of the free length by which accelerated training lengthens a step of H
ROUNDING = 1e-6  # of ΣV: a rise of D by less is one of float32


class Training:
    """The alternating updates of H and W (Lee and Seung 2001).

    When W's columns are normalised, their scale is due to H. It is paid in H's next update: with
    the columns as they were, H ∘ Wᵀ(V/WH) comes out at the new scale.
    """

    def __init__(
        self, Vt: Matrix, start: Callable[[], tuple[Matrix, Matrix]], energy: float, *, trace: bool
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
        """Take W and H from the start."""
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
        numerator = np.zeros_like(Wt)
        row_sums, log_terms = np.zeros(len(Wt)), 0.0
        for V, H, scratch in self._blocks(stripe):
            ratio(V, H, Wt, scratch.R)
            if self._trace:
                log_terms += _log_term(V, scratch.R, scratch.L)
            matmul(scratch.R, W, out=scratch.G)  # Wᵀ(V/WH), and Wᵀ1 = 1
            numerator += self._update_block(V, H, scratch)
            row_sums += scratch.ones @ H
        return log_terms, numerator, row_sums

    def _update_block(self, V: Matrix, H: Matrix, scratch: _TrainingScratch) -> Matrix:
        """Update H with G as it stands; give the block's part of (V/WH)Hᵀ."""
        H *= scratch.G
        np.maximum(H, scratch.floor, out=H)
        ratio(V, H, self.Wt, scratch.R)
        return matmul(H.T, scratch.R, out=scratch.product)

    def _measure_stripe(self, stripe: list[slice]) -> float:
        log_terms = 0.0
        for V, H, scratch in self._blocks(stripe):
            ratio(V, H, self.Wt, scratch.R)
            log_terms += _log_term(V, scratch.R, scratch.L)
        return log_terms

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
        self.product = aligned((K, F))
        self._ones = np.ones((most, K), dtype=np.float32)

    def fit(self, n: int) -> None:
        """Give all arrays n frames."""
        self.R, self.L = (part[:n] for part in self._all)  # V/WH and its logarithm
        self.G, *self.steps = (part[:n] for part in self._all_K)
        self.floor, self.one = self._floor[:n], self._ones[:n]
        self.ones = self._ones.ravel()[:n]


class AcceleratedTraining(Training):
    """Both factors from one ratio: W at an extrapolated point (`extrapolate`), H by longer steps.

    With W's columns normalised, H ← H ∘ G, G = Wᵀ(V/WH), together with W ∝ W ∘ (V/WH)Hᵀ is the
    EM step for V ≈ WH. Per activation it minimises h' − h G log h', which H ← H ∘ M raises
    nowhere if M lies between 1 and the M* whose logarithmic mean with 1 is G. As that mean is
    between the geometric and the arithmetic one, G² where G < 1 and 2G − 1 where G > 1 lie there
    too: nearly twice the step is free. The extrapolation of W has no such warrant. Where the
    divergence at such a point is above the least so far, training is taken again from its start,
    and goes on from there without it. D of W and H at the end is no higher than at the last point.
    """

    def __init__(self, *start: Any, trace: bool) -> None:
        super().__init__(*start, trace=True)  # the safeguard looks at the divergence
        self._values: list[float] = []
        self._plain_from = sys.maxsize  # the step from which on W isn't extrapolated
        self._P: Matrix = np.ones_like(self.Wt)  # W/W⁻ ∘ W/Q, along which it is

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
            extrapolate(self.Wt, self._P, steps / (steps + 1), out=Wt_Q)
            Wt_Q = _normalised(Wt_Q)
        value, numerator = self._update_H(Wt_Q)
        before, self.Wt = self.Wt, _normalised(Wt_Q * numerator)
        with np.errstate(over="ignore"):  # P = ∞ makes Q = W/c
            self._P = self.Wt / before * (self.Wt / Wt_Q)
        self._Wt_unscaled = self.Wt
        return value

    def _update_block(self, V: Matrix, H: Matrix, scratch: _TrainingScratch) -> Matrix:
        product = matmul(H.T, scratch.R, out=scratch.product)
        H *= _lengthened(scratch.G, scratch.one, *scratch.steps)
        np.maximum(H, scratch.floor, out=H)
        return product


def _log_term(V: Matrix, R: Matrix, L: Matrix) -> float:
    """Σ v log(v/v̂) from R = V/V̂."""
    np.log(R, out=L)
    return float(np.vdot(V, L))


def _lengthened(G: Matrix, one: Matrix, T: Matrix, scratch: Matrix) -> Matrix:
    """M = G + OVERSTEP · (G − 1) · min(G, 1), in G's place: see `AcceleratedTraining`."""
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


def training_start(
    Vt: Matrix, n_bases: int, init: tuple[Matrix, Matrix] | None, seed: int, level: float
) -> tuple[Matrix, Matrix]:
    """Give frame-major W and H to start from: random ones at the level of V, or copies."""
    T, F = Vt.shape
    if init is not None:
        Wt = init[0].T.copy()
        Ht = aligned((T, n_bases), init[1].T)
        Ht *= Wt.sum(axis=1)
    else:
        rng = np.random.default_rng(seed)
        Wt = rng.random((n_bases, F), dtype=np.float32)
        Ht = rng.random(out=aligned((T, n_bases)), dtype=np.float32)
        Ht *= np.float32(2.0 * level / n_bases)
    np.maximum(Ht, np.float32(FLOOR * level), out=Ht)
    return _normalised(Wt), Ht
