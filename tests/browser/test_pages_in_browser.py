"""Pages that are reloaded, reopened without a kernel, opened twice; files that are opened on them.

All explorers, in JupyterLab: what was shown is painted again, or is there as a picture.
"""

import time
import types

import nbformat
import numpy as np
import pytest
import soundfile
from support import pages

from nmflab import explorer as explorers
from nmflab.audio.channels import read_channels
from nmflab.audio.files import duration
from nmflab.system.servers import DASHBOARD_OPTIONS

pytestmark = pytest.mark.browser

KINDS = explorers.__all__
SETTINGS = """
import dataclasses
import nmflab as nl
from nmflab import explorer as explorers
corpus, parts = nl.load_corpus(), ("train_speech", "train_noise", "test_speech", "test_noise")
small = dataclasses.replace(corpus, **{part: getattr(corpus, part)[:2] for part in parts})
quick = dict(num_basis_speech=4, num_basis_noise=2, max_iter_train=2, max_iter_test=2)
settings = nl.Settings(penalty=0.1, **quick)
explorers.sweep.PENALTIES = (0.1, 1.0)
explorers.sweep.ROWS = {"p": ("Power p", (1.0, 2.0))}
"""
MAKE = "explorer = explorers.{kind}(small, settings)\nexplorer"

# What an explorer has on the page: each canvas' state, whether its pictures have pixels, its sound.
SHOWN = """async (root) => {
  const canvases = [...root.querySelectorAll(".nmflab-canvas")].map((canvas) => {
    const { width, height } = canvas.querySelector("canvas");
    const pen = canvas.querySelector("canvas").getContext("2d");
    const pixels = new Uint32Array(pen.getImageData(0, 0, width, height).data.buffer);
    return [canvas.dataset.state, canvas.dataset.seq, new Set(pixels).size > 20];
  });
  const pictures = [...root.querySelectorAll("img.nmflab-plot")];
  for (const picture of pictures) await picture.decode();
  const player = root.querySelector(".nmflab-player")?.dataset;
  return [canvases, pictures.map((p) => p.naturalWidth > 0), player?.state, player?.seq,
    root.querySelector(".nmflab-status").innerText];
}"""

READY = ".nmflab-explorer:has(.nmflab-status[data-state=ready])"
PAINTED = """(root) => [...root.querySelectorAll(".nmflab-canvas")].every(
  (canvas) => canvas.dataset.state === "painted")"""


def shown(page, place=0):
    """Wait until an explorer has painted all it has, and say what that is."""
    root = page.locator(READY).nth(place)
    root.wait_for()
    page.wait_for_function(PAINTED, arg=root.element_handle())
    return root.evaluate(SHOWN)


def stills(page):
    """Give the visible pictures that stand for an explorer where it isn't alive."""
    images = page.locator(".jp-OutputArea-output > img")
    return images.evaluate_all("(all) => all.filter((i) => i.checkVisibility()).length")


def visible_text(page):
    return page.locator(".jp-Notebook").first.inner_text()


def reload(page):
    page.reload(wait_until="commit")
    page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context?.isReady")
    page.evaluate("jupyterapp.restored")


@pytest.fixture(scope="module")
def site(tmp_path_factory, chromium_path):
    folder = tmp_path_factory.mktemp("pages")
    with pages.jupyter_lab(folder) as url, pages.chromium(chromium_path, height=1300) as page:
        yield types.SimpleNamespace(folder=folder, url=url, page=page)


@pytest.fixture(autouse=True)
def no_errors(site):
    site.page.problems.clear()
    yield
    assert site.page.problems == []


def opened(site, name, *cells):
    """Open a new notebook with these cells, run it, and give a function to its kernel."""
    pages.write_notebook(site.folder / name, SETTINGS, *cells)
    pages.open_in_lab(site.page, site.url, name)
    pages.run_all(site.page)


@pytest.mark.parametrize("kind", KINDS)
def test_reload_second_view_and_reopening_without_a_kernel(site, kind):
    page, name = site.page, f"{kind}.ipynb"
    opened(site, name, MAKE.format(kind=kind))
    before = shown(page)
    assert stills(page) == 0
    assert all(varied for *_, varied in before[0])
    assert all(before[1])
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")

    reload(page)
    assert shown(page) == before
    assert stills(page) == 0
    with pages.kernel_of(site.folder) as run:
        run("explorer.controls.set(explorer.controls.state.replace(seed=5, p=3.0))")
        seq = run.value("explorer._seq")
    page.locator(f'.nmflab-status[data-state="ready"][data-seq="{seq}"]').wait_for()
    after = shown(page)
    assert len(after[0]) == len(before[0])

    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    page.evaluate("jupyterapp.commands.execute('notebook:create-output-view')")
    page.locator(".nmflab-explorer").nth(1).wait_for()
    assert shown(page, 1) == shown(page, 0) == after
    assert stills(page) == 0

    assert page.problems == []
    reload_without_kernel(site, name)
    assert stills(page) == 1
    assert page.locator(".nmflab, .nmflab-explorer").count() == 0
    assert "Error displaying" not in visible_text(page)
    assert "model not found" not in visible_text(page)
    page.screenshot(path=site.folder / f"{kind}.png")
    page.problems.clear()  # JupyterLab's own, of the kernel and the models that are gone


