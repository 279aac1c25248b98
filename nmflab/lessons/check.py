"""The questions of the lessons, and a check that says what kind of wrong an answer is.

``check(name, answer)`` compares an answer with the right one, which is computed by nmflab itself,
and then with those that typical mistakes lead to.

A lesson is a notebook, such as ``06_map_separation.ipynb``, and the module here of that name, which
holds its exercises and its figures. An exercise registers itself under the number of its lesson and
a word, such as "06.level"; its module is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.errors import NmflabError
from nmflab.system.shipped import notebooks_folder

__all__ = ["Exercise", "Mistake", "Verdict", "all_exercises", "check", "register"]


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
    answered : bool, default True
        Whether there was an answer at all; if not, the message is the question.
    """

    right: bool
    message: str
    answered: bool = True

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        said = "Right" if self.right else "Not yet" if self.answered else "Your turn"
        return f"{said}: {self.message}"


EXERCISES: dict[str, Exercise] = {}
"""All exercises registered so far, by name."""


def register(**parts: Any) -> Exercise:
    """Make an exercise and add it to those that `check` knows.

    Parameters
    ----------
    **parts : Any
        As for `Exercise`; its name must be new.

    Returns
    -------
    Exercise
        The exercise.

    Raises
    ------
    NmflabError
        If the name is taken.
    """
    exercise = Exercise(**parts)
    if exercise.name in EXERCISES:
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
    for module in _lessons().values():
        importlib.import_module(module)
    return dict(sorted(EXERCISES.items()))


def _lessons() -> dict[str, str]:
    """Give the module of each lesson by its number, as the names of the notebooks say it."""
    names = sorted(path.stem for path in notebooks_folder().glob("[0-9][0-9]_*.ipynb"))
    return {name[:2]: f"{__package__}.{name[3:]}" for name in names}


def check(name: str, answer: Any) -> Verdict:
    """Say whether an answer is right and, when it isn't, what kind of wrong.

    Parameters
    ----------
    name : str
        Name of the exercise, as it stands in the notebook.
    answer : object
        A number, an array, a word or a sequence of words; ``...`` asks for the question.

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
    >>> check("01.hop", ...)
    Your turn: The hop is 64 samples at 16 kHz. How many seconds is that? (The answer is a number.)
    """
    module = _lessons().get(name.partition(".")[0])
    if name not in EXERCISES and module:
        importlib.import_module(module)
    if name not in EXERCISES:
        known = ", ".join(all_exercises())
        raise NmflabError(f"There is no exercise called {name!r}; there are: {known}.")
    exercise = EXERCISES[name]
    right = exercise.right()
    if answer is None or answer is ...:
        asked = f"{exercise.question} (The answer is {_kind(right)}.)"
        return Verdict(False, asked, answered=False)
    answer, unpacked = _unpacked(answer, right)
    if is_same(answer, right, exercise.tolerance):
        return Verdict(True, exercise.because + unpacked)
    for mistake in exercise.mistakes:
        if mistake.recognises is not None:
            found = mistake.recognises(answer)
        else:
            found = is_same(answer, mistake.answer(), exercise.tolerance)
        if found:
            return Verdict(False, mistake.message)
    return Verdict(False, _kind_of_wrong(answer, right, exercise.tolerance))


def is_same(answer: Any, right: Any, tolerance: float = 0.01) -> bool:
    """Say whether two answers mean the same; numbers to a tolerance of the greatest right one."""
    given, wanted = _numbers(answer), _numbers(right)
    if wanted is None or given is None:
        return wanted is given and _words(answer) == _words(right)
    if given.shape != wanted.shape:
        return False
    within = tolerance * np.abs(wanted).max(initial=0.0) + 1e-12
    return bool(np.all(np.abs(given - wanted) <= within))


def _kind(right: Any) -> str:
    """Say what kind of answer is expected, and nothing of the answer."""
    wanted = _numbers(right)
    if wanted is not None:
        return "a number" if not wanted.ndim else f"an array of shape {wanted.shape}"
    count = len(_words(right))
    return "one word" if count == 1 else f"{count} words"


def _unpacked(answer: Any, right: Any) -> tuple[Any, str]:
    """Take a number out of an array of one, where a number is wanted, and say how it is done."""
    given, wanted = _numbers(answer), _numbers(right)
    if given is None or wanted is None or wanted.ndim or not given.ndim or given.size != 1:
        return answer, ""
    index = "[" + ", ".join("0" * given.ndim) + "]"
    said = f" (Yours stands in an array of shape {given.shape}: {index} takes it out.)"
    return given.item(), said


def _kind_of_wrong(answer: Any, right: Any, tolerance: float) -> str:
    """Say what can be said of a wrong answer without knowing the question."""
    given, wanted = _numbers(answer), _numbers(right)
    if wanted is None:
        return f"the answer is {_kind(right)}."
    if given is None:
        return f"the answer is {_kind(right)}."
    if not np.isfinite(given).all():
        return "the answer holds NaN or infinity: look for a division by zero or a log of zero."
    if given.ndim == 2 and is_same(given.T, wanted, tolerance):
        return "that is the right matrix, transposed: exchange its rows and columns."
    if given.shape != wanted.shape:
        shape = f"of shape {given.shape}" if given.ndim else "a single number"
        return f"the answer is {_kind(right)}, yours is {shape}."
    if is_same(-given, wanted, tolerance):
        return "the amount is right, the sign isn't."
    if _is_rounded(given, wanted):
        return "that is rounded too far: give it to two decimals."
    return _by_a_factor(given, wanted, tolerance)


def _is_rounded(given: NDArray[Any], wanted: NDArray[Any]) -> bool:
    """Say whether an answer is the right one to no decimal or to one."""
    near = np.all(np.abs(given - wanted) <= 0.1 * np.abs(wanted).max(initial=0.0))
    return bool(near) and any(np.array_equal(given, np.round(wanted, n)) for n in (0, 1))


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
