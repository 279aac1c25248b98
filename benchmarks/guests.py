"""A class of guests on one dashboard: ``python -m benchmarks.guests [--guests 30] [--browsers 2]``.

It starts ``nmflab dashboard`` as a class would have it, and guests who speak as Voilà's page does:
they open the page, ask its kernel for all widgets over a websocket, move the slider of the Wiener
gain's power, and wait for the picture that answers. Some are real pages in Chromium. Measured are
the time until a page is there, the answers to one guest alone, those while ten move at once, and
the memory of the server with all its kernels, where pages that are shared count once (PSS).
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from itertools import accumulate
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from benchmarks.measure import machine, say
from nmflab.settings import parameters
from nmflab.system.dashboard import PROTOCOL

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))
from support import pages  # noqa: E402  (the browser tests' helpers)

SLIDER = parameters()["p"]
PICTURES = ("Gain", "Enhanced")  # what the slider moves
TOGETHER = 10
MOVES = 20
PAUSE = 0.3  # s between two moves of a guest
OPENING = 2.0  # s between two guests who come
PATIENCE = 120.0
GIBIBYTES, FACTOR = 4.0, 8.0  # the goals


class Guest:
    """A page without a browser."""

    socket: WebSocketClientConnection

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = uuid.uuid4().hex

    async def open(self) -> float:
        """Open the page and have its widgets; give the seconds that it took."""
        begin = time.monotonic()
        client = AsyncHTTPClient(max_clients=200, max_body_size=10**9)
        page = await client.fetch(f"{self.url}/", request_timeout=PATIENCE, connect_timeout=60)
        kernel = re.search(r'"kernelId": ?"([^"]+)"', page.body.decode())[1]
        cookies = [line.split(";")[0] for line in page.headers.get_list("Set-Cookie")]
        address = f"{self.url}/api/kernels/{kernel}/channels?session_id={self.session}"
        self.headers = {"Cookie": "; ".join(cookies), "Origin": self.url}
        self.inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.socket = await websocket_connect(
            HTTPRequest(address.replace("http", "ws", 1), headers=self.headers),
            max_message_size=10**9,
            subprotocols=[PROTOCOL],
            on_message_callback=self.inbox.put_nowait,  # who doesn't read answers no ping
        )
        control = uuid.uuid4().hex
        await self.say("comm_open", comm_id=control, target_name="jupyter.widget.control", data={})
        await self.say("comm_msg", comm_id=control, data={"method": "request_states"})
        answer = await self.hear(lambda data: data.get("method") == "update_states")
        states = {name: one["state"] for name, one in answer["states"].items()}
        self.slider = only(states, lambda s: s.get("description") == SLIDER.control.label)
        self.index = states[self.slider]["index"]
        self.steps = len(states[self.slider]["_options_labels"])
        titled = {s.get("title"): name for name, s in states.items() if s.get("_frame")}
        self.pictures = [titled[title] for title in PICTURES]
        self.kernel = kernel
        return time.monotonic() - begin

    async def say(self, kind: str, **content: object) -> None:
        """Send a message on the shell's channel."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "username": "", "date": "",
                  "session": self.session, "version": "5.3"}  # fmt: skip
        version = {"version": "1.0.0"}  # of the protocol of the control of widgets
        await self.socket.write_message(packed(header, {}, version, content), binary=True)

    async def hear(self, wanted) -> dict:
        """Wait for a message to a widget that is wanted."""
        while True:
            content = await self.next()
            if "data" in content and wanted(content["data"]):
                return content["data"]

    async def next(self) -> dict:
        """Give what the next message holds."""
        found = await asyncio.wait_for(self.inbox.get(), PATIENCE)
        if found is None:
            why = f"{self.socket.close_code} {self.socket.close_reason or ''}".strip()
            raise RuntimeError(f"The server has closed a connection ({why}).")
        message = unpacked(found)
        if os.environ.get("NMFLAB_GUESTS_SHOW"):
            say(f"{message['msg_type']} {str(message['content'])[:150]}")
        return message["content"] if message["msg_type"] == "comm_msg" else {}

    async def move(self) -> float:
        """Move the slider, wait for the pictures, and give the seconds until they are here."""
        self.index = 1 + self.index % (self.steps - 1)
        data = {"method": "update", "state": {"index": self.index}, "buffer_paths": []}
        begin = time.monotonic()
        await self.say("comm_msg", comm_id=self.slider, data=data)
        missing = set(self.pictures)
        while missing:
            content = await self.next()
            if "_frame" in content.get("data", {}).get("state", {}):
                missing.discard(content["comm_id"])
        return time.monotonic() - begin

    async def move_on(self, times: int, late: float = 0.0) -> list[float]:
        """Move several times, with pauses."""
        await asyncio.sleep(late)
        found = []
        for _ in range(times):
            found.append(await self.move())
            await asyncio.sleep(PAUSE)
        return found


def packed(*parts: dict) -> bytes:
    """Write a message for the shell's channel: the offsets of its parts, and these."""
    words = [b"shell", *(json.dumps(part).encode() for part in parts)]
    ends = list(accumulate(map(len, words), initial=8 * (len(words) + 2)))
    return b"".join(number.to_bytes(8, "little") for number in (len(ends), *ends)) + b"".join(words)


def unpacked(message: bytes) -> dict:
    """Read a message, without its buffers."""
    number = int.from_bytes(message[:8], "little")
    ends = [int.from_bytes(message[8 * i : 8 * i + 8], "little") for i in range(1, number + 1)]
    header, content = (json.loads(message[ends[i] : ends[i + 1]]) for i in (1, 4))
    return {"msg_type": header["msg_type"], "content": content}


