"""The whole explorer in JupyterLab and in Voilà: what each slider moves, and what it leaves alone.

Every check of a slider goes through `changes`, which waits for what the explorer says of itself
(``data-seq`` and ``data-state`` of status line, canvases and player) and then compares pixels.
"""

import ast
import contextlib
import re
import shutil
import time
import types
from pathlib import Path

import nbformat
import pytest
from support import pages

pytestmark = [pytest.mark.browser, pytest.mark.alone]

STORED = Path(__file__).parents[2] / "notebooks" / "08_explorer.ipynb"
NOTEBOOK = (
    """
import dataclasses
import nmflab as nl
from nmflab.explorer import SeparationExplorer
corpus, parts = nl.load_corpus(), ("train_speech", "train_noise", "test_speech", "test_noise")
small = dataclasses.replace(corpus, **{part: getattr(corpus, part)[:2] for part in parts})
quick = dict(num_basis_speech=8, num_basis_noise=4, max_iter_train=3, max_iter_test=5)
settings = nl.Settings(penalty=0.1, **quick)
""",
    "first = SeparationExplorer(small, settings)\nfirst",
    "second = SeparationExplorer(small, settings)\nsecond",
)

FOUND = {"Enhanced", "Gain"}
ENCODED = FOUND | {"Activations H", "Objective"}
# What each slider moves, in the order in which the tests move them.
MOVES = {
    "p": FOUND,
    "penalty": ENCODED,
    "max_iter_test": ENCODED,
    "num_basis_noise": ENCODED | {"Noise bases W_N"},
    "num_basis_speech": ENCODED | {"Prior"},
    "snr": ENCODED | {"Noisy", "Clean"},
    "win_size": ENCODED | {"Noisy", "Clean", "Noise bases W_N", "Prior"},
}

# A number for the pixels of each panel of an explorer: its picture, not the playhead above it.
PIXELS = """async (root) => {
  const panels = {};
  const add = (name, canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const pixels = new Uint32Array(data.buffer);
    panels[name] = pixels.reduce((hash, pixel) => Math.imul(hash ^ pixel, 16777619), 1);
  };
  for (const canvas of root.querySelectorAll(".nmflab-canvas"))
    add(canvas.querySelector(".nmflab-title").textContent, canvas.querySelector("canvas"));
  for (const [i, image] of root.querySelectorAll("img.nmflab-plot").entries()) {
    await image.decode();
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    canvas.getContext("2d").drawImage(image, 0, 0);
    add(["Objective", "Prior"][i], canvas);
  }
  return panels;
}"""


@pytest.fixture(scope="module", params=["lab", "voila"])
def site(request, tmp_path_factory, chromium_path):
    """Open the notebook in JupyterLab, then in Voilà, and run it."""
    folder = tmp_path_factory.mktemp(request.param)
    notebook = pages.write_notebook(folder / "explorer.ipynb", *NOTEBOOK)
    serve = pages.jupyter_lab(folder) if request.param == "lab" else pages.voila(notebook)
    with serve as url, pages.chromium(chromium_path, height=1300) as page:
        site = types.SimpleNamespace(page=page)
        if request.param == "lab":
            shutil.copy(STORED, folder)
            pages.open_in_lab(page, url, STORED.name)
            site.reopened = reopened(page)
            pages.open_in_lab(page, url, notebook.name)
            pages.run_all(page)
        else:
            page.goto(url, wait_until="commit")
        page.locator('.nmflab-status[data-state="ready"]').nth(1).wait_for()
        with pages.kernel_of(folder) as site.run:
            page.set_default_timeout(60_000)
            yield site


@pytest.fixture(autouse=True)
def no_errors(site):
    yield
    site.page.evaluate("window.__nmflab_bus.soloist?.pause()")
    assert site.page.problems == []


@pytest.fixture
def first(site):
    explorer = Explorer(site, "first", 0)
    if explorer.run.value("first.settings == settings") != "True":
        seq = int(explorer.value("_seq"))
        explorer.run("first.controls.reset()")
        explorer.settled(seq)
    return explorer


