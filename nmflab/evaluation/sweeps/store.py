"""The folder of a sweep: rows that survive whatever ends it, and what made them.

In the folder lie

    manifest.json          what made the rows, and each line that added to them
    parts/00001.parquet …  the rows, readable with ``pyarrow.dataset.dataset(FOLDER/"parts")``
    journal.jsonl          rows that are no part yet

A task's rows are in the journal as soon as they are there, and in a part some seconds later: who is
killed loses none. A row has a number that is made of what it is about, so that none is there twice.
All rows have the same columns: every setting, ``part``, ``noise``, ``speech``, and of each score
``_noisy``, ``_enhanced``, ``_gain`` and ``_ceiling``.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nmflab.errors import NmflabError
from nmflab.evaluation import intelligibility, listeners, metrics, ratios
from nmflab.evaluation.metrics import SCORES
from nmflab.evaluation.sweeps.work import Found, row_number
from nmflab.settings import parameters
from nmflab.system.caching import code_of
from nmflab.system.files import make_folder, reason, replacing
from nmflab.system.records import read_record, record, write_record

if TYPE_CHECKING:
    import pyarrow

    from nmflab.corpus.folders import Corpus

__all__ = ["read_rows"]

MANIFEST, PARTS, JOURNAL = "manifest.json", "parts", "journal.jsonl"
STEPS = ("noisy", "enhanced", "gain", "ceiling")
SAME = ("version", "corpus", "metrics")
"""What all rows of a folder have in common."""

ROWS_PER_PART, SECONDS_PER_PART = 5000, 30.0


def version() -> str:
    """Name the version of what computes the scores: nmflab's, and a hash of the code.

    Returns
    -------
    str
        It differs where the figures might.
    """
    from nmflab import __version__

    digest = hashlib.sha256(code_of("core", "priors", "audio", "recordings").encode())
    for module in (intelligibility, listeners, metrics, ratios):
        digest.update(Path(str(module.__file__)).read_bytes())
    return f"{__version__} ({digest.hexdigest()[:12]})"


def manifest(corpus: Corpus, data: str | None, names: Sequence[str]) -> dict[str, Any]:
    """Say what makes the rows of a folder.

    Parameters
    ----------
    corpus : Corpus
        The corpus, with its test part.
    data : str or None
        Where it was read from; None for the embedded one.
    names : sequence of str
        The scores.

    Returns
    -------
    dict
        The record.
    """
    scores = {name: {"label": SCORES[name].label, "unit": SCORES[name].unit} for name in names}
    return record(
        "sweep",
        version=version(),
        corpus=corpus.fingerprint,
        data=data,
        sampling_rate=corpus.sampling_rate,
        metrics=list(names),
        scores=scores,
    )


class SweepFolder:
    """A folder that rows are added to, by one process at a time.

    Parameters
    ----------
    path : Path
        The folder; made where it is missing.
    made : mapping
        What makes the rows, with the entries ``version``, ``corpus`` and ``metrics``.
    run : mapping
        What this line adds.

    Raises
    ------
    NmflabError
        If its rows are of another corpus or version, or another process writes to it.
    """

    def __init__(self, path: Path, made: Mapping[str, Any], run: Mapping[str, Any]) -> None:
        from filelock import FileLock, Timeout

        _arrow()
        self.path = path
        make_folder(path / PARTS)
        self._lock = FileLock(path / ".lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise NmflabError(
                f"Another sweep is writing to the folder {str(path)!r}: wait for it, or choose "
                "another folder with --output."
            ) from error
        try:
            self._open(made, run)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, made: Mapping[str, Any], run: Mapping[str, Any]) -> None:
        place = self.path / MANIFEST
        there = read_record(place) if place.exists() else None
        if there is None and (any((self.path / PARTS).iterdir()) or _is_foreign(self.path)):
            raise NmflabError(
                f"The folder {str(self.path)!r} holds something else than a sweep: choose another "
                "with --output."
            )
        _refuse_others(there or made, made, self.path)
        runs = [*(there or {}).get("runs", []), dict(run)]
        write_record(place, {**(there or made), "runs": runs})
        self._pending: list[dict[str, Any]] = []
        numbers = read_rows(self.path, ["row"])["row"].to_numpy()
        self._numbers = np.sort(numbers.astype(np.int64))
        self._new: set[int] = set()
        left_over = list(_journal_rows(self.path / JOURNAL))
        self._journal: IO[str] = (self.path / JOURNAL).open("a", encoding="utf-8")
        self._since = time.monotonic()
        self.add_rows(left_over, journal=False)
        self.flush()

    def __enter__(self) -> SweepFolder:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.flush()
        finally:
            with suppress(OSError):  # a full disk has been told of
                self._journal.close()
            self._lock.release()

    def __len__(self) -> int:
        return len(self._numbers) + len(self._new)

    def has(self, numbers: Sequence[int]) -> NDArray[np.bool_]:
        """Say which rows are there, by their numbers."""
        wanted = np.array(numbers, dtype=np.int64)
        place = np.searchsorted(self._numbers, wanted)
        there = np.zeros(len(wanted), dtype=bool)
        inside = place < len(self._numbers)
        there[inside] = self._numbers[place[inside]] == wanted[inside]
        there |= np.array([number in self._new for number in numbers], dtype=bool)
        return there

    def add(self, found: Found) -> None:
        """Keep what a task has given; whatever happens next, it stays."""
        self.add_rows([*_rows_of(found)])

    def add_rows(self, rows: Iterable[dict[str, Any]], *, journal: bool = True) -> None:
        """Keep rows, those that aren't there yet."""
        rows = [row for row in rows if not self.has([row["row"]])[0]]
        self._pending.extend(rows)
        self._new.update(row["row"] for row in rows)
        if journal and rows:
            try:
                self._journal.write("".join(json.dumps(row) + "\n" for row in rows))
                self._journal.flush()
            except OSError as error:
                raise _unwritten(self.path, error) from error
        waited = time.monotonic() - self._since
        if len(self._pending) >= ROWS_PER_PART or waited > SECONDS_PER_PART:
            self.flush()

    def flush(self) -> None:
        """Make a part of what is in the journal."""
        self._since = time.monotonic()
        if self._pending:
            arrow, parquet = _arrow()
            table = arrow.Table.from_pylist(self._pending, schema=_schema())
            with replacing(self._next_part()) as temporary:
                parquet.write_table(table, temporary, compression="zstd")
            self._pending.clear()
        try:
            self._journal.truncate(0)
        except OSError as error:
            raise _unwritten(self.path, error) from error

    def _next_part(self) -> Path:
        names = [int(p.stem) for p in (self.path / PARTS).glob("*.parquet") if p.stem.isdecimal()]
        return self.path / PARTS / f"{max(names, default=0) + 1:05d}.parquet"

    def merge(self, other: Path) -> int:
        """Add the rows of another folder, as that of a shard; give their number."""
        there = read_record(other / MANIFEST)
        _refuse_others(read_record(self.path / MANIFEST), there, other)
        before = len(self)
        self.add_rows(read_rows(other).to_pylist(), journal=False)
        self.add_rows(_journal_rows(other / JOURNAL), journal=False)
        self.flush()
        return len(self) - before


