"""Requests to end, while processes are being started."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from nmflab.evaluation import processes
from nmflab.evaluation.processes import signals_held_back

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals.")


class Ended(BaseException):
    """A request to end was answered."""


@pytest.fixture(params=["SIGINT", "SIGTERM"])
def request_to_end(request):
    """Give a signal that is answered with an exception, while a second thread may get it."""
    number = getattr(signal, request.param)

    def end(*_):
        raise Ended

    before = signal.signal(number, end)
    awake = threading.Event()
    other = threading.Thread(target=awake.wait)
    other.start()
    yield number
    awake.set()
    other.join()
    signal.signal(number, before)


def asked_to_end(number, times, steps):
    """Ask this process to end while signals are held back, and go on."""
    with signals_held_back():
        for _ in range(times):
            os.kill(os.getpid(), number)
            time.sleep(0.02)
            steps.append("went on")


@pytest.mark.parametrize("times", [1, 3])
def test_requests_that_another_thread_gets_are_answered_once_and_afterwards(request_to_end, times):
    steps = []
    with pytest.raises(Ended):
        asked_to_end(request_to_end, times, steps)
    time.sleep(0.02)
    assert len(steps) == times


def test_an_error_inside_is_not_lost_and_the_answer_is_as_before(request_to_end):
    handler = signal.getsignal(request_to_end)
    with pytest.raises(ZeroDivisionError), signals_held_back():
        _ = 1 / 0
    assert signal.getsignal(request_to_end) is handler


def test_in_another_thread_signals_are_only_masked(request_to_end):
    seen = []

    def start():
        with signals_held_back():
            seen.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert {signal.SIGINT, signal.SIGTERM} <= seen[0]


LONGER = processes.GRACE + 1.5


def slow_writer(task, report, tick):
    """Clean up behind oneself, long after the stop."""
    folder = Path(task)
    (folder / "begun").touch()
    try:
        time.sleep(LONGER)
        report("", 0, 1)
    finally:
        (folder / "cleaned up").touch()
    tick()


@pytest.mark.slow
def test_a_worker_that_is_stopped_may_clean_up_however_long_its_work_takes(tmp_path):
    """On a busy machine it may take more than the grace of those whose parent is gone."""

    def interrupt(*_):
        if (tmp_path / "begun").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        processes.do_all(slow_writer, [str(tmp_path)], jobs=2, stage="", total=1, report=interrupt)
    assert (tmp_path / "cleaned up").exists()
