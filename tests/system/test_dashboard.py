"""The dashboard's server: who gets a seat, who may end it, what it says and what it hides."""

import asyncio
import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1
from support import pages
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from nmflab.errors import NmflabError
from nmflab.system import servers
from nmflab.system.dashboard import PROTOCOL, is_whole

MEMORY = 700
OPTIONS = ("--Dashboard.guests=1", f"--Dashboard.memory={MEMORY}")
BOUND = "import resource; print('may hold', resource.getrlimit(resource.RLIMIT_DATA)[1])"
GREEDY = """
try:
    bytearray(2 ** 30)
except MemoryError:
    print("too much, and still here")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Give a dashboard with one seat, and a picture beside its notebook."""
    folder = tmp_path_factory.mktemp("dashboard")
    (folder / "private.png").write_bytes(b"private")
    notebook = pages.write_notebook(folder / "page.ipynb", BOUND, GREEDY)
    with pages.dashboard(notebook, *OPTIONS) as url:
        yield url


class Guest:
    """A browser without a window: it keeps cookies, and raises nothing."""

    def __init__(self, url):
        self.url = url
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def ask(self, path="/", data=None, **headers):
        """Give status, headers and text of an answer."""
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with self._opener.open(request, timeout=90) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def end(self, kernel, *, token=None, **headers):
        """Ask for the end of a kernel, as a page does when it is closed; give the status."""
        own = next((c.value for c in self.cookies if c.name == "_xsrf"), "")
        data = urllib.parse.urlencode({"_xsrf": own if token is None else token}).encode()
        return self.ask(f"/voila/api/shutdown/{kernel}", data, **headers)[0]

    def health(self):
        return json.loads(self.ask("/health")[2])


@pytest.fixture
def seated(server):
    """Give a guest with a seat, its page and its kernel; the seat is free again afterwards."""
    guest = Guest(server)
    status, headers, text = guest.ask()
    assert status == 200
    kernel = re.search(r'"kernelId": ?"([^"]+)"', text)[1]
    yield guest, headers, text, kernel
    guest.end(kernel)


@pytest.mark.slow
def test_a_page_that_is_closed_frees_its_seat_and_nobody_else_can_free_it(server, seated):
    guest, _, _, kernel = seated
    assert guest.health() == {"guests": 1, "seats": 1, "full": True}
    assert Guest(server).end(kernel) == 403  # knows the kernel, has no cookie
    assert guest.end(kernel, token="guessed") == 403
    assert guest.end(kernel, Origin="https://elsewhere.example") in (403, 404)
    assert guest.health()["guests"] == 1
    assert guest.end(kernel, Origin=server) == 204
    assert guest.health() == {"guests": 0, "seats": 1, "full": False}


def connection(server, guest, kernel, *protocols):
    """Give the websocket of a page; raises if it is refused."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in guest.cookies)
    address = f"{server}/api/kernels/{kernel}/channels?session_id=a".replace("http", "ws", 1)
    request = HTTPRequest(address, headers={"Cookie": cookies, "Origin": server})
    return websocket_connect(request, subprotocols=protocols)


@pytest.mark.slow
def test_a_message_that_lies_about_its_length_ends_its_connection_and_not_the_server(
    server, seated
):
    guest, _, _, kernel = seated

    async def lie():
        with pytest.raises(HTTPClientError, match="400"):  # the older protocol
            await connection(server, guest, kernel)
        socket = await connection(server, guest, kernel, PROTOCOL)
        await socket.write_message(b"\xff" * 64, binary=True)
        while await asyncio.wait_for(socket.read_message(), 30) is not None:
            pass
        return socket.close_code

    assert asyncio.run(lie()) == 1007
    begin = time.monotonic()
    assert guest.health()["guests"] == 1
    assert time.monotonic() - begin < 5


@pytest.mark.slow
def test_who_comes_when_all_seats_are_taken_is_asked_to_wait_and_gets_the_next(server, seated):
    guest, _, _, kernel = seated
    late = Guest(server)
    status, headers, text = late.ask()
    assert (status, headers["Retry-After"]) == (503, "30")
    assert "All seats are taken" in text
    assert late.health()["guests"] == 1
    assert guest.end(kernel) == 204
    status, _, text = late.ask()
    assert status == 200
    assert late.end(re.search(r'"kernelId": ?"([^"]+)"', text)[1]) == 204


@pytest.mark.slow
def test_a_kernel_holds_no_more_than_its_memory_and_survives_asking(seated):
    text = seated[2]
    assert f"may hold {MEMORY * 2**20}" in text
    assert "too much, and still here" in text


@pytest.mark.slow
def test_pages_forbid_frames_and_strangers_and_show_no_file(server, seated):
    guest, headers = seated[:2]
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    cookie = next(value for value in headers.get_all("Set-Cookie") if value.startswith("_xsrf"))
    assert "SameSite=Strict" in cookie
    assert guest.ask("/favicon.ico")[0] == 404
    assert guest.ask(Host="rebound.example")[0] == 403
    assert guest.ask("/voila/files/private.png")[2] != "private"


@given(st.binary(max_size=80) | st.lists(st.integers(0, 90)).map(
    lambda numbers: b"".join(n.to_bytes(8, "little") for n in numbers)
))  # fmt: skip
def test_no_message_that_is_passed_on_names_parts_outside_of_itself(message):
    if is_whole(message):
        channel, parts = deserialize_msg_from_ws_v1(message)
        assert len(channel) + sum(map(len, parts)) <= len(message)


@pytest.mark.parametrize("address", ["0.0.0.0", "", "192.0.2.1", "::"])
def test_an_address_that_others_reach_is_refused_without_a_lock(tmp_path, address):
    from nmflab.system.dashboard import Dashboard

    notebook = pages.write_notebook(tmp_path / "page.ipynb", "1")
    try:
        with pytest.raises(NmflabError, match=r"reached from outside.*i-have-a-proxy"):
            Dashboard().initialize([str(notebook), f"--Voila.ip={address}"])
    finally:
        Dashboard.clear_instance()


def test_the_page_for_guests_has_one_cell_no_link_no_question_and_no_talk_of_python():
    notebook = nbformat.read(servers.DASHBOARD, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    words = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert len(code) == 1
    assert not code[0].outputs
    assert not re.search(r"\]\(|\bcheck\b|\?|Python|kernel", words)


@pytest.mark.slow
def test_the_health_of_a_server_is_asked_for_quickly(server):
    begin = time.monotonic()
    assert Guest(server).health()["seats"] == 1
    assert time.monotonic() - begin < 5
