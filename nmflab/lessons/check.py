"""The questions of the lessons, and a check that says what kind of wrong an answer is.

``check(name, answer)`` compares an answer with the right one, which is computed by nmflab itself,
and then with those that typical mistakes lead to. An exercise registers itself under the number
of its lesson and a word, such as "01.hop"; the later lessons' are in modules of their own.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.core.divergence import kl_divergence
from nmflab.core.nmf import encode
from nmflab.core.stft import Stft
from nmflab.core.wiener import wiener_gain
from nmflab.errors import NmflabError
from nmflab.settings import Settings

__all__ = ["Exercise", "Mistake", "Verdict", "all_exercises", "check", "is_same", "register"]

MODULES = ("nmflab.lessons.exercises_separation", "nmflab.lessons.exercises_evaluation")
"""Where the exercises of the lessons from 04 on are; imported at the first check."""


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer and what to say to it.

    Parameters
    ----------
    answer : callable
        Gives the answer that the mistake leads to; it is the example of the tests too.
    message : str
        What went wrong and where to look, in a sentence or two.
    recognises : callable, optional
        Takes an answer and says whether it comes of this mistake. By default it does if it is
        `answer()`, to the tolerance of the exercise.
    """

    answer: Callable[[], Any]
    message: str
    recognises: Callable[[Any], bool] | None = None


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One question, its right answer and the mistakes that are often made.

    Parameters
    ----------
    name : str
        Number of the lesson, a dot, and a word.
    question : str
        The question, so that it can be understood by itself.
    right : callable
        Computes the right answer: a number, an array, a word or a sequence of words.
    because : str
        What is said to the right answer.
    mistakes : tuple of Mistake
        Looked through in order; the first that fits is told.
    tolerance : float, default 0.01
        Relative error that still counts as right.
    """

    name: str
    question: str
    right: Callable[[], Any]
    because: str
    mistakes: tuple[Mistake, ...]
    tolerance: float = 0.01


@dataclass(frozen=True)
class Verdict:
    """What `check` found.

    Parameters
    ----------
    right : bool
        Whether the answer is right.
    message : str
        Why it is, or what kind of wrong.
    """

    right: bool
    message: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"{'Right' if self.right else 'Not yet'}: {self.message}"


EXERCISES: dict[str, Exercise] = {}
"""All exercises registered so far, by name."""


def register(exercise: Exercise) -> Exercise:
    """Add an exercise to those that `check` knows.

    Parameters
    ----------
    exercise : Exercise
        The exercise; its name must be new.

    Returns
    -------
    Exercise
        The same.

    Raises
    ------
    NmflabError
        If the name is taken.
    """
    if EXERCISES.get(exercise.name, exercise) is not exercise:
        raise NmflabError(f"There is an exercise called {exercise.name!r} already.")
    EXERCISES[exercise.name] = exercise
    return exercise


def all_exercises() -> dict[str, Exercise]:
    """Give the exercises of all lessons.

    Returns
    -------
    dict of str to Exercise
        By name, in order.
    """
    for module in MODULES:
        if importlib.util.find_spec(module):
            importlib.import_module(module)
    return dict(sorted(EXERCISES.items()))


def check(name: str, answer: Any) -> Verdict:
    """Say whether an answer is right and, when it isn't, what kind of wrong.

    Parameters
    ----------
    name : str
        Name of the exercise, as it stands in the notebook.
    answer : object
        A number, an array, a word or a sequence of words.

    Returns
    -------
    Verdict
        One line to read, and true if the answer is right.

    Raises
    ------
    NmflabError
        If there is no exercise of that name.

    Examples
    --------
    >>> check("01.hop", 64)
    Not yet: that is the hop in samples; divide by the sampling rate.
    """
    exercises = all_exercises()
    if name not in exercises:
        known = ", ".join(exercises)
        raise NmflabError(f"There is no exercise called {name!r}; there are: {known}.")
    exercise = exercises[name]
    if answer is None or answer is ...:
        return Verdict(False, f"no answer given. {exercise.question}")
    right = exercise.right()
    if is_same(answer, right, exercise.tolerance):
        return Verdict(True, exercise.because)
    for mistake in exercise.mistakes:
        if mistake.recognises is not None:
            found = mistake.recognises(answer)
        else:
            found = is_same(answer, mistake.answer(), exercise.tolerance)
        if found:
            return Verdict(False, mistake.message)
    return Verdict(False, _kind_of_wrong(answer, right, exercise.tolerance))


def is_same(answer: Any, right: Any, tolerance: float = 0.01) -> bool:
    """Say whether two answers mean the same.

    Parameters
    ----------
    answer, right : object
        Numbers, arrays, words or sequences of words.
    tolerance : float, default 0.01
        Relative error allowed in numbers, counted against the greatest of an array.

    Returns
    -------
    bool
        Whether they do; False for whatever can't be compared.
    """
    given, wanted = _numbers(answer), _numbers(right)
    if wanted is None or given is None:
        return wanted is given and _words(answer) == _words(right)
    if given.shape != wanted.shape:
        return False
    within = tolerance * np.abs(wanted).max(initial=0.0) + 1e-12
    return bool(np.all(np.abs(given - wanted) <= within))


def _kind_of_wrong(answer: Any, right: Any, tolerance: float) -> str:
    """Say what can be said of a wrong answer without knowing the question."""
    given, wanted = _numbers(answer), _numbers(right)
    if wanted is None:
        count = len(_words(right))
        return "the answer is one word." if count == 1 else f"the answer is {count} words."
    wanted_kind = "a number" if not wanted.ndim else f"an array of shape {wanted.shape}"
    if given is None:
        return f"the answer is {wanted_kind}."
    if not np.isfinite(given).all():
        return "the answer holds NaN or infinity: look for a division by zero or a log of zero."
    if given.ndim == 2 and is_same(given.T, wanted, tolerance):
        return "that is the right matrix, transposed: exchange its rows and columns."
    if given.shape != wanted.shape:
        shape = f"of shape {given.shape}" if given.ndim else "a single number"
        return f"the answer is {wanted_kind}, yours is {shape}."
    if is_same(-given, wanted, tolerance):
        return "the amount is right, the sign isn't."
    return _by_a_factor(given, wanted, tolerance)


def _by_a_factor(given: NDArray[Any], wanted: NDArray[Any], tolerance: float) -> str:
    for factor, meaning in (
        (2.0, "twice"),
        (0.5, "half"),
        (100.0, "a hundred times (per cent?)"),
        (1000.0, "a thousand times (milli?)"),
        (0.001, "a thousandth of (milli?)"),
    ):
        if is_same(given / factor, wanted, tolerance):
            return f"that is {meaning} the right answer."
    if given.ndim == 0:
        return f"the right answer is {'larger' if given < wanted else 'smaller'}."
    off = np.abs(given - wanted) > tolerance * np.abs(wanted).max(initial=0.0)
    return f"{off.sum()} of the {off.size} entries are wrong."


def _numbers(answer: Any) -> NDArray[np.float64] | None:
    """Give an answer as an array, None if it isn't made of numbers."""
    try:
        array = np.asarray(answer)
        return None if array.dtype.kind in "USO" else array.astype(np.float64)
    except (TypeError, ValueError):
        return None