def read_rows(folder: Path, columns: Sequence[str] | None = None) -> pyarrow.Table:
    """Read the rows of a sweep's folder, also while it grows.

    Parameters
    ----------
    folder : Path
        The folder.
    columns : sequence of str, optional
        By default all.

    Returns
    -------
    pyarrow.Table
        A row for each combination and mixture.

    Raises
    ------
    NmflabError
        If a part can't be read.
    """
    arrow, parquet = _arrow()
    schema = _schema()
    names = list(columns or schema.names)
    schema = arrow.schema([schema.field(name) for name in names])
    tables = [schema.empty_table()]
    for part in sorted((folder / PARTS).glob("*.parquet")):
        try:
            tables.append(parquet.read_table(part, columns=names, schema=_schema()))
        except (OSError, arrow.ArrowException) as error:
            raise NmflabError(
                f"The part {str(part)!r} can't be read ({reason(error)}): remove it, and the same "
                "line again computes its rows anew."
            ) from error
    return arrow.concat_tables(tables)


def _rows_of(found: Found) -> Iterator[dict[str, Any]]:
    """Give rows as they stand in the folder."""
    part, noise, speech, _, _ = found.condition
    for row in found.rows:
        number = row_number(row.combination, found.condition)
        facts = {"row": number, "combination": row.combination, "part": part}
        scores: dict[str, float] = {}
        for i, name in enumerate(found.metrics):
            noisy, enhanced, ceiling = (
                values[i] if values else math.nan
                for values in (found.noisy, row.enhanced, row.ceiling)
            )
            gain = enhanced - noisy if SCORES[name].before else math.nan
            values = (noisy, enhanced, gain, ceiling)
            scores |= {f"{name}_{step}": v for step, v in zip(STEPS, values, strict=True)}
        about = {"noise": noise, "speech": speech, **row.settings.to_dict()}
        yield {**facts, **about, **scores, "seconds": row.seconds, "reason": row.reason}


def _schema() -> Any:
    arrow, _ = _arrow()
    kinds = {int: arrow.int64(), float: arrow.float64(), str: arrow.string()}
    number, text = arrow.float64(), arrow.string()
    scores = [(f"{name}_{step}", number) for name in SCORES for step in STEPS]
    return arrow.schema(
        [
            *(("row", arrow.int64()), ("combination", text)),
            *((name, text) for name in ("part", "noise", "speech")),
            *((name, kinds[declared.kind]) for name, declared in parameters().items()),
            *(*scores, ("seconds", number), ("reason", text)),
        ]
    )


def _journal_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Read the rows of a journal; the last line may be cut off."""
    if not path.exists():
        return
    for line in path.read_text("utf-8", errors="replace").splitlines():
        with suppress(ValueError):
            yield json.loads(line)


def _refuse_others(there: Mapping[str, Any], made: Mapping[str, Any], path: Path) -> None:
    for name in SAME:
        if there.get(name) != made[name]:
            words = {"version": "of another version of nmflab", "corpus": "of another corpus"}
            what = words.get(name, "of other scores")
            raise NmflabError(
                f"The folder {str(path)!r} holds rows {what} ({_short(there.get(name))}, here "
                f"{_short(made[name])}): choose another folder with --output."
            )


def _short(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _is_foreign(path: Path) -> bool:
    """Find out whether somebody else's files are in a folder."""
    return any(
        not p.name.startswith(".") and p.name not in (PARTS, JOURNAL) for p in path.iterdir()
    )


def _unwritten(path: Path, error: OSError) -> NmflabError:
    return NmflabError(
        f"The folder {str(path)!r} can't be written any more ({reason(error)}): make room. What is "
        "done is kept, and the same line again goes on."
    )


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise NmflabError(
            "A sweep's folder needs the package pyarrow, which is not installed: install it, or "
            "write a plain table with --output sweep.csv."
        ) from error
    return pyarrow, pyarrow.parquet
