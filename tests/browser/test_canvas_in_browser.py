"""Canvas, player and recorder in a real JupyterLab: pixels, sound, keys, the kernel's silence."""

import base64
import types

import numpy as np
import pytest
from support import pages

from nmflab.explorer.widgets.codes import palette, quantise

pytestmark = [pytest.mark.browser, pytest.mark.alone]

SECONDS = 4.0
NOTEBOOK = (
    """
import ipywidgets, numpy as np
from nmflab.explorer.widgets.canvas import MatrixCanvas
from nmflab.explorer.widgets.player import Player
from nmflab.explorer.widgets.recorder import Recorder
noisy = MatrixCanvas(title="Noisy", group="one", sound="noisy")
enhanced = MatrixCanvas(title="Enhanced", group="one", sound="enhanced", colormap="viridis")
W = MatrixCanvas(title="W", columns_label="Basis", columns_unit="", pick=True)
other = MatrixCanvas(title="Other", group="two")
AXES = {"rows": (0, 8.0), "columns": (0, 4.0)}
def flat(level):
    return np.full((257, 800), level, np.float32)
noisy.show(flat(-30), **AXES); enhanced.show(flat(-30), **AXES); other.show(flat(-30), **AXES)
W.show(np.zeros((257, 80)), rows=(0, 8.0), column_bands=[("speech", 64), ("noise", 16)])
picked = []
W.on_pick(lambda row, column: picked.append((row, column)))
W.on_pick(lambda row, column: column == 79 and player.play())
t = np.arange(64000) / 16000
chirp = np.sin(2 * np.pi * (200 * t + 200 * t**2))
player = Player(group="one")
player.load({"noisy": chirp, "enhanced": chirp / 2, "noise removed": 0 * chirp}, 16000)
recorder = Recorder(max_seconds=0.5)
ipywidgets.VBox([player, noisy, enhanced, W, other, recorder])
""",
    "'a cell below'",
)

# Keep what goes to the loudspeaker, in `heard`, with the place on the audio clock of each piece:
# a worklet sees every sample, however busy the page is.
TAP = """
window.heard = [];
const worklet = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) this.port.postMessage([currentFrame, samples.slice()]);
    return true;
  }
})`;
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...more) {
  if (to instanceof AudioDestinationNode) {
    const { context } = to;
    to.tap ??= context.audioWorklet
      .addModule(URL.createObjectURL(new Blob([worklet], { type: "text/javascript" })))
      .then(() => {
        window.heardRate = context.sampleRate;
        const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0, channelCount: 1,
          channelCountMode: "explicit" });
        tap.port.onmessage = ({ data }) => window.heard.push(data);
        return tap;
      });
    to.tap.then((tap) => connect.call(this, tap));
  }
  return connect.call(this, to, ...more);
};
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory, chromium_path):
    """Open the notebook, run it, and wait for the pictures."""
    folder = tmp_path_factory.mktemp("lab")
    pages.write_notebook(folder / "widgets.ipynb", *NOTEBOOK)
    with pages.jupyter_lab(folder) as url, pages.chromium(chromium_path, height=1500) as page:
        page.add_init_script(TAP)
        sent = []
        page.on(
            "websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame))
        )
        pages.open_in_lab(page, url, "widgets.ipynb")
        pages.run_all(page)
        page.set_default_timeout(60_000)
        with pages.kernel_of(folder) as run:
            lab = types.SimpleNamespace(page=page, run=run, sent=sent)
            for name in ("Noisy", "Enhanced", "W", "Other"):
                painted(lab, name)
            assert player_data(lab)["playing"] == "false", "it must never start by itself"
            yield lab


@pytest.fixture(autouse=True)
def no_errors(lab):
    yield
    lab.page.evaluate("window.__nmflab_bus.soloist?.pause()")
    assert lab.page.problems == []


def root(lab, title):
    canvases = lab.page.locator(".nmflab-canvas")
    return canvases.filter(has=lab.page.get_by_text(title, exact=True))


def painted(lab, title, seq=None):
    """Wait until a canvas has painted (the given picture)."""
    wanted = "" if seq is None else f'[data-seq="{seq}"]'
    root(lab, title).and_(lab.page.locator(f'[data-state="painted"]{wanted}')).wait_for()


def show(lab, title, code):
    """Run code in the kernel and wait until the canvas of that name shows what it left."""
    lab.run(code)
    variable = {"W": "W"}.get(title, title.lower())
    painted(lab, title, lab.run.value(f"{variable}.seq"))


def picture(lab, title):
    """Give the pixels of the lower canvas, shape (height, width, 4)."""
    script = """(root) => {
      const canvas = root.querySelector("canvas");
      const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const bytes = new Uint8Array(data.data.buffer);
      let text = "";
      for (let i = 0; i < bytes.length; i += 32768)
        text += String.fromCharCode(...bytes.subarray(i, i + 32768));
      return [canvas.height, canvas.width, btoa(text)];
    }"""
    height, width, text = root(lab, title).evaluate(script)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


def middle(lab, title):
    """Give the colour in the middle of a picture."""
    pixels = picture(lab, title)
    return tuple(pixels[pixels.shape[0] // 2 - 10, pixels.shape[1] // 2, :3].tolist())


def colour(level, low=-60, high=0, name="magma"):
    """Give the colour a level is to have."""
    code = int(quantise(np.array([level], np.float32), -80, 20)[0])
    share = (-80 + code / 255 * 100 - low) / (high - low)
    at = 3 * int(np.clip(np.floor(share * 255 + 0.5), 0, 255))
    return tuple(palette(name)[at : at + 3])


def data(lab, title):
    return root(lab, title).evaluate("(root) => ({...root.dataset})")


def player_data(lab):
    return lab.page.locator(".nmflab-player").evaluate("(root) => ({...root.dataset})")


def place(lab, title, x, y=0.4):
    """Give the page position of a share of a picture's width, as its axes have it."""
    view = root(lab, title)
    view.scroll_into_view_if_needed()
    box = view.locator("canvas").first.bounding_box()
    font = 14
    left, right = font * 4.1, box["width"] - font * 4.6
    return box["x"] + left + x * (right - left), box["y"] + font * 1.7 + y * (
        box["height"] - font * 4.6
    )


