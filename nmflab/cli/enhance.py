"""``nmflab enhance``: the whole experiment on folders of audio."""

from __future__ import annotations

import argparse
import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nmflab.cli import options
from nmflab.cli.output import DONE, Bars, counted, rounded, say, show_table
from nmflab.evaluation.metrics import SCORES
from nmflab.names import showable
from nmflab.settings import parameters

if TYPE_CHECKING:
    from nmflab.corpus.folders import Corpus
    from nmflab.evaluation.experiment import Experiment
    from nmflab.settings import Settings


def _add_options(parser: options.Parser) -> None:
    options.add_data(parser)
    parser.add_argument(
        "--output",
        type=options.path,
        default="output",
        metavar="FOLDER",
        help="output folder (default: output)",
    )
    parser.add_argument(
        "--noise_dictionary",
        choices=("each", "joint"),
        default="each",
        help="each: one dictionary per training noise, chosen by the name of the test noise; "
        "joint: one for all noises, as in the original script (default: each)",
    )
    options.add_work(parser)
    for option, meaning in (
        (("-v", "--visualize"), "1: draw the spectrograms; 0: no plots (default: 1)"),
        (("--plot_save",), "1: write the plots as PNG; 0: show them in windows (default: 1)"),
    ):
        parser.add_argument(*option, type=int, choices=(0, 1), default=1, help=meaning)
    options.add_quiet(parser)
    options.add_settings(parser, "original", parameters())


def _run(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.folders import load_corpus
    from nmflab.evaluation.experiment import enhance_corpus

    settings = arguments.settings
    options.refuse_window(arguments)
    shown = bool(arguments.visualize and not arguments.plot_save) and _can_show()
    corpus = load_corpus(arguments.data, sampling_rate=settings.sampling_rate)
    with Bars(arguments.quiet) as bars:
        result = enhance_corpus(
            corpus,
            settings,
            arguments.output,
            noise_dictionary=arguments.noise_dictionary,
            jobs=arguments.jobs,
            plots=bool(arguments.visualize and arguments.plot_save),
            cache=arguments.cache,
            progress=bars,
        )
    say(*result.skipped)
    for taken, own in result.taken.items():
        say(f"{taken} holds what another run has made, so this run's files are in {own}.")
    show_summary(result)
    skipped = f", {len(result.skipped)} skipped" if result.skipped else ""
    mixtures, folder = counted(len(result.rows), "mixtures"), showable(arguments.output)
    print(f"{mixtures} by {settings.nmf_mode}{skipped}; see {folder}", flush=True)
    if shown:
        _show_plots(result, corpus, settings, Path(arguments.output))
    return DONE


def _can_show() -> bool:
    """Find out whether figures can be shown, and say so if they can't."""
    from nmflab.figures.windows import can_show

    if can_show():
        return True
    say(
        "The spectrograms can't be shown here, for there is no display that matplotlib can use: "
        "give --plot_save 1 to write them as PNG."
    )
    return False


def _show_plots(result: Experiment, corpus: Corpus, settings: Settings, output: Path) -> None:
    """Show the spectrograms of one mixture after the other; the next when a window is closed."""
    from nmflab.evaluation.outputs import OutputTree, mixture_name
    from nmflab.figures.spectrograms import spectrogram_figure
    from nmflab.figures.windows import show

    tree = OutputTree(output, settings.nmf_mode, settings.sampling_rate, result.taken)
    for row in result.rows:
        noisy, enhanced = tree.read_mixture(mixture_name(row.speech, row.noise))
        signals = noisy, corpus.test_speech[row.speech], enhanced
        show(partial(spectrogram_figure, *signals, settings, title=row.title))


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
