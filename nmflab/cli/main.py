"""The command line: ``nmflab COMMAND …``, also ``python -m nmflab COMMAND …``.

Conventions: results go to standard output, everything else (progress, notices, errors) to
standard error. Exit codes: 0 done, 1 failed (one sentence says why), 2 bad arguments, 130
interrupted with Ctrl-C, 141 nobody reads the output any more (as after ``| head``), 143 ended by
``kill``. Every file appears under its name only when it is complete.

Each command has a file of its own beside this one. Slow libraries are imported by the commands
that need them, when they run, so that ``nmflab --help`` answers at once.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from nmflab.cli import data, denoise, enhance, report, separate, servers, show, sweep, train
from nmflab.cli.options import Parser
from nmflab.cli.output import (
    DONE,
    FAILED,
    INTERRUPTED,
    UNREAD,
    Ended,
    finish_output,
    orderly_end,
    prepare_output,
    say,
)
from nmflab.errors import NmflabError, warnings_to
from nmflab.settings import PRESETS, parameters

COMMANDS = (
    enhance.COMMAND,
    train.COMMAND,
    separate.COMMAND,
    denoise.COMMAND,
    sweep.COMMAND,
    report.COMMAND,
    show.COMMAND,
    servers.LAB,
    servers.DASHBOARD,
    data.COMMAND,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, by default those of the process.

    Returns
    -------
    int
        The exit code: 0 done, 1 failed, 2 bad arguments, 130 interrupted, 141 unread, 143 ended.
    """
    try:
        prepare_output()
        code = _run(sys.argv[1:] if argv is None else argv)
        return finish_output() or code
    except KeyboardInterrupt:  # between a command's own end and this line
        say("Interrupted; no file is half-written.")
        return INTERRUPTED


def _run(argv: Sequence[str]) -> int:
    """Run a command; give the exit code, whatever happens."""
    try:
        arguments = parse(argv)
        with orderly_end(), warnings_to(lambda sentence: say(f"nmflab: {sentence}")):
            return int(arguments.run(arguments))
    except SystemExit as end:  # argparse has shown the help, or what is wrong
        return int(end.code or 0)
    except Ended as end:
        say("Ended; no file is half-written.")
        return end.code
    except KeyboardInterrupt:
        say("Interrupted; no file is half-written.")
        return INTERRUPTED
    except NmflabError as error:
        say(f"nmflab: {error}")
    except BrokenPipeError:
        return UNREAD
    except OSError as error:
        say(f"nmflab: {error.filename or 'A file'} can't be used: {error.strerror or error}.")
    except MemoryError:
        say("nmflab: There is not enough memory: use shorter clips, fewer bases or fewer --jobs.")
    return FAILED


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments; `given` holds the settings among them, checked."""
    parser, commands = _parser()
    arguments, unknown = parser.parse_known_args(_with_underscores(argv))
    given = {name: value for name, value in vars(arguments).items() if name in parameters()}
    preset = PRESETS[getattr(arguments, "preset", "original")]
    command = commands.get(arguments.command)
    if unknown:
        (command or parser).error(f"unrecognised arguments: {' '.join(unknown)}")
    if command is None:
        parser.error("say which command you want: " + ", ".join(commands) + ".")
    try:
        arguments.settings, arguments.given = preset.replace(**given), given
    except NmflabError as error:
        command.error(str(error))
    arguments.error, arguments.line = command.error, shlex.join(["nmflab", *argv])
    return arguments


def _with_underscores(argv: Sequence[str]) -> list[str]:
    """Let every long option be spelled with dashes too: --win-size is --win_size."""
    end = list(argv).index("--") if "--" in argv else len(argv)
    return [_option_with_underscores(word) for word in argv[:end]] + list(argv[end:])


def _option_with_underscores(word: str) -> str:
    if not word.startswith("--"):
        return word
    name, equals, value = word[2:].partition("=")
    return f"--{name.replace('-', '_')}{equals}{value}"


def _parser() -> tuple[Parser, dict[str, Parser]]:
    """Build the parser of everything, and that of each command by its name."""
    parser = Parser(
        prog="nmflab",
        allow_abbrev=False,
        description="Separate speech from noise by non-negative matrix factorisation.",
        epilog="'nmflab COMMAND --help' lists the options of a command.",
    )
    parser.add_argument("--version", action=_Version, help="show the version and end")
    parsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in COMMANDS:
        own = parsers.add_parser(
            command.name,
            allow_abbrev=False,
            help=command.purpose,
            description=command.purpose[0].upper() + command.purpose[1:] + ".",
            epilog="Long options may be spelled with dashes too, as in --win-size.",
        )
        own.set_defaults(run=command.run)
        command.add_options(own)
    return parser, dict(parsers.choices)


class _Version(argparse.Action):
    """Show the version; it is looked up only when asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from nmflab import __version__

        print(f"nmflab {__version__}")
        parser.exit(DONE)
