"""What the command line shows: sentences, progress bars and tables; and its exit codes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmflab.names import showable

if TYPE_CHECKING:
    from rich.progress import TaskID

DONE, FAILED, BAD_ARGUMENTS, INTERRUPTED, UNREAD = 0, 1, 2, 130, 141


def say(*sentences: str) -> None:
    """Print sentences on standard error."""
    for sentence in sentences:
        print(showable(sentence), file=sys.stderr)


def wrote(path: Path, replaced: bool) -> str:
    """Say what became of a file."""
    return f"{'Replaced' if replaced else 'Wrote'} {showable(path)}"


class Bars:
    """Progress bars on the terminal, one for each stage of the work; call it to report.

    Nothing is drawn when standard error is no terminal.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet or not sys.stderr.isatty()
        self._stages: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        if not self._quiet:
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
        if not self._quiet:
            self._bars.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that so much of a stage is done."""
        if self._quiet:
            return
        if stage not in self._stages:
            self._stages[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._stages[stage], completed=done, total=total)


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


def as_typed(value: Any) -> str:
    """Write a setting as one types it in a command."""
    return f"{value:g}" if isinstance(value, float) else str(value)


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