def wait(lab, script, argument=None):
    return lab.page.wait_for_function(script, arg=argument)


def wait_playing(lab, playing=True):
    wanted = str(playing).lower()
    lab.page.wait_for_selector(f'.nmflab-player[data-playing="{wanted}"]')


def listen(lab, seconds):
    """Wait until the audio clock has gone on by so much, and the player is told of it."""
    clock = float(player_data(lab)["clock"])
    script = "(end) => +document.querySelector('.nmflab-player').dataset.clock > end"
    wait(lab, script, clock + seconds)


# Pictures


def test_the_right_picture_changes(lab):
    before = {title: picture(lab, title) for title in ("Noisy", "Enhanced", "Other")}
    assert middle(lab, "Noisy") == colour(-30)
    show(lab, "Noisy", "noisy.show(flat(-10), **AXES)")
    assert middle(lab, "Noisy") == colour(-10)
    assert (picture(lab, "Noisy") != before["Noisy"]).any()
    for title in ("Enhanced", "Other"):
        np.testing.assert_array_equal(picture(lab, title), before[title])


def test_the_newest_picture_wins(lab):
    show(lab, "Noisy", "for k in range(80): noisy.show(flat(-60 + k / 2), **AXES)")
    assert middle(lab, "Noisy") == colour(-20.5)


@pytest.mark.parametrize("layout", ["C", "F"])
def test_rows_go_up_and_columns_go_right(lab, layout):
    corner = f"m = np.full((20, 30), -60.0, order={layout!r}); m[0, 0] = 0; m[-1, -1] = -30"
    show(lab, "Other", f"{corner}; other.show(m, **AXES)")
    pixels = picture(lab, "Other")[:, :, :3]

    def at(x, y):
        px, py = place(lab, "Other", x, y)
        box = root(lab, "Other").locator("canvas").first.bounding_box()
        return tuple(pixels[int(py - box["y"]), int(px - box["x"])].tolist())

    assert at(0.01, 0.98) == colour(0)
    assert at(0.99, 0.02) == colour(-30)
    assert at(0.01, 0.02) == at(0.99, 0.98) == at(0.5, 0.5) == colour(-60)