def _words(answer: Any) -> tuple[str, ...]:
    """Give an answer as words, without regard to capitals and spaces."""
    parts = answer if isinstance(answer, (list, tuple)) else (answer,)
    return tuple(str(part).strip().casefold() for part in parts)


# 00_quickstart

register(
    Exercise(
        name="00.gain",
        question="Ŝ is twice N̂. How large is the gain G with p = 2?",
        right=lambda: float(wiener_gain([2.0], [1.0], p=2)[0]),
        because="G = 2² / (2² + 1²) = 4/5.",
        mistakes=(
            Mistake(lambda: 2 / 3, "that is the gain with p = 1; square both Ŝ and N̂."),
            Mistake(lambda: 4.0, "that is Ŝ²/N̂²; below the line stands the sum Ŝ² + N̂²."),
            Mistake(lambda: 0.2, "that is 1 − G, the gain of the noise."),
            Mistake(lambda: 20 * np.log10(0.8), "that is the gain in dB; G itself is asked for."),
            Mistake(lambda: (2 / 3) ** 2, "the power belongs on Ŝ and N̂ each, not on the ratio."),
        ),
    )
)

register(
    Exercise(
        name="00.switch",
        question="Ŝ is twice N̂. What does the gain G become as the power p grows and grows?",
        right=lambda: float(wiener_gain([2.0], [1.0], p=60)[0]),
        because="G = 1 / (1 + (N̂/Ŝ)^p), and (1/2)^p goes to 0: all that is louder passes whole.",
        mistakes=(
            Mistake(lambda: 0.0, "that is the limit where the noise is the louder one."),
            Mistake(lambda: 0.5, "that is the limit where both are equal, or of p towards 0."),
            Mistake(lambda: 2.0, "a gain never exceeds 1: divide by the sum of both."),
        ),
    )
)

# 01_stft

RATE = Settings().sampling_rate


def _overlap_add(power: int) -> float:
    """Sum the copies of a Hann window of 256 samples at a hop of 64, to some power."""
    window = Stft(window="hann").window.astype(np.float64)
    return float((window.reshape(4, 64) ** power).sum(axis=0).mean())


