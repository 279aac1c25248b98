"""Blocks come back in order, errors reach the caller, and BLAS gets its threads back."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from threadpoolctl import OpenBLASController, ThreadpoolController, threadpool_info

from nmflab.core.nmf import encode
from nmflab.core.nmf_encoding import ENCODING_FRAMES
from nmflab.system import threads as parallel
from nmflab.system.threads import aligned, map_blocks, num_workers, one_blas_thread


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def two_blas_threads():
    """Let BLAS have two threads, so that a limit and its end can be told apart."""
    before = ThreadpoolController().limit(limits=2, user_api="blas")
    let_any_thread_set_limits()
    yield
    let_any_thread_set_limits()
    before.restore_original_limits()
    let_any_thread_set_limits()


def let_any_thread_set_limits():
    """Undo that threadpoolctl 3.8 listens to the thread that came first, and to no other."""
    getattr(OpenBLASController, "clear_controlling_thread", lambda **_: None)(force=True)


@pytest.fixture(params=[1, 2])
def workers(request, monkeypatch):
    """Run with so many workers."""
    monkeypatch.setattr(parallel, "num_workers", lambda: request.param)
    return request.param


def test_results_come_in_the_order_of_the_blocks(workers):
    def work(block):
        time.sleep(0.002 * (5 - block))  # the last is the first to be done
        return block * block

    assert list(map_blocks(work, range(5))) == [0, 1, 4, 9, 16]


def test_no_block_gives_no_result(workers):
    assert list(map_blocks(lambda block: block, [])) == []


def test_two_workers_work_at_the_same_time(monkeypatch):
    monkeypatch.setattr(parallel, "num_workers", lambda: 2)
    monkeypatch.setattr(parallel, "_pool", None)
    meeting = threading.Barrier(2, timeout=10)
    assert len(list(map_blocks(lambda _: meeting.wait(), range(2)))) == 2


def test_blas_has_one_thread_in_a_block_and_all_of_them_afterwards(workers):
    seen = list(map_blocks(lambda _: blas_threads(), range(3)))
    assert all(set(threads) == {1} for threads in seen)
    assert set(blas_threads()) == {2}


def test_an_error_in_a_block_reaches_the_caller_and_gives_blas_its_threads_back(workers):
    def work(block):
        if block == 1:
            raise ZeroDivisionError("block 1")
        return block

    with pytest.raises(ZeroDivisionError, match="block 1"):
        list(map_blocks(work, range(4)))
    assert set(blas_threads()) == {2}
    assert list(map_blocks(abs, [-1, -2])) == [1, 2]


def test_no_block_is_at_work_any_more_when_an_error_reaches_the_caller(monkeypatch):
    monkeypatch.setattr(parallel, "num_workers", lambda: 2)
    running = []

    def work(block):
        if block == 0:
            raise ZeroDivisionError
        running.append(block)
        time.sleep(0.02)
        running.remove(block)

    with pytest.raises(ZeroDivisionError):
        list(map_blocks(work, range(8)))
    assert running == []


def test_after_an_interrupt_no_further_block_begins(monkeypatch):
    monkeypatch.setattr(parallel, "num_workers", lambda: 2)
    monkeypatch.setattr(parallel, "_pool", None)
    done = []

    def work(block):
        time.sleep(0.01)
        done.append(block)

    results = map_blocks(work, range(400))
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    assert len(done) < 200


def test_a_caller_that_stops_in_between_leaves_nothing_limited(workers):
    results = map_blocks(abs, [-1, -2, -3])
    assert next(results) == 1
    results.close()
    assert set(blas_threads()) == {2}


def test_an_error_in_progress_leaves_nothing_limited_while_the_error_is_kept(rng, workers):
    def progress(done, total):
        raise KeyboardInterrupt

    V, W = rng.random((8, 3 * ENCODING_FRAMES)), rng.random((8, 2))
    with pytest.raises(KeyboardInterrupt) as kept:
        encode(V, W, n_iter=1, progress=progress)
    assert set(blas_threads()) == {2}
    assert kept.value is not None  # as a notebook keeps its last error


def test_blas_is_held_in_any_thread_also_after_the_main_one_was_first():
    with one_blas_thread():
        assert set(blas_threads()) == {1}
    seen = []
    in_threads(lambda: seen.extend(map_blocks(lambda _: blas_threads(), range(1))))
    assert set(seen[0]) == {1}
    assert set(blas_threads()) == {2}


@pytest.mark.parametrize("last", ["the first", "the second"])
def test_blas_threads_come_back_whoever_of_two_users_at_once_leaves_last(last):
    both_in, all_out = (threading.Barrier(2, timeout=10) for _ in range(2))
    first_in, one_out = threading.Event(), threading.Event()
    seen = []

    def user(name, others_in):
        assert others_in.wait(10)
        with one_blas_thread():
            first_in.set()
            both_in.wait()
            if last == name:
                assert one_out.wait(10)
            seen.append(blas_threads())
        one_out.set()
        all_out.wait()  # both threads are alive until then

    nothing_to_wait_for = threading.Event()
    nothing_to_wait_for.set()
    in_threads(
        partial(user, "the first", nothing_to_wait_for), partial(user, "the second", first_in)
    )
    assert [set(threads) for threads in seen] == [{1}, {1}]
    assert set(blas_threads()) == {2}


def in_threads(*works):
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_threads_may_map_at_once(monkeypatch):
    monkeypatch.setattr(parallel, "num_workers", lambda: 2)
    results = {}

    def user(n):
        results[n] = [list(map_blocks(lambda block: n * block, range(7))) for _ in range(20)]

    in_threads(*(partial(user, n) for n in range(3)))
    assert all(r == [[n * block for block in range(7)]] * 20 for n, r in results.items())
    assert len(results) == 3
    assert set(blas_threads()) == {2}


def no_thread(*_, **__):
    raise RuntimeError("can't start new thread")


def test_blocks_are_done_in_line_where_no_thread_can_start(monkeypatch):
    monkeypatch.setattr(parallel, "num_workers", lambda: 2)
    monkeypatch.setattr(ThreadPoolExecutor, "submit", no_thread)
    threads = list(map_blocks(lambda block: (block, threading.get_ident()), range(4)))
    assert threads == [(block, threading.get_ident()) for block in range(4)]


def test_an_error_reaches_the_caller_where_no_thread_can_start(monkeypatch):
    monkeypatch.setattr(parallel, "num_workers", lambda: 2)
    monkeypatch.setattr(ThreadPoolExecutor, "submit", no_thread)
    with pytest.raises(ZeroDivisionError):
        list(map_blocks(lambda block: 1 // block, range(4)))
    assert set(blas_threads()) == {2}


def test_encoding_is_the_same_where_no_thread_can_start(rng, monkeypatch):
    monkeypatch.setattr(parallel, "num_workers", lambda: 2)
    V, W = rng.random((8, 3 * ENCODING_FRAMES)), rng.random((8, 2))
    H = encode(V, W, n_iter=3).H
    monkeypatch.setattr(ThreadPoolExecutor, "submit", no_thread)
    assert np.array_equal(encode(V, W, n_iter=3).H, H)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system doesn't fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_starts_threads_of_its_own(monkeypatch):
    monkeypatch.setattr(parallel, "num_workers", lambda: 2)
    assert list(map_blocks(abs, [-1, -2])) == [1, 2]  # the parent's pool has threads now
    queue = multiprocessing.get_context("fork").SimpleQueue()

    def child():
        queue.put(list(map_blocks(abs, [-3, -4])))

    with one_blas_thread():
        process = multiprocessing.get_context("fork").Process(target=child, daemon=True)
        process.start()
        process.join(timeout=20)
    assert process.exitcode == 0
    assert queue.get() == [3, 4]


@pytest.mark.parametrize("asked", ["1", "01", "0", "", "many", "4,2", "-1", "1000000"])
def test_the_number_of_workers_is_at_least_1_and_at_most_the_cores(monkeypatch, asked):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert 1 <= num_workers() <= os.cpu_count()
    if asked in ("1", "01", "0"):
        assert num_workers() == 1


SCRIPT = """
import hashlib
import numpy as np
import nmflab as nl
from nmflab.system.threads import num_workers
rng = np.random.default_rng(0)
speech, noise, mixture = rng.standard_normal((3, 30000)) * np.sin(np.arange(30000) / 900) ** 2
digest = hashlib.sha256()
for mode, solver in (("NMF_g", "plain"), ("NMF_e", "accelerated")):
    settings = nl.Settings(
        nmf_mode=mode, solver=solver, num_basis_speech=20, num_basis_noise=12, max_iter_train=4,
        max_iter_test=6, overlap=240, epsilon=0.0)
    model = nl.train_model([speech], [noise], settings)
    found = nl.separate(model, mixture)
    for array in (model.W, model.speech.H, model.noise.H, model.speech.divergence, found.H,
                  found.gain, found.speech, found.noise, found.divergence):
        digest.update(np.ascontiguousarray(array).tobytes())
print(num_workers(), digest.hexdigest())
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one worker")
@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_workers_to_the_bit():
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"OMP_NUM_THREADS": n, "OPENBLAS_NUM_THREADS": n},
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in ("1", "2")
    ]
    (one, digest), (two, other) = (run.communicate(timeout=60)[0].split() for run in runs)
    assert (one, two) == ("1", "2")
    assert digest == other


@pytest.mark.parametrize("shape", [(3,), (5, 7), (0, 4)])
def test_an_aligned_array_starts_on_a_cache_line_and_holds_what_it_is_to_hold(shape):
    array = aligned(shape, 2.5)
    assert array.shape == shape
    assert array.dtype == np.float32
    assert array.ctypes.data % 64 == 0 or array.size == 0
    assert array.flags.c_contiguous
    assert (array == 2.5).all()
