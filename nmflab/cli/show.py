"""``nmflab show``: what a result says of itself."""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nmflab.cli import options
from nmflab.cli.output import DONE
from nmflab.cli.results import record_file
from nmflab.errors import NmflabError
from nmflab.names import showable

RECORDS = ("manifest.json", "record.json")
"""What a folder's record is called."""


def _add_options(parser: options.Parser) -> None:
    parser.add_argument(
        "result",
        type=options.path,
        metavar="RESULT",
        help="a model, the folder of a sweep, of an experiment or of sounds, a scores.csv, a sound "
        "that nmflab wrote, or its record",
    )
    parser.add_argument("--json", action="store_true", help="as JSON, to be read by programs")


def _run(arguments: argparse.Namespace) -> int:
    found = dict(_records(Path(arguments.result)))
    if arguments.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return DONE
    for name, facts in found.items():
        print(showable(name))
        for line in _lines(facts, "  "):
            print(line)
    return DONE


def _records(place: Path) -> Iterator[tuple[str, Any]]:
    """Give the records of a result by the names of their files."""
    from nmflab.system.records import read_record

    if not place.exists():
        raise NmflabError(f"There is no {str(place)!r}: name a result that nmflab wrote.")
    if place.suffix == ".npz":
        yield str(place), _of_model(place)
        return
    if place.suffix == ".csv":
        yield str(place), _of_table(place)
        return
    files = [place] if place.suffix == ".json" else _beside(place)
    table = place / "scores.csv"
    if not files and not table.is_file():
        raise NmflabError(
            f"{str(place)!r} has no record: name a model, a folder or a sound that nmflab wrote."
        )
    for file in files:
        yield str(file), read_record(file)
    if table.is_file():
        yield str(table), _of_table(table)


def _beside(place: Path) -> list[Path]:
    """Find the records of a folder, or of a sound."""
    if place.is_dir():
        own = [place / name for name in RECORDS if (place / name).is_file()]
        inside = [*place.glob("*/record.json"), *place.glob("*/*/record.json")]
        return own or sorted([*inside, *place.glob("*_made.json")])
    stem = place.with_name(re.sub(r"_(speech|noise)$", "", place.stem))
    files = record_file(stem), place.with_name(RECORDS[1])
    return [next(file for file in files if file.is_file())] if any(map(Path.is_file, files)) else []


def _of_model(place: Path) -> dict[str, Any]:
    from nmflab.core.model import VERSION
    from nmflab.system.archives import read_archive

    header = read_archive(
        place, "model", VERSION, lambda head, _: head, remedy="make one with `nmflab train`"
    )
    made: dict[str, Any] = header.get("record") or {"settings": header["settings"]}
    return made


def _of_table(place: Path) -> dict[str, Any]:
    """Say of which corpora and settings the rows of a table of scores are."""
    try:
        with place.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NmflabError(f"{str(place)!r} can't be read as a table: {error}.") from error
    names = [name for name in ("mode", "snr", "corpus", "settings") if rows and name in rows[0]]
    if "corpus" not in names:
        raise NmflabError(f"{str(place)!r} has no record: its rows don't say what made them.")
    counts = Counter(tuple(row[name] for name in names) for row in rows)
    runs = [{"rows": n, **dict(zip(names, key, strict=True))} for key, n in counts.items()]
    return {"runs": runs}


def _lines(facts: Any, indent: str) -> Iterator[str]:
    """Write a record for people, one fact a line."""
    if isinstance(facts, dict):
        for name, value in facts.items():
            if isinstance(value, dict | list) and value and not _is_short(value):
                yield f"{indent}{showable(name)}:"
                yield from _lines(value, f"{indent}  ")
            else:
                yield f"{indent}{showable(name)}: {_text(value)}"
    elif isinstance(facts, list):
        for number, value in enumerate(facts, start=1):
            if isinstance(value, dict):
                yield f"{indent}{number}."
                yield from _lines(value, f"{indent}  ")
            else:
                yield f"{indent}{_text(value)}"
    else:
        yield f"{indent}{_text(facts)}"


def _is_short(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(one, dict | list) for one in value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return "–" if value is None else showable(value)


COMMAND = options.Command(
    "show", "what a result says of itself: settings, command, corpus, versions", _add_options, _run
)
"""The command."""
