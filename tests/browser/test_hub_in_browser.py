"""JupyterHub at an address with a prefix, one core for each: an explorer follows its slider."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import pages

PYTHON = Path(os.environ.get("NMFLAB_HUB", sys.executable)).absolute()
"""The Python that has JupyterHub; the notebooks run in the one that runs this."""
PROXY = shutil.which(os.environ.get("NMFLAB_PROXY", "configurable-http-proxy"))


def said_by(*command):
    """Give what a command says; nothing if it isn't there."""
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return ""


PACKAGES = said_by(PYTHON, "-c", "import jupyterhub; print(jupyterhub.__path__[0])")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (PACKAGES and PROXY),
        reason="No JupyterHub with its proxy here: docs/anywhere.md says how to install them.",
    ),
]

CELLS = (
    """
import nmflab as nl
from nmflab.explorer import SeparationExplorer
from nmflab.system.threads import num_workers
print("workers:", num_workers())
quick = dict(num_basis_speech=8, num_basis_noise=4, max_iter_train=3, max_iter_test=5)
""",
    "explorer = SeparationExplorer(settings=nl.Settings(**quick))\nexplorer",
)

CONFIG = """
import os
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/course/"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.cookie_secret = os.urandom(32)
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.DummyAuthenticator.allow_all = True
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--LabApp.expose_app_in_browser=True"]
c.Spawner.environment = {environment!r}
c.Spawner.cpu_limit = 1
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Give the address of a hub whose user finds one notebook."""
    folder = tmp_path_factory.mktemp("hub")
    home = folder / "home"
    home.mkdir()
    pages.write_notebook(home / "lesson.ipynb", *CELLS)
    ports = [pages.free_port() for _ in range(3)]
    facts = dict(zip(("port", "hub_port", "proxy_port"), ports, strict=True))
    path = [*filter(None, sys.path), str(Path(PACKAGES).parent)]
    own = {"PYTHONPATH": os.pathsep.join(path), "NMFLAB_CACHE": "off"}
    config = folder / "jupyterhub_config.py"
    text = CONFIG.format(
        **facts,
        proxy=str(Path(PROXY).absolute()),
        home=str(home),
        python=sys.executable,
        environment=own,
    )
    config.write_text(text)
    log = folder / "hub.log"
    with log.open("wb") as file:
        command = [PYTHON, "-m", "jupyterhub", f"--config={config}"]
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=subprocess.STDOUT)
        try:
            url = f"http://127.0.0.1:{facts['port']}/course"
            pages.wait_for(f"{url}/hub/login", process, log)
            yield url
        finally:
            process.terminate()
            process.wait(60)


def test_an_explorer_follows_its_slider_behind_a_prefix_on_one_core(hub, chromium_path):
    with pages.chromium(chromium_path) as page:
        page.set_default_timeout(180_000)
        page.goto(f"{hub}/hub/login")
        page.get_by_label("Username").fill("student")
        page.get_by_label("Password").fill("any")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{hub}/user/student/lab**")
        pages.open_in_lab(page, f"{hub}/user/student", "lesson.ipynb")
        pages.run_all(page)
        page.locator('.nmflab-status[data-state="ready"]').wait_for()
        assert page.get_by_text("workers: 1", exact=True).count() == 1
        gain = page.locator(".nmflab-canvas", has=page.get_by_text("Gain", exact=True))
        before = int(gain.get_attribute("data-seq"))
        slider = page.get_by_role("slider", name="power p", exact=True)
        value = slider.get_attribute("aria-valuenow")
        slider.focus()
        slider.press("ArrowRight")
        page.wait_for_function(
            "([canvas, seq]) => +canvas.dataset.seq > seq", arg=[gain.element_handle(), before]
        )
        page.locator('.nmflab-status[data-state="ready"]').wait_for()
        assert slider.get_attribute("aria-valuenow") != value
        assert page.problems == [], json.dumps(page.problems)
