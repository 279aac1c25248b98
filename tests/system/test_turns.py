"""Turns of kernels at slow work: one core stays free, and who ends gives its turn back."""

import subprocess
import sys
import threading
import time

import pytest

from nmflab.explorer.engine import scheduling
from nmflab.explorer.engine.scheduling import Background
from nmflab.system import turns
from nmflab.system.turns import share_turns, turn

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Elsewhere all have a turn.")

HOLD = """
from nmflab.system.turns import turn
with turn() as is_ours:
    print(is_ours, flush=True)
    input()
"""


@pytest.fixture
def shared(monkeypatch):
    """Share turns as a server on two cores does."""
    monkeypatch.setenv(turns.NAME, "")
    monkeypatch.setattr(turns, "usable_cores", lambda: 2)
    share_turns()


def test_where_nobody_shares_turns_everybody_has_one(monkeypatch):
    monkeypatch.delenv(turns.NAME, raising=False)
    with turn() as one, turn() as other:
        assert (one, other) == (True, True)


@pytest.mark.parametrize(("cores", "slow"), [(1, 1), (2, 1), (4, 3)])
def test_one_core_stays_free_of_slow_work(shared, monkeypatch, cores, slow):
    monkeypatch.setattr(turns, "usable_cores", lambda: cores)
    taken = [turn() for _ in range(slow + 1)]
    assert [one.__enter__() for one in taken] == [True] * slow + [False]
    for one in taken:
        one.__exit__(None, None, None)
    with turn() as is_ours:
        assert is_ours


@pytest.mark.slow
def test_who_is_killed_gives_its_turn_back(shared):
    # It sees the real number of cores: hold all turns but one here.
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "True\n"
        with turn() as is_ours:
            assert not is_ours
        other.kill()
        other.wait()
        with turn() as is_ours:
            assert is_ours


def test_a_slow_job_waits_for_its_turn_and_gives_way_to_a_newer_one(shared, monkeypatch):
    monkeypatch.setattr(scheduling, "WAITING", 0.01)
    background, done, ran = Background(), [], threading.Event()
    with turn():
        background.later(lambda: done.append("slow"), 0.0, in_turn=True)
        time.sleep(0.1)
        assert done == []
        background.later(lambda: (done.append("quick"), ran.set()), 0.0)
        assert ran.wait(5)
    background.later(lambda: done.append("slow"), 0.0, in_turn=True)
    background.flush(5)
    assert done == ["quick", "slow"]


def test_who_waits_for_a_job_that_waits_for_its_turn_starts_no_threads(shared):
    done, background, ended = threading.Event(), Background(), threading.Event()
    with turn() as is_ours:
        assert is_ours
        background.later(done.set, 0.0, in_turn=True)
        before = threading.active_count()
        threading.Thread(target=lambda: (background.wait(), ended.set()), daemon=True).start()
        most = 0
        for _ in range(50):
            time.sleep(0.02)
            most = max(most, threading.active_count())
        assert most <= before + 1
        assert not done.is_set()
    assert done.wait(10)
    assert ended.wait(10)
    background.flush()
