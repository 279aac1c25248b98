"""Predictions in a real JupyterLab: a guess by mouse or keyboard first, then the truth over it."""

import types

import pytest
from support import pages

pytestmark = pytest.mark.browser

NOTEBOOK = (
    """
from nmflab.explorer.widgets.predict import CurvePrediction, Prediction
one = Prediction("Which?", ("first", "second", "third"), truth="second", because="So it is.")
one
""",
    """
two = CurvePrediction("How many?", (2, 16, 64), truth=(2.7, 9.0, 3.3), xlabel="bases",
                      ylabel="SDR (dB)", low=0, high=12, because="Sixteen.")
two
""",
    """
from nmflab.explorer.widgets.auxiliary import AuxiliaryCurve
three = AuxiliaryCurve([9.5, 4, 6.5, 5], [[3, 1], [1, 2], [2, 1], [1, 4]], [0.6, 0.8])
three
""",
    """
from nmflab.explorer.widgets.tiles import FactorTiles
four = FactorTiles(V=[[9, 2], [3, 8]], W=[[2, 1], [1, 3]], H=[[1, 1], [1, 1]])
four
""",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory, chromium_path):
    folder = tmp_path_factory.mktemp("predictions")
    pages.write_notebook(folder / "predictions.ipynb", *NOTEBOOK)
    with pages.jupyter_lab(folder) as url, pages.chromium(chromium_path) as page:
        pages.open_in_lab(page, url, "predictions.ipynb")
        pages.run_all(page)
        page.locator(".nmflab-predict").nth(3).wait_for()
        with pages.kernel_of(folder) as kernel:
            yield types.SimpleNamespace(page=page, kernel=kernel)


def test_a_choice_comes_before_the_truth_and_the_keyboard_makes_it(lab):
    page, root = lab.page, lab.page.locator(".nmflab-predict").nth(0)
    reveal = root.get_by_role("button", name="reveal")
    assert root.get_attribute("data-state") == "asked"
    assert reveal.is_disabled()
    assert "this is it" not in root.inner_text()
    assert "So it is." not in root.inner_text()
    stills = page.locator("summary").evaluate_all("(all) => all.map((s) => s.checkVisibility())")
    assert stills == [False, False]  # what a page shows that can run nothing

    root.get_by_role("radio").nth(0).focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    root.locator("xpath=self::*[@data-state='guessed']").wait_for()
    assert root.get_by_role("radio").nth(2).is_checked()
    assert "this is it" not in root.inner_text()

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    root.locator("xpath=self::*[@data-state='revealed']").wait_for()
    marks = root.locator(".nmflab-choice").evaluate_all("(all) => all.map((c) => c.dataset.is)")
    assert marks == ["", "true", "false"]
    assert "So it is." in root.inner_text()
    assert lab.kernel.value("one.guess, one.revealed") == "([2.0], True)"


def test_a_curve_is_dragged_and_then_the_truth_is_drawn_over_it(lab):
    page, root = lab.page, lab.page.locator(".nmflab-predict").nth(1)
    points, truth = root.locator("circle"), root.locator(".nmflab-truth")
    assert points.count() == 3
    assert truth.get_attribute("points") == ""
    assert root.get_by_role("button", name="reveal").is_disabled()

    points.nth(0).scroll_into_view_if_needed()
    first, last = points.nth(0).bounding_box(), points.nth(2).bounding_box()
    page.mouse.move(first["x"] + 9, first["y"] + 9)
    page.mouse.down()
    page.mouse.move(first["x"] + 9, first["y"] - 40, steps=4)
    page.mouse.move(last["x"] + 9, last["y"] - 40, steps=12)  # over all three in one stroke
    page.mouse.up()
    guess = [float(points.nth(i).get_attribute("aria-valuenow")) for i in range(3)]
    assert all(value > 6.5 for value in guess)
    points.nth(1).focus()
    page.keyboard.press("ArrowUp")
    assert float(points.nth(1).get_attribute("aria-valuenow")) == pytest.approx(guess[1] + 0.24)

    root.get_by_role("button", name="reveal").click()
    root.locator("xpath=self::*[@data-state='revealed']").wait_for()
    assert len(truth.get_attribute("points").split()) == 3
    assert root.locator(".nmflab-value").all_text_contents() == ["2.7", "9.0", "3.3"]
    before = points.nth(1).get_attribute("aria-valuenow")
    points.nth(1).focus()
    page.keyboard.press("ArrowUp")  # too late
    assert points.nth(1).get_attribute("aria-valuenow") == before
    assert lab.page.problems == []


def test_the_auxiliary_function_follows_the_point_and_leads_down(lab):
    page, root = lab.page, lab.page.locator(".nmflab-predict").nth(2)
    point, told = root.get_by_role("slider"), root.get_by_role("status")
    before = float(point.get_attribute("aria-valuenow"))
    assert before == 0.6
    root.get_by_role("button", name="step down").click()
    after = float(point.get_attribute("aria-valuenow"))
    assert after > before
    value = lab.kernel.value("round(three.h, 3)")
    assert float(value) == after
    point.focus()
    page.keyboard.press("ArrowLeft")
    assert float(point.get_attribute("aria-valuenow")) == pytest.approx(after - 0.04, abs=0.002)
    box = root.locator("svg").bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    assert float(point.get_attribute("aria-valuenow")) == pytest.approx(1.9, abs=0.3)
    assert "A is least at h =" in told.inner_text()


def test_tiles_are_changed_by_hand_and_by_updates_and_D_follows(lab):
    root = lab.page.locator(".nmflab-predict").nth(3)
    told = root.get_by_role("status")

    def entry(name):
        return root.get_by_role("spinbutton", name=name, exact=True)

    def press(times=12):
        for _ in range(times):
            root.get_by_role("button", name="update H").click()
            root.get_by_role("button", name="update W").click()

    def last():
        return float(told.inner_text().split()[-1])

    def kernel_has(D):
        for _ in range(100):  # it hears of it a moment later
            if float(lab.kernel.value("round(four.divergence, 2)")) == D:
                return True
            lab.page.wait_for_timeout(100)
        return False

    root.get_by_role("button", name="start again").click()
    first = last()
    press(2)
    falling = [float(D) for D in told.inner_text().split(" = ")[1].split(" → ")]
    assert falling[0] == first
    assert falling == sorted(falling, reverse=True)
    assert kernel_has(last())

    root.get_by_role("button", name="start again").click()
    entry("H, row 1, column 1").fill("0")
    entry("H, row 1, column 1").press("Enter")
    press()
    assert (entry("H, row 1, column 1").input_value(), last()) == ("0", 0.0)

    root.get_by_role("button", name="start again").click()
    for column in (1, 2):  # a basis that never sounds is lost
        entry(f"H, row 1, column {column}").fill("0")
        entry(f"H, row 1, column {column}").press("Tab")
    press()
    assert last() == 3.5
    assert lab.page.problems == []
