"""A and B, blind and revealed; a brush by mouse and by keyboard; rows of H alone: in JupyterLab."""

import ast
import re
import types

import pytest
from support import pages

pytestmark = [pytest.mark.browser]

CELL = """
import nmflab as nl
from nmflab.explorer import SeparationExplorer
quick = dict(num_basis_speech=8, num_basis_noise=4, max_iter_train=3, max_iter_test=5)
explorer = SeparationExplorer(settings=nl.Settings(penalty=0.1, **quick))
explorer
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory, chromium_path):
    folder = tmp_path_factory.mktemp("picked")
    pages.write_notebook(folder / "picked.ipynb", CELL)
    with (
        pages.jupyter_lab(folder) as url,
        pages.chromium(chromium_path, width=1440, height=900) as page,
    ):
        pages.open_in_lab(page, url, "picked.ipynb")
        pages.run_all(page)
        page.locator('.nmflab-status[data-state="ready"]').wait_for()
        with pages.kernel_of(folder) as run:
            yield types.SimpleNamespace(page=page, run=run, player=page.locator(".nmflab-player"))


@pytest.fixture(autouse=True)
def cleared(site):
    site.run("explorer.brush.clear(); explorer.pins.drop(); explorer.player.source = 'enhanced'")
    expected(site, source="enhanced")
    site.page.locator(".nmflab-explorer").evaluate("(root) => root.scrollIntoView()")
    yield
    assert site.page.problems == []


def expected(site, **data):
    """Wait until the player says so."""
    wanted = "".join(f'[data-{name}="{value}"]' for name, value in data.items())
    site.page.locator(f".nmflab-player{wanted}").wait_for()


def button(site, name):
    return site.page.get_by_role("button", name=name, exact=True)


def version(site, name):
    """Find the button of a version; its name begins with its key."""
    names = site.player.locator(".nmflab-versions button")
    return names.filter(has_text=re.compile(rf"^\d?{name}$"))


def canvas(site, title):
    canvases = site.page.locator(".nmflab-canvas")
    return canvases.filter(has=site.page.get_by_text(title, exact=True))


def value(site, expression):
    return ast.literal_eval(site.run.value(expression))


def take_brush(site):
    if button(site, "brush").get_attribute("aria-pressed") != "true":
        button(site, "brush").click()
    site.page.locator('.nmflab-canvas[data-brush="true"]').first.wait_for()
    button(site, "clear").wait_for()  # from here on nothing jumps


def pin_both(site):
    button(site, "keep as A").click()
    expected(site, source="A")
    handle = site.page.get_by_role("slider", name="penalty λ", exact=True)
    seq = int(value(site, "explorer._seq"))
    handle.focus()
    for _ in range(5):
        site.page.keyboard.press("ArrowRight")
    site.page.wait_for_function(
        """(seq) => {
          const { dataset } = document.querySelector(".nmflab-status");
          return +dataset.seq > seq && dataset.state === "ready";
        }""",
        arg=seq,
    )
    button(site, "keep as B").click()
    expected(site, source="B")


def test_two_settings_are_kept_switched_and_compared(site):
    assert version(site, "A").count() == 1
    assert not version(site, "A").is_visible()
    assert not button(site, "blind").is_visible()
    pin_both(site)
    swap = button(site, "A ⇄ B")
    swap.click()
    expected(site, source="A")
    site.page.keyboard.press("t")
    expected(site, source="B")
    site.page.get_by_role("slider", name="penalty λ", exact=True).focus()
    site.page.keyboard.press("t")  # wherever in the explorer
    expected(site, source="A")
    line = site.page.locator(".nmflab-pins", has_text="A → B")
    assert re.match(r"A → B: penalty λ .+ → .+, SDR .+ dB, SI-SDR .+, STOI", line.inner_text())
    difference = canvas(site, "A − B: red where A is louder, blue where B is")
    difference.locator("xpath=self::*[@data-state='painted']").wait_for()
    button(site, "back to A").click()
    site.page.wait_for_function(
        "() => document.querySelector('.nmflab-status').innerText.includes('λ 0.1,')"
    )
    assert value(site, "explorer.settings.penalty") == 0.1
    button(site, "drop A and B").click()
    swap.wait_for(state="hidden")
    version(site, "A").wait_for(state="hidden")


def test_blind_listening_tells_nothing_until_it_is_revealed(site):
    pin_both(site)
    site.run("import nmflab.explorer.pinned as pinned, types")
    site.run("chance = pinned.secrets")
    site.run("pinned.secrets = types.SimpleNamespace(choice=lambda orders: ('B', 'A'))")
    try:
        button(site, "blind").click()
        expected(site, source="X")
        assert version(site, "X").get_attribute("aria-pressed") == "true"
        assert version(site, "A").count() == version(site, "B").count() == 0
        for shown in (site.player, site.page.locator(".nmflab-pins")):
            assert not re.search(r"\b[XY] was|\b[AB] ⇄", shown.inner_text())
        button(site, "X ⇄ Y").click()
        expected(site, source="Y")
        site.page.keyboard.press("t")
        expected(site, source="X")
        button(site, "reveal").click()
        expected(site, source="B")  # what was heard goes on under its name
        site.page.locator(".nmflab-pins", has_text="X was B, Y was A.").wait_for()
        assert version(site, "A").is_visible()
    finally:
        site.run("pinned.secrets = chance")


def test_a_region_is_painted_with_the_mouse_and_heard(site):
    take_brush(site)
    noisy = canvas(site, "Noisy")
    box = noisy.locator(".nmflab-plot").bounding_box()
    page = site.page
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 110, steps=4)
    page.mouse.up()
    expected(site, source="picked")
    ((start, stop, low, high),) = value(site, "[tuple(r) for r in explorer.brush.regions]")
    assert 0 < start < stop < 5.5
    assert 0 < low < high < 8
    assert value(site, "explorer.noisy.widget.marks") == ()  # the brush has it, not the marks
    painted = f"{start:.2f}–{stop:.2f} s, {low:.2f}–{high:.2f} kHz"
    for title in ("Noisy", "Enhanced", "Clean"):
        assert canvas(site, title).get_attribute("data-painted") == painted
    button(site, "muted").click()
    page.wait_for_function(
        "(seq) => +document.querySelector('.nmflab-player').dataset.seq >= seq",
        arg=value(site, "explorer.player.seq"),
    )
    button(site, "clear").click()
    page.locator('.nmflab-canvas[data-painted=""]').first.wait_for()
    version(site, "picked").wait_for(state="hidden")


def test_a_region_is_painted_and_erased_with_the_keyboard(site):
    enhanced, page = canvas(site, "Enhanced"), site.page
    enhanced.locator("canvas").first.focus()
    if enhanced.get_attribute("data-brush") != "true":
        page.keyboard.press("b")
    enhanced.locator("xpath=self::*[@data-brush='true']").wait_for()
    page.keyboard.press("ArrowLeft")
    page.keyboard.down("Shift")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    page.keyboard.up("Shift")
    expected(site, source="picked")
    ((start, stop, low, high),) = value(site, "[tuple(r) for r in explorer.brush.regions]")
    assert 0.1 < stop - start < 0.5
    assert 0.1 < high - low < 0.7
    assert value(site, "explorer.brush.of") == "enhanced"
    for _ in range(2):  # faster than the kernel answers
        page.keyboard.press("Shift+ArrowUp")
    for _ in range(3):
        page.keyboard.press("Delete")
    enhanced.locator("xpath=self::*[@data-painted='']").wait_for()
    page.keyboard.press("b")
    enhanced.locator("xpath=self::*[@data-brush='false']").wait_for()


def test_rows_of_H_are_picked_alone_and_together(site):
    take_brush(site)
    H, page = canvas(site, "Activations H"), site.page
    H.evaluate("(root, block) => root.scrollIntoView({ block })", "center")
    box = H.locator(".nmflab-plot").bounding_box()
    top, bottom = box["y"] + 28, box["y"] + box["height"] - 46

    def place(row):
        return box["x"] + 150, bottom - (row + 0.5) * (bottom - top) / 12

    page.mouse.click(*place(2))
    H.locator("xpath=self::*[@data-painted='basis 3']").wait_for()
    expected(site, source="picked")
    page.keyboard.down("Shift")
    page.mouse.click(*place(9))
    page.keyboard.up("Shift")
    H.locator("xpath=self::*[@data-painted='bases 3, 10']").wait_for()
    assert value(site, "explorer.brush.rows") == (2, 9)
    page.mouse.move(*place(4))
    page.mouse.down()
    page.mouse.move(*place(7), steps=4)
    page.mouse.up()
    H.locator("xpath=self::*[@data-painted='bases 5–8']").wait_for()
    page.keyboard.press("Delete")  # the row at the cursor
    H.locator("xpath=self::*[@data-painted='bases 5–7']").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    H.locator("xpath=self::*[@data-painted='basis 6']").wait_for()
    page.keyboard.press("Shift+ArrowDown")
    H.locator("xpath=self::*[@data-painted='bases 5–6']").wait_for()
    page.keyboard.press("]")  # eight rows at least are seen, around the cursor
    H.locator("xpath=self::*[@data-rows='2.75 10.75']").wait_for()
    page.mouse.click(box["x"] + 150, box["y"] + 102)  # the middle of the picture
    H.locator("xpath=self::*[@data-painted='basis 7']").wait_for()
    page.keyboard.press("0")
    H.locator("xpath=self::*[@data-rows='0.5 12.5']").wait_for()
