"""Widgets where a host is strict: VS Code's kind of page, a microphone that is denied."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from support import js_coverage
from support.pages import CHROMIUM_OPTIONS

from nmflab.explorer.widgets.canvas import palette
from nmflab.explorer.widgets.modules import linked

pytestmark = pytest.mark.browser

WIDGETS = Path(linked.__code__.co_filename).parent
ADDRESS = "http://localhost/page"
POLICY = (
    "default-src 'none'; script-src 'self' blob:; worker-src blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src blob:; connect-src 'none'; font-src 'none'"
)
"""As strict as a notebook's webview in VS Code: nothing inline, nothing evaluated or fetched."""

PAGE = """<!doctype html><meta charset="utf-8"><title>A webview</title>
<body data-jp-theme-name="x"><script src="/host.js"></script></body>"""

HOST = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.refused.push(`${event.violatedDirective}: ${event.blockedURI}`);
});
window.mount = async (text, traits) => {
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  let { default: widget } = await import(address);
  if (typeof widget === "function") widget = await widget();
  const el = document.body.appendChild(document.createElement("div"));
  const model = {
    get: (name) => traits[name], set() {}, save_changes() {}, on() {}, off() {}, send() {},
  };
  await widget.initialize?.({ model });
  await widget.render({ model, el });
};
"""


@pytest.fixture(scope="module")
def browser(chromium_path):
    options = [option for option in CHROMIUM_OPTIONS if "fake-ui" not in option]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=options)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """Give a page that is as strict, and that gave no permission to record."""
    context = browser.new_context(permissions=[])
    page, asked = context.new_page(), []
    js_coverage.watch(page)
    served = {
        ADDRESS: {
            "body": PAGE,
            "content_type": "text/html",
            "headers": {"content-security-policy": POLICY},
        },
        "http://localhost/host.js": {"body": HOST, "content_type": "text/javascript"},
    }

    def answer(route):
        asked.append(route.request.url)
        if route.request.url in served:
            route.fulfill(**served[route.request.url])
        else:
            route.abort()

    page.route("**/*", answer)
    page.goto(ADDRESS)
    yield page
    assert page.evaluate("window.refused") == []
    assert {address for address in asked if not address.startswith("blob:")} <= {
        *served,
        "http://localhost/favicon.ico",
    }
    js_coverage.write(page)
    context.close()


def mount(page, name, traits, data=""):
    text = json.dumps(linked(WIDGETS / f"{name}.js"))
    page.evaluate(f"window.mount({text}, {{...{json.dumps(traits)}, {data}}})")


def test_a_canvas_is_painted_where_nothing_inline_is_allowed(page):
    frame = {
        **{"seq": 1, "shape": [2, 3], "by_columns": False, "column_step": 1, "limits": [0, 1]},
        **{"rows": [0, 2], "columns": [0, 3], "low": 0, "high": 1},
        **{"row_bands": [], "column_bands": [["speech", 2], ["noise", 1]]},
    }
    traits = {
        **{"title": "G", "group": "", "sound": "", "height": 220, "pick": False, "slider": True},
        **{
            f"{axis}_{what}": ""
            for axis in ("rows", "columns", "value")
            for what in ("label", "unit")
        },
        "_highlight": {},
    }
    colours = list(palette("magma"))
    data = (
        f"_palette: new DataView(new Uint8Array({colours}).buffer), "
        f"_frame: {{...{json.dumps(frame)}, "
        "codes: new DataView(new Uint8Array([0, 50, 100, 150, 200, 250]).buffer)}"
    )
    mount(page, "canvas", traits, data)
    page.wait_for_selector('.nmflab-canvas[data-seq="1"][data-state="painted"]')


def test_a_player_is_there_where_nothing_inline_is_allowed(page):
    traits = {"group": "", "source": "noisy", "_starts": 0, "_labels": ["noisy"]}
    data = (
        "_meta: {seq: 1, rate: 16000, scales: [1]}, "
        "_sound_0: new DataView(new Int16Array(16000).fill(1000).buffer)"
    )
    mount(page, "player", traits, data)
    page.wait_for_selector('.nmflab-player[data-state="ready"]')
    page.click(".nmflab-play")
    page.wait_for_selector('.nmflab-player[data-playing="true"]')


def test_who_may_not_record_is_told_to_upload(page):
    mount(page, "recorder", {"max_seconds": 5})
    page.context.grant_permissions([])
    page.get_by_role("button", name="record").click()
    said = page.get_by_role("status")
    said.filter(has_text="not allowed").wait_for()
    assert "upload a recording instead" in said.text_content()
    assert page.get_by_role("button", name="record").is_enabled()
