"""The short versions of what `make soak` does at length."""

import json
import os
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from nmflab.errors import NmflabError

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import fuzz  # noqa: E402
import mutants  # noqa: E402

FILES = 60


def damaged(seeds, rng):
    """Change, cut, double or stuff a good file."""
    content = bytearray(seeds[rng.integers(len(seeds))])
    for _ in range(rng.integers(1, 6)):
        place, size = rng.integers(len(content) or 1), int(rng.integers(1, 9))
        what = rng.integers(4)
        some = rng.choice([bytes(size), b"\xff" * size, rng.bytes(size)])
        if what == 0:
            content[place : place + size] = some[: len(content) - place]
        elif what == 1:
            del content[place:]
        elif what == 2:
            content[place:place] = content[place : place + 40]
        else:
            content[place:place] = some
    return bytes(content)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reader", fuzz.READERS)
def test_damaged_files_are_read_or_refused_in_a_sentence(reader, tmp_path, rng):
    make, read = fuzz.READERS[reader]
    seeds = make(tmp_path)
    for _ in range(FILES):
        content = damaged(seeds, rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with suppress(NmflabError):
                read(content, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="It looks into /proc.")
@pytest.mark.parametrize("command", ["separate", "denoise, 2 jobs"])
def test_a_command_that_is_ended_at_random_moments_leaves_nothing_half_done(command):
    run = subprocess.run(
        [sys.executable, "tools/kills.py", "--number", "3", "--only", command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "kills: 3; faults: 0" in run.stdout


def test_every_mutant_of_the_core_is_python_and_another_program():
    found = [mutant for file in sorted(mutants.CORE.glob("*.py")) for mutant in
             mutants.mutants_of(file)]  # fmt: skip
    assert len(found) > 1000
    for number in np.random.default_rng(0).choice(len(found), 40, replace=False):
        mutant = found[number]
        file = mutants.CORE / mutant.file
        assert mutants.code_of(mutant) != compile(file.read_text("utf-8"), str(file), "exec")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="It looks into /proc.")
def test_three_guests_have_their_pages_and_move_together(tmp_path):
    words = ["--guests", "3", "--browsers", "0", "--together", "2", "--moves", "3"]
    figures = tmp_path / "figures.json"
    line = [sys.executable, "-m", "benchmarks.guests", *words, "--opening", "0.2"]
    run = subprocess.run(
        [*line, "--output", str(figures)], cwd=ROOT, capture_output=True, text=True
    )
    assert "goals" in run.stdout, run.stdout + run.stderr
    found = json.loads(figures.read_text())
    assert (found["guests"], found["moving at once"]) == (3, 2)
    assert found["PSS (GiB)"] < 4 * 3 / 30 + 1  # what is shared counts once, however few they are
