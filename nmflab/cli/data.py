"""``nmflab data``: what a data folder holds, and public corpora to fetch."""

from __future__ import annotations

import argparse

from nmflab.cli import options
from nmflab.cli.output import DONE, Bars, say, show_table
from nmflab.names import showable


def _add_options(parser: options.Parser) -> None:
    options.add_data(parser)
    fetch = parser.add_subparsers(metavar="COMMAND", title="commands").add_parser(
        "fetch",
        allow_abbrev=False,
        help="download a public corpus",
        description="Download a public corpus; without NAME, say which there are.",
    )
    fetch.set_defaults(run=_fetch)
    fetch.add_argument("name", metavar="NAME", nargs="?", help="which corpus")
    options.add_quiet(fetch)


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


COMMAND = options.Command(
    "data", "say what a data folder holds, or fetch a public corpus", _add_options, _describe
)
