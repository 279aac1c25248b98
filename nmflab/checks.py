"""Checks at the door of the public functions: signals, rates, matrices, counts."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.errors import NmflabError

LOWEST_RATE, HIGHEST_RATE = 1000, 1000000
"""Sampling rates in Hz beyond which a file is damaged, and resampling might fill the memory."""

LONGEST = 10**12
"""Samples of a signal: a length beyond is a mistake."""

LEAST_OFFSET, NOTHING = 0.1, 1e-12
"""A mean above so many times the RMS is a recorder's offset; a signal of which, without its mean,
no more of its energy is left is nothing but an offset."""

LONGEST_SHOWN = 80
"""Characters of a wrong value that a message repeats."""

steady = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
"""Decorates the public functions that compute: a caller's `np.seterr` changes and raises nothing.

It is NumPy's default, so that what shouldn't happen still warns.
"""

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
    signal = from_pcm(plain_array(samples, name), name)
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


class Offset(NamedTuple):
    """A constant that a recorder added to a signal, but not to the silence put around it later."""

    value: float
    first: int
    last: int

    @classmethod
    def of(cls, parts: Iterable[NDArray[np.float32]]) -> Offset:
        """Measure that of a signal, of which parts are given; 0 where there is none to speak of."""
        total = energy = 0.0
        first = last = length = 0
        for x in parts:
            sounds = x != 0
            if sounds.any():
                start, stop = int(sounds.argmax()), len(x) - int(sounds[::-1].argmax())
                first = length + start if last == 0 else first
                last = length + stop
                wide = x[start:stop].astype(np.float64)
                total, energy = total + float(wide.sum()), energy + float(wide @ wide)
            length += len(x)
        of_mean = total * total / max(last - first, 1)
        if of_mean <= LEAST_OFFSET**2 * energy or energy - of_mean <= NOTHING * energy:
            return cls(0.0, 0, 0)
        return cls(total / (last - first), first, last)

    def taken_from(self, x: NDArray[np.float32], start: int = 0) -> NDArray[np.float32]:
        """Take it away from the samples that begin at `start`; without an offset they are given."""
        if not self.value:
            return x
        part = slice(max(self.first - start, 0), max(self.last - start, 0))
        x = x.copy()
        x[part] = x[part].astype(np.float64) - self.value
        return x


def without_offset(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give a signal (n,) without its offset; itself, where it has none to speak of."""
    return Offset.of([x]).taken_from(x)


def plain_array(values: Any, name: str) -> NDArray[Any]:
    """Take anything that NumPy makes an array of, as a plain one: no matrix, no mask."""
    try:
        return np.asarray(values)
    except (ValueError, TypeError, OverflowError):
        raise NmflabError(
            f"{name} is ragged, or no array at all, but must be a plain array of numbers."
        ) from None


def as_numbers(values: Any, name: str) -> NDArray[Any]:
    """Take an array of real or complex numbers, or say what is wrong with it."""
    array = plain_array(values, name)
    if array.dtype.kind not in "fiuc":
        raise NmflabError(f"{name} holds {array.dtype} values but must hold numbers.")
    return array


def as_signals(signals: Any, name: str) -> list[NDArray[np.float32]]:
    """Take the training signals of a source, or say what is wrong with them."""
    try:
        signals = list(signals)
    except TypeError:
        raise NmflabError(f"{name} is {shown(signals)} but must be a list of signals.") from None
    if not signals:
        raise NmflabError(f"There is no training {name}: give one signal at least.")
    return [as_signal(signal, f"{name}[{i}]") for i, signal in enumerate(signals)]


