"""``nmflab enhance``: the whole experiment on folders of audio."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from nmflab.cli import options
from nmflab.cli.output import DONE, Bars, rounded, say, show_table
from nmflab.evaluation.metrics import SCORES
from nmflab.names import showable
from nmflab.settings import parameters

if TYPE_CHECKING:
    from nmflab.evaluation.experiment import Experiment


def _add_options(parser: options.Parser) -> None:
    options.add_data(parser)
    parser.add_argument(
        "--output", default="output", metavar="FOLDER", help="output folder (default: output)"
    )
    parser.add_argument(
        "--noise_dictionary",
        choices=("each", "joint"),
        default="each",
        help="each: one dictionary per training noise, chosen by the name of the test noise; "
        "joint: one for all noises, as in the original script (default: each)",
    )
    parser.add_argument(
        "--jobs",
        type=options.count,
        default=1,
        metavar="N",
        help="processes that share the noises; the result is the same for any number (default: 1)",
    )
    for option, meaning in (
        (("-v", "--visualize"), "1: draw the spectrograms; 0: no plots (default: 1)"),
        (("--plot_save",), "1: write the plots as PNG; 0: no plots either (default: 1)"),
    ):
        parser.add_argument(*option, type=int, choices=(0, 1), default=1, help=meaning)
    options.add_quiet(parser)
    options.add_settings(parser, "original", parameters())


def _run(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.folders import load_corpus
    from nmflab.evaluation.experiment import enhance_corpus

    settings = arguments.settings
    options.refuse_window(arguments)
    corpus = load_corpus(arguments.data, sampling_rate=settings.sampling_rate)
    with Bars(arguments.quiet) as bars:
        result = enhance_corpus(
            corpus,
            settings,
            arguments.output,
            noise_dictionary=arguments.noise_dictionary,
            jobs=arguments.jobs,
            plots=bool(arguments.visualize and arguments.plot_save),
            progress=bars,
        )
    say(*result.skipped)
    show_summary(result)
    skipped = f", {len(result.skipped)} skipped" if result.skipped else ""
    where = showable(arguments.output)
    print(f"{len(result.rows)} mixtures by {settings.nmf_mode}{skipped}; see {where}")
    return DONE


def show_summary(result: Experiment) -> None:
    """Show the means over each noise and over all; a score that no file has is left out."""
    means = result.summary()
    shown = [
        (score, step, f"{name}_{step}")
        for name, score in SCORES.items()
        for step in score.summary
        if not math.isnan(means[-1][f"{name}_{step}"])
    ]
    rows = [
        [
            row["noise"],
            str(row["files"]),
            *(rounded(row[column], score.decimals) for score, _, column in shown),
        ]
        for row in means
    ]
    labels = [f"{score.label}\n{step}" for score, step, _ in shown]
    show_table(["\nnoise", "\nfiles", *labels], rows, numbers=1 + len(shown))


COMMAND = options.Command(
    "enhance",
    "the whole experiment on folders of audio: mix, separate, score",
    _add_options,
    _run,
)