def test_range_slider_maps_anew_without_the_kernel(lab):
    show(lab, "Noisy", "noisy.show(flat(-30), **AXES)")
    lab.sent.clear()
    low = root(lab, "Noisy").locator("input").first
    low.focus()
    for _ in range(20):
        low.press("ArrowRight")
    root(lab, "Noisy").and_(lab.page.locator('[data-range="-40 0"]')).wait_for()
    assert middle(lab, "Noisy") == colour(-30, low=-40)
    # The other picture of the group has the same range; equal colour, equal level.
    root(lab, "Enhanced").and_(lab.page.locator('[data-range="-40 0"]')).wait_for()
    assert data(lab, "Other")["range"] == "-60 0"
    assert [frame for frame in lab.sent if "comm" in str(frame)] == []
    for _ in range(20):
        low.press("ArrowLeft")
    root(lab, "Noisy").and_(lab.page.locator('[data-range="-60 0"]')).wait_for()


def test_hover_reads_time_frequency_and_level_without_shifting_anything(lab):
    show(lab, "Noisy", "noisy.show(flat(-30), **AXES)")
    before = root(lab, "Noisy").bounding_box()
    lab.page.mouse.move(*place(lab, "Noisy", 0.5, 0.5))
    readout = root(lab, "Noisy").locator(".nmflab-readout")
    readout.filter(has_text="−30 dB").wait_for()
    seconds, khz, _ = readout.inner_text().split(" · ")
    assert float(seconds.removesuffix(" s")) == pytest.approx(2.0, abs=0.02)
    assert float(khz.removesuffix(" kHz")) == pytest.approx(4.0, abs=0.06)
    assert root(lab, "Noisy").bounding_box() == before


def test_keys_move_the_read_out_and_leave_the_notebook_alone(lab):
    canvas = root(lab, "Noisy").locator("canvas").first
    notebook = "jupyterapp.shell.currentWidget.content"
    state = f"[{notebook}.activeCellIndex, {notebook}.activeCell.model.type, {notebook}.mode]"
    canvas.focus()
    before = lab.page.evaluate(state)
    canvas.press("ArrowRight")
    first = root(lab, "Noisy").locator(".nmflab-readout").inner_text()
    for key in ("ArrowRight", "Shift+ArrowUp", "ArrowDown", "m", "0", "2", "1"):
        canvas.press(key)
    assert "kHz" in first
    readout = root(lab, "Noisy").locator(".nmflab-readout")
    assert readout.inner_text() != first
    assert readout.get_attribute("aria-live") == "polite"
    assert lab.page.evaluate(state) == before
    label = canvas.get_attribute("aria-label")
    assert label.startswith("Noisy: Time 0 to 4 s, Frequency 0 to 8 kHz, Level −60 to 0 dB")


def test_time_zoom_is_the_groups(lab):
    canvas = root(lab, "Noisy").locator("canvas").first
    canvas.blur()  # without a cursor it zooms about the middle
    canvas.press("+")
    zoomed = lab.page.locator('[data-view="1 3"]')
    root(lab, "Noisy").and_(zoomed).wait_for()
    root(lab, "Enhanced").and_(zoomed).wait_for()
    assert data(lab, "Other")["view"] == "0 4"
    lab.page.mouse.dblclick(*place(lab, "Enhanced", 0.5))
    root(lab, "Noisy").and_(lab.page.locator('[data-view="0 4"]')).wait_for()
    assert player_data(lab)["playing"] == "false", "a double click resets; it does not play"


def test_the_wheel_zooms_with_ctrl_and_scrolls_without(lab):
    lab.page.evaluate("document.activeElement.blur()")
    lab.page.mouse.move(*place(lab, "Noisy", 0.25))
    lab.page.mouse.wheel(0, -100)
    lab.page.wait_for_timeout(200)
    assert data(lab, "Noisy")["view"] == "0 4"
    lab.page.mouse.move(*place(lab, "Noisy", 0.25))  # the page has scrolled
    lab.page.keyboard.down("Control")
    lab.page.mouse.wheel(0, -400)
    lab.page.keyboard.up("Control")
    root(lab, "Enhanced").and_(lab.page.locator('[data-view="0 4"]')).wait_for(state="detached")
    start, end = map(float, data(lab, "Enhanced")["view"].split())
    assert (1 - start) / (end - start) == pytest.approx(0.25, abs=0.02)
    root(lab, "Noisy").locator("canvas").first.press("0")
    root(lab, "Noisy").and_(lab.page.locator('[data-view="0 4"]')).wait_for()