def as_rate(rate: float, name: str = "sampling_rate") -> int:
    """Take a sampling rate in Hz, or say what is wrong with it."""
    if not (is_number(rate) and rate == int(rate) and LOWEST_RATE <= rate <= HIGHEST_RATE):
        raise NmflabError(
            f"{name} is {shown(rate)} but must be a whole number of Hz from {LOWEST_RATE} to "
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


def is_number(value: Any) -> bool:
    """Tell a finite number from NaN, infinity, words, arrays and truth values."""
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    try:
        return real and math.isfinite(float(value))
    except OverflowError:  # a whole number of hundreds of digits
        return False


def is_whole(value: Any, least: int) -> bool:
    """Tell a whole number of at least `least`, also one like 16000.0, from anything else."""
    return is_number(value) and bool(value == int(value) >= least)


def is_count(value: Any, least: int) -> bool:
    """Tell the same of whole numbers that are written as such."""
    return isinstance(value, int | np.integer) and is_whole(value, least)


def check_kind(value: Any, kind: type | tuple[type, ...], name: str, what: str) -> None:
    """Say what something must be, if it is nothing of the kind."""
    if not isinstance(value, kind):
        raise NmflabError(f"{name} is {shown(value)} but must be {what}.")


def check_flag(value: Any, name: str) -> None:
    """Say that a switch must be True or False, if it is neither."""
    check_kind(value, (bool, np.bool_), name, "True or False")


def check_progress(progress: Any) -> None:
    """Say what `progress` must be, if it can't be called."""
    if progress is not None and not callable(progress):
        raise NmflabError(f"progress is {shown(progress)} but must be a function, or None.")


def check_floor(floor: Any) -> None:
    """Say what is wrong with the floor of the gamma fit."""
    if not (is_number(floor) and floor >= 0):
        raise NmflabError(f"floor is {shown(floor)} but must be a number of at least 0.")


def as_path(path: Any) -> Path:
    """Take the name of a file, or say that it is none."""
    if not isinstance(path, str | os.PathLike) or "\0" in str(path):
        raise NmflabError(f"path is {shown(path)} but must be the name of a file.")
    return Path(path)


def check_above_0(value: Any, name: str) -> None:
    """Say what is wrong with a number that must be above 0."""
    if not (is_number(value) and value > 0):
        raise NmflabError(f"{name} is {shown(value)} but must be a number above 0.")


def as_count(value: Any, name: str, least: int) -> int:
    """Take a number of samples, frames or bases, or say what is wrong with it."""
    if not (is_whole(value, least) and int(value) <= LONGEST):
        raise NmflabError(
            f"{name} is {shown(value)} but must be a whole number from {least} to {LONGEST:g}."
        )
    return int(value)


def shown(value: Any) -> str:
    """Write a value into a sentence: on one line, and not at any length."""
    words = " ".join(repr(value).split())
    return words if len(words) <= LONGEST_SHOWN else f"{words[:LONGEST_SHOWN]}…"


SCALES = 1e12  # factor by which V's mean frame sum and W's column sums may differ from 1
LARGEST = 1e20  # entry of a start, or cost of an activation: WH still is within float32


def magnitudes(V: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    """Take V as float32, frames one after another, with its frame sums, or say what is wrong."""
    V = non_negative(V, "V")
    if V.ndim != 2 or V.size == 0:
        raise NmflabError(f"V must be a matrix (bins, frames), but has the shape {V.shape}.")
    with np.errstate(over="ignore"):
        scale = float(V.mean(dtype=np.float64)) * V.shape[0]
        V = np.asarray(V.T, dtype=np.float32, order="C").T
        frame_sums = V.sum(axis=0).astype(np.float64)
    check_scale("V has a mean frame sum", scale)
    return V, frame_sums


def sounding(frame_sums: NDArray[Any]) -> NDArray[np.intp] | slice:
    """Give the frames that aren't digitally silent; all of them where all are, or none."""
    frames = np.flatnonzero(frame_sums)
    return frames if 0 < len(frames) < len(frame_sums) else slice(None)


def non_negative(values: ArrayLike, name: str) -> NDArray[np.floating]:
    """Take any array of finite numbers of at least 0, or say what is wrong."""
    values = plain_array(values, name)
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
    return np.asarray(W, order="F")


def start(init: Any, shape: tuple[int, int], heard: Any) -> NDArray[np.float32] | str:
    """Take what encoding starts from, an H of the frames heard or a word, or say what is wrong."""
    if init is None or isinstance(init, str):
        check_choice("init", "flat" if init is None else init, ("flat", "random"))
        return init or "flat"
    return fitting(init, shape, "init")[:, heard]


def factors(init: Any, shape: tuple[int, ...], K: int, heard: Any) -> tuple[Any, Any] | None:
    """Take W and the H of the frames heard to start training from, or say what is wrong."""
    if init is None:
        return None
    if not (isinstance(init, tuple | list) and len(init) == 2):
        raise NmflabError(f"init is {shown(init)} but must be a pair of arrays, W and H.")
    F, T = shape
    W = bases(fitting(init[0], (F, K), "W of init"), F, "W of init")
    return W, fitting(init[1], (K, T), "H of init")[:, heard]


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


def prior_parameters(scale: ArrayLike, shape: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Take the scale and the shape of each row of H, or say what is wrong with them."""
    b, a = (non_negative(p, "prior") for p in (scale, shape))
    if b.ndim != 1 or b.shape != a.shape or not (b.all() and a.all()):
        raise NmflabError("prior must have a scale and a shape above 0 for each row of H.")
    return {"scale": b.astype(np.float64, copy=False), "shape": a.astype(np.float64, copy=False)}


def activations(H: ArrayLike, K: int) -> NDArray[np.float64]:
    """Take the activations of K bases, or say what is wrong with them."""
    H = non_negative(H, "H")
    if H.ndim != 2 or len(H) != K:
        raise NmflabError(f"H has the shape {H.shape} but must be ({K}, T).")
    return np.asarray(H, dtype=np.float64, order="F")


def as_shares(shares: ArrayLike, name: str) -> NDArray[np.float64]:
    """Take one share or a list of them, or say what is wrong with them."""
    shares = non_negative(shares, name)
    if shares.ndim > 1 or (shares > 1).any():
        raise NmflabError(f"{name} must be one share, or a list of them, from 0 to 1.")
    return shares.astype(np.float64)


def check_prior(prior: Any, penalty: float, K: int) -> None:
    """Say what is wrong with a prior on K rows of H, or with its penalty."""
    if not (is_number(penalty) and penalty >= 0):
        raise NmflabError(f"penalty (λ) is {shown(penalty)} but must be a number of at least 0.")
    if prior is None:
        return
    if prior.scale.shape != (K,):
        raise NmflabError(
            f"prior is one for {prior.scale.shape[0]} rows of H but W has {K} bases: "
            "join the priors of all sources, in the order of their bases."
        )
    if max(penalty / prior.scale.min(), penalty * prior.shape.max()) > LARGEST:
        raise NmflabError(
            f"penalty (λ) is {penalty:g}, which with this prior is beyond what float32 can work "
            "with: take a smaller one, or a prior in the units of H."
        )


def check_counts(n_bases: int, n_iter: int, num_frames: int) -> None:
    """Say what is wrong with a number of bases or of iterations."""
    if not is_count(n_bases, 1) or n_bases > num_frames:
        raise NmflabError(
            f"n_bases is {shown(n_bases)} but must be from 1 to the number of frames, "
            f"{num_frames}, a whole number: take fewer bases or more audio."
        )
    if not is_count(n_iter, 1):
        raise NmflabError(f"n_iter is {shown(n_iter)} but must be a whole number of at least 1.")


def check_epsilon(epsilon: float) -> None:
    """Say what is wrong with the divergence to stop at; it may be negative, never to stop."""
    infinite = isinstance(epsilon, float | np.floating) and math.isinf(epsilon)
    if not (is_number(epsilon) or infinite):
        raise NmflabError(f"epsilon is {shown(epsilon)} but must be a number.")


def check_run(
    solver: Any, solvers: tuple[str, ...], epsilon: Any, seed: Any, trace: Any, progress: Any
) -> None:
    """Say what is wrong with what training and encoding have in common."""
    check_choice("solver", solver, solvers)
    check_epsilon(epsilon)
    check_flag(trace, "trace")
    check_progress(progress)
    if not is_count(seed, 0):
        raise NmflabError(f"seed is {shown(seed)} but must be a whole number of at least 0.")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Say what may be chosen, if the value is none of it."""
    if not isinstance(value, str) or value not in choices:
        raise NmflabError(f"{name} is {shown(value)} but must be {' or '.join(choices)}.")
