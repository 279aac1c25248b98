"""Who may import whom: the contracts in pyproject.toml hold, and a broken one fails."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def lint(folder):
    """Check the contracts on the package in a folder."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint"]
    command[-1] += "; lint(['--no-cache'])"
    found = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=found, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path):
    """Give a copy of the package and its contracts, to break."""
    shutil.copytree(ROOT / "nmflab", tmp_path / "nmflab")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold():
    run = lint(ROOT)
    assert run.returncode == 0, run.stdout
    assert "0 broken" in run.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("audio/files.py", "import nmflab.corpus.clips", "Imports go downwards"),
        ("errors.py", "import nmflab.settings", "Imports go downwards"),
        ("core/stft.py", "import nmflab.core.model", "The core goes downwards too"),
        ("priors/distributions.py", "import nmflab.settings", "Imports go downwards"),
        ("core/stft.py", "import librosa", "The core needs numpy and scipy alone"),
        ("explorer/engine/state.py", "import ipywidgets", "An explorer's engine knows of no"),
        ("figures/scales.py", "import nmflab.figures.drawing", "Nothing goes round in a circle"),
    ],
)
@pytest.mark.slow
def test_a_broken_contract_fails(copy, module, line, contract):
    path = copy / "nmflab" / module
    path.write_text(path.read_text() + f"\n{line}\n")
    run = lint(copy)
    assert run.returncode == 1
    (broken, *_) = [said for said in run.stdout.splitlines() if said.startswith(contract)]
    assert "BROKEN" in broken


def test_a_new_room_needs_a_place(copy):
    (copy / "nmflab" / "attic.py").write_text("")
    assert lint(copy).returncode == 1


def test_the_core_imports_numpy_and_scipy_alone():
    graph = grimp.build_graph("nmflab", include_external_packages=True, cache_dir=None)
    core = {"nmflab.core", *graph.find_descendants("nmflab.core")}
    found = {name for module in core for name in graph.find_modules_directly_imported_by(module)}
    outside = {name.partition(".")[0] for name in found} - {"nmflab"} - sys.stdlib_module_names
    assert outside == {"numpy", "scipy"}