register(
    Exercise(
        name="01.hop",
        question="The hop is 64 samples at 16 kHz. How many seconds is that?",
        right=lambda: Settings().hop / RATE,
        because="64 / 16000 s = 4 ms: 250 frames a second.",
        mistakes=(
            Mistake(
                lambda: 64,
                "that is the hop in samples; divide by the sampling rate.",
            ),
            Mistake(lambda: 4, "that is the hop in milliseconds; seconds are asked for."),
            Mistake(lambda: 0.016, "that is the length of the window; the hop is the step."),
            Mistake(lambda: 0.012, "that is the overlap; the hop is window − overlap."),
            Mistake(lambda: 250, "that is the number of frames a second: one over the hop."),
        ),
    )
)

register(
    Exercise(
        name="01.frames",
        question="How many frames has 1 s at 16 kHz, window 256 and hop 64, edges padded?",
        right=lambda: Stft().num_frames(RATE),
        because="192 zeros lead in, and (192 + 16000) / 64 = 253.",
        mistakes=(
            Mistake(lambda: 250, "that is length / hop; the zeros ahead of the signal count too."),
            Mistake(
                lambda: 247,
                "those are the windows that fit inside the signal; at the edges more are needed "
                "so that every sample lies under four of them.",
            ),
            Mistake(lambda: 251, "that is librosa's count: frames centred on 0, 64, 128 ..."),
            Mistake(lambda: 254, "off by one frame: the last one begins inside the signal."),
            Mistake(lambda: 252, "off by one frame: count the first one too."),
        ),
        tolerance=1e-6,
    )
)

register(
    Exercise(
        name="01.window",
        question=(
            "A Hamming window of M samples smears a tone over 4·16000/M Hz. How large must M be "
            "so that harmonics 125 Hz apart just don't overlap?"
        ),
        right=lambda: 4 * RATE / 125,
        because="4·16000/512 = 125 Hz: 32 ms, twice our default window.",
        mistakes=(
            Mistake(lambda: 128, "16000/M alone is one bin; the lobe is four of them wide."),
            Mistake(lambda: 256, "the whole lobe counts, from zero to zero, not half of it."),
            Mistake(lambda: 0.032, "that is the length in seconds; samples are asked for."),
            Mistake(lambda: 32, "that is the length in milliseconds; samples are asked for."),
        ),
    )
)

register(
    Exercise(
        name="01.weight",
        question="What is the sum of the shifted w² of a Hann window of 256 at a hop of 64?",
        right=lambda: _overlap_add(2),
        because="the four windows over a sample add up to 3/2 in the square, at every sample.",
        mistakes=(
            Mistake(lambda: _overlap_add(1), "those are the windows themselves; square them."),
            Mistake(lambda: 96.0, "that is Σ w² over one window; sum over the frames instead."),
            Mistake(
                lambda: 0.375,
                "that is the mean of w²; four windows lie over each sample: add them up.",
            ),
        ),
    )
)

# 02_nmf

TINY_V = np.array([[8.0, 4.0], [3.0, 6.0]])
"""Two bins, two frames: small enough to be worked out by hand."""

TINY_W = np.array([[1.0, 3.0], [2.0, 1.0]])
TINY_H = np.ones((2, 2))


def _update(*, normalised: bool = True, ratio: bool = True) -> NDArray[np.float64]:
    """Do one update of the tiny example, or what is taken for one."""
    V_hat = TINY_W @ TINY_H
    R = TINY_V / V_hat if ratio else TINY_V - V_hat
    raised: NDArray[np.float64] = TINY_H * (TINY_W.T @ R)
    return raised / TINY_W.sum(axis=0)[:, None] if normalised else raised


register(
    Exercise(
        name="02.divergence",
        question="How large is D(4‖2), for the single entry v = 4 and its estimate v̂ = 2?",
        right=lambda: kl_divergence([4.0], [2.0]),
        because="4 log 2 − 4 + 2 = 0.77.",
        mistakes=(
            Mistake(
                lambda: kl_divergence([2.0], [4.0]),
                "that is D(2‖4): the data come first, and D isn't symmetric.",
            ),
            Mistake(lambda: 4 * np.log(2), "the terms −v + v̂ are missing."),
            Mistake(lambda: 4.0, "that is the squared Euclidean distance (v − v̂)²."),
            Mistake(lambda: 2.0, "that is with the logarithm to base 2; take the natural one."),
            Mistake(lambda: 4 * np.log10(2) - 2, "the logarithm is the natural one, not log10."),
            Mistake(lambda: 4 * np.log(2) + 2, "the sign of −v + v̂ is turned round."),
        ),
        tolerance=0.02,
    )
)

