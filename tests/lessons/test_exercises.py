"""The exercises: every right answer is taken, every typical mistake is told by its name."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nmflab.lessons
from nmflab.errors import NmflabError
from nmflab.lessons.check import (
    EXERCISES,
    Exercise,
    Mistake,
    Verdict,
    all_exercises,
    check,
    is_same,
    register,
)
from nmflab.system.shipped import notebooks_folder

ALL = all_exercises()
MISTAKES = [(name, i) for name, exercise in ALL.items() for i in range(len(exercise.mistakes))]


@pytest.fixture(params=ALL, ids=str)
def exercise(request):
    """Give each exercise in turn."""
    return ALL[request.param]


def test_names_begin_with_the_lesson():
    assert [name for name in ALL if not re.fullmatch(r"\d\d\.[a-z-]+", name)] == []
    assert {name[:2] for name in ALL} >= {f"0{lesson}" for lesson in range(8)}
    assert [name for name, exercise in ALL.items() if name != exercise.name] == []


def test_right_answer_is_right(exercise):
    verdict = check(exercise.name, exercise.right())
    assert verdict.right
    assert bool(verdict)
    assert verdict.message == exercise.because


def test_has_a_question_and_a_mistake(exercise):
    assert exercise.question.rstrip().endswith(("?", "."))
    assert exercise.mistakes
    for text in (exercise.because, *(mistake.message for mistake in exercise.mistakes)):
        assert text.rstrip(")").endswith((".", "...")), text
        assert "\n" not in text


@pytest.mark.parametrize(("name", "number"), MISTAKES, ids=lambda value: str(value))
def test_mistake_is_told(name, number):
    mistake = ALL[name].mistakes[number]
    verdict = check(name, mistake.answer())
    assert not verdict.right
    assert verdict.message == mistake.message


def test_says_one_line_and_the_same_again(exercise):
    for answer in (exercise.right(), exercise.mistakes[0].answer(), None, object(), "no", [[]]):
        said = repr(check(exercise.name, answer))
        assert said == repr(check(exercise.name, answer))
        assert re.fullmatch(r"(Right|Not yet|Your turn): [^\n]+", said)
        assert " at 0x" not in said


def test_answers_that_are_no_answers(exercise):
    asked = check(exercise.name, ...)
    assert asked.message.startswith(exercise.question)
    assert exercise.because not in asked.message
    assert repr(asked).startswith("Your turn: ")
    for answer in (None, object(), {}, "", [], np.nan, [np.nan], [1, [2, 3]]):
        assert not check(exercise.name, answer).right


def test_unknown_name_lists_the_names():
    with pytest.raises(NmflabError, match=r"'01\.hopp'; there are: 00\.gain, 00\.switch"):
        check("01.hopp", 1)


def test_a_name_is_taken_once(monkeypatch):
    known = ALL["01.hop"]
    parts = {"question": "?", "right": lambda: 1, "because": ".", "mistakes": ()}
    with pytest.raises(NmflabError, match="already"):
        register(name="01.hop", **parts)
    assert EXERCISES["01.hop"] is known
    monkeypatch.delitem(EXERCISES, "01.hop")
    new = register(name="01.hop", **parts)
    assert EXERCISES["01.hop"] is new
    assert new == Exercise(name="01.hop", **parts)


def test_a_lesson_is_a_notebook_and_a_module_of_its_name():
    folder = Path(nmflab.lessons.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "check"}
    assert modules == {path.stem[3:] for path in notebooks_folder().glob("[0-9][0-9]_*.ipynb")}


def test_imports_just_the_lesson_that_is_asked_for():
    code = (
        "import sys; from nmflab.lessons.check import check; check('08.snr', 1);"
        "print(sorted(name for name in sys.modules if name.startswith('nmflab.lessons.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "['nmflab.lessons.check', 'nmflab.lessons.explorer']"


@pytest.fixture
def made_up(monkeypatch):
    """Register an exercise for the length of a test."""

    def make(right, mistakes=(), **options):
        exercise = Exercise(
            name="00.made-up",
            question="What?",
            right=lambda: right,
            because="so it is.",
            mistakes=mistakes,
            **options,
        )
        monkeypatch.setitem(EXERCISES, exercise.name, exercise)
        return lambda answer: check(exercise.name, answer)

    return make


@pytest.mark.parametrize(
    ("right", "answer", "kind"),
    [
        ([[1.0, 2.0], [3.0, 4.0]], [[1.0, 3.0], [2.0, 4.0]], "transposed"),
        (np.ones((2, 3)), np.ones((3, 2)), "transposed"),
        (np.ones((2, 3)), np.ones(3), r"of shape \(2, 3\), yours is of shape \(3,\)"),
        ([1.0, 2.0], 1.0, "yours is a single number"),
        ([1.0, 2.0], [1.0, 3.0], "1 of the 2 entries"),
        (3.0, -3.0, "sign"),
        (3.0, 6.0, "twice"),
        (3.0, 1.5, "half"),
        (3.0, 300.0, "per cent"),
        (3.0, 3000.0, "milli"),
        (3.0, 0.003, "milli"),
        (3.0, 2.5, "larger"),
        (3.0, 4.0, "smaller"),
        (3.0, np.inf, "infinity"),
        (3.0, "three", "a number"),
        ("gamma", "exponential", "one word"),
        (("a", "b"), ("a",), "2 words"),
    ],
)
def test_kinds_of_wrong_that_need_no_telling(made_up, right, answer, kind):
    verdict = made_up(right)(answer)
    assert not verdict.right
    assert re.search(kind, verdict.message)


@pytest.mark.parametrize("name", [name for name, e in ALL.items() if np.ndim(e.right()) == 0])
def test_a_number_may_stand_in_an_array_of_one(name):
    right = ALL[name].right()
    if isinstance(right, str):
        return
    verdict = check(name, np.array([right]))
    assert verdict.right
    assert "shape (1,): [0] takes it out" in verdict.message
    mistake = ALL[name].mistakes[0]
    assert check(name, [mistake.answer()]).message == mistake.message


def test_the_kind_of_the_answer_is_told_and_not_the_answer(made_up):
    assert made_up(3.25)(...).message == "What? (The answer is a number.)"
    assert made_up(np.ones((2, 3)))(...).message.endswith("an array of shape (2, 3).)")
    assert made_up("gamma")(None).message == "What? (The answer is one word.)"
    assert not made_up(3.25)(...).answered


def test_words_go_by_their_letters(made_up):
    assert made_up("gamma")(" Gamma ")
    assert made_up(("a", "b"))(["A", "b"])
    assert not made_up(("a", "b"))(["b", "a"])
    assert not made_up("1")(1)


def test_a_mistake_may_recognise_by_itself(made_up):
    mistake = Mistake(lambda: 99, "far too large.", recognises=lambda answer: answer > 50)
    ask = made_up(3.0, (mistake,))
    assert ask(70) == Verdict(False, "far too large.")
    assert ask(40).message == "the right answer is smaller."


def test_tolerance_is_relative_to_the_greatest():
    assert is_same([100.0, 0.5], [100.0, 0.0])
    assert not is_same([100.0, 1.5], [100.0, 0.0])
    assert is_same(1, 1.0)
    assert is_same(True, 1)
    assert not is_same(1.02, 1.0)
    assert is_same(1.02, 1.0, 0.05)


@pytest.mark.parametrize(
    ("name", "answer", "kind"),
    [
        ("00.gain", 20 * np.log10(0.8), "in dB"),
        ("00.switch", 0, "louder"),
        ("02.update", [[4.0, 5.0], [7.0, 5.0]], "normalisation"),
        ("02.update", [[4 / 3, 7 / 4], [5 / 3, 5 / 4]], "transposed"),
        ("03.breadth", 85**2 / 4 / (64**2 + 16**2 + 4**2 + 1), "power"),
        ("04.decibel", 10 * np.log10(10**0.6 / (1 + 10**0.6)), "power against amplitude"),
        ("05.slope", 1 / 12, "normalisation"),
        ("06.update", [[3, 3.5], [5, 2.5]], "penalty"),
        ("08.upstream", "Window size", "another V"),
        ("08.upstream", "seed", "one word"),
        ("08.snr", 10, "power against amplitude"),
        ("01.weight", 1.59, "Hamming"),
        ("04.decibel", -2, "rounded too far"),
        ("07.scale", 1.2, "rounded too far"),
        ("03.breadth", 0.75, "flatness"),
    ],
)
def test_mistakes_worked_out_by_hand(name, answer, kind):
    verdict = check(name, answer)
    assert not verdict.right
    assert kind in verdict.message


def test_every_exercise_has_several_mistakes():
    assert [name for name, exercise in ALL.items() if len(exercise.mistakes) < 3] == []
