"""Each prediction of the lessons in a real JupyterLab: guessed wrongly, then revealed."""

import ast
import html
from pathlib import Path

import nbformat
import pytest
from support import pages

LESSONS = sorted((Path(__file__).parents[2] / "notebooks").glob("[0-9][0-9]_*.ipynb"))

pytestmark = pytest.mark.browser


def asked_in_lessons():
    """Find each prediction of the lessons, and what is stored of it: a truth may be computed."""
    for path in LESSONS:
        cells = nbformat.read(path, as_version=4).cells
        for cell in (c for c in cells if c.cell_type == "code" and "Prediction(" in c.source):
            for node in ast.walk(ast.parse(cell.source)):
                kind = getattr(getattr(node, "func", None), "id", "")
                if kind in ("Prediction", "CurvePrediction"):
                    yield f"{path.stem} {cell.id}", kind, node, cell.outputs[-1].data


def as_stored(kind, node, stored):
    """Write a prediction as a cell of its own."""
    options = {word.arg: ast.unparse(word.value) for word in node.keywords}
    question, told = ast.unparse(node.args[0]), ast.unparse(node.args[1])
    if kind == "CurvePrediction":
        folded = stored["text/html"].partition("</summary>")[2]
        told = folded.partition(". " + html.escape(ast.literal_eval(options["because"])))[0]
        pairs = [point.split(": ") for point in told.split("; ")]
        told, options["truth"] = [list(column) for column in zip(*pairs, strict=True)]
        options["truth"] = [float(value) for value in options["truth"]]
    words = ", ".join(f"{name}={value}" for name, value in options.items())
    return f"{kind}({question}, {told}, {words})"


def run_cell(page, number):
    page.evaluate(f"jupyterapp.shell.currentWidget.content.activeCellIndex = {number}")
    page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")


def test_each_prediction_of_the_lessons_is_guessed_and_then_revealed(tmp_path, chromium_path):
    found = list(asked_in_lessons())
    assert {name[:2] for name, *_ in found} == {path.stem[:2] for path in LESSONS}
    first = "from nmflab.explorer.widgets.predict import CurvePrediction, Prediction"
    pages.write_notebook(
        tmp_path / "all.ipynb", first, *(as_stored(*of_one) for _, *of_one in found)
    )
    with pages.jupyter_lab(tmp_path) as url, pages.chromium(chromium_path, height=4000) as page:
        pages.open_in_lab(page, url, "all.ipynb")
        run_cell(page, 0)
        for i, (name, kind, node, _) in enumerate(found):
            run_cell(page, i + 1)
            root = page.locator(".nmflab-predict").nth(i)
            root.wait_for()
            said = {word.arg: word.value for word in node.keywords}
            because = ast.literal_eval(said["because"])
            assert because not in root.inner_text(), name
            if kind == "Prediction":
                choices = list(ast.literal_eval(node.args[1]))
                true = choices.index(ast.literal_eval(said["truth"]))
                wrong = (true + 1) % len(choices)
                root.get_by_role("radio").nth(wrong).click()
            else:
                root.locator("circle").first.focus()
                page.keyboard.press("ArrowUp")
            root.get_by_role("button", name="reveal").click()
            root.locator("xpath=self::*[@data-state='revealed']").wait_for()
            assert because in root.inner_text(), name
            if kind == "Prediction":
                marks = root.locator(".nmflab-choice").evaluate_all(
                    "(a) => a.map((c) => c.dataset.is)"
                )
                assert (marks[true], marks[wrong]) == ("true", "false"), name
            else:
                assert "" not in root.locator(".nmflab-value").all_text_contents(), name
        assert page.problems == []
