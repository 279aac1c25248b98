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

_PCM_OFFSET_AND_SCALE = {
    "uint8": (128, 2**7),
    "int8": (0, 2**7),
    "int16": (0, 2**15),
    "int32": (0, 2**31),
}


def as_signal(samples: ArrayLike, name: str = "samples") -> NDArray[np.float32]:
    """Check that `samples` is a usable signal and give it as float32.

    Floating-point samples keep their values. Integer samples are taken for PCM and divided by
    their full scale, to lie in [−1, 1): int16 by 2¹⁵, int32 by 2³¹, int8 and uint8 (whose zero is
    at 128) by 2⁷.

    Parameters
    ----------
    samples : array_like, shape (n_samples,)
        One channel of audio, of any floating-point type, or int8, uint8, int16 or int32.
    name : str, default="samples"
        What the error message calls the array.

    Returns
    -------
    ndarray of float32, shape (n_samples,)
        The signal; the array that was given itself if it is float32 already.

    Raises
    ------
    NmflabError
        If the array is not real, not one-dimensional, empty, or holds NaN or infinity.
    """
    signal = _from_pcm(_as_array(samples, name), name)
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
            f"sample {broken[0]}: repair or leave out that stretch."
        )
    return signal


def as_rate(rate: float, name: str = "sampling_rate") -> int:
    """Check that `rate` is a usable sampling rate.

    Parameters
    ----------
    rate : int
        Sampling rate in Hz.
    name : str, default="sampling_rate"
        What the error message calls it.

    Returns
    -------
    int
        The rate.

    Raises
    ------
    NmflabError
        If it is not a whole number, or none of a recording.
    """
    if not (_is_number(rate) and rate == int(rate) and LOWEST_RATE <= rate <= HIGHEST_RATE):
        raise NmflabError(
            f"{name} is {rate!r} but must be a whole number of Hz from {LOWEST_RATE} to "
            f"{HIGHEST_RATE}."
        )
    return int(rate)


def _as_array(samples: ArrayLike, name: str) -> NDArray[Any]:
    try:
        return np.asarray(samples)
    except ValueError as error:
        raise NmflabError(f"{name} is ragged but must be a plain array of samples.") from error


def _from_pcm(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Give samples of any kind as float32 with full scale at ±1."""
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return array.astype(np.float32, copy=False)
    if array.dtype.name not in _PCM_OFFSET_AND_SCALE:
        raise NmflabError(
            f"{name} is of type {array.dtype} but must be floating-point samples, or PCM as int8, "
            "uint8, int16 or int32: convert it, for instance with numpy's astype(float)."
        )
    offset, scale = _PCM_OFFSET_AND_SCALE[array.dtype.name]
    return ((array.astype(np.float64) - offset) / scale).astype(np.float32)


def _is_number(value: object) -> bool:
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
