"""The server of the dashboard: Voilà, with seats for guests, a bound on memory, and closed doors.

``python -m nmflab.system.dashboard NOTEBOOK …`` takes the options of Voilà and those below.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.utils import url_path_join
from tornado.escape import url_escape, xhtml_escape
from tornado.web import HTTPError, authenticated
from traitlets import Bool, Int
from voila.app import Voila
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from nmflab.errors import NmflabError
from nmflab.system import nursery
from nmflab.system.servers import PROXY_OPTION, TOKEN
from nmflab.system.turns import share_turns

# Widgets are modules that the page makes of texts, so that scripts can't be held to files. Nothing
# is fetched from elsewhere, and no other page may put this one into a frame.
POLICY = "; ".join(
    [
        "default-src 'self' data: blob:",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:",
        "style-src 'self' 'unsafe-inline'",
        "connect-src 'self' ws: wss: data: blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
}
LOGIN = "/login"
PROTOCOL = "v1.kernel.websocket.jupyter.org"
# It fails in Voilà's pages, with an error on their consoles; no guest needs it.
UNWANTED = ["@jupyterlite/pyodide-kernel-extension"]
HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto;
padding: 0 1rem; color-scheme: light dark } input, button { font: inherit; padding: 0.2em }</style>
"""
FULL = """<meta http-equiv="refresh" content="30"><title>All seats are taken</title>
<h1>All seats are taken</h1>
<p>Each visitor gets a seat with some memory of its own, and all {guests} are in use.</p>
<p>This page tries again every 30 seconds. A seat is free as soon as somebody closes the page.</p>
</html>
"""
LOCKED = """<title>This page asks for a word</title>
<h1>This page asks for a word</h1>
<p>Whoever invited you has told you a word, or has a link that knows it.</p>
<form method="post" action="{action}">{hidden}
<label for="word">Word</label>
<input type="password" id="word" name="password" autocomplete="current-password" autofocus>
<button>Come in</button></form>
<p role="alert">{said}</p>
</html>
"""


class Seats(AsyncMappingKernelManager):
    """Kernels that are bounded in memory; each is the seat of a guest."""

    async def start_kernel(self, *arguments: Any, **options: Any) -> str:  # type: ignore[override]
        """Start a kernel that may hold as much memory as the server allows."""
        kernel: str = await super().start_kernel(*arguments, **options)
        server: Any = self.parent
        provisioner: Any = self.get_kernel(kernel).provisioner
        if server.memory and sys.platform == "linux":  # the other systems have no such call
            import resource

            limit = server.memory * 2**20
            resource.prlimit(provisioner.pid, resource.RLIMIT_DATA, (limit, limit))
        return kernel

    def start_watching_activity(self, kernel_id: str) -> None:
        """Look at what a kernel says of its state, and not at all pictures and sounds too."""
        watch: Any = super().start_watching_activity
        watch(kernel_id)
        kernel: Any = self.get_kernel(kernel_id)
        socket = kernel._activity_stream.socket
        socket.subscribe(b"kernel.")
        socket.unsubscribe(b"")


class Page(TornadoVoilaHandler):  # type: ignore[misc]
    """The page of the explorer, as long as there are seats."""

    @authenticated
    async def get(self, path: str | None = None) -> None:
        """Give the page; where all seats are taken, say so."""
        if path:  # a favicon, for one, gets no seat
            raise HTTPError(404)
        if self.server.is_full():
            self.set_status(503)
            self.set_header("Retry-After", "30")
            self.finish(HEAD + FULL.format(guests=self.server.guests))
            return
        # The request that ends a kernel, which a page sends when it is closed, takes its token
        # from this cookie.
        assert self.xsrf_token
        async for html in self._seated():
            self.write(html)
            self.flush()

    async def _seated(self) -> AsyncIterator[str]:
        """Give the pieces of the page; until the first is there, its kernel isn't counted yet."""
        self.server.opening += 1
        is_opening = True
        try:
            async for html in self.get_generator():
                self.server.opening -= is_opening
                is_opening = False
                yield html
        finally:
            self.server.opening -= is_opening

    @property
    def server(self) -> Dashboard:
        """The server that this page belongs to."""
        server: Dashboard = self.settings["dashboard"]
        return server


class Door(LoginFormHandler):
    """Where guests without the token end up; Jupyter's own form speaks to its administrators."""

    def _render(self, message: dict[str, str] | None = None) -> None:
        wanted = url_escape(self.get_argument("next", default=self.base_url))
        self.write(
            HEAD
            + LOCKED.format(
                action=f"{xhtml_escape(self.request.path)}?next={wanted}",
                hidden=self.xsrf_form_html(),
                said="That is another word." if message else "",
            )
        )


