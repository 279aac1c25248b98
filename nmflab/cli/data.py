"""``nmflab data``: what a data folder holds, and public corpora to fetch."""

from __future__ import annotations

import argparse
from typing import Any

from nmflab.cli import options
from nmflab.cli.output import DONE, Bars, say, show_table
from nmflab.names import showable


def _add_options(parser: options.Parser) -> None:
    options.add_data(parser)
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    fetch = commands.add_parser(
        "fetch",
        allow_abbrev=False,
        help="download a public corpus",
        description="Download a public corpus; without NAME, say which there are.",
    )
    fetch.set_defaults(run=_fetch)
    fetch.add_argument("name", metavar="NAME", nargs="?", help="which corpus")
    options.add_quiet(fetch)
    _add_arrange(commands)


def _add_arrange(commands: Any) -> None:
    arrange = commands.add_parser(
        "arrange",
        allow_abbrev=False,
        help="make a data folder of TIMIT and NOISEX-92, or of corpora of their make",
        description="Make a data folder of TIMIT and NOISEX-92, or of corpora of their make. "
        "Sentences of the speech corpus's TRAIN part are trained on, those of its TEST part tested "
        "on; of each noise the beginning is trained on, and as much after it tested with.",
    )
    arrange.set_defaults(run=_arrange)
    arrange.add_argument("folder", metavar="FOLDER", type=options.path, help="the folder to make")
    arrange.add_argument(
        "--speech",
        type=options.path,
        metavar="FOLDER",
        required=True,
        help="speech, as TIMIT/TRAIN/DR1/FCJF0/SX27.WAV, named by the folder that holds TRAIN",
    )
    arrange.add_argument(
        "--noise", type=options.path, metavar="FOLDER", required=True, help="a recording of each"
    )
    arrange.add_argument(
        "--training_seconds",
        type=float,
        default=60.0,
        metavar="N",
        help="seconds of speech to train on (default: 60)",
    )
    arrange.add_argument(
        "--test_sentences",
        type=options.count,
        default=24,
        metavar="N",
        help="sentences to test on, each of another speaker (default: 24)",
    )
    arrange.add_argument(
        "--noise_seconds",
        type=float,
        default=25.0,
        metavar="N",
        help="seconds of each noise to train on (default: 25)",
    )
    arrange.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the draw (default: 0)"
    )


def _describe(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.folders import describe_corpus, load_corpus

    corpus = load_corpus(arguments.data)
    clips = describe_corpus(corpus)
    say(*corpus.skipped)
    rows = [[c.part, c.name, f"{c.seconds:.1f}", f"{c.level:.1f}"] for c in clips]
    show_table(["part", "name", "length (s)", "level (dBFS)"], rows, numbers=2)
    seconds: dict[str, float] = {}
    for clip in clips:
        seconds[clip.part] = seconds.get(clip.part, 0.0) + clip.seconds
    print(f"The recordings are in {corpus.root}")
    print("Together: " + ", ".join(f"{part} {total:.0f} s" for part, total in seconds.items()))
    return DONE


def _fetch(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.public import PUBLIC_CORPORA, fetch_corpus

    if arguments.name is None:
        rows = [[name, corpus.title] for name, corpus in PUBLIC_CORPORA.items()]
        show_table(["name", "what it is"], rows)
        return DONE
    if arguments.name not in PUBLIC_CORPORA:
        known = ", ".join(PUBLIC_CORPORA)
        arguments.error(f"there is no corpus called {arguments.name!r}; there are: {known}.")
    with Bars(arguments.quiet) as bars:
        folder = fetch_corpus(arguments.name, progress=bars)
    print(f"{arguments.name} is in {showable(folder)}")
    return DONE


def _arrange(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.arranging import arrange_corpus

    names = "training_seconds", "test_sentences", "noise_seconds", "seed"
    folder = arrange_corpus(
        arguments.folder,
        arguments.speech,
        arguments.noise,
        **{name: getattr(arguments, name) for name in names},
    )
    print(f"The data folder is {showable(folder)}; nmflab data --data says what it holds.")
    return DONE


COMMAND = options.Command(
    "data", "say what a data folder holds, or fetch a public corpus", _add_options, _describe
)
