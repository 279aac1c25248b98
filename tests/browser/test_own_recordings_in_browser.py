"""A recording of one's own in Chromium: dropped or recorded, a pause marked, what is learnt of it.

By mouse and by keyboard; the copied line is run, and makes the sound that is heard.
"""

import ast
import shlex
import types

import numpy as np
import pytest
from support import pages
from support.sounds import write, write_film

import nmflab as nl
from nmflab.cli.main import main

pytestmark = [pytest.mark.browser]

CELL = """
import nmflab as nl, numpy as np
from nmflab.explorer import SeparationExplorer
explorer = SeparationExplorer(settings=nl.Settings.own().replace(max_iter_test=5))
explorer
"""

# The picture of a panel as a number.
PIXELS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Uint32Array(data.buffer).reduce((hash, p) => Math.imul(hash ^ p, 16777619), 1);
}"""


@pytest.fixture(scope="module")
def talk():
    """Give three seconds of a voice in a fan, with a second of the fan alone before."""
    corpus = nl.load_corpus()
    speech = np.concatenate([np.zeros(16000, np.float32), corpus.test_speech[0][:32000]])
    return nl.mix_at_snr(speech, corpus.test_noise["fan"], 0.0).mixture


@pytest.fixture(scope="module")
def site(tmp_path_factory, chromium_path, talk):
    folder = tmp_path_factory.mktemp("own")
    pages.write_notebook(folder / "own.ipynb", CELL)
    write(folder / "microphone.wav", talk)
    microphone = f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}"
    with pages.jupyter_lab(folder) as url, pages.chromium(chromium_path, microphone) as page:
        page.set_viewport_size({"width": 1440, "height": 900})
        pages.open_in_lab(page, url, "own.ipynb")
        pages.run_all(page)
        page.locator('.nmflab-status[data-state="ready"]').wait_for()
        with pages.kernel_of(folder) as run:
            yield types.SimpleNamespace(page=page, run=run, folder=folder)


@pytest.fixture(autouse=True)
def no_errors(site):
    site.run("explorer.mark()")
    yield
    assert site.page.problems == []


def panel(site, title):
    canvases = site.page.locator(".nmflab-canvas")
    return canvases.filter(has=site.page.get_by_text(title, exact=True))


def shown(site):
    """Give gain and sound as they are on the page."""
    gain = panel(site, "Gain").locator("canvas").first.evaluate(PIXELS)
    return gain, site.page.locator(".nmflab-player").get_attribute("data-seq")


def ready(site, text):
    """Wait until all is shown of what the status line says."""
    said = f'.nmflab-status[data-state="ready"]:has-text("{text}")'
    site.page.locator(said).wait_for()
    sound = site.run.value("explorer.player.seq")
    site.page.locator(f'.nmflab-player[data-seq="{sound}"]').wait_for()
    gain = site.run.value("explorer.gain.widget.seq")
    panel(site, "Gain").and_(site.page.locator(f'[data-seq="{gain}"]')).wait_for()


def places(site, *times):
    """Give the pixels of some times on the Noisy panel, and a height in its middle."""
    canvas = panel(site, "Noisy").locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    font = 14  # the margins are measured in it
    left, width = box["x"] + 4.1 * font, box["width"] - 8.7 * font
    _, end = map(float, panel(site, "Noisy").get_attribute("data-view").split())
    return [left + width * t / end for t in times], box["y"] + box["height"] / 2


def drag(site, start, stop):
    """Drag over the Noisy panel, and wait until what is marked then is learnt from."""
    noisy = panel(site, "Noisy")
    before = noisy.get_attribute("data-marks")
    (x0, x1), y = places(site, start, stop)
    mouse = site.page.mouse
    mouse.move(x0, y)
    mouse.down()
    mouse.move((x0 + x1) / 2, y)
    mouse.move(x1, y)
    site.page.wait_for_function(
        "([e, before]) => e.dataset.marks !== before", arg=[noisy.element_handle(), before]
    )
    mouse.up()
    site.page.wait_for_function(
        """(noisy) => {
          const marks = noisy.dataset.marks.trim().replaceAll(", ", " and ");
          const status = document.querySelector(".nmflab-status");
          return status.dataset.state === "ready" && status.innerText.includes(`${marks} s and`);
        }""",
        arg=noisy.element_handle(),
    )
    ready(site, "s and the recording")


def marks(site):
    found = ast.literal_eval(site.run.value("explorer.store.shown.marks"))
    return [[round(x, 1) for x in mark] for mark in found]


def test_an_m4a_is_dropped_and_a_pause_marked_moved_and_removed_with_the_mouse(site, talk):
    path = site.folder / "memo.m4a"
    write_film(path, talk, 16000)
    pages.drop(site.page, ".nmflab-panels", path)
    ready(site, "memo, noise learnt from the recording")
    blind = shown(site)
    drag(site, 0.2, 0.9)
    assert marks(site) == [[0.2, 0.9]]
    marked = shown(site)
    assert all(one != other for one, other in zip(blind, marked, strict=True))
    menu = site.page.get_by_label("noise", exact=True)
    label = menu.evaluate("(e) => e.selectedOptions[0].label")  # with spaces that don't break
    assert " ".join(label.split()) == "learnt from what is marked"
    assert panel(site, "Noisy").get_attribute("data-marks").startswith("0.")

    drag(site, 0.55, 0.45)  # all of it, by its middle
    drag(site, 0.8, 0.6)  # its end
    drag(site, 1.5, 1.8)  # another
    assert marks(site) == [[0.1, 0.6], [1.5, 1.8]]
    site.page.get_by_role("button", name="unmark").click()
    ready(site, "memo, noise learnt from the recording")
    assert shown(site)[0] == blind[0]


def test_by_keyboard_a_pause_is_marked_and_removed(site):
    canvas = panel(site, "Noisy").locator("canvas").first
    canvas.focus()
    keys = site.page.keyboard
    blind = shown(site)
    keys.down("Shift")
    for _ in range(6):
        keys.press("ArrowRight")
    keys.up("Shift")
    ready(site, "s and the recording")
    ((start, stop),) = ast.literal_eval(site.run.value("explorer.store.shown.marks"))
    assert stop - start == pytest.approx(0.3, abs=0.011)
    assert shown(site)[0] != blind[0]
    keys.press("Delete")
    ready(site, "memo, noise learnt from the recording")
    assert marks(site) == []
    assert shown(site)[0] == blind[0]


def test_what_the_microphone_hears_is_marked_the_same_way(site):
    button = site.page.get_by_role("button", name="record", exact=True)
    button.click()
    site.page.wait_for_function(
        "parseFloat(document.querySelector('[data-state=recording] [role=status]')?.innerText) > 2"
    )
    site.page.get_by_role("button", name="stop", exact=True).click()
    ready(site, "microphone, noise learnt from the recording")
    blind = shown(site)
    drag(site, 0.3, 0.8)
    assert marks(site) == [[0.3, 0.8]]
    assert shown(site)[0] != blind[0]


def test_the_copied_line_makes_the_sound_that_was_marked_in_the_browser(site, talk, monkeypatch):
    path = site.folder / "hall.wav"
    write(path, talk)
    pages.drop(site.page, ".nmflab-panels", path)
    ready(site, "hall, noise learnt from the recording")
    drag(site, 0.1, 0.8)
    site.run("explorer.controls.keep.value = 24")
    site.page.get_by_role("button", name="copy as command").click()
    site.page.locator(".nmflab-status", has_text="folder that hall.wav is in").wait_for()
    line = site.page.get_by_label("command", exact=True).input_value()
    assert line.startswith("nmflab denoise --noise 0:00.")
    site.run(f"np.save({str(site.folder / 'heard.npy')!r}, explorer.result.speech)")
    monkeypatch.chdir(site.folder)
    assert main([*shlex.split(line)[1:], "--quiet"]) == 0
    written = nl.read_audio(site.folder / "output" / "hall_speech.wav")
    np.testing.assert_allclose(written, np.load(site.folder / "heard.npy"), atol=1e-4)
