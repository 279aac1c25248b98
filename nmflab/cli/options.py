"""Options that commands share, and readers of what is typed.

The options of the settings are made from the declarations in `nmflab.settings.Settings`: their
names, defaults, units, choices and meanings have one definition.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from nmflab.cli.output import BAD_ARGUMENTS
from nmflab.errors import NmflabError
from nmflab.names import showable
from nmflab.settings import PRESETS, parameters
from nmflab.system.threads import num_workers

if TYPE_CHECKING:
    from nmflab.corpus.clips import ClipList


class Parser(argparse.ArgumentParser):
    """A parser that keeps its error messages to two lines."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2, saying what is wrong and where help is."""
        self.exit(BAD_ARGUMENTS, f"{self.prog}: {showable(message)}\nTry '{self.prog} --help'.\n")


@dataclass(frozen=True)
class Command:
    """A command: its name, what it is for, its options, and what it does."""

    name: str
    purpose: str
    add_options: Callable[[Parser], None]
    run: Callable[[argparse.Namespace], int]


def path(text: str) -> str:
    """Read the name of a file or a folder."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return text


def add_data(parser: Parser, *, training_only: bool = False) -> None:
    """Add --data."""
    every = "train/speech, train/noise, test/speech and, if there is one, test/noise"
    layout = "train/speech and train/noise" if training_only else every
    parser.add_argument(
        "--data",
        type=path,
        metavar="FOLDER",
        help=f"data folder with {layout} (default: the corpus that comes with nmflab)",
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add --quiet."""
    parser.add_argument("--quiet", action="store_true", help="no progress")


def add_work(parser: argparse.ArgumentParser) -> None:
    """Add --jobs and --no-cache."""
    parser.add_argument(
        "--jobs",
        type=count,
        default=num_workers(),
        metavar="N",
        help="processes that share the mixtures; the result is the same for any number (default: "
        "one for each core that may be used)",
    )
    add_cache(parser)


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Add --no-cache."""
    parser.add_argument(
        "--no_cache",
        dest="cache",
        action="store_false",
        help="train anew what earlier runs have trained, and keep nothing of it",
    )


def add_settings(
    parser: Parser, preset: str | None, names: Iterable[str], *, choice: bool = True
) -> None:
    """Add a choice of presets, and one option for each of some settings.

    Without a preset it is the model that has the defaults; without a choice the preset is fixed.
    """
    if preset is not None and not choice:
        parser.set_defaults(preset=preset)
    elif preset is not None:
        parser.add_argument(
            "--preset",
            choices=tuple(PRESETS),
            default=preset,
            help="what settings that you don't give are taken from: the original script's "
            "defaults, the best for frames one by one, the best found since, or those for a noise "
            "that nobody has trained "
            f"(default: {preset})",
        )
    group = parser.add_argument_group("settings")
    for name in names:
        declared = parameters()[name]
        default = "the model's" if preset is None else getattr(PRESETS[preset], name)
        group.add_argument(
            *([declared.short] if declared.short else []),
            f"--{name}",
            type=_READERS[declared.kind],
            choices=tuple(declared.choices) or None,
            metavar=None if declared.choices else "NAME" if declared.kind is str else "N",
            default=argparse.SUPPRESS,
            help=f"{declared.in_words} (default: {default})",
        )


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


_READERS: dict[type, Callable[[str], Any]] = {int: _whole_number, float: _number, str: str}


def count(text: str) -> int:
    """Read a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def names(text: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def chosen(arguments: argparse.Namespace, option: str, clips: ClipList) -> tuple[str, ...]:
    """Give the clips that an option names, by default all; refuse names that aren't there.

    A clip whose own name has commas in it can be chosen alone.
    """
    text = getattr(arguments, option)
    if text is None:
        return clips.names
    wanted = (text,) if text in clips.names else names(text)
    known = ", ".join(clips.names)
    if not wanted:
        arguments.error(f"--{option} names none; there are: {known}.")
    for name in wanted:
        if name not in clips.names:
            arguments.error(f"--{option}: there is none called {name!r}; there are: {known}.")
    return tuple(dict.fromkeys(wanted))


def axis(text: str) -> tuple[str, Any]:
    """Read a setting and its values, NAME=VALUE,VALUE, or between what to draw, NAME=LOW:HIGH."""
    name, equals, values = text.partition("=")
    name = name.strip().replace("-", "_")
    if name not in parameters():
        raise argparse.ArgumentTypeError(f"there is no setting called {name!r}")
    kind = parameters()[name].kind
    low, colon, high = values.partition(":")
    try:
        if colon and kind is not str:
            from nmflab.evaluation.sweeps.plan import Between

            return name, Between(float(low), float(high))
        found = [kind(value) for value in names(values)]
    except ValueError:
        found = []
    if not equals or not found:
        wanted = "words" if kind is str else "numbers"
        raise argparse.ArgumentTypeError(f"{text!r} is not {name}=VALUE,VALUE with {wanted}")
    return name, found


def refuse_window(arguments: argparse.Namespace) -> None:
    """Refuse a window without inverse before any work is done."""
    from nmflab.core.stft import Stft

    try:
        Stft.from_settings(arguments.settings)
    except NmflabError as error:
        arguments.error(str(error))


def refuse_output(output: Path, what: str, *recordings: ClipList) -> None:
    """Refuse before any work is done what can't be written or would destroy a recording."""
    from nmflab.system.files import check_output

    paths = [path for clips in recordings for path in clips.paths]
    if os.path.realpath(output) in map(os.path.realpath, paths):
        raise NmflabError(
            f"The {what} would replace the recording {output}: choose another file with --output."
        )
    check_output(output)
