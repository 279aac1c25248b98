"""What a browser's Python lacks isn't needed: explorers and lessons run without it."""

import io
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support import browser_python, pyodide
from support.sounds import tone

import nmflab as nl
from nmflab import explorer
from nmflab.corpus.public import PUBLIC_CORPORA, fetch_corpus
from nmflab.system.caching import cache_folder
from nmflab.system.cores import usable_cores
from nmflab.system.files import locked
from nmflab.system.shipped import is_short, notebooks_folder

sys.path.insert(0, str(pyodide.ROOT / "tools"))

import build_lite
import ship_dictionaries

NOTEBOOKS = sorted(notebooks_folder().glob("[0-9]*.ipynb"))


@pytest.fixture(scope="module")
def found():
    """Run all that a browser's Python would run, the lessons on the short corpus."""
    return run_poorly(sys.path, *map(str, NOTEBOOKS))


def run_poorly(path, *arguments):
    """Run `browser_python` with this path of modules; give what it says, by what it is about."""
    environment = os.environ | {
        "NMFLAB_SHORT": "1",
        "NMFLAB_CACHE": "off",
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
        "PYTHONPATH": os.pathsep.join(path),
    }
    command = [sys.executable, browser_python.__file__, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith('{"')]
    return {line.get("explorer") or line["notebook"]: line for line in lines}


@pytest.mark.slow
@pytest.mark.parametrize("name", explorer.__all__)
def test_every_control_of_an_explorer_moves_without_them(found, name):
    assert found[name]["states"]
    assert set(found[name]["states"].values()) == {"ready"}
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} == set(
        found[name]["faces"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_runs_without_them(found, path):
    assert found[path.name]["shown"] >= 2
    assert found[path.name]["left_out"] <= 1, "one cell in all may ask for librosa"


@pytest.mark.slow
def test_explorers_begin_without_training_where_dictionaries_are_shipped(tmp_path, monkeypatch):
    monkeypatch.setenv("NMFLAB_SHORT", "1")
    build_lite.copy_project(tmp_path, None)
    embedded = tmp_path / "nmflab" / "embedded"
    embedded.mkdir()
    (tmp_path / "data").rename(embedded / "data")  # as in the wheel
    (embedded / "dictionaries").mkdir()
    with ship_dictionaries.shipping(embedded / "dictionaries"):
        ship_dictionaries.train_presets(
            [nl.Settings.framewise(), nl.Settings.tuned(), nl.Settings.own()]
        )
    found = run_poorly([str(tmp_path), *sys.path], "--shipped")
    begun = {f"SeparationExplorer, {preset}" for preset in ("framewise", "tuned", "own")}
    assert {*begun, "ListeningExplorer, framewise"} <= set(found)
    for name, line in found.items():
        assert set(line["states"].values()) <= {"ready", "live"}, name
        assert not line["looks"], name
    noises = nl.load_corpus().noise_names
    assert set(noises) <= set(found["SeparationExplorer, tuned"]["states"])
    for file in (embedded / "dictionaries").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(AssertionError, match="would be trained"):
        run_poorly([str(tmp_path), *sys.path], "--shipped")


def test_the_short_corpus_is_one_declared_switch(monkeypatch):
    whole = nl.load_corpus()
    monkeypatch.setenv("NMFLAB_SHORT", "1")
    short = nl.load_corpus()
    assert short.train_speech.names == whole.train_speech.names
    sizes = [sum(x.size for x in corpus.train_speech) for corpus in (short, whole)]
    assert sizes[0] < sizes[1] / 3
    name = short.train_speech.names[3]
    begins = short.train_speech[name]
    np.testing.assert_array_equal(begins, whole.train_speech[name][: begins.size])
    monkeypatch.setenv("NMFLAB_SHORT", "0")
    assert not is_short()


def test_pyodide_has_all_that_the_package_needs_in_a_browser():
    """Compare the versions that Pyodide's own list has, and the pure wheels, with what is asked."""
    if not pyodide.CORE.is_dir() and not os.environ.get("NMFLAB_REQUIRE_NODE"):
        pytest.skip("No npm package pyodide here: make check-js installs it.")
    import build_lite

    core = json.loads((pyodide.CORE / "package.json").read_text())
    assert core["version"] == build_lite.PYODIDE_VERSION, "kernel and package.json must fit"
    project = tomllib.loads((pyodide.ROOT / "pyproject.toml").read_text())["project"]
    needs = [r for r in map(Requirement, project["dependencies"]) if in_a_browser(r)]
    assert {"numpy", "scipy", "matplotlib", "soundfile", "soxr"} <= {r.name for r in needs}
    assert "librosa" not in {r.name for r in needs}
    pins = re.findall(
        r"^(\S+)==(\S+)$", (pyodide.ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
    pure = {
        canonicalize_name(name): dict(pins)[canonicalize_name(name)] for name in build_lite.PURE
    }
    packages = {name: package["version"] for name, package in pyodide.lock().items()}
    for requirement in needs:
        version = packages.get(requirement.name) or pure.get(requirement.name)
        assert version, f"neither Pyodide nor the site has {requirement.name}"
        assert requirement.specifier.contains(version), f"{requirement} is not {version}"
    for name in pure:
        for requirement in filter(in_a_browser, map(Requirement, metadata.requires(name) or [])):
            its = canonicalize_name(requirement.name)
            assert its in {*packages, *pure, *build_lite.SHIMS}, (name, its)


def in_a_browser(requirement):
    """Say whether a package is asked for there, and for no extra."""
    place = {"sys_platform": "emscripten", "platform_system": "Emscripten", "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate(place)


def without(monkeypatch, *names):
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)


def test_what_can_only_be_had_elsewhere_is_named_in_a_sentence(monkeypatch):
    without(monkeypatch, "pooch", "soundfile", "av")
    with pytest.raises(nl.NmflabError, match=r"pooch, which is not installed: install it"):
        fetch_corpus(next(iter(PUBLIC_CORPORA)))
    with pytest.raises(nl.NmflabError, match=r"give a whole WAV file|can't be read"):
        nl.read_audio(io.BytesIO(b"OggS" + bytes(100)))
    with pytest.raises(nl.NmflabError, match="soundfile, which is not installed"):
        nl.write_audio("a.flac", tone())


def test_nothing_is_kept_or_locked_without_the_packages_for_it(tmp_path, monkeypatch):
    without(monkeypatch, "platformdirs", "filelock")
    monkeypatch.delenv("NMFLAB_CACHE", raising=False)
    assert cache_folder() is None
    with locked(tmp_path / "new" / "a.csv"):
        assert [*(tmp_path / "new").iterdir()] == []


def test_a_browser_s_python_has_one_core_and_the_short_corpus(monkeypatch):
    monkeypatch.delenv("NMFLAB_SHORT", raising=False)
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert usable_cores() == 1
    assert is_short()
