"""What encoding and training have in common: steps on blocks of frames, frame-major, float32."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.system.threads import aligned, matmul

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]

FLOOR = 1e-12  # least activation times its basis's sum, relative to the mean frame sum
LEAST_MAGNITUDE = 1e-20  # least entry of V, relative to the mean frame sum
LEAST_WEIGHT = 1e-20  # least entry of W, relative to its column's sum
MOMENTUM = 0.9  # the most by which an accelerated step looks ahead


def frame_major(V: NDArray[np.floating], level: float) -> Matrix:
    """Give V as float32 with frames in rows and no zeros, which have no logarithm."""
    Vt = np.ascontiguousarray(V.T, dtype=np.float32)
    least = np.float32(LEAST_MAGNITUDE * level)
    return Vt if Vt.min() >= least else np.maximum(Vt, least)


def spread(
    Ht: Matrix, heard: NDArray[np.intp] | slice, num_frames: int, silent: ArrayLike
) -> Matrix:
    """Give the H of all frames from that of the ones heard; the others are silent."""
    if isinstance(heard, slice):
        return Ht
    whole = aligned((num_frames, Ht.shape[1]), silent)
    whole[heard] = Ht
    return whole


def ratio(V: Matrix, H: Matrix, Wt: Matrix, R: Matrix) -> None:
    """R = V / WH, frame-major."""
    matmul(H, Wt, out=R)
    np.divide(V, R, out=R)


def extrapolate(H: Matrix, P: Matrix, momentum: float, *, out: Matrix) -> None:
    """Q = H ∘ (P + c) / (c P + 1), a point beyond H, P = H/H⁻ ∘ G; P becomes Q/H.

    H⁻ is the iterate before, G what an update has just multiplied by. It is modelled, in
    logarithms, on the optimised gradient method of Kim and Fessler (2016), log Q = log H + a log P,
    with one a for its two momenta. An update is no gradient step, so no bound of theirs carries
    over: those who extrapolate need a safeguard. With c = (1 − a)/(1 + a) the rational form agrees
    to first order, needs no power, and can't go further than a factor 1/c. It is
    1/c − (1/c − c)/(c P + 1).
    """
    a = min(momentum, MOMENTUM)
    c = (1.0 - a) / (1.0 + a)
    P *= np.float32(c)
    P += np.float32(1.0)
    np.divide(np.float32(1.0 / c - c), P, out=P)
    np.subtract(np.float32(1.0 / c), P, out=P)
    np.multiply(H, P, out=out)
