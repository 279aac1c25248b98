"""Checks at the door of the public functions: signals, rates, matrices, counts."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.errors import NmflabError

LOWEST_RATE, HIGHEST_RATE = 1000, 1000000
"""Sampling rates in Hz beyond which a file is damaged, and resampling might fill the memory."""

PCM_ZERO_AND_SCALE = {
    "uint8": (128, 2**7),
    "int8": (0, 2**7),
    "int16": (0, 2**15),
    "int32": (0, 2**31),
}
"""For each type of PCM the number that stands for 0, and its distance from full scale."""


def as_signal(samples: ArrayLike, name: str = "samples", *, start: int = 0) -> NDArray[np.float32]:
    """Take one channel of audio, shape (n,), as float32, or say what is wrong with it.

    Floating-point samples keep their values, and a float32 array is given back itself. Integers
    are taken for PCM and divided by their full scale, to lie in [−1, 1). A block of a longer signal
    has its `start` in it.
    """
    try:
        array = np.asarray(samples)
    except ValueError as error:
        raise NmflabError(f"{name} is ragged but must be a plain array of samples.") from error
    signal = from_pcm(array, name)
    if signal.ndim != 1:
        raise NmflabError(
            f"{name} has the shape {signal.shape} but must be one channel, of shape (n_samples,): "
            "take one channel, or let read_audio mix a stereo file down."
        )
    if signal.size == 0:
        raise NmflabError(f"{name} is empty but must hold at least one sample.")
    broken = np.flatnonzero(~np.isfinite(signal))
    if broken.size:
        raise NmflabError(
            f"{name} holds NaN or infinity in {broken.size} of {signal.size} samples, first at "
            f"sample {start + broken[0]}: repair or leave out that stretch."
        )
    return signal


def as_rate(rate: float, name: str = "sampling_rate") -> int:
    """Take a sampling rate in Hz, or say what is wrong with it."""
    if not (is_number(rate) and rate == int(rate) and LOWEST_RATE <= rate <= HIGHEST_RATE):
        raise NmflabError(
            f"{name} is {rate!r} but must be a whole number of Hz from {LOWEST_RATE} to "
            f"{HIGHEST_RATE}."
        )
    return int(rate)


def from_pcm(samples: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Give samples of any kind and shape as float32 with full scale at ±1."""
    if samples.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return samples.astype(np.float32, copy=False)
    if samples.dtype.name not in PCM_ZERO_AND_SCALE:
        raise NmflabError(
            f"{name} is of type {samples.dtype} but must be floating-point samples, or PCM as "
            "int8, uint8, int16 or int32: convert it, for instance with numpy's astype(float)."
        )
    zero, scale = PCM_ZERO_AND_SCALE[samples.dtype.name]
    return ((samples.astype(np.float64) - zero) / scale).astype(np.float32)


def is_number(value: object) -> bool:
    """Tell a finite number from NaN, infinity, words and truth values."""
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return real and math.isfinite(value)  # type: ignore[arg-type]


SCALES = 1e12  # factor by which V's mean frame sum and W's column sums may differ from 1
LARGEST = 1e20  # entry of a start, or cost of an activation: WH still is within float32


