"""The stage stays in sight: what is heard, what is moved, and what moves, on one screen."""

import types

import pytest
from support import pages

pytestmark = [pytest.mark.browser]

CELL = """
import nmflab as nl
from nmflab.explorer import SeparationExplorer
explorer = SeparationExplorer(settings=nl.Settings.own().replace(max_iter_test=5))
explorer
"""
QUICK = """
import nmflab as nl
from nmflab import explorer as e
quick = dict(num_basis_speech=8, num_basis_noise=4, max_iter_train=3, max_iter_test=5)
explorer = e.{name}(settings=nl.Settings(**quick))
explorer
"""
MOVING = ("Noisy", "Enhanced", "Clean", "Gain", "Activations H", "Noise bases W_N")

# Whether all of an element is seen: nothing lies over its corners and its middle.
IN_SIGHT = """(element) => {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  const at = (x, y) => element.contains(document.elementFromPoint(x, y));
  return [[left + 4, top + 4], [right - 4, bottom - 4], [(left + right) / 2, (top + bottom) / 2]]
    .every(([x, y]) => at(x, y));
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory, chromium_path):
    folder = tmp_path_factory.mktemp("stage")
    pages.write_notebook(folder / "stage.ipynb", CELL)
    with (
        pages.jupyter_lab(folder) as url,
        pages.chromium(chromium_path, width=1440, height=900, touch=True) as page,
    ):
        pages.open_in_lab(page, url, "stage.ipynb")
        pages.run_all(page)
        page.locator('.nmflab-status[data-state="ready"]').wait_for()
        root = page.locator(".nmflab-explorer")
        yield types.SimpleNamespace(page=page, root=root, folder=folder, url=url)


@pytest.fixture(autouse=True)
def screen(site):
    site.page.set_viewport_size({"width": 1440, "height": 900})
    yield
    assert site.page.problems == []


def scrolled(site, locator, block):
    """Scroll, and wait until all is painted."""
    locator.evaluate("(element, block) => element.scrollIntoView({ block })", block)
    site.page.wait_for_timeout(500)


def canvas(site, title):
    canvases = site.page.locator(".nmflab-canvas")
    return canvases.filter(has=site.page.get_by_text(title, exact=True)).locator(".nmflab-plot")


def pinned(site):
    slider = site.page.get_by_role("slider", name="penalty λ", exact=True)
    return slider, site.page.locator(".nmflab-player"), site.page.locator(".nmflab-scores")


def in_sight(locators):
    """Tell of each whether it is seen, as soon as all are, or when the page had time to settle."""
    for _ in range(50):
        seen = [locator.evaluate(IN_SIGHT) for locator in locators]
        if all(seen):
            break
        locators[0].page.wait_for_timeout(100)
    return seen


def test_nothing_that_moves_is_below_the_fold(site):
    scrolled(site, site.root, "start")
    parts = [*pinned(site), *(canvas(site, title) for title in MOVING)]
    parts.append(site.page.locator("img.nmflab-plot").first)  # the objective
    assert in_sight(parts) == [True] * len(parts)


def test_nothing_that_moves_is_below_the_fold_beside_the_file_browser(site):
    site.page.evaluate("jupyterapp.shell.expandLeft()")
    try:
        scrolled(site, site.root, "start")
        assert site.root.evaluate("(root) => root.clientWidth") < 1100
        parts = [*pinned(site), *(canvas(site, title) for title in MOVING)]
        parts.append(site.page.locator("img.nmflab-plot").first)
        assert in_sight(parts) == [True] * len(parts)
    finally:
        site.page.evaluate("jupyterapp.shell.collapseLeft()")


def test_slider_player_and_score_stay_in_sight_down_to_the_last_control(site):
    last = site.page.locator(".nmflab-controls > *").last
    scrolled(site, last, "end")
    assert in_sight([*pinned(site), last]) == [True] * 4


def test_on_a_telephone_slider_and_picture_are_seen_together(site):
    site.page.set_viewport_size({"width": 390, "height": 844})
    picture = canvas(site, "Enhanced")
    scrolled(site, picture, "end")
    assert in_sight([*pinned(site), picture]) == [True] * 4


def test_frequencies_are_zoomed_and_spread_in_all_panels(site):
    page = site.page
    scrolled(site, site.root, "start")
    spectrograms = page.locator('.nmflab-canvas[data-frequency="8 linear"]')
    many = spectrograms.count()
    assert many == len(MOVING) - 1
    zoom, mel = (page.get_by_role("button", name=name, exact=True) for name in ("0–4 kHz", "mel"))
    zoom.click()
    page.locator('[data-frequency="4 linear"]').nth(many - 1).wait_for()
    mel.click()
    page.locator('[data-frequency="4 mel"]').nth(many - 1).wait_for()
    box = canvas(site, "Noisy").bounding_box()
    page.mouse.move(box["x"] + 90, box["y"] + 30)  # a few pixels below the top
    readout = page.locator(".nmflab-readout", has_text="kHz")
    readout.wait_for()
    assert 3.4 < float(readout.inner_text().split(" · ")[1].split()[0]) < 4.0
    zoom.click()
    mel.click()
    spectrograms.nth(many - 1).wait_for()


@pytest.mark.parametrize("way", ["key", "button"])
def test_the_hall_sees_one_panel_its_slider_and_the_player(site, way):
    page, gain = site.page, canvas(site, "Gain")
    scrolled(site, site.root, "start")
    gain.locator("canvas").first.focus()
    if way == "key":
        page.keyboard.press("f")
    else:
        page.get_by_role("button", name="hall", exact=True).click()
    page.wait_for_function(
        "document.querySelector('.nmflab-hall .nmflab-chosen .nmflab-plot')?.clientHeight > 600"
    )
    assert in_sight([*pinned(site), gain]) == [True] * 4
    assert not canvas(site, "Noisy").is_visible()
    size = "(e) => parseFloat(getComputedStyle(e).fontSize)"
    assert gain.evaluate(size) >= 24
    page.keyboard.press("PageDown")
    canvas(site, "Activations H").wait_for()
    assert not gain.is_visible()
    page.keyboard.press("f")
    canvas(site, "Noisy").wait_for()
    assert page.locator(".nmflab-hall").count() == 0


# By finger


@pytest.fixture(params=[(390, 844), (820, 1180)], ids=["telephone", "tablet"])
def touched(site, request):
    """Give the site on a small screen."""
    width, height = request.param
    site.page.set_viewport_size({"width": width, "height": height})
    site.page.wait_for_timeout(300)
    return site


def status_seq(site):
    return int(site.page.locator(".nmflab-status").get_attribute("data-seq"))


def wait_past(site, seq):
    """Wait until all that a finger has set off is there."""
    site.page.wait_for_function(
        "(seq) => +document.querySelector('.nmflab-status').dataset.seq > seq", arg=seq
    )
    site.page.locator('.nmflab-status[data-state="ready"]').wait_for()


@pytest.mark.parametrize("name", ["penalty λ", "power p"])
def test_a_finger_draws_a_slider(touched, name):
    handle = touched.page.get_by_role("slider", name=name, exact=True)
    scrolled(touched, touched.root, "start")
    track = handle.locator("xpath=ancestor::*[contains(@class, 'noUi-target')]").bounding_box()
    box, before, seq = handle.bounding_box(), handle.inner_text(), status_seq(touched)
    value = handle.get_attribute("aria-valuenow")
    y = box["y"] + box["height"] / 2
    x = box["x"] + box["width"] / 2
    aim = track["x"] + track["width"] * (0.2 if x > track["x"] + track["width"] / 2 else 0.8)
    pages.drag_by_finger(touched.page, (x, y), (aim, y))
    wait_past(touched, seq)
    assert handle.get_attribute("aria-valuenow") != value, before
    moved = handle.bounding_box()
    assert abs(moved["x"] + moved["width"] / 2 - aim) < 0.1 * track["width"]


def test_a_finger_marks_what_is_noise_across_and_scrolls_along(touched):
    noisy = touched.page.locator(
        ".nmflab-canvas", has=touched.page.get_by_text("Noisy", exact=True)
    )
    picture = canvas(touched, "Noisy")
    scrolled(touched, picture, "center")
    box, seq = picture.bounding_box(), status_seq(touched)
    x, y = box["x"] + 0.4 * box["width"], box["y"] + box["height"] / 2
    pages.drag_by_finger(touched.page, (x, y), (x + 0.2 * box["width"], y))
    wait_past(touched, seq)
    begin, end = map(float, noisy.get_attribute("data-marks").strip().split("–"))
    assert 0 < begin < end
    seq = status_seq(touched)
    touched.page.get_by_role("button", name="unmark").tap()
    wait_past(touched, seq)
    marks, seq = noisy.get_attribute("data-marks"), status_seq(touched)
    scrolled(touched, picture, "center")
    top = picture.bounding_box()["y"]
    pages.drag_by_finger(touched.page, (x, y), (x, y - 120), steps=12)
    touched.page.wait_for_timeout(300)
    assert picture.bounding_box()["y"] < top - 50
    assert noisy.get_attribute("data-marks") == marks
    assert status_seq(touched) == seq


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("PenaltyExplorer", ("H of NMF_e", "Enhanced by NMF_e")),
        ("SweepExplorer", ("Score map: click a cell", "This cell", "Noisy")),
    ],
)
def test_the_other_explorers_fit_as_well(site, name, shown):
    page = site.page
    pages.write_notebook(site.folder / f"{name}.ipynb", QUICK.format(name=name))
    pages.open_in_lab(page, site.url, f"{name}.ipynb")
    pages.run_all(page)
    page.locator('.nmflab-status[data-state="ready"]').wait_for()
    parts = [*pinned(site), *(canvas(site, title) for title in shown)]
    parts += page.locator("img.nmflab-plot").all()  # the objective
    for side in ("collapseLeft", "expandLeft"):
        page.evaluate(f"jupyterapp.shell.{side}()")
        scrolled(site, site.root, "start")
        assert in_sight(parts) == [True] * len(parts)
    page.evaluate("jupyterapp.shell.collapseLeft()")
    scrolled(site, page.locator(".nmflab-controls > *").last, "end")
    assert in_sight(pinned(site)) == [True] * 3
