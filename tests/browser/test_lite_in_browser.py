"""The lessons without any server: a kernel in the page, a canvas that it paints, a slider."""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import nbformat
import pytest
from support import pages, pyodide

from nmflab.corpus.folders import load_corpus
from nmflab.explorer.widgets.canvas import palette
from nmflab.explorer.widgets.modules import linked

ROOT = Path(__file__).parents[2]
WIDGETS = Path(linked.__code__.co_filename).parent
LITE = Path(os.environ.get("NMFLAB_LITE", ROOT / ".venv" / "lite" / "bin" / "python"))
sys.path.insert(0, str(ROOT / "tools"))

import build_lite  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not LITE.exists() and not os.environ.get("NMFLAB_REQUIRE_SITE"),
        reason="No JupyterLite here: make lite installs it.",
    ),
    pytest.mark.skipif(
        not pyodide.CORE.is_dir() and not os.environ.get("NMFLAB_REQUIRE_NODE"),
        reason="No npm package pyodide here: make check-js installs it.",
    ),
]

PROBE = (
    "%pip install -q anywidget ipywidgets",
    """
import anywidget, ipywidgets, sys, traitlets
FORM = {"shape": [4, 6], "by_columns": False, "column_step": 1, "limits": [0, 1], "rows": [0, 4],
        "columns": [0, 6], "low": 0, "high": 1, "row_bands": [], "column_bands": []}
class Probe(anywidget.AnyWidget):
    _esm = open("canvas.js").read()
    title = traitlets.Unicode("Probe").tag(sync=True)
    group = traitlets.Unicode("").tag(sync=True)
    sound = traitlets.Unicode("").tag(sync=True)
    height = traitlets.Int(220).tag(sync=True)
    pick = traitlets.Bool(False).tag(sync=True)
    slider = traitlets.Bool(False).tag(sync=True)
    _highlight = traitlets.Dict().tag(sync=True)
    _palette = traitlets.Bytes(open("palette.bin", "rb").read()).tag(sync=True)
    _frame = traitlets.Dict({"seq": 0}).tag(sync=True)
""",
    """
probe = Probe()
probe.add_traits(**{f"{axis}_{what}": traitlets.Unicode("").tag(sync=True)
                    for axis in ("rows", "columns", "value") for what in ("label", "unit")})
slider = ipywidgets.IntSlider(0, 0, 10, description="level")
def paint(_=None):
    codes = bytes([25 * slider.value] * 24)
    probe._frame = {"seq": probe._frame["seq"] + 1, **FORM, "codes": codes}
slider.observe(paint, "value")
paint()
ipywidgets.VBox([slider, probe, ipywidgets.Label(sys.platform)])
""",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site with Pyodide's core in it, and a notebook that needs no more."""
    folder = tmp_path_factory.mktemp("lite")
    extra = folder / "extra"
    extra.mkdir()
    probe = pages.write_notebook(extra / "probe.ipynb", *PROBE[1:])
    build_lite.prepare(probe, PROBE[0])
    (extra / "canvas.js").write_text(linked(WIDGETS / "canvas.js"))
    (extra / "palette.bin").write_bytes(palette("magma"))
    core = pyodide.core_that_starts(folder / "pyodide")
    ship = [sys.executable, ROOT / "tools" / "ship_dictionaries.py", folder / "shipped"]
    subprocess.run([*ship, "--presets-only"], check=True)
    command = [LITE, ROOT / "tools" / "build_lite.py", folder / "site", "--extra", extra]
    command += ["--dictionaries", folder / "shipped"]
    subprocess.run(command, env=os.environ | {"PYODIDE": str(core)}, check=True)
    return folder / "site"


@pytest.fixture(scope="module")
def address(site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_site_has_lessons_wheels_and_no_address_outside(site):
    lessons = sorted(path.name for path in (site / "files").glob("[0-9][0-9]_*.ipynb"))
    assert lessons == sorted(path.name for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    first = nbformat.read(site / "files" / lessons[0], as_version=4).cells[0]
    assert first.source == build_lite.install_cell()
    offered = json.loads((site / "pypi" / "all.json").read_text())
    assert {name.replace("-", "_") for name in offered} >= {"nmflab", *build_lite.PURE}
    assert build_lite.size(site) <= build_lite.LARGEST
    (wheel,) = (site / "pypi").glob("nmflab-*.whl")
    inside = [
        name for name in zipfile.ZipFile(wheel).namelist() if "embedded/dictionaries/" in name
    ]
    assert len(inside) >= 2 * len(load_corpus().noise_names)
    settings = json.loads((site / "jupyter-lite.json").read_text())["jupyter-config-data"]
    (kernel,) = settings["litePluginSettings"].values()
    assert kernel["disablePyPIFallback"] is True
    assert kernel["pyodideUrl"].startswith("./")


def test_kernel_in_the_page_paints_a_canvas_and_follows_a_slider(address, chromium_path):
    with pages.chromium(chromium_path) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/lab/index.html?path=probe.ipynb")
        page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
        page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(
            timeout=180_000
        )
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        canvas = page.locator('.nmflab-canvas[data-state="painted"][data-seq="1"]')
        canvas.wait_for(timeout=180_000)
        assert page.get_by_text("emscripten").count() == 1
        handle = page.get_by_role("slider").first
        handle.focus()
        handle.press("ArrowRight")
        page.locator('.nmflab-canvas[data-state="painted"][data-seq="2"]').wait_for()
        outside = [u for u in asked if not u.startswith((address, "blob:", "data:"))]
        assert outside == []
