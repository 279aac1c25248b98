"""Start JupyterLab and Voilà on loopback, open notebooks in Chromium, talk to their kernels."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
from jupyter_client import BlockingKernelClient
from playwright.sync_api import sync_playwright

from support import js_coverage

# Nothing leaves the machine, and sound plays without a sound card.
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]

# JupyterLab on loopback, open to whoever runs the test, silent, and driven from its own commands.
LAB_CONFIG = {
    "ServerApp": {
        "allow_root": True,
        "ip": "127.0.0.1",
        "open_browser": False,
    },
    "IdentityProvider": {"token": ""},
    "LabApp": {
        "check_for_updates_class": "jupyterlab.handlers.announcements.NeverCheckForUpdate",
        "expose_app_in_browser": True,
        "extension_manager": "readonly",
        "news_url": None,
    },
}

# What JupyterLab and Chromium say by themselves, with or without our widgets.
HARMLESS = re.compile(r"favicon|font-?awesome|@jupyterlite/", re.I)


def write_notebook(path, *cells):
    """Write a notebook of code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)
    return path


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _environment(folder, *, threads=1):
    """Keep settings, workspaces and connection files of a run inside its own folder.

    Kernels get that many threads; None leaves them as many as there are cores.
    """
    names = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    own = {name: folder / ".jupyter" / sub for name, sub in names.items()}
    for path in own.values():
        path.mkdir(parents=True, exist_ok=True)
    notices = own["JUPYTERLAB_SETTINGS_DIR"] / "@jupyterlab" / "apputils-extension"
    notices.mkdir(parents=True, exist_ok=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (notices / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    for name in ("jupyter_server_config.json", "jupyter_lab_config.json"):
        (own["JUPYTER_CONFIG_DIR"] / name).write_text(json.dumps(LAB_CONFIG))
    environment = {**os.environ, **{k: str(v) for k, v in own.items()}}
    environment.pop("OMP_NUM_THREADS", None)
    return environment if threads is None else {**environment, "OMP_NUM_THREADS": str(threads)}


@contextlib.contextmanager
def _serve(folder, command, path, log_name, **environment):
    """Run a server until the block ends; give its address once it answers."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log_path = folder / log_name
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, f"--port={port}"],
            cwd=folder,
            env=_environment(folder, **environment),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(url + path, process, log_path)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(url, process, log_path, seconds=90):
    """Wait until a server answers, and say what it said if it ends or is too slow."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return  # a refusal is an answer
        except OSError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"The server does not answer.\n{log_path.read_text()[-3000:]}")


def jupyter_lab(folder, *options, threads=1):
    """Give the address of a JupyterLab that serves `folder`, as a context manager."""
    command = ["jupyterlab", f"--ServerApp.root_dir={folder}", *options]
    return _serve(folder, command, "/api", "lab.log", threads=threads)


def voila(notebook, *options, server="voila"):
    """Give the address of a Voilà that serves one notebook, as a context manager."""
    command = [server, str(notebook), "--no-browser", "--Voila.ip=127.0.0.1", *options]
    command.append(f"--Voila.connection_dir_root={notebook.parent / '.jupyter' / 'runtime'}")
    return _serve(notebook.parent, command, "/static/", "voila.log")


def dashboard(notebook, *options):
    """Give the address of our own dashboard, on another notebook, as a context manager."""
    return voila(notebook, *options, server="nmflab.system.dashboard")


def public_dashboard(folder, *options):
    """Give the address of ``nmflab dashboard --public``, on loopback, as a context manager."""
    runtime = folder / ".jupyter" / "runtime"
    passed_on = ["--Voila.ip=127.0.0.1", f"--Voila.connection_dir_root={runtime}"]
    command = ["nmflab", "dashboard", "--public", "--guests", "2", *options, "--", *passed_on]
    return _serve(folder, command, "/health", "dashboard.log")


@contextlib.contextmanager
def chromium(path, *options, width=1280, height=900, scale=1, touch=False):
    """Give a page; its ``problems`` lists the errors of its console."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*CHROMIUM_OPTIONS, *options]
        )
        context = browser.new_context(
            viewport={"width": width, "height": height}, device_scale_factor=scale, has_touch=touch
        )
        page = context.new_page()
        js_coverage.watch(page)
        page.set_default_timeout(60_000)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda message: _note(page.problems, message))
        try:
            yield page
        finally:
            js_coverage.write(page)
            browser.close()


def _note(problems, message):
    text = f"{message.text} {message.location.get('url', '')}"
    if message.type == "error" and not HARMLESS.search(text):
        problems.append(text)


def open_in_lab(page, url, name):
    """Open a notebook alone (no file browser beside it) and wait for its kernel."""
    page.goto(f"{url}/lab/tree/{name}?reset", wait_until="commit")
    page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context?.isReady")
    page.evaluate("jupyterapp.restored")
    page.evaluate("jupyterapp.shell.collapseLeft()")
    page.evaluate("jupyterapp.shell.collapseRight()")
    page.wait_for_function(
        "jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
    )


def run_all(page):
    """Run all cells and wait until the kernel has done them."""
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")


def set_theme(page, name):
    """Take another theme: "JupyterLab Dark", "JupyterLab Light"."""
    page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: '{name}'}})")
    page.wait_for_function(f"document.body.dataset.jpThemeName === '{name}'")


def drag_by_finger(page, *places, steps=4):
    """Put a finger down at the first of some places (x, y), draw it along them, and lift it."""
    finger = page.context.new_cdp_session(page)

    def touch(kind, *points):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    (x, y), *others = places
    touch("touchStart", {"x": x, "y": y})
    for next_x, next_y in others:
        for step in range(1, steps + 1):
            share = step / steps
            touch("touchMove", {"x": x + share * (next_x - x), "y": y + share * (next_y - y)})
        x, y = next_x, next_y
    touch("touchEnd")
    finger.detach()


def drop(page, selector, path):
    """Drop a file on an element."""
    data = page.evaluate_handle(
        """([content, name]) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(content)], name));
          return data;
        }""",
        [list(path.read_bytes()), path.name],
    )
    for event in ("dragover", "drop"):
        page.locator(selector).dispatch_event(event, {"dataTransfer": data})


@contextlib.contextmanager
def kernel_of(folder, seconds=30):
    """Give a `Kernel`: the kernel that was started last in this folder."""
    runtime = folder / ".jupyter" / "runtime"
    end = time.monotonic() + seconds
    while not (files := sorted(runtime.rglob("kernel-*.json"), key=os.path.getmtime)):
        if time.monotonic() > end:
            raise RuntimeError("No kernel has started.")
        time.sleep(0.1)
    client = BlockingKernelClient()
    client.load_connection_info(json.loads(files[-1].read_text()))
    client.start_channels()

    try:
        client.wait_for_ready(timeout=seconds)
        yield Kernel(client)
    finally:
        client.stop_channels()


class Kernel:
    """``kernel(code)`` runs code and raises its errors; ``kernel.value(code)`` gives its repr."""

    def __init__(self, client):
        self.client = client

    def __call__(self, code, **expressions):
        reply = self.client.execute_interactive(
            code, timeout=60, output_hook=lambda message: None, user_expressions=expressions
        )
        if reply["content"]["status"] != "ok":
            raise AssertionError("\n".join(reply["content"]["traceback"]))
        return reply["content"]["user_expressions"]

    def value(self, expression):
        value = self("", value=expression)["value"]
        if value["status"] != "ok":
            raise AssertionError("\n".join(value["traceback"]))
        return value["data"]["text/plain"]