def test_pick_tells_python_row_and_column(lab):
    lab.run("picked.clear()")
    lab.page.mouse.click(*place(lab, "W", 20.5 / 80, 0.999 - 100.5 / 257))
    wait_for_kernel(lab, "picked == [(100, 20)]")
    canvas = root(lab, "W").locator("canvas").first
    canvas.press("ArrowRight")
    canvas.press("Enter")
    wait_for_kernel(lab, "len(picked) == 2")


def test_named_rows_and_columns_are_read_and_picked(lab):
    names = 'row_names=["0.5", "2"], column_names=["0", "0.1", "1"]'
    show(lab, "W", f"W.show(np.zeros((2, 3)), {names}); picked.clear()")
    before = picture(lab, "W")
    show(lab, "W", f'W.show(np.zeros((2, 3)), {names}, cell_texts=[["7.5 ★"] * 3] * 2)')
    assert (picture(lab, "W") != before).any()
    lab.page.mouse.move(*place(lab, "W", 0.5, 0.25))
    root(lab, "W").locator(".nmflab-readout").filter(has_text="Basis 0.1 · ").wait_for()
    assert "2 kHz" in root(lab, "W").locator(".nmflab-readout").inner_text()
    assert "0, 0.1, 1" in root(lab, "W").locator("canvas").first.get_attribute("aria-label")
    lab.page.mouse.click(*place(lab, "W", 0.9, 0.75))
    wait_for_kernel(lab, "picked == [(0, 2)]")
    show(lab, "W", "W.show(np.zeros((257, 80)), rows=(0, 8.0))")


def wait_for_kernel(lab, expression):
    for _ in range(300):
        if lab.run.value(expression) == "True":
            return
        lab.page.wait_for_timeout(100)
    raise AssertionError(f"not {expression}: {lab.run.value('picked')}")