def reload_without_kernel(site, name):
    """Shut all kernels down and open the notebook again, as somebody who trusts it."""
    page = site.page
    page.evaluate("jupyterapp.serviceManager.sessions.shutdownAll()")
    page.goto(f"{site.url}/lab/tree/{name}?reset", wait_until="commit")
    page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context?.isReady")
    error = page.locator(".jp-OutputArea-output.jupyter-widgets", has_text="model not found")
    error.wait_for(state="attached")
    page.locator(".jp-OutputArea-output > img").wait_for()


def test_close_takes_all_widgets_and_a_cell_run_again_closes_what_it_made(site):
    page = site.page
    kind = "SeparationExplorer"
    opened(site, "close.ipynb", MAKE.format(kind=kind))
    first = shown(page)
    with pages.kernel_of(site.folder) as run:
        run("import ipywidgets, weakref, gc; alive = ipywidgets.widgets.widget._instances")
        many = int(run.value("len(alive)"))
        run("chain = weakref.ref(explorer.chain)")
        assert many > 50
        page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
        page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
        page.wait_for_function(
            "jupyterapp.shell.currentWidget.content.activeCell.model.executionCount > 2"
        )
        assert shown(page)[0] == first[0]
        run("gc.collect()")
        assert run.value("chain() is None") == "True"
        assert int(run.value("len(alive)")) == many
        run("explorer.close()")
        assert run.value("len(alive)") == "0"
    page.locator(".nmflab-explorer").wait_for(state="detached")
    assert stills(page) == 1


@pytest.fixture(scope="module")
def explorer(site):
    """Open a notebook with one explorer to open files in; give what runs code in its kernel."""
    opened(site, "files.ipynb", MAKE.format(kind="SeparationExplorer"))
    shown(site.page)
    with pages.kernel_of(site.folder) as run:
        yield run


def noise(seconds, rate=16000, channels=1):
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((int(seconds * rate), channels))).astype(np.float32)


def choose(site, path):
    site.page.locator(".nmflab-opener input").set_input_files(path)


def status(site, text):
    """Wait until the status line says something."""
    found = site.page.locator(".nmflab-status", has_text=text)
    found.wait_for()
    return found.inner_text()


def test_a_wav_of_60_megabytes_is_decoded_and_cut(site, explorer):
    path, samples = site.folder / "street.wav", noise(341, 44100, 2)
    soundfile.write(path, samples, 44100, "PCM_16")
    assert path.stat().st_size > 60e6
    choose(site, path)
    status(site, "street (the first 30 s of 341 s; the copied command cleans all of it)")
    soundfile.write(site.folder / "begin.wav", samples[: 30 * 44100], 44100, "PCM_16")
    explorer(f"expected = nl.read_audio({str(site.folder / 'begin.wav')!r})")
    explorer("import numpy as np; found = explorer.store.shown.recording.samples")
    assert explorer.value("len(found) == len(expected) == 480000") == "True"
    assert float(explorer.value("float(np.abs(found - expected).max())")) < 1e-3


def test_the_same_file_opens_again(site, explorer):
    explorer("import numpy as np")
    path = site.folder / "mine.wav"
    soundfile.write(path, noise(1), 16000)
    for _ in range(2):
        explorer("explorer.controls.reset()")
        choose(site, path)
        status(site, "mine, noise learnt from the recording")
    expected = f"np.abs(explorer.store.shown.recording.samples - nl.read_audio({str(path)!r}))"
    assert float(explorer.value(f"float({expected}.max())")) < 1e-4
    state = "[v for v in explorer.upload.get_state().values() if isinstance(v, bytes)]"
    assert explorer.value(state) == "[]"


def test_other_formats(site, explorer):
    for ending in ("mp3", "flac", "ogg"):
        path = site.folder / f"song-{ending}.{ending}"
        soundfile.write(path, noise(2, 44100), 44100)
        choose(site, path)
        status(site, f"song-{ending}, noise learnt from the recording")
        length = int(explorer.value("len(explorer.store.shown.recording.samples)"))
        assert abs(length - 32000) < 2500  # MP3 is padded