register(
    Exercise(
        name="02.quiet",
        question="V and WH become 100 times quieter. By which factor does D(V‖WH) change?",
        right=lambda: kl_divergence([0.04], [0.02]) / kl_divergence([4.0], [2.0]),
        because="D is proportional to the level: log(v/v̂) stays, all else scales with v.",
        mistakes=(
            Mistake(
                lambda: 1e-4,
                "so does the squared Euclidean distance; D goes with the level, not its square.",
            ),
            Mistake(
                lambda: 1.0,
                "log(v/v̂) alone stays as it was, but it is multiplied by v. (A divergence that "
                "does stay is that of Itakura and Saito.)",
            ),
            Mistake(lambda: 100.0, "quieter, so smaller: that is one over the right answer."),
        ),
    )
)

register(
    Exercise(
        name="02.update",
        question=(
            "V = [[8, 4], [3, 6]], W = [[1, 3], [2, 1]] and H is all ones. "
            "What is H after one multiplicative update?"
        ),
        right=lambda: encode(TINY_V, TINY_W, n_iter=1, init=TINY_H).H,
        because="each activation is multiplied by its basis's weighted mean of V/WH.",
        mistakes=(
            Mistake(
                lambda: _update(normalised=False),
                "the normalisation is missing: divide row k by the sum of basis k, Wᵀ1.",
            ),
            Mistake(
                lambda: _update().T,
                "that is the right matrix, transposed: H has one row for each basis.",
            ),
            Mistake(
                lambda: TINY_H * (TINY_W @ (TINY_V / (TINY_W @ TINY_H))) / TINY_W.sum(0)[:, None],
                "W stands there without its transpose: row k of H takes column k of W.",
            ),
            Mistake(
                lambda: TINY_H * (TINY_W.T @ TINY_V) / (TINY_W.T @ TINY_W @ TINY_H),
                "that is the update for the Euclidean distance.",
            ),
            Mistake(
                lambda: _update(ratio=False),
                "the update takes the ratio V / WH, not the difference V − WH.",
            ),
        ),
    )
)

# 03_dictionaries

TINY_BASIS = np.array([8.0, 4.0, 2.0, 1.0])


def _flatness(basis: NDArray[np.float64]) -> float:
    return float(np.exp(np.log(basis).mean()) / basis.mean())


register(
    Exercise(
        name="03.flatness",
        question="How flat is the basis [8, 4, 2, 1]: its geometric over its arithmetic mean?",
        right=lambda: _flatness(TINY_BASIS),
        because="64^(1/4) / 3.75 = 0.75: neither a pure tone (0) nor white noise (1).",
        mistakes=(
            Mistake(
                lambda: _flatness(TINY_BASIS**2),
                "that is the flatness of the power spectrum; W holds magnitudes.",
            ),
            Mistake(lambda: 1 / _flatness(TINY_BASIS), "that is upside down: it is at most 1."),
            Mistake(lambda: 64**0.25, "that is the geometric mean; divide by the arithmetic one."),
            Mistake(
                lambda: 20 * np.log10(_flatness(TINY_BASIS)),
                "that is the ratio in dB; the ratio itself is asked for.",
            ),
            Mistake(lambda: np.log(TINY_BASIS).mean(), "undo the logarithm: exp of the mean log."),
        ),
        tolerance=0.02,
    )
)

register(
    Exercise(
        name="03.scale",
        question=(
            "A basis [3, 1] with activations [2, 4] is to sum to 1 without any change to WH. "
            "What are the activations then?"
        ),
        right=lambda: np.array([3.0, 1.0]).sum() * np.array([2.0, 4.0]),
        because="the basis is divided by its sum 4, so its row of H is multiplied by 4.",
        mistakes=(
            Mistake(
                lambda: [2.0, 4.0],
                "W was divided by 4, so WH is a quarter now: give the scale to H.",
            ),
            Mistake(
                lambda: [0.5, 1.0],
                "H was divided too; what W loses, H must gain.",
            ),
            Mistake(lambda: [6.0, 12.0], "that scales the greatest entry to 1, not the sum."),
            Mistake(
                lambda: np.sqrt(10.0) * np.array([2.0, 4.0]),
                "that is the Euclidean norm, the root of the sum of squares; take the plain sum.",
            ),
        ),
    )
)

register(
    Exercise(
        name="03.count",
        question=(
            "V has 257 rows and 1000 columns. What is the largest K for which W and H together "
            "hold fewer numbers than V?"
        ),
        right=lambda: (257 * 1000) // (257 + 1000),
        because="K(F + T) < FT gives K < 204.5.",
        mistakes=(
            Mistake(lambda: 205, "off by one: with 205 bases they hold 257685 numbers."),
            Mistake(lambda: 257, "then H alone is as large as V; count both: K(F + T)."),
            Mistake(lambda: 1000, "W alone would be as large as V; count both: K(F + T)."),
            Mistake(lambda: 256, "K < F bounds the rank; the question is how many numbers."),
        ),
        tolerance=1e-6,
    )
)
