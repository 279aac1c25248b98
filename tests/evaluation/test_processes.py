"""Requests to end, while processes are being started."""

import os
import signal
import threading
import time

import pytest

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


def test_a_request_that_another_thread_gets_is_answered_afterwards(request_to_end):
    steps = []
    with pytest.raises(Ended), signals_held_back():
        os.kill(os.getpid(), request_to_end)
        time.sleep(0.05)
        steps.append("nothing came between")
    assert steps


def test_several_requests_are_one(request_to_end):
    with pytest.raises(Ended), signals_held_back():
        for _ in range(3):
            os.kill(os.getpid(), request_to_end)
            time.sleep(0.01)
    time.sleep(0.01)


def test_an_error_inside_is_not_lost_and_the_answer_is_as_before(request_to_end):
    handler = signal.getsignal(request_to_end)
    with pytest.raises(ValueError), signals_held_back():
        raise ValueError
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