@pytest.fixture
def second(site):
    return Explorer(site, "second", 1)


def reopened(page):
    """Say what a saved notebook shows before anything has run, when it is trusted."""
    page.evaluate(
        """() => {
          const { model } = jupyterapp.shell.currentWidget.content;
          for (const cell of model.cells) if (cell.type === "code") cell.trusted = true;
        }"""
    )
    page.locator(".jp-OutputArea-output img").first.wait_for()
    return page.evaluate(
        """async () => {
          const images = [...document.querySelectorAll(".jp-OutputArea-output img")];
          for (const image of images) await image.decode();
          return {
            sizes: images.map((image) => [image.naturalWidth, image.naturalHeight]),
            live: document.querySelectorAll(".nmflab, .jupyter-widgets").length,
            text: document.querySelector(".jp-Notebook").innerText,
          };
        }"""
    )


class Explorer:
    """One explorer on the page, and the variable of that name in the kernel."""

    def __init__(self, site, name, place):
        self.page, self.run, self.name = site.page, site.run, name
        self.root = site.page.locator(".nmflab-explorer").nth(place)

    def value(self, expression):
        """Give the repr of an expression about this explorer, as in ``settings.p``."""
        return self.run.value(f"{self.name}.{expression}")

    @property
    def seq(self):
        return int(self.root.locator(".nmflab-status").get_attribute("data-seq"))

    @property
    def status(self):
        return self.root.locator(".nmflab-status").inner_text()

    @property
    def scores(self):
        return self.root.locator(".nmflab-scores").inner_text()

    @property
    def player(self):
        return self.root.locator(".nmflab-player").evaluate("(root) => ({...root.dataset})")

    @property
    def playheads(self):
        """Where the line over each picture that has a time axis stands, in s."""
        canvases = self.root.locator('.nmflab-canvas:not([data-playhead=""])')
        return canvases.evaluate_all("(all) => all.map((canvas) => canvas.dataset.playhead)")

    def until(self, met):
        """Wait, not for ever, until a function gives something."""
        end = time.monotonic() + 60
        while not (found := met()):
            assert time.monotonic() < end
            self.page.wait_for_timeout(20)
        return found

    def sent(self, seq):
        """Give what the kernel has sent once a change after `seq` is worked off, else nothing."""
        panels = ("noisy", "enhanced", "reference", "gain", "H", "W_N")
        numbers = [
            f"{self.name}.{part}.seq" for part in ("player", *(f"{p}.widget" for p in panels))
        ]
        said, *parts = ast.literal_eval(
            self.run.value(f"[{self.name}.status.value, {', '.join(numbers)}]")
        )
        last, state = re.search(r'data-seq="(\d+)" data-state="(\w+)"', said).groups()
        if int(last) > seq and state in ("ready", "error"):
            return [int(last), *parts], state
        return None

    def settled(self, seq):
        """Wait until a change after `seq` is worked off, and all that was sent is on the screen."""
        sent = self.until(lambda: self.sent(seq))
        self.page.wait_for_function(
            """([root, [sent, state]]) => {
              const parts = [...root.querySelectorAll(".nmflab-player, .nmflab-canvas")];
              const status = root.querySelector(".nmflab-status");
              return status.dataset.state === state
                && [status, ...parts].every((part, i) => +part.dataset.seq === sent[i]);
            }""",
            arg=[self.root.element_handle(), sent],
        )
        assert self.root.locator(".nmflab-status").get_attribute("data-state") == "ready", (
            self.status
        )

    def pixels(self):
        return self.root.evaluate(PIXELS)

    def handle(self, control):
        """Find the handle of a slider by the name that a screen reader says."""
        widget = f"{self.name}.controls.{control}"
        label = self.run.value(f"getattr({widget}, 'slider', {widget}).description")
        return self.root.get_by_role("slider", name=label.strip("'"), exact=True)

    def press(self, control, key):
        self.handle(control).focus()
        self.page.keyboard.press(key)

    def drag(self, control, pixels, steps=3):
        """Drag a slider with the mouse, and wait until the kernel has the last of its values."""
        handle = self.handle(control)
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + pixels, y, steps=steps)
        self.page.mouse.up()
        readout = (
            "(e) => e.closest('.widget-inline-hbox').querySelector('.widget-readout').innerText"
        )
        last = float(handle.evaluate(readout))
        self.until(lambda: float(self.value(f"settings.{control}")) == last)


