"""Slides and assignments: whole, without a network, and graded as they should be."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tools")]

import build_assignment  # noqa: E402
import build_slides  # noqa: E402
from support.pages import chromium  # noqa: E402

from nmflab.lessons.check import all_exercises, check  # noqa: E402

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
IS_THERE = (build_slides.REVEAL / "reveal.js").exists() and importlib.util.find_spec("mathjax")


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    if not IS_THERE:
        pytest.skip("No reveal.js or MathJax here: make slides installs them.")
    folder = tmp_path_factory.mktemp("slides")
    build_slides.build(folder, [])
    return folder


def words(text):
    return re.findall(r"\w+", text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_slides_leave_nothing_of_a_lesson_out(path):
    notebook = nbformat.read(path, as_version=4)
    told = [w for c in notebook.cells if c.cell_type == "markdown" for w in words(c.source)]
    cells = [cell for stack in build_slides.stacks(notebook, path.name[:2]) for cell in stack]
    shown = [w for c in cells if c.cell_type == "markdown" for w in words(c.source)]
    assert shown == told
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell for cell in cells if cell.cell_type == "code"] == code
    assert any(cell.metadata.get("badge") for cell in code)


@pytest.mark.slow
def test_pages_need_no_network(slides):
    pages = sorted(slides.glob("*.html"))
    assert [page.stem for page in pages] == [path.stem for path in NOTEBOOKS]
    for page in pages:
        loaded = re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"([^\"]+)\"", page.read_text())
        outside = [name for name in loaded if not name.startswith("data:")]
        assert [name for name in outside if not (slides / name).exists()] == []


@pytest.mark.slow
@pytest.mark.browser
def test_slides_run_in_a_browser(slides, chromium_path):
    with chromium(chromium_path, width=1440) as page:
        page.goto((slides / "03_dictionaries.html").as_uri())
        page.wait_for_function("window.Reveal?.isReady()")
        assert page.evaluate("Reveal.getTotalSlides()") > 20
        page.keyboard.press("ArrowRight")
        page.wait_for_function("Reveal.getIndices().h === 1")
        page.wait_for_function("document.querySelector('.present mjx-container') !== null")
        assert page.locator(".live").count() >= 3
        assert page.problems == []


@pytest.mark.slow
def test_slides_do_not_tell_the_truth_of_a_prediction_above_it(slides):
    page = (slides / "02_nmf.html").read_text()
    assert "Predict." in page
    assert "truth=" not in re.sub("<[^>]+>", "", page)


def test_slides_name_no_lesson_that_is_not_there(tmp_path):
    if not IS_THERE:
        pytest.skip("No reveal.js or MathJax here: make slides installs them.")
    with pytest.raises(SystemExit, match="no lesson 99"):
        build_slides.build(tmp_path, ["99"])


# Assignments


def test_each_question_has_an_answer_that_is_right_and_a_hidden_test(tmp_path):
    found = {}
    for path in build_assignment.build(tmp_path, []):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        for answer, test in zip(cells[::2], cells[1::2], strict=True):
            name = re.search(r'check\("([^"]+)"', test.source)[1]
            found[name] = {}
            exec(answer.source, found[name])
            exec(test.source, found[name])  # the solution passes
            with pytest.raises(AssertionError):
                exec(test.source, {"answer": ...})
            with pytest.raises(AssertionError):
                exec(test.source, {"answer": object()})
            release = re.sub(r"### BEGIN.*?### END \w+( \w+)?", "", test.source, flags=re.DOTALL)
            assert "check(" not in release
    assert set(found) == set(all_exercises())
    assert all(check(name, scope["answer"]) for name, scope in found.items())


def test_an_unknown_lesson_has_no_questions(tmp_path):
    with pytest.raises(SystemExit, match="lesson 77"):
        build_assignment.build(tmp_path, ["77"])


def nbgrader():
    """Find nbgrader's folder of commands: on the path, or where `make nbgrader` puts it."""
    found = shutil.which("nbgrader") or shutil.which("nbgrader", path=ROOT / ".venv/nbgrader/bin")
    if found:
        return Path(found).parent
    missing = "No nbgrader here: make nbgrader installs it."
    if os.environ.get("NMFLAB_REQUIRE_NBGRADER") == "1":
        pytest.fail(f"{missing} NMFLAB_REQUIRE_NBGRADER=1 asks for it.", pytrace=False)
    pytest.skip(missing)


SCORES = """
import json
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    print(json.dumps({s.student.id: s.score for s in book.assignment_submissions("lesson03")}))
"""


@pytest.mark.slow
def test_nbgrader_grades_a_right_and_a_wrong_notebook(tmp_path):
    commands = nbgrader()
    build_assignment.build(tmp_path, ["03"])
    found = os.pathsep.join([str(commands), os.environ["PATH"]])  # nbgrader calls alembic by name
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": found}

    def run(name, *arguments):
        command = [str(commands / name), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        return done.stdout

    run("nbgrader", "generate_assignment", "lesson03")
    place = Path("lesson03") / "lesson03.ipynb"
    source = nbformat.read(tmp_path / "source" / place, as_version=4)
    for who in ("right", "wrong"):
        notebook = nbformat.read(tmp_path / "release" / place, as_version=4)
        assert "HIDDEN" not in str(notebook)
        for cell, solved in zip(notebook.cells, source.cells, strict=True):
            if cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source = solved.source if who == "right" else "answer = 3.0"
        handed_in = tmp_path / "submitted" / who / place
        handed_in.parent.mkdir(parents=True)
        nbformat.write(notebook, handed_in)
    run("nbgrader", "autograde", "lesson03")
    assert json.loads(run("python", "-c", SCORES)) == {"right": 3.0, "wrong": 0.0}