def test_themes(lab):
    light = picture(lab, "Noisy")
    pages.set_theme(lab.page, "JupyterLab Dark")
    try:
        ink = "(root) => getComputedStyle(root).color"
        wait(
            lab,
            "(light) => getComputedStyle(document.querySelector('.nmflab')).color !== light",
            "rgb(0, 0, 0)",
        )
        assert root(lab, "Noisy").evaluate(ink) != "rgb(0, 0, 0)"
        for _ in range(100):  # the picture follows the theme a moment later
            dark = picture(lab, "Noisy")
            drawn = (light[..., 3] == 255) & (dark[..., 3] == 255)
            drawn[:, 60:-70] = False  # leaves the tick labels of the left and right sides
            if dark[drawn][:, :3].mean() > light[drawn][:, :3].mean() + 30:
                break
            lab.page.wait_for_timeout(100)
        else:
            raise AssertionError("The axes stay dark on a dark page.")
        assert tuple(dark[dark.shape[0] // 2 - 10, dark.shape[1] // 2, :3]) == middle(lab, "Noisy")
    finally:
        pages.set_theme(lab.page, "JupyterLab Light")


def test_resizes_with_its_window(lab):
    size = lab.page.viewport_size
    lab.page.set_viewport_size({"width": 640, "height": size["height"]})
    canvas = root(lab, "Noisy").locator("canvas").first
    script = (
        "(c) => c.width === Math.round(c.clientWidth * devicePixelRatio) && c.clientWidth < 520"
    )
    try:
        lab.page.wait_for_function(script, arg=canvas.element_handle())
        assert "nmflab-narrow" in root(lab, "Noisy").get_attribute("class")
        assert middle(lab, "Noisy") == colour(-30)
    finally:
        lab.page.set_viewport_size(size)


# Sound


def press_play(lab):
    lab.page.evaluate("window.heard.length = 0")
    lab.page.get_by_role("button", name="Play", exact=True).click()
    wait_playing(lab)
    wait(lab, "() => heard.length > 0")


def offsets(lab):
    """Say for pieces of what was heard: how loud, and at which place of the chirp, relative."""
    paused = float(player_data(lab)["clock"])
    wait(lab, "(end) => heard.at(-1)?.[0] / heardRate > end - 0.05", paused)
    rate = lab.page.evaluate("window.heardRate")
    pieces = lab.page.evaluate("window.heard.map(([frame, samples]) => [frame, [...samples]])")
    begin = pieces[0][0]
    heard = np.zeros(pieces[-1][0] - begin + len(pieces[-1][1]))
    for frame, samples in pieces:
        heard[frame - begin : frame - begin + len(samples)] = samples
    t = np.arange(int(SECONDS * rate)) / rate
    chirp = np.sin(2 * np.pi * (200 * t + 200 * t**2))
    piece, found = int(0.1 * rate), []
    for start in range(0, len(heard) - piece, piece // 2):
        part = heard[start : start + piece]
        loudness = part.std() * np.sqrt(2)
        if loudness < 0.05:
            continue
        size = len(chirp) + piece
        match = np.fft.irfft(np.fft.rfft(chirp, size) * np.fft.rfft(part, size).conj(), size)
        found.append((loudness, (int(np.argmax(match[: len(chirp)])) - start) / rate))
    return found


def is_in_place(found, tolerance=0.002):
    """Tell whether all pieces belong to one unbroken run through the chirp."""
    places = np.array([place for _, place in found])
    return np.mean(np.abs(places - np.median(places)) < tolerance) > 0.9


def test_switching_keeps_the_place(lab):
    press_play(lab)
    listen(lab, 0.5)  # of 4 s, so that a slow machine does not hear the end
    before = player_data(lab)
    lab.page.keyboard.press("2")
    lab.page.wait_for_selector('.nmflab-player[data-source="enhanced"]')
    listen(lab, 0.5)
    after = player_data(lab)
    lab.page.keyboard.press(" ")
    wait_playing(lab, False)
    gone, passed = (float(after[what]) - float(before[what]) for what in ("position", "clock"))
    assert gone == pytest.approx(passed, abs=0.01)
    found = offsets(lab)
    loudness = [loud for loud, _ in found]
    assert max(loudness[:5]) == pytest.approx(0.89, abs=0.05)
    assert np.median(loudness[-5:]) == pytest.approx(0.445, abs=0.05)
    assert is_in_place(found)
    assert lab.run.value("player.source") == "'enhanced'"
    lab.page.keyboard.press("1")
    lab.page.wait_for_selector('.nmflab-player[data-source="noisy"]')


def test_space_on_any_button_but_loop_plays_and_pauses(lab):
    lab.page.locator(".nmflab-player").scroll_into_view_if_needed()
    for name in ("noisy", "enhanced", "noise removed"):
        button = lab.page.get_by_role("button", name=name)
        before = player_data(lab)["source"]
        button.focus()
        for playing in (True, False):
            lab.page.keyboard.press(" ")
            wait_playing(lab, playing)
        assert player_data(lab)["source"] == before, "Space switches nothing"
        lab.page.keyboard.press("Enter")
        lab.page.wait_for_selector(f'.nmflab-player[data-source="{name}"]')
    loop = lab.page.get_by_role("button", name="Loop")
    loop.focus()
    for pressed in ("true", "false"):
        lab.page.keyboard.press(" ")
        assert loop.get_attribute("aria-pressed") == pressed
    assert player_data(lab)["playing"] == "false"


def test_a_click_on_a_picture_plays_what_is_seen_in_it(lab):
    for title, source in (("Noisy", "noisy"), ("Enhanced", "enhanced"), ("Noisy", "noisy")):
        lab.page.mouse.click(*place(lab, title, 0.25))
        wait_playing(lab)
        lab.page.wait_for_selector(f'.nmflab-player[data-source="{source}"]')
        assert float(player_data(lab)["position"]) > 0.9
        lab.page.keyboard.press(" ")
        wait_playing(lab, False)
        assert lab.run.value("player.source") == repr(source)


def test_a_click_on_a_basis_can_play_it(lab):
    lab.page.mouse.click(*place(lab, "W", 0.5))
    lab.page.wait_for_timeout(300)
    assert player_data(lab)["playing"] == "false"
    lab.page.mouse.click(*place(lab, "W", 0.995))
    wait_playing(lab)
    lab.page.locator(".nmflab-play").focus()
    lab.page.keyboard.press(" ")
    wait_playing(lab, False)
    lab.page.keyboard.press("Home")


def test_new_sound_comes_in_at_the_same_place(lab):
    lab.page.keyboard.press("Home")
    press_play(lab)
    listen(lab, 0.5)
    lab.run("player.load({'noisy': chirp / 4, 'enhanced': chirp}, 16000)")
    seq = lab.run.value("player.seq")
    lab.page.wait_for_selector(f'.nmflab-player[data-seq="{seq}"]')
    listen(lab, 0.5)
    lab.page.keyboard.press(" ")
    wait_playing(lab, False)
    found = offsets(lab)
    assert np.median([loud for loud, _ in found[-5:]]) == pytest.approx(0.2225, abs=0.03)
    assert is_in_place(found)


def test_click_on_a_picture_plays_from_there_and_the_playhead_moves(lab):
    lab.page.get_by_role("button", name="Loop").click()
    frames = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    lab.page.evaluate(frames)  # the last playhead of what played before may still be on its way
    notes = note(lab, "Noisy", "playhead")
    over = "(root) => root.querySelectorAll('canvas')[1].toDataURL()"
    before = root(lab, "Noisy").evaluate(over)
    lab.page.mouse.click(*place(lab, "Enhanced", 0.5))
    wait_playing(lab)
    wait(lab, "(notes) => notes.length > 10", notes)
    heads = [float(value) for value in notes.evaluate("(notes) => notes")]
    assert heads[0] == pytest.approx(2.0, abs=0.02)
    assert heads == sorted(heads) or heads[-1] < 2.0  # it loops on a slow machine
    wait(
        lab,
        """() => {
          const { position } = document.querySelector(".nmflab-player").dataset;
          const { playhead } = document.querySelector(".nmflab-canvas").dataset;
          return Math.abs(position - playhead) < 0.1;
        }""",
    )
    assert root(lab, "Noisy").evaluate(over) != before
    assert data(lab, "Other")["playhead"] == "", "another group's"
    root(lab, "Enhanced").locator("canvas").first.press(" ")
    wait_playing(lab, False)
    lab.page.get_by_role("button", name="Loop").click()


def note(lab, title, name):
    """Note from now on what a canvas says, in its ``data-…`` of that name."""
    return root(lab, title).evaluate_handle(
        """(root, name) => {
          const notes = [];
          const look = () => notes.at(-1) !== root.dataset[name] && notes.push(root.dataset[name]);
          new MutationObserver(look).observe(root, { attributes: true });
          return notes;
        }""",
        name,
    )


def test_it_stops_at_the_end_and_loops_when_told(lab):
    lab.page.locator(".nmflab-progress input").evaluate(
        "(input) => { input.value = 3.7; input.dispatchEvent(new Event('input')); }"
    )
    lab.page.wait_for_selector('.nmflab-player[data-position="3.700"]')
    lab.page.get_by_role("button", name="Play", exact=True).click()
    lab.page.wait_for_selector('.nmflab-player[data-playing="false"][data-position="0.000"]')
    lab.page.get_by_role("button", name="Loop").click()
    lab.page.locator(".nmflab-progress input").press("End")
    press_play(lab)
    listen(lab, 1.2 * SECONDS)
    assert player_data(lab)["playing"] == "true"
    lab.page.get_by_role("button", name="Loop").click()
    lab.page.keyboard.press("ArrowRight")
    lab.page.get_by_role("button", name="Pause").click()
    wait_playing(lab, False)


def test_buttons_are_named_and_say_their_state(lab):
    page = lab.page
    lab.run("player.source = 'noisy'")
    lab.page.wait_for_selector('.nmflab-player[data-source="noisy"]')
    assert page.get_by_role("button", name="noisy").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("button", name="enhanced").get_attribute("aria-pressed") == "false"
    assert page.get_by_role("button", name="clean").is_disabled()
    assert "of 4.0 seconds" in page.get_by_label("Position").get_attribute("aria-valuetext")
    nameless = """() => [...document.querySelectorAll(".nmflab button, .nmflab input")].filter(
        (e) => !(e.getAttribute("aria-label") || e.textContent.trim())).length"""
    assert page.evaluate(nameless) == 0


def test_recorder_sends_the_microphones_sound(lab):
    lab.page.get_by_role("button", name="Record").click()
    wait_for_kernel(lab, "recorder.recording is not None")
    seconds = float(lab.run.value("len(recorder.recording) / recorder.sampling_rate"))
    assert 0.4 < seconds < 1.0
    lab.page.get_by_text("s recorded.").wait_for()


def test_what_leaves_the_page_leaves_the_bus(lab):
    groups = "[...window.__nmflab_bus.groups.keys()]"
    assert sorted(lab.page.evaluate(groups)) == ["one", "two"]
    lab.page.evaluate("jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    wait(lab, f"() => !{groups}.includes('two')")
    lab.run("player.close()")
    wait(lab, f"() => {groups}.length === 0")
