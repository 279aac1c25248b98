"""Tasks done one after the other, or shared among processes, with the same results."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for_any
from threading import Event, Lock, Thread, current_thread, main_thread
from typing import Any, TypeVar

from nmflab.checks import is_whole, shown
from nmflab.errors import NmflabError
from nmflab.system.threads import num_workers

Task = TypeVar("Task")
Result = TypeVar("Result")

Report = Callable[[str, int, int], None]
"""Called as ``report(stage, done, total)``; an exception that it raises ends the work."""

Work = Callable[[Task, Report, Callable[[], None]], Result]
"""Called as ``work(task, report, tick)``; it ticks once for each unit of its work."""

ENDINGS = {signal.SIGINT, signal.SIGTERM}
"""Signals that ask a process to end; a terminal sends the first to workers too."""

GRACE = 5.0
"""Seconds in which a worker whose parent is gone may remove its unfinished files."""


def check_jobs(jobs: int) -> None:
    """Refuse what is no number of processes."""
    if not is_whole(jobs, 1):
        raise NmflabError(f"jobs is {shown(jobs)} but must be a whole number, at least 1.")


def do_all(
    work: Work[Task, Result],
    tasks: Iterable[Task],
    *,
    jobs: int,
    stage: str,
    total: int,
    report: Report,
) -> list[Result]:
    """Do all tasks and give their results in order; `total` is the number of ticks to expect.

    The next task is asked for as soon as the last one is handed out: what it takes to make it,
    such as training, is done here while processes work on those before.
    """
    if jobs > 1:
        return _do_in_processes(work, tasks, jobs, stage, total, report)
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        report(stage, done, total)

    report(stage, 0, total)
    return [work(task, report, tick) for task in tasks]


def _do_in_processes(
    work: Work[Task, Result],
    tasks: Iterable[Task],
    jobs: int,
    stage: str,
    total: int,
    report: Report,
) -> list[Result]:
    context = get_context("spawn")  # the same on every system, and safe beside threads
    stop, done = context.RawValue("b", 0), context.Value("i", 0)
    futures: list[Future[Result]] = []
    failed: list[Future[Result]] = []
    with ProcessPoolExecutor(
        jobs,
        mp_context=context,
        initializer=_start_worker,
        initargs=(work, stop, done, max(1, num_workers() // jobs)),
    ) as pool:
        try:
            for _ in range(jobs):  # all start now, while the first task is still being made
                _submit(pool, _do_nothing)
            for task in tasks:
                futures.append(_submit(pool, _do_in_worker, task))
                futures[-1].add_done_callback(lambda one: failed.append(one) if _bad(one) else None)
                report(stage, done.get_obj().value, total)
                if failed:
                    break
            _wait(futures, lambda: report(stage, done.get_obj().value, total))
        except BaseException as error:
            stop.value = 1  # work ends at its next report, and its process then
            pool.shutdown(cancel_futures=True)
            if isinstance(error, BrokenProcessPool):
                raise NmflabError(
                    "A worker process ended too early, perhaps for want of memory: use fewer "
                    "--jobs."
                ) from error
            raise
        return [future.result() for future in futures]


def _submit(pool: ProcessPoolExecutor, function: Callable[..., Any], *task: Any) -> Future[Any]:
    """Hand out a task; a process may start for it, and doesn't know signals yet."""
    with signals_held_back():
        return pool.submit(function, *task)


def _bad(future: Future[Any]) -> bool:
    return not future.cancelled() and future.exception() is not None


def _wait(futures: Iterable[Future[Any]], report: Callable[[], None]) -> None:
    """Report until all is done; raise the first error as soon as it is there."""
    waiting = set(futures)
    while waiting:
        finished, waiting = wait(waiting, timeout=0.1)
        report()
        for future in finished:
            future.result()


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Take Ctrl-C and requests to end only afterwards; processes started here never take them.

    A mask alone doesn't hold them: the system may hand a signal to another thread, and Python
    then answers it in the middle of whatever the main thread does.
    """
    came: list[int] = []
    main = current_thread() is main_thread()
    handlers = {ending: signal.getsignal(ending) for ending in ENDINGS if main}
    handlers = {ending: handler for ending, handler in handlers.items() if handler is not None}
    for ending in handlers:  # None is what Python has not set, and can't set again
        signal.signal(ending, lambda number, _: came.append(number))
    try:
        with _masked():
            yield
    finally:
        for ending, handler in handlers.items():
            signal.signal(ending, handler)
        for number in came[:1]:
            signal.raise_signal(number)


@contextmanager
def _masked() -> Iterator[None]:
    """Block the signals in this thread, and in processes that it starts."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_worker: dict[str, Any] = {}  # a worker process keeps here what it shares with the others


def _start_worker(work: Any, stop: Any, done: Any, threads: int) -> None:
    """Remember what is shared, and leave signals to the parent, which sets `stop` or is gone."""
    os.environ["OMP_NUM_THREADS"] = str(threads)  # see nmflab.system.threads
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    _worker.update(work=work, stop=stop, done=done, orphaned=Event(), busy=Lock())
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait until the parent is gone, however it ended, or stops all; let the work clean up, end.

    The pool's own shutdown may leave a worker behind that was about to start. A parent that is
    there waits for as long as the work takes to its next report: on a busy machine, for long.
    """
    parent = parent_process()
    if parent is None:
        return
    while not (_worker["stop"].value and _worker["busy"].acquire(blocking=False)):
        if wait_for_any([parent.sentinel], timeout=0.2):  # nobody waits for this work any more
            _worker["orphaned"].set()
            _worker["busy"].acquire(timeout=GRACE)
            break
    os._exit(1)


def _do_nothing() -> None:
    """Be there."""


def _do_in_worker(task: Any) -> Any:
    with _worker["busy"]:
        return _worker["work"](task, _stop_if_told, _count_in_worker)


def _stop_if_told(stage: str, done: int, total: int) -> None:
    """End the work, by way of every clean-up, as soon as the parent wants it or is gone."""
    if _worker["orphaned"].is_set() or _worker["stop"].value:
        raise KeyboardInterrupt


def _count_in_worker() -> None:
    _stop_if_told("", 0, 0)
    with _worker["done"].get_lock():
        _worker["done"].value += 1
