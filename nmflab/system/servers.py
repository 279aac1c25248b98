"""The notebooks in the browser: JupyterLab on all of them, Voilà on the explorer alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from nmflab.errors import NmflabError
from nmflab.system.shipped import notebooks_folder

FIRST = "00_quickstart.ipynb"
DASHBOARD = Path(__file__).with_name("dashboard.ipynb")
DASHBOARD_OPTIONS = (
    # One notebook, for which one kernel waits: a page opens in 3 s instead of 5.
    "--preheat_kernel=True",
    "--pool_size=1",
    "--show_tracebacks=False",
    # A page that is closed ends its kernel. Those of browsers that crash, sleep or are cut off
    # end by themselves.
    "--MappingKernelManager.cull_idle_timeout=900",
    "--MappingKernelManager.cull_interval=60",
)
TOKEN = "NMFLAB_DASHBOARD_TOKEN"
PROXY_OPTION = "--i-have-a-proxy"
NEEDED = f"""\
--public opens the dashboard to other machines. It still needs:
  a lock     a token that guests must know (--token WORD), or a proxy that asks who is there;
  TLS        a proxy such as nginx or JupyterHub: without it others on the network read along,
             and browsers let nobody record;
  a limit    --guests and --memory, so that the machine carries them all.
docs/server.md has the proxy's settings. Give --token WORD, or {PROXY_OPTION}."""
COPIED = (".ipynb", ".md")  # the notebooks, and the notation that they link to


def open_lab(folder: str | os.PathLike[str], arguments: Sequence[str] = ()) -> int:
    """Open JupyterLab on the notebooks in a folder; where this returns, give its exit code.

    Notebooks that aren't there yet are copied, what is there stays as it is. In a checkout, give
    the checkout's own folder ``notebooks``.
    """
    folder = Path(folder)
    copy_notebooks(folder)
    notebooks = [str(path) for path in sorted(folder.glob("*.ipynb"))]
    # JupyterLab plays the sounds that a notebook has stored only where the notebook is trusted.
    subprocess.run(
        [sys.executable, "-m", "jupyter", "trust", *notebooks], capture_output=True, check=False
    )
    options = [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/lab/tree/{FIRST}"]
    return _run("jupyterlab", [*options, *arguments])


def open_dashboard(
    arguments: Sequence[str] = (),
    *,
    guests: int = 30,
    memory: int | None = None,
    public: bool = False,
    token: str | None = None,
    behind_proxy: bool = False,
) -> int:
    """Serve the explorer as a page of its own; where this returns, give Voilà's exit code.

    At most `guests` pages are open at once, and each kernel may hold `memory` MiB. It is for this
    machine alone, unless it is public: then it wants a token, or a proxy that stands before it.
    Where others come in, kernels have 1024 MiB by default, and a thread each; else no bound.
    """
    if public and not (token or behind_proxy):
        raise NmflabError(NEEDED)
    if public or behind_proxy:
        memory = memory or 1024
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # guests share cores; threads hold memory
    options = [f"--Dashboard.guests={guests}", f"--Dashboard.memory={memory or 0}"]
    if public:
        options.append("--no-browser")
        if not any(argument.startswith("--Voila.ip=") for argument in arguments):
            options.append("--Voila.ip=0.0.0.0")
    if token:
        os.environ[TOKEN] = token
    if behind_proxy:
        options.append("--Dashboard.behind_proxy=True")
    return _run(
        "nmflab.system.dashboard", [str(DASHBOARD), *DASHBOARD_OPTIONS, *options, *arguments]
    )


def copy_notebooks(folder: Path) -> list[Path]:
    """Copy the notebooks and their notation; leave what is there, and give what was copied."""
    copied = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in sorted(notebooks_folder().iterdir()):
            target = folder / source.name
            if source.suffix in COPIED and not target.exists():
                shutil.copyfile(source, target)
                copied.append(target)
    except OSError as error:
        raise NmflabError(
            f"The notebooks can't be copied to {str(folder)!r} ({error.strerror}): choose a "
            "folder where you may write."
        ) from error
    return copied


def _run(module: str, arguments: Sequence[str]) -> int:
    """Become the server, so that whoever ends this process ends it; on Windows, wait for it."""
    command = [sys.executable, "-m", module, *arguments]
    if os.name == "posix":
        sys.stdout.flush()
        os.execv(sys.executable, command)  # doesn't return
    server = subprocess.Popen(command)
    while True:
        try:
            return server.wait()
        except KeyboardInterrupt:  # the server got it too, and may ask back
            continue