RECORD = """async (type) => {
  const context = new AudioContext({ sampleRate: 48000 });
  const source = new OscillatorNode(context);
  const to = new MediaStreamAudioDestinationNode(context);
  source.connect(to);
  const recorder = new MediaRecorder(to.stream, { mimeType: type });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const done = new Promise((resolve) => { recorder.onstop = resolve; });
  await context.resume();
  source.start();
  recorder.start();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  recorder.stop();
  await done;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return [...bytes];
}"""


@pytest.mark.parametrize(
    ("ending", "type"), [("webm", "audio/webm;codecs=opus"), ("m4a", "audio/mp4;codecs=mp4a.40.2")]
)
def test_what_a_phone_or_browser_records(site, explorer, ending, type):
    """Made by the browser itself, which decodes it too; so does Python, where it is named."""
    if not site.page.evaluate("(type) => MediaRecorder.isTypeSupported(type)", type):
        type = {"m4a": "audio/mp4;codecs=opus"}.get(ending, type)
        if not site.page.evaluate("(type) => MediaRecorder.isTypeSupported(type)", type):
            pytest.skip(f"this Chromium makes no {type}")
    path = site.folder / f"memo_{ending}.{ending}"  # a name that wasn't in the status line before
    path.write_bytes(bytes(site.page.evaluate(RECORD, type)))
    explorer("explorer.controls.reset()")
    choose(site, path)
    status(site, f"memo_{ending}, noise learnt from the recording")
    assert int(explorer.value("len(explorer.store.shown.recording.samples)")) > 10000
    samples, rate, _ = read_channels(path)
    assert len(samples) / rate == pytest.approx(duration(path), abs=0.1)
    assert samples.any()


def test_a_file_that_only_python_reads_comes_as_it_is(site, explorer):
    path = site.folder / "call.sph"
    soundfile.write(path, noise(1)[:, 0], 16000, format="NIST", subtype="PCM_16")
    choose(site, path)
    status(site, "call, noise learnt from the recording")


def test_what_nobody_can_use_is_one_sentence(site, explorer):
    path = site.folder / "notes.wav"
    path.write_bytes(b"not a sound at all")
    choose(site, path)
    status(site, "notes.wav")
    path = site.folder / "large.sph"
    soundfile.write(path, noise(300), 16000, format="NIST", subtype="PCM_16")
    choose(site, path)
    assert "too much to send" in status(site, "large.sph")
    inverted = noise(1, 16000, 2) * [1, 0]
    path = site.folder / "inverted.wav"
    soundfile.write(path, inverted - inverted[:, ::-1], 16000, "PCM_16")
    choose(site, path)
    assert "cancel each other" in status(site, "inverted.wav")
    explorer("explorer.controls.reset()")


def test_a_file_is_dropped_on_the_explorer_and_the_button_needs_no_mouse(site, explorer):
    page = site.page
    soundfile.write(site.folder / "dropped.wav", noise(1), 16000)
    pages.drop(page, ".nmflab-panels", site.folder / "dropped.wav")
    status(site, "dropped, noise learnt from the recording")
    button = page.get_by_role("button", name="own recording", exact=True)
    button.focus()
    page.locator(".nmflab-opener input").evaluate(
        "(e) => e.addEventListener('click', (c) => c.preventDefault() || (e.dataset.asked = 'yes'))"
    )
    page.keyboard.press("Enter")  # the browser's own dialogue stays closed
    page.locator(".nmflab-opener input[data-asked]").wait_for(state="attached")
    explorer("explorer.controls.reset()")


DASHBOARD = MAKE.format(kind="SeparationExplorer")
LINKS = "[the next](01_stft.ipynb) [words](notation.md) [paper](https://doi.org/10.1109/x)"


LINKED = """(text) =>
    [...document.querySelectorAll(".jp-RenderedMarkdown a[href]")]
        .map((a) => a.innerText).join() === text"""


def test_a_dashboards_links_lead_somewhere_and_its_kernels_end_with_its_pages(site, tmp_path):
    """A page asks for the end of its kernel when it is left, with the token of its cookie."""
    path = pages.write_notebook(tmp_path / "dashboard.ipynb", SETTINGS, DASHBOARD)
    notebook = nbformat.read(path, 4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(LINKS))
    nbformat.write(notebook, path)
    log = tmp_path / "voila.log"
    alone = [
        option for option in DASHBOARD_OPTIONS if "pool" not in option and "heat" not in option
    ]
    page = site.page
    with pages.dashboard(path, *alone) as url:
        page.goto(url, wait_until="commit")
        page.locator(READY).wait_for()
        page.wait_for_function(LINKED, arg="paper")  # the page's script may come a moment later
        assert page.get_by_text("the next words paper").is_visible()
        page.goto("about:blank")
        deadline = time.monotonic() + 20
        while "Kernel shutdown" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.1)
