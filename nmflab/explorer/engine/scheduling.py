"""Who drives an explorer, and what runs in the background.

A control that is set from Python must have its result in place when the line returns, and must
raise what goes wrong. A control that is moved in the browser must never wait for a training, and
has nobody to raise to. The two are told apart where they come in: ipywidgets hands everything
that arrives from a front end to the widget's ``set_state``, and nothing else goes there.
`hear_browser` wraps that method, so that `driven_by_browser` is true on that thread while a
message is being handled, also for the controls that the handler sets in its turn.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from nmflab.errors import NmflabError
from nmflab.system.turns import turn

WAITING = 0.2
"""Seconds until a job that has found all turns taken asks again."""

_browser = contextvars.ContextVar("nmflab_driven_by_browser", default=False)


def driven_by_browser() -> bool:
    """Say whether what runs now was set off by a message from a front end."""
    return _browser.get()


@contextmanager
def browser_drives() -> Iterator[None]:
    """Take what runs inside for the answer to a message from a front end."""
    token = _browser.set(True)
    try:
        yield
    finally:
        _browser.reset(token)


def hear_browser(widget: Any) -> None:
    """Mark what a front end sets of a widget."""
    set_state = widget.set_state

    def marked(state: dict[str, Any]) -> None:
        with browser_drives():
            set_state(state)

    widget.set_state = marked


class Background:
    """One job at a time on a thread of its own; where no thread can start, here.

    Its errors are kept until `flush` raises them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._late_runs = threading.RLock()  # held while a late job runs, so that all can wait
        self._thread: threading.Thread | None = None
        self._timer: threading.Timer | asyncio.TimerHandle | None = None
        self._late: Callable[[], None] | None = None
        self._in_turn: object = None  # what waits for its turn
        self._again = False
        self._error: BaseException | None = None

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return self._thread is not None

    def start(self, job: Callable[[], None]) -> None:
        """Run a job, or once more if it is running."""
        with self._lock:
            self._again = self.busy
            if self.busy:
                return
            context = contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(self._run, job), daemon=True)
            self._thread = thread
        try:
            thread.start()
        except RuntimeError:  # no threads here, as in a browser's Python
            self._run(job)

    def later(self, job: Callable[[], None], seconds: float, *, in_turn: bool = False) -> None:
        """Run a job after a pause; another call starts the pause anew.

        A slow one runs in turn: it gives way to one that waits already, and waits on while other
        kernels have all turns. Without threads, the event loop waits; where there is none, nobody
        does.
        """
        with self._lock:
            if self._timer is not None:
                if in_turn:
                    return
                self._timer.cancel()
            job = partial(self._take_turn, job) if in_turn else job
            context = contextvars.copy_context()
            timer = threading.Timer(seconds, context.run, args=(self._run_late,))
            timer.daemon = True
            self._timer, self._late = timer, job
        try:
            timer.start()
        except RuntimeError:
            self._later_without_threads(seconds)

    def _take_turn(self, job: Callable[[], None]) -> None:
        """Do a job when it is its turn, if none has come by then and it wasn't dropped.

        It waits where it is: a timer for each time that it asks would be a thread, and whoever
        waits for it would make them by the hundred.
        """
        with self._lock:
            self._in_turn = waiting = object()
        while True:
            with turn() as is_ours:
                if is_ours:
                    job()
                    return
            time.sleep(WAITING)
            with self._lock:
                if self._late is not None or self._in_turn is not waiting:
                    return

    def _later_without_threads(self, seconds: float) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._run_late()
            return
        with self._lock:
            self._timer = loop.call_later(seconds, self._run_late)

    def drop_late(self) -> None:
        """Forget the job that waits for its pause to end."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._late = self._in_turn = None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the job is done, and do now what waits for its pause to end."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
            if thread.is_alive():
                raise NmflabError(f"The training is not done after {timeout:g} s: wait longer.")
        self._run_late()
        while self._late is not None:  # it asked for another pause
            self._run_late()

    def flush(self, timeout: float | None = None) -> None:
        """Wait for everything, and raise what went wrong since the last time."""
        self.wait(timeout)
        error, self._error = self._error, None
        if error is not None:
            raise error

    def fail(self, error: BaseException) -> None:
        """Keep an error for `flush`."""
        self._error = error

    def _run(self, job: Callable[[], None]) -> None:
        while True:
            try:
                job()
            except BaseException as error:
                self.fail(error)
            with self._lock:
                if not self._again:
                    self._thread = None
                    return
                self._again = False

    def _run_late(self) -> None:
        with self._late_runs:
            with self._lock:
                job, self._late, self._timer = self._late, None, None
            if job is None:
                return
            try:
                job()
            except BaseException as error:
                self.fail(error)
