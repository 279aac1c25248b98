"""The commands that open the notebooks: what is copied, and what the servers are asked for."""

import subprocess
import sys

import pytest

from nmflab.cli import main as cli
from nmflab.errors import NmflabError
from nmflab.system import servers as serving
from nmflab.system.shipped import notebooks_folder


@pytest.fixture
def servers(monkeypatch):
    """Take note of the servers that the process would become; end it with an exit code of 3."""
    started = []

    def become(path, command):
        assert path == sys.executable
        started.append(command)
        raise SystemExit(3)

    monkeypatch.setattr(serving.os, "execv", become)
    return started


def test_lab_copies_the_notebooks_once_and_opens_the_first(servers, tmp_path, monkeypatch):
    monkeypatch.setattr(serving.subprocess, "run", lambda *_, **__: None)
    folder = tmp_path / "mine"
    assert cli.main(["lab", "--folder", str(folder), "--", "--no-browser", "--port=9999"]) == 3
    names = sorted(path.name for path in notebooks_folder().glob("*.ipynb"))
    assert sorted(path.name for path in folder.glob("*.ipynb")) == names
    command = servers[0]
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert command[-2:] == ["--no-browser", "--port=9999"]
    assert f"--ServerApp.root_dir={folder}" in command
    assert any(serving.FIRST in word for word in command)


def test_a_notebook_that_is_there_stays_as_it_is(tmp_path):
    (tmp_path / serving.FIRST).write_text("mine")
    copied = serving.copy_notebooks(tmp_path)
    assert (tmp_path / serving.FIRST).read_text() == "mine"
    assert serving.FIRST not in [path.name for path in copied]


def test_what_the_notebooks_link_to_beside_them_is_copied_too(tmp_path):
    serving.copy_notebooks(tmp_path)
    assert (tmp_path / "notation.md").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NmflabError, match=r"file.*choose a folder"):
        serving.copy_notebooks(tmp_path / "file")


def test_the_dashboard_serves_the_page_for_guests_within_bounds(servers):
    options = ["--guests", "7", "--memory", "512", "--", "--port=8866"]
    assert cli.main(["dashboard", *options]) == 3
    command = servers[0]
    assert command[:3] == [sys.executable, "-m", "nmflab.system.dashboard"]
    assert command[3] == str(serving.DASHBOARD)
    assert command[-1] == "--port=8866"
    assert {"--Dashboard.guests=7", "--Dashboard.memory=512"} < set(command)
    assert not [word for word in command if "ip=" in word or "xsrf" in word]


def test_a_public_dashboard_without_a_lock_is_refused_and_says_what_it_needs(servers, capsys):
    assert cli.main(["dashboard", "--public"]) == 1
    said = capsys.readouterr().err
    assert all(word in said for word in ("--token", serving.PROXY_OPTION, "TLS", "server.md"))
    assert not servers


def test_whoever_has_a_proxy_says_so_in_the_words_of_the_help(servers, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert cli.main(["dashboard", "--public", serving.PROXY_OPTION]) == 3
    bounds = {"--Dashboard.memory=1024", "--Dashboard.behind_proxy=True"}
    assert {"--Voila.ip=0.0.0.0", *bounds} < set(servers[0])


def test_alone_on_ones_machine_a_dashboard_has_no_bound_on_memory(servers):
    assert cli.main(["dashboard"]) == 3
    assert "--Dashboard.memory=0" in servers[0]


def test_a_token_lets_the_dashboard_out_and_stands_in_no_list_of_processes(servers, monkeypatch):
    monkeypatch.setenv(serving.TOKEN, "")  # so that it is put back
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert cli.main(["dashboard", "--public", "--token", "sesame"]) == 3
    assert "--Voila.ip=0.0.0.0" in servers[0]
    assert "sesame" not in " ".join(servers[0])
    assert serving.os.environ[serving.TOKEN] == "sesame"


@pytest.mark.parametrize("module", ["jupyterlab", "voila"])
@pytest.mark.slow
def test_the_servers_are_installed(module):
    run = subprocess.run(
        [sys.executable, "-m", module, "--version"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