def magnitudes(V: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    """Take V as magnitudes that float32 can hold, with its frame sums, or say what is wrong."""
    V = non_negative(V, "V")
    if V.ndim != 2 or V.size == 0:
        raise NmflabError(f"V must be a matrix (bins, frames), but has the shape {V.shape}.")
    with np.errstate(over="ignore"):
        frame_sums = V.sum(axis=0, dtype=np.result_type(V, np.float32)).astype(np.float64)
    check_scale("V has a mean frame sum", float(frame_sums.mean()))
    return V, frame_sums


def non_negative(values: ArrayLike, name: str) -> NDArray[np.floating]:
    """Take any array of finite numbers of at least 0, or say what is wrong."""
    try:
        values = np.asarray(values)
    except ValueError:  # rows of different lengths
        raise NmflabError(f"{name} must be an array, but its rows differ in length.") from None
    if values.dtype.kind not in "fiu":
        raise NmflabError(f"{name} holds {values.dtype} values but must hold real numbers.")
    if values.size and not (values.min() >= 0 and values.max() < np.inf):  # NaN fails too
        raise NmflabError(
            f"{name} must hold finite values of at least 0, but some are negative, infinite or NaN."
        )
    return values


def bases(W: ArrayLike, num_bins: int, name: str = "W") -> NDArray[np.floating]:
    """Take W as bases for V's bins, each with some energy, or say what is wrong."""
    W = non_negative(W, name)
    if W.ndim != 2 or W.shape[0] != num_bins or W.shape[1] == 0:
        raise NmflabError(
            f"{name} has the shape {W.shape} but must be ({num_bins}, K): V has {num_bins} bins."
        )
    with np.errstate(over="ignore"):
        sums = W.sum(axis=0, dtype=np.float64)
    if not sums.all():
        raise NmflabError(
            f"{name}'s column {int(np.argmin(sums))} is all zeros: each basis needs energy."
        )
    for extreme in (sums.min(), sums.max()):
        check_scale(f"{name} has a column sum", float(extreme))
    return W


def fitting(start: ArrayLike, shape: tuple[int, int], name: str) -> NDArray[np.float32]:
    """Take a factor to start from, in float32, or say what is wrong."""
    start = non_negative(start, name)
    if start.shape != shape:
        raise NmflabError(f"{name} has the shape {start.shape} but must be {shape}.")
    if float(start.max()) > LARGEST:
        raise NmflabError(f"{name} has a value of {start.max():g} but may have up to {LARGEST:g}.")
    return start.astype(np.float32, copy=False)


def check_scale(what: str, scale: float) -> None:
    """Say what is wrong with a scale that float32 can't work with, but 0."""
    if scale and not 1 / SCALES <= scale <= SCALES:
        raise NmflabError(
            f"{what} of {scale:g}, beyond what float32 can work with: scale it to the order of 1."
        )


def check_prior(prior: Any, penalty: float, K: int) -> None:
    """Say what is wrong with a prior on K rows of H, or with its penalty."""
    if not (isinstance(penalty, Real) and 0 <= penalty < np.inf):
        raise NmflabError(f"penalty (λ) is {penalty!r} but must be a number of at least 0.")
    if prior is None:
        return
    if not (hasattr(prior, "scale") and hasattr(prior, "shape")):
        raise NmflabError(f"prior is {prior!r} but must be a GammaPrior or an ExponentialPrior.")
    if not prior.scale.shape == prior.shape.shape == (K,):
        raise NmflabError(
            f"prior is one for {prior.scale.shape[0]} rows of H but W has {K} bases: "
            "join the priors of all sources, in the order of their bases."
        )
    if not all((p > 0).all() and (p < np.inf).all() for p in (prior.scale, prior.shape)):
        raise NmflabError("prior must have scales and shapes that are finite and above 0.")
    if max(penalty / prior.scale.min(), penalty * prior.shape.max()) > LARGEST:
        raise NmflabError(
            f"penalty (λ) is {penalty:g}, which with this prior is beyond what float32 can work "
            "with: take a smaller one, or a prior in the units of H."
        )


def check_counts(n_bases: int, n_iter: int, num_frames: int) -> None:
    """Say what is wrong with a number of bases or of iterations."""
    if not _is_whole(n_bases) or not 1 <= n_bases <= num_frames:
        raise NmflabError(
            f"n_bases is {n_bases!r} but must be from 1 to the number of frames, {num_frames}, "
            "a whole number: take fewer bases or more audio."
        )
    if not _is_whole(n_iter) or n_iter < 1:
        raise NmflabError(f"n_iter is {n_iter!r} but must be a whole number of at least 1.")


def check_epsilon(epsilon: float) -> None:
    """Say what is wrong with the divergence to stop at; it may be negative, never to stop."""
    if not isinstance(epsilon, Real) or np.isnan(epsilon):
        raise NmflabError(f"epsilon is {epsilon!r} but must be a number.")


def _is_whole(count: int) -> bool:
    return isinstance(count, Integral) and not isinstance(count, bool)


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Say what may be chosen, if the value is none of it."""
    if value not in choices:
        raise NmflabError(f"{name} is {value!r} but must be {' or '.join(choices)}.")