def only(states: dict, wanted) -> str:
    """Give the one slider of steps that is wanted."""
    found = [name for name, state in states.items() if wanted(state) and "index" in state]
    if not found:
        raise RuntimeError("The page has no such widget.")
    return found[0]


def descendants(pid: int) -> list[int]:
    """List a process and all that it has started."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = stat.read_text().rpartition(")")[2].split()
            parents.setdefault(int(words[1]), []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def memory(pid: int) -> dict[str, float]:
    """Add up what a process and its descendants hold, in GiB, and count them."""
    sums = {"Pss": 0, "Rss": 0, "Private_Dirty": 0}
    number = 0
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            for line in lines:
                name, _, value = line.partition(":")
                if name in sums:
                    sums[name] += int(value.split()[0])
            number += 1
    return {**{name: value / 2**20 for name, value in sums.items()}, "processes": number}


@contextlib.contextmanager
def dashboard(guests: int, folder: Path):
    """Start the dashboard, and give its address and its process."""
    port = pages.free_port()
    command = [sys.executable, "-m", "nmflab", "dashboard", "--guests", str(guests)]
    command += ["--i-have-a-proxy", "--", "--no-browser", f"--port={port}"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()


async def until_it_answers(url: str, server: subprocess.Popen) -> None:
    """Wait for the dashboard."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(Exception):
            await AsyncHTTPClient().fetch(f"{url}/health", request_timeout=5)
            return
        await asyncio.sleep(0.3)
    raise RuntimeError("The dashboard doesn't answer.")


@contextlib.asynccontextmanager
async def in_chromium(url: str, number: int):
    """Open pages in Chromium, and give the seconds until each shows the explorer."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if not number or path is None:
        yield []
        return
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=pages.CHROMIUM_OPTIONS
        )
        seconds = []
        for _ in range(number):
            page = await (await browser.new_context()).new_page()
            begin = time.monotonic()
            await page.goto(url, timeout=PATIENCE * 1000, wait_until="commit")
            await page.wait_for_selector(".nmflab-explorer canvas", timeout=PATIENCE * 1000)
            seconds.append(time.monotonic() - begin)
        yield seconds
        await browser.close()


def percentile(values: list[float], share: float) -> float:
    """Give the value that a share of them doesn't exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def measured(own: argparse.Namespace, folder: Path) -> dict:
    """Run the class."""
    with dashboard(own.guests + 1, folder) as (url, server):
        await until_it_answers(url, server)
        guests, loads = [Guest(url)], []
        loads.append(await guests[0].open())
        await guests[0].move_on(3)
        alone = await guests[0].move_on(own.moves)
        say(f"alone: p50 {1e3 * statistics.median(alone):.0f} ms; {memory(server.pid)}")
        async with in_chromium(url, own.browsers) as seen:
            say(f"in Chromium: {[f'{s:.1f} s' for s in seen]}")
            while len(guests) + len(seen) < own.guests:
                guests.append(Guest(url))
                loads.append(await guests[-1].open())
                say(f"guest {len(guests)}: {loads[-1]:.1f} s")
                await asyncio.sleep(own.opening)
            for guest in guests:
                await guest.move()
            await asyncio.sleep(2)
            full = memory(server.pid)
            movers = guests[: own.together]
            late = [PAUSE * i / len(movers) for i in range(len(movers))]
            begin = time.monotonic()
            moves = await asyncio.gather(
                *(g.move_on(own.moves, s) for g, s in zip(movers, late, strict=True))
            )
            taken = time.monotonic() - begin
            together = [second for one in moves for second in one]
            after = memory(server.pid)
    return {
        "guests": len(guests) + len(seen),
        "in Chromium": len(seen),
        "moving at once": len(movers),
        "page, first (s)": loads[0],
        "page, p50 (s)": statistics.median(loads),
        "page, p95 (s)": percentile(loads, 0.95),
        "page in Chromium, p50 (s)": statistics.median(seen) if seen else None,
        "alone, p50 (ms)": 1e3 * statistics.median(alone),
        "alone, p95 (ms)": 1e3 * percentile(alone, 0.95),
        "together, p50 (ms)": 1e3 * statistics.median(together),
        "together, p95 (ms)": 1e3 * percentile(together, 0.95),
        "p95 together / p50 alone": percentile(together, 0.95) / statistics.median(alone),
        "moves per second": len(together) / taken,
        "PSS (GiB)": max(full["Pss"], after["Pss"]),
        "RSS (GiB)": max(full["Rss"], after["Rss"]),
        "processes": after["processes"],
    }


def main() -> int:
    """Measure, print the figures, and say whether the goals hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guests", description=__doc__)
    parser.add_argument("--guests", type=int, default=30)
    parser.add_argument("--browsers", type=int, default=2, help="of them in Chromium (default: 2)")
    parser.add_argument("--together", type=int, default=TOGETHER, help="who move at once")
    parser.add_argument("--moves", type=int, default=MOVES, help="of each")
    parser.add_argument("--opening", type=float, default=OPENING, help="s between who come")
    parser.add_argument("--output", type=Path, help="a JSON file for the figures")
    own = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as name:
        try:
            found = asyncio.run(measured(own, Path(name)))
        except Exception:
            say((Path(name) / "server.log").read_text()[-2000:])
            raise
    for label, value in found.items():
        say(f"{label}: {value:.3g}" if isinstance(value, float) else f"{label}: {value}")
    holds = found["PSS (GiB)"] <= GIBIBYTES and found["p95 together / p50 alone"] <= FACTOR
    say(f"goals ({GIBIBYTES:g} GiB, factor {FACTOR:g}): {'hold' if holds else 'MISSED'}")
    if own.output:
        own.output.write_text(json.dumps({**found, **machine()}, indent=1) + "\n", "utf-8")
    return not holds


if __name__ == "__main__":
    sys.exit(main())
