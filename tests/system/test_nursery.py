"""Kernels that are forks: they share what was imported, and nothing else."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from jupyter_client.connect import write_connection_file
from support import pages

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="Forks are for Linux."),
]


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    """Give the process that forks, for a notebook that imports something."""
    from nmflab.system.nursery import Nursery

    folder = tmp_path_factory.mktemp("nursery")
    nursery = Nursery(
        pages.write_notebook(folder / "page.ipynb", "import nmflab.corpus.folders, wave")
    )
    yield nursery
    nursery.close()


@pytest.fixture
def fork(nursery, tmp_path):
    """Give a function that forks a kernel, and gives it with its client; all end afterwards."""
    from jupyter_client import BlockingKernelClient

    from nmflab.system.nursery import Forked

    made = []

    def start(**environment):
        path, facts = write_connection_file(str(tmp_path / f"kernel-{len(made)}.json"))
        env = {**os.environ, **environment}
        pid = asyncio.run(nursery.fork(["-f", path], env, str(tmp_path)))
        client = BlockingKernelClient()
        client.load_connection_info(facts)
        client.start_channels()
        client.wait_for_ready(timeout=60)
        kernel = Forked(pid)
        made.append((kernel, client))
        return kernel, pages.Kernel(client)

    yield start
    for kernel, client in made:
        client.stop_channels()
        kernel.kill()
        kernel.wait()


def test_a_fork_has_what_the_notebook_imports_and_a_session_and_numbers_of_its_own(fork, tmp_path):
    one, other = fork(WHO="one"), fork(WHO="other")
    draws = []
    for (kernel, run), who in ((one, "one"), (other, "other")):
        run("import sys, os, random, numpy as np")
        assert run.value("'wave' in sys.modules") == "True"
        assert run.value("os.environ['WHO']") == repr(who)
        assert run.value("os.getcwd()") == repr(str(tmp_path))
        assert run.value("(os.getpid(), os.getpgid(0))") == repr((kernel.pid, kernel.pid))
        draws += [run.value("random.random()"), run.value("float(np.random.rand())")]
        run("from nmflab.corpus.clips import _shared")
        assert int(run.value("len(_shared)")) > 20  # the embedded recordings
    assert len(set(draws)) == 4


def test_a_fork_is_interrupted_and_ended_as_a_kernel_of_its_own_would_be(fork):
    kernel, run = fork()
    assert kernel.poll() is None
    message = run.client.execute("import time; print('begun', flush=True); time.sleep(60)")
    while run.client.get_iopub_msg(timeout=30)["msg_type"] != "stream":
        pass
    kernel.send_signal(signal.SIGINT)
    while (reply := run.client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != message:
        pass
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    kernel.terminate()
    assert kernel.wait() == 0
    assert kernel.poll() == 0


def test_all_forks_end_with_the_server(tmp_path):
    """Even with one that is killed."""
    notebook = pages.write_notebook(tmp_path / "page.ipynb", "import nmflab")
    options = ("--Dashboard.guests=1", "--preheat_kernel=True", "--pool_size=1")
    with pages.dashboard(notebook, *options) as url:
        assert url
        deadline = time.monotonic() + 60
        while len(family := _family(notebook)) < 3 and time.monotonic() < deadline:
            time.sleep(0.2)  # the server, the process that forks, the kernel that waits
        assert len(family) >= 3
        os.kill(min(family), signal.SIGKILL)
        while _family(notebook) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert _family(notebook) == []


def _family(notebook):
    """List the processes that name a notebook in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(notebook) in path.read_text() and json.loads(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