@contextlib.contextmanager
def changes(explorer, panels):
    """Assert that what happens inside changes the pixels of these panels and of no others.

    Where any change, status line, scores and sound have to change as well.
    """
    before, seq = explorer.pixels(), explorer.seq
    said, scored, heard = explorer.status, explorer.scores, explorer.player["seq"]
    yield
    if not panels:
        assert (explorer.seq, explorer.status, explorer.scores) == (seq, said, scored)
    else:
        explorer.settled(seq)
    after = explorer.pixels()
    assert {name for name in after if after[name] != before.get(name)} == set(panels)
    if panels:
        assert explorer.status != said
        assert explorer.scores != scored
        assert int(explorer.player["seq"]) > int(heard)


@pytest.mark.parametrize("site", ["lab"], indirect=True)  # Voilà runs what it shows
def test_reopening_a_saved_notebook_shows_the_static_picture(site):
    ((width, height),) = site.reopened["sizes"]
    assert width > 600 < height
    assert site.reopened["live"] == 0
    assert "not found" not in site.reopened["text"]
    stored = nbformat.read(STORED, as_version=4)
    shown = [
        output.data for c in stored.cells for output in c.get("outputs", []) if "data" in output
    ]
    (picture,) = [data for data in shown if "image/png" in data]
    assert picture["text/plain"].startswith("SeparationExplorer: ")


def test_no_picture_stands_beside_a_live_explorer(site):
    images = site.page.locator(".jp-OutputArea-output > img")
    assert images.count() >= 2
    assert images.evaluate_all("(all) => all.filter((i) => i.checkVisibility()).length") == 0


@pytest.mark.parametrize("control", MOVES)
def test_each_slider_moves_its_panels_by_keyboard_and_by_mouse(first, second, control):
    panels = MOVES[control]
    with changes(second, set()):
        with changes(first, panels):
            first.press(control, "ArrowRight")
        by_key = first.value(f"settings.{control}")
        with changes(first, panels):
            first.drag(control, 45)  # more than half a step of every slider
        assert float(first.value(f"settings.{control}")) > float(by_key)


def test_a_fast_drag_ends_on_the_last_value(first):
    seq = first.seq
    first.press("p", "Home")
    first.settled(seq)
    seq = first.seq
    first.drag("p", 60, steps=60)
    first.settled(seq)
    shown = first.handle("p").get_attribute("aria-valuetext")
    assert float(shown) == float(first.value("settings.p")) > 2
    assert f"p {float(shown):.2f}" in first.status
    assert first.value("result.settings.p") == first.value("settings.p")
    dragged = first.pixels()
    for value in (1.0, float(shown)):
        seq = first.seq
        first.run(f"first.controls.p.value = {value}")
        first.settled(seq)
    assert first.pixels() == dragged


def test_a_browser_that_rounds_a_value_changes_nothing(first):
    first.run("first.controls.p.value, first.controls.penalty.value = 0.75, 0.0123")
    seq = int(first.value("_seq"))
    first.press("max_iter_test", "ArrowRight")  # what came back by itself came before this
    first.settled(seq)
    assert first.value("settings.p, first.settings.penalty") == "(0.75, 0.0123)"
    first.handle("penalty").and_(first.page.locator('[aria-valuetext="0.0123"]')).wait_for()


