"""The dashboard of a class in Chromium: its token, the end of its pages, a network that is cut."""

import contextlib
import json
import time
import urllib.request

import pytest
from support import pages
from support.cable import Cable
from support.sounds import film, tone

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WORD = "sesame"
READY = '.nmflab-status[data-state="ready"]'
SLIDER = "power p"
PATIENCE = 180_000  # ms, where other tests hold the cores


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("class")


@pytest.fixture(scope="module")
def url(folder):
    """Give a public dashboard with a token, on loopback all the same."""
    with pages.public_dashboard(folder, "--token", WORD) as url:
        yield url


@pytest.fixture
def page(chromium_path):
    with pages.chromium(chromium_path, width=1440) as page:
        yield page


def guests(url):
    with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
        return json.load(answer)["guests"]


def until(holds, seconds=30):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def come_in(page, address):
    """Open the page, and wait until all is shown; the first one comes while kernels are made."""
    page.goto(address, wait_until="commit", timeout=PATIENCE)
    page.locator(READY).wait_for(timeout=PATIENCE)


def move(page):
    """Move the slider of the Wiener power, and give how often the gain was painted before."""
    seq = gain(page).get_attribute("data-seq")
    page.get_by_role("slider", name=SLIDER).press("ArrowRight")
    return int(seq)


def gain(page):
    canvases = page.locator(".nmflab-canvas")
    return canvases.filter(has=page.get_by_text("Gain", exact=True))


def is_painted_after(page, seq):
    return int(gain(page).get_attribute("data-seq")) > seq


def test_a_guest_with_the_token_comes_in_moves_a_slider_and_frees_the_seat_by_leaving(url, page):
    come_in(page, f"{url}/?token={WORD}")
    assert guests(url) == 1
    before = page.locator(".nmflab-status").inner_text()
    seq = move(page)
    until(lambda: is_painted_after(page, seq))
    page.locator(READY).filter(has_not_text=before).wait_for()
    page.goto("about:blank")
    until(lambda: guests(url) == 0)
    assert page.problems == []


@pytest.mark.parametrize("query", ["", "?token=abracadabra"])
def test_a_guest_without_the_token_gets_no_seat_and_is_asked_for_it(url, page, query):
    page.goto(f"{url}/{query}", wait_until="commit")
    asked = page.get_by_label("Word")
    for word in ("", "abracadabra"):
        asked.fill(word)
        asked.press("Enter")
        page.get_by_text("another word").wait_for()
    assert guests(url) == 0
    asked.fill(WORD)
    page.get_by_role("button", name="Come in").click()
    page.locator(READY).wait_for(timeout=PATIENCE)
    assert guests(url) == 1
    page.goto("about:blank")
    until(lambda: guests(url) == 0)


def test_a_guest_s_file_of_an_hour_is_used_for_half_a_minute_and_that_is_said(url, page, folder):
    call, head = film(tone(8000, 1.0), 8000, "libopencore_amrnb", "amr"), len(b"#!AMR\n")
    path = folder / "hour.amr"  # no browser decodes it
    path.write_bytes(call[:head] + 3600 * call[head:])
    come_in(page, f"{url}/?token={WORD}")
    page.locator(".nmflab-opener input").set_input_files(path)
    page.locator(".nmflab-status").filter(has_text="hour (the first 30 s of 36").wait_for()
    assert page.problems == []
    page.goto("about:blank")
    until(lambda: guests(url) == 0)


def test_where_the_network_is_cut_the_page_says_so_and_goes_on_when_it_is_back(url, page):
    with contextlib.closing(Cable(int(url.rpartition(":")[2]))) as cable:
        come_in(page, f"http://127.0.0.1:{cable.port}/?token={WORD}")
        cable.cut()
        said = page.get_by_role("alert").filter(has_text="connection to the server is lost")
        said.wait_for()
        seq = move(page)  # what is moved meanwhile follows
        time.sleep(1)
        assert not is_painted_after(page, seq)
        assert guests(url) == 1
        cable.mend()
        said.wait_for(state="hidden")
        until(lambda: is_painted_after(page, seq))
        page.locator(READY).wait_for()
        seq = move(page)
        until(lambda: is_painted_after(page, seq))
        page.goto("about:blank")
    until(lambda: guests(url) == 0)