class Channel(VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """The websocket between a page and its kernel.

    What a message says of its own length is believed by jupyter_server and by Voilà: one that lies
    would have the server count to 2⁶⁴, for all guests. Messages of the older protocol would, too.
    """

    async def get(self, kernel_id: str) -> None:
        """Open it for those who speak the protocol of Voilà's pages."""
        asked = self.request.headers.get("Sec-WebSocket-Protocol", "")
        if PROTOCOL not in (name.strip() for name in asked.split(",")):
            raise HTTPError(400, f"The protocol of this websocket is {PROTOCOL}.")
        await super().get(kernel_id)

    def on_message(self, message: str | bytes) -> None:
        """Pass a message on, if its parts lie within it; close the connection if not."""
        if isinstance(message, bytes) and is_whole(message):
            super().on_message(message)
        else:
            self.close(1007, "This is no message of the protocol.")


class Health(JupyterHandler):
    """Say to whoever watches the server that it is alive, and how many seats are taken."""

    @allow_unauthenticated
    def get(self) -> None:
        """Give the guests, the seats, and whether there are any left."""
        server: Dashboard = self.settings["dashboard"]
        taken = server.taken()
        self.finish({"guests": taken, "seats": server.guests, "full": taken >= server.guests})


class Dashboard(Voila):  # type: ignore[misc]
    """Voilà on one notebook, for guests whom nobody knows."""

    guests = Int(30, config=True, help="how many pages may be open at once")
    memory = Int(0, config=True, help="memory that one kernel may hold, in MiB; 0: any")
    behind_proxy = Bool(False, config=True, help="a proxy stands before it, with TLS and a lock")
    opening = 0
    nursery: nursery.Nursery | None = None

    def initialize(self, argv: list[str] | None = None) -> None:
        """Read the options; refuse to be open to everybody."""
        super().initialize(argv)
        # Not as an option, which all users of this machine could read; and not for the kernels.
        token = os.environ.pop(TOKEN, None)
        if token:
            self.token: str | None = token
        if not (is_loopback(self.ip) or self.token or self.auto_token or self.behind_proxy):
            raise NmflabError(
                f"The address {self.ip or '0.0.0.0'!r} can be reached from outside, and nothing "
                f"asks who is there: give a token, or say {PROXY_OPTION}."
            )
        self.voila_configuration.multi_kernel_manager_class = Seats
        self.voila_configuration.extension_denylist = UNWANTED
        self.root_dir = str(Path(self.notebook_path).parent)  # not the folder it was started in

    def start(self) -> None:
        """Serve, with kernels that share memory where the system can fork them."""
        share_turns()
        if nursery.can_fork():
            self.nursery = nursery.fork_kernels(Path(self.notebook_path))
        try:
            super().start()
        finally:
            if self.nursery is not None:
                self.nursery.close()

    def init_settings(self) -> dict[str, Any]:
        """Close the doors that Voilà leaves open."""
        settings: dict[str, Any] = super().init_settings()
        open_to_others = self.behind_proxy or not is_loopback(self.ip)
        return {
            **settings,
            "dashboard": self,
            "headers": HEADERS,
            # A name that somebody else has pointed at this machine is refused on loopback.
            "allow_remote_access": open_to_others,
            "local_hostnames": ["localhost"],
            "xsrf_cookie_kwargs": {"samesite": "Strict"},
        }

    def init_handlers(self) -> list[Any]:
        """Give the page for guests and the health end point, and no file of this machine."""
        page, files = "/(.*)", "/voila/files/(.*)"
        handlers: list[Any] = [(url_path_join(self.server_url, "/health"), Health)]
        for handler in super().init_handlers():
            if handler[0].endswith(files):
                continue
            if handler[0] == url_path_join(self.server_url, page):
                handler = (handler[0], Page, *handler[2:])
            elif handler[1] is VoilaKernelWebsocketHandler:
                handler = (handler[0], Channel, *handler[2:])
            elif handler[0] == LOGIN:
                handler = (url_path_join(self.server_url, LOGIN), Door)
            handlers.append(handler)
        return handlers

    def taken(self) -> int:
        """Count the seats that are taken: all kernels but those that wait for a guest."""
        waiting = 0
        for pool in getattr(self.kernel_manager, "_pools", {}).values():
            waiting += len(pool)
        return max(len(self.kernel_manager) - waiting, 0) + self.opening

    def is_full(self) -> bool:
        """Say whether there is no seat left."""
        return self.taken() >= self.guests


def is_whole(message: bytes) -> bool:
    """Say whether the parts of a message lie within it, one after the other.

    It begins with their number n and n offsets, of eight bytes each.

    >>> is_whole(b"".join(n.to_bytes(8, "little") for n in (2, 24, 27)) + b"abc")
    True
    >>> is_whole(bytes([255] * 32)), is_whole(b"")
    (False, False)
    """
    number = int.from_bytes(message[:8], "little")
    if not 1 < number < len(message) // 8:
        return False
    ends = [int.from_bytes(message[8 * i : 8 * i + 8], "little") for i in range(1, number + 1)]
    return ends == sorted(ends) and 8 * (number + 1) <= ends[0] and ends[-1] <= len(message)


def is_loopback(address: str) -> bool:
    """Say whether an address can be reached from this machine alone.

    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("0.0.0.0"), is_loopback("")
    (True, True, False, False)
    """
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def main() -> int:
    """Serve until somebody ends it."""
    try:
        Dashboard.launch_instance()
    except NmflabError as error:
        print(f"nmflab dashboard: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
