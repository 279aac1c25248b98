"""Kernels that share memory: forks of one process that has imported what the notebook needs.

A kernel of its own imports some 100 MB of libraries, in seconds. A fork has them at once, and as
long as nobody writes to their pages all forks share them. `Nursery` is the server's end,
``python -m nmflab.system.nursery`` the process that forks. It has a single thread, and ends with
the server; its forks are kernels like others, in sessions of their own, and end with it. What to
import it learns from a rehearsal: a fork that runs the notebook once, and is thrown away.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

LAUNCHER = ["-m", "ipykernel_launcher"]
KERNEL = ("ipykernel.ipkernel", "ipykernel.kernelapp", "matplotlib_inline.backend_inline")
MOST = 2**20  # bytes of a request
REHEARSAL = 90.0  # seconds for it, at most
FRUGAL = {
    "MALLOC_ARENA_MAX": "1",  # threads of a kernel share what one of them has freed
    # Arrays go back to the system when they are freed: without a word, glibc begins to keep them.
    "MALLOC_MMAP_THRESHOLD_": "524288",
    "MALLOC_TRIM_THRESHOLD_": "524288",
}


def can_fork() -> bool:
    """Say whether processes of this system may be forked after such imports."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


class Nursery:
    """The process that forks kernels, as the server sees it.

    Parameters
    ----------
    notebook : path
        What its kernels will run.
    """

    def __init__(self, notebook: Path) -> None:
        self._socket, other = socket.socketpair()
        command = [sys.executable, "-m", "nmflab.system.nursery", str(other.fileno())]
        self._process = subprocess.Popen(
            [*command, str(notebook)],
            pass_fds=[other.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **FRUGAL},
        )
        other.close()
        self._lock = asyncio.Lock()

    async def fork(self, arguments: Sequence[str], env: dict[str, str], cwd: str) -> int:
        """Fork a kernel, and give its process id."""
        request = json.dumps({"arguments": list(arguments), "env": env, "cwd": cwd}).encode()
        async with self._lock:
            return int(await asyncio.to_thread(self._ask, request))

    def _ask(self, request: bytes) -> bytes:
        self._socket.sendall(len(request).to_bytes(4, "big") + request)
        answer = self._socket.recv(64)
        if not answer:
            raise RuntimeError("The process that forks kernels has ended.")
        return answer

    def close(self) -> None:
        """End it, and with it all kernels."""
        self._socket.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Forked:
    """A forked kernel, as `subprocess.Popen` would show it; another process is its parent."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ends: int | None = None
        with contextlib.suppress(ProcessLookupError):  # it may have ended already
            self._ends = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Give None while it lives; nobody learns its exit code."""
        if self._ends is not None and not select.select([self._ends], [], [], 0)[0]:
            return None
        return self.wait()

    def wait(self) -> int:
        """Wait for its end."""
        if self._ends is not None:
            select.select([self._ends], [], [])
            os.close(self._ends)
            self._ends = None
        return 0

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self._ends is not None:
            signal.pidfd_send_signal(self._ends, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


class Provisioner(LocalProvisioner):
    """Starts a kernel as a fork of the nursery."""

    nursery: Nursery

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        """Fork a kernel; start one that isn't Python's, or another Python's, as usual."""
        if cmd[1:3] != LAUNCHER or Path(cmd[0]).name not in Path(sys.executable).name:
            return await super().launch_kernel(cmd, **options)
        env = {**(options.get("env") or os.environ)}
        cwd = str(options.get("cwd") or Path.cwd())
        pid = await self.nursery.fork(cmd[3:], env, cwd)
        self.process = Forked(pid)  # type: ignore[assignment]
        self.pid = self.pgid = pid
        self.cwd = Path(cwd)
        return self.connection_info


class ProvisionerFactory(KernelProvisionerFactory):
    """Gives every kernel the provisioner that forks."""

    nursery: Nursery

    def create_provisioner_instance(
        self, kernel_id: str, kernel_spec: Any, parent: Any
    ) -> Provisioner:
        """Make a provisioner for a kernel."""
        found = Provisioner(kernel_id=kernel_id, kernel_spec=kernel_spec, parent=parent)
        found.nursery = self.nursery
        return found


def fork_kernels(notebook: Path) -> Nursery:
    """Have all kernels of this process be forks, with what a notebook imports at hand."""
    nursery = Nursery(notebook)
    ProvisionerFactory.instance().nursery = nursery
    return nursery


def main(arguments: Sequence[str]) -> None:
    """Import, then fork a kernel for each request, until the server is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends with the server
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system forgets the dead
    server = socket.socket(fileno=int(arguments[0]))
    for name in KERNEL:
        importlib.import_module(name)
    for name in _rehearsed(Path(arguments[1])):
        with contextlib.suppress(Exception):  # the kernel itself will say what is wrong
            importlib.import_module(name)
    _call_hooks()
    gc.collect()
    gc.freeze()  # no collection touches the pages that all share
    while request := _request(server):
        pid = os.fork()
        if not pid:
            server.close()
            _be_kernel(**request)
        server.sendall(str(pid).encode())


def _call_hooks() -> None:
    """Call ``before_forks`` of every module of this package that has it: it loads what to share."""
    for name, module in list(sys.modules.items()):
        hook = getattr(module, "before_forks", None) if name.startswith("nmflab.") else None
        if hook is not None:
            hook()


def _request(server: socket.socket) -> dict[str, Any]:
    """Read what is asked for; nothing once the server is gone."""
    with contextlib.suppress(ConnectionError):
        size = int.from_bytes(server.recv(4, socket.MSG_WAITALL), "big")
        if 0 < size < MOST:
            found: dict[str, Any] = json.loads(server.recv(size, socket.MSG_WAITALL))
            return found
    return {}


def _rehearsed(notebook: Path) -> list[str]:
    """Run a notebook in a fork, and list the modules that it has imported, in their order."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        _rehearse(notebook, writer)
    os.close(writer)
    end, found = time.monotonic() + REHEARSAL, b""
    while select.select([reader], [], [], max(0.0, end - time.monotonic()))[0]:
        part = os.read(reader, 2**16)
        if not part:
            break
        found += part
    os.close(reader)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return found.decode().split()


def _rehearse(notebook: Path, writer: int) -> NoReturn:
    """In a fork: run the code of a notebook, and write which modules there are now."""
    before = set(sys.modules)
    with contextlib.suppress(BaseException):
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (1, 2):
            os.dup2(null, stream)
        os.chdir(notebook.parent)
        shell: Any = InteractiveShell.instance()
        read: Any = nbformat.read
        for cell in read(notebook, 4).cells:
            if cell.cell_type == "code":
                shell.run_cell(cell.source)
    names = [name for name in sys.modules if name not in before and name != "__main__"]
    os.write(writer, " ".join(names).encode())  # as much as a pipe takes at once
    os._exit(0)


def _be_kernel(arguments: list[str], env: dict[str, str], cwd: str) -> NoReturn:
    """In the fork: become a kernel, as a process of its own would."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else 0)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv = ["ipykernel_launcher", *arguments]
    code = 0
    try:
        _seed_anew()
        from ipykernel.kernelapp import IPKernelApp

        app: Any = IPKernelApp.instance(parent_handle=os.getppid())  # it ends with the nursery
        app.initialize(arguments)
        if "ipywidgets" in sys.modules:  # it looked for a kernel when it was imported
            sys.modules["ipywidgets"].register_comm_target()
        app.start()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        code = 1
    os._exit(code)


def _seed_anew() -> None:
    """Draw other numbers than the other forks."""
    import random

    import numpy as np

    random.seed()
    np.random.seed()  # noqa: NPY002


if __name__ == "__main__":
    main(sys.argv[1:])