def test_everything_says_what_it_is_and_is_reached_by_keyboard(first):
    nameless = """(root) => {
      const named = (e) => e.getAttribute("aria-label") || e.alt || e.labels?.[0]?.textContent
        || e.textContent.trim();
      const all = root.querySelectorAll("input, select, button, canvas[role], img, [role=slider]");
      return [...all].filter((e) => e.checkVisibility() && !named(e)).map((e) => e.outerHTML);
    }"""
    assert first.root.evaluate(nameless) == []
    alts = first.root.locator("img").evaluate_all("(all) => all.map((image) => image.alt)")
    assert [alt.split(" ")[0] for alt in alts] == ["Objective", "Prior"]
    values = first.root.locator(".noUi-handle").evaluate_all(
        "(all) => all.map((handle) => [handle.tabIndex, handle.ariaLabel, handle.ariaValueText])"
    )
    assert ([0, "penalty λ", "0.1"] in values, len(values)) == (True, 10)
    assert all(index == 0 for index, *_ in values)


def test_the_sound_changes_and_keeps_its_place_while_it_plays(first, second):
    page = first.page
    first.root.get_by_role("button", name="Loop").click()
    stood = first.player["position"]
    first.root.get_by_role("button", name="Play", exact=True).click()
    moved = f'[data-playing="true"]:not([data-position="{stood}"])'  # it starts a moment later
    page.locator(f".nmflab-player{moved}").wait_for()
    still, before, seq = second.playheads, first.player, first.seq
    first.press("p", "ArrowRight")
    first.settled(seq)
    after = first.player
    assert int(after["seq"]) > int(before["seq"])
    assert played(before, after) == pytest.approx(passed(before, after), abs=0.01)
    first.root.get_by_role("button", name="noisy").click()
    first.root.locator('.nmflab-player[data-source="noisy"]').wait_for()
    last = first.player
    assert played(after, last) == pytest.approx(passed(after, last), abs=0.01)
    assert passed(before, last) > 0.1
    assert last["playing"] == "true"
    assert all(float(playhead) > 0 for playhead in first.playheads)
    assert second.player["playing"] == "false"
    assert second.playheads == still
    first.root.get_by_role("button", name="enhanced").click()
    first.root.get_by_role("button", name="Loop").click()


def passed(before, after):
    """Give the seconds by the audio clock between two looks at a player."""
    return float(after["clock"]) - float(before["clock"])


def played(before, after):
    """Give the seconds of sound between two looks at a player that loops."""
    played = float(after["position"]) - float(before["position"])
    rounds = (passed(before, after) - played) / float(after["duration"])
    return played + round(rounds) * float(after["duration"])


def test_the_other_explorer_moves_as_well_and_alone(first, second):
    with changes(first, set()), changes(second, FOUND):
        second.press("p", "ArrowRight")


def test_a_preset_is_one_change(second):
    seq = second.seq
    second.run("from nmflab.explorer.controls import PRESETS")
    second.run("PRESETS['quick'] = settings.replace(p=5.0, penalty=1.0, max_iter_test=3)")
    second.run("second.controls.preset.options = [*second.controls.preset.options, 'quick']")
    with changes(second, ENCODED):
        second.root.locator("select").filter(has_text="quick").select_option("quick")
    assert second.value("settings == PRESETS['quick']") == "True"
    assert second.seq == seq + 1


def test_a_broken_stage_makes_the_same_check_fail(first):
    first.run(
        "import numpy as np, nmflab.explorer.engine.stages as stages\n"
        "whole = stages.speech_gain\n"
        "stages.speech_gain = lambda L, settings: np.full_like(L, 0.5)\n"
        "first.chain.results['gain'].clear()"
    )
    try:
        seq = first.seq
        first.press("p", "ArrowRight")  # from the right gain to the constant
        first.settled(seq)
        with pytest.raises(AssertionError, match="Gain"), changes(first, FOUND):
            first.press("p", "ArrowRight")
        with pytest.raises(AssertionError, match="Gain"), changes(first, ENCODED):
            first.press("penalty", "ArrowLeft")
    finally:
        first.run("stages.speech_gain = whole")
        first.run(
            "for name in {*first.chain.results} - {'speech', 'noise'}:\n"
            "    first.chain.results[name].clear()"
        )  # dictionaries would get a first look
    with changes(first, FOUND):
        first.press("p", "ArrowLeft")
