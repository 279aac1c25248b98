"""A cable between a browser and a server, which can be cut and mended."""

import contextlib
import socket
import threading


class Cable:
    """Pass on what comes to a port of its own to a server's, until it is cut.

    Parameters
    ----------
    port : int
        The server's, on loopback.

    Attributes
    ----------
    port : int
        Where a browser goes.
    """

    def __init__(self, port):
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._ends, self._is_cut = set(), False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """End all connections, and refuse others."""
        self._is_cut = True
        for end in tuple(self._ends):
            self._end(end)

    def mend(self):
        """Pass on again."""
        self._is_cut = False

    def close(self):
        """End it."""
        self.cut()
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                if self._is_cut:
                    here.close()
                    continue
                there = socket.create_connection(("127.0.0.1", self._to))
                self._ends |= {here, there}
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one, other):
        with contextlib.suppress(OSError):
            while part := one.recv(2**16):
                other.sendall(part)
        for end in (one, other):
            self._end(end)

    def _end(self, end):
        self._ends.discard(end)
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
