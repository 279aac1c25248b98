"""Write the lessons' questions as assignments for nbgrader, one notebook for each lesson.

    make assignment                     all of them, in assignments/source
    make assignment ARGS="05 06"        those of these lessons

Each question has a cell for the answer, graded by `nmflab.lessons.check` in a locked cell. Its test
is hidden: nbgrader takes what stands between its marks out of the release version.
The folder is an nbgrader course: run nbgrader in it (docs/lecturers.md says how).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import nbformat
import numpy as np

from nmflab.lessons.check import Exercise, all_exercises, check
from nmflab.system.files import replacing

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "assignments"
POINTS = 1
CONFIG = """c = get_config()
c.CourseDirectory.course_id = "nmflab"
c.ClearSolutions.code_stub = {"python": "answer = ..."}
"""


def graded(name: str, **role: Any) -> dict[str, Any]:
    """Give nbgrader's metadata of a cell."""
    plain = {"schema_version": 3, "grade": False, "locked": False, "solution": False, "task": False}
    return {"nbgrader": {**plain, "grade_id": name, **role}}


def literal(answer: Any) -> str:
    """Write an answer as Python."""
    if isinstance(answer, str | tuple):
        return repr(answer)
    return repr(np.asarray(answer, dtype=float).tolist())


def cells_of(exercise: Exercise) -> list[Any]:
    """Give the question, the cell for the answer, and the locked cell that grades it."""
    name = exercise.name.replace(".", "-")
    asked = nbformat.v4.new_markdown_cell(check(exercise.name, ...).message)
    asked.metadata |= graded(f"{name}-question", locked=True)
    solution = f"answer = {literal(exercise.right())}"
    answer = nbformat.v4.new_code_cell(f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION")
    answer.metadata |= graded(f"{name}-answer", solution=True)
    test = nbformat.v4.new_code_cell(
        f'assert answer is not ..., "there is no answer to {exercise.name} yet"\n'
        "### BEGIN HIDDEN TESTS\n"
        "from nmflab.lessons.check import check\n\n"
        f'verdict = check("{exercise.name}", answer)\n'
        "assert verdict, verdict.message\n"
        "### END HIDDEN TESTS"
    )
    test.metadata |= graded(f"{name}-test", grade=True, locked=True, points=POINTS)
    for number, cell in enumerate((asked, answer, test)):
        cell["id"] = f"{name}-{number}"
    return [asked, answer, test]


def build(folder: Path, lessons: list[str]) -> list[Path]:
    """Write the assignments of these lessons, of all if none is named, and nbgrader's settings."""
    by_lesson: dict[str, list[Exercise]] = {}
    for name, exercise in all_exercises().items():
        by_lesson.setdefault(name[:2], []).append(exercise)
    chosen = lessons or sorted(by_lesson)
    if unknown := set(chosen) - set(by_lesson):
        raise SystemExit(f"There are no questions of lesson {', '.join(sorted(unknown))}.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nbgrader_config.py").write_text(CONFIG)
    written = []
    for lesson in chosen:
        title = nbformat.v4.new_markdown_cell(
            f"# Questions of lesson {int(lesson)}\n\nPut your answer in the place of `...`."
        )
        title["id"] = f"title-{lesson}"
        cells = [title, *(cell for e in by_lesson[lesson] for cell in cells_of(e))]
        kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        path = folder / "source" / f"lesson{lesson}" / f"lesson{lesson}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
        written.append(path)
    return written


def main() -> None:
    """Write what the command line names."""
    parser = argparse.ArgumentParser(description="Write assignments for nbgrader.")
    parser.add_argument("lessons", nargs="*", help="numbers, such as 05 06; by default all")
    for path in build(FOLDER, parser.parse_args().lessons):
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
