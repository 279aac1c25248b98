"""What the command line shows: sentences, progress bars and tables; and its exit codes."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmflab.names import showable

if TYPE_CHECKING:
    from rich.progress import TaskID

DONE, FAILED, BAD_ARGUMENTS, INTERRUPTED, UNREAD = 0, 1, 2, 130, 141

AGAIN = 0.02
"""Seconds after which a signal that was dropped comes again."""

LINE_EVERY = 30.0
"""Seconds between lines of progress where there is no terminal."""


class Ended(KeyboardInterrupt):
    """The process was asked to end: whatever cleans up after Ctrl-C does so now too."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number, self.code = number, 128 + number


@contextmanager
def orderly_end() -> Iterator[None]:
    """Turn SIGTERM, and SIGHUP of a terminal that is closed, into an `Ended`.

    Python drops what is raised while an object goes, as in the callback of a weak reference. A
    signal that comes just then comes again a moment later.
    """

    def end(number: int, _: object) -> None:
        raise Ended(number)

    def dropped(what: Any) -> None:
        if isinstance(what.exc_value, KeyboardInterrupt):
            _send_again(getattr(what.exc_value, "number", signal.SIGINT))
        else:
            before(what)

    numbers = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
    mine = [n for n in numbers if n is not None and signal.getsignal(n) == signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        mine = []
    for number in mine:
        signal.signal(number, end)
    before, sys.unraisablehook = sys.unraisablehook, dropped
    try:
        yield
    finally:
        sys.unraisablehook = before
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def _send_again(number: int) -> None:
    """Send a signal to the main thread in a moment, when what goes has gone."""
    main = threading.main_thread().ident
    send = partial(signal.raise_signal, number)
    if hasattr(signal, "pthread_kill") and main is not None:
        send = partial(signal.pthread_kill, main, number)  # it ends what that thread waits for
    timer = threading.Timer(AGAIN, send)
    timer.daemon = True
    timer.start()


def say(*sentences: str) -> None:
    """Print sentences on standard error."""
    for sentence in sentences:
        print(showable(sentence), file=sys.stderr)


def wrote(path: Path, replaced: bool) -> str:
    """Say what became of a file."""
    return f"{'Replaced' if replaced else 'Wrote'} {showable(path)}"


def counted(number: int, things: str) -> str:
    """Write a number of things, a plural in s, with its word."""
    return f"{number} {things.removesuffix('s') if number == 1 else things}"


class Bars:
    """Progress bars on the terminal, one for each stage of the work; call it to report.

    Where standard error is no terminal it is a line now and then.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._drawn = not quiet and sys.stderr.isatty()
        self._stages: dict[str, TaskID] = {}
        self._undone: dict[str, str] = {}
        self._said = time.monotonic()

    def __enter__(self) -> Bars:
        if self._drawn:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
            from rich.progress import TimeRemainingColumn as Remaining

            console = Console(stderr=True)
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
            )
            self._bars = Progress(*columns, Remaining(), console=console, transient=True)
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            self._bars.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that so much of a stage is done."""
        if self._quiet:
            return
        if not self._drawn:
            self._say_now_and_then(stage, done, total)
            return
        if stage not in self._stages:
            self._stages[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._stages[stage], completed=done, total=total)

    def _say_now_and_then(self, stage: str, done: int, total: int) -> None:
        self._undone[stage] = f"{stage} {done}/{total}"
        if done >= total:
            del self._undone[stage]
        if self._undone and time.monotonic() - self._said >= LINE_EVERY:
            say(", ".join(self._undone.values()))
            self._said = time.monotonic()


def show_table(labels: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> None:
    """Print a plain table with every column whole, however narrow the terminal.

    Its last columns are numbers, aligned to the right.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for i, label in enumerate(labels, start=1):
        table.add_column(label, justify="right" if i > len(labels) - numbers else "left")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False, emoji=False, width=1000)
    with console.capture() as text:
        console.print(table)
    print(text.get(), end="")


def rounded(value: float, decimals: int) -> str:
    """Write a number of a table, with no "-0.0"."""
    return f"{value:z.{decimals}f}"


def prepare_output() -> None:
    """Show λ as ? where the terminal's encoding doesn't have it, and nothing where all is shut."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def finish_output() -> int:
    """Bring out what is still to be shown; give an exit code if that can't be done, or 0."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries again
        if isinstance(error, BrokenPipeError):
            return UNREAD
        say(f"nmflab: The output can't be shown: {error.strerror}.")
        return FAILED
    return DONE
