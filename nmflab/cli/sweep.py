"""``nmflab sweep``: every combination of some settings, scored."""

from __future__ import annotations

import argparse
import math
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from nmflab.cli import options
from nmflab.cli.output import DONE, Bars, as_typed, rounded, say, show_table, wrote
from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import SCORES
from nmflab.settings import parameters

if TYPE_CHECKING:
    from nmflab.evaluation.sweep import Sweep

ROWS = 10
"""So many of the best combinations are shown."""


def _add_options(parser: options.Parser) -> None:
    parser.add_argument(
        "--grid",
        action="append",
        required=True,
        type=options.axis,
        metavar="NAME=VALUE,VALUE",
        help="a setting and the values to try, as in --grid penalty=0,0.03,0.1; give it once for "
        "each setting",
    )
    options.add_data(parser)
    parser.add_argument(
        "--part",
        choices=("validation", "test"),
        default="validation",
        help="validation: cut out of the training part, for choosing settings; test: the test "
        "part, for the figure that is reported (default: validation)",
    )
    parser.add_argument(
        "--metrics",
        type=options.names,
        default=("sdr", "si_sdr", "stoi"),
        metavar="NAME,NAME",
        help=f"scores: {', '.join(SCORES)}; the first one decides what is best "
        "(default: sdr,si_sdr,stoi)",
    )
    for source in ("clips", "noises"):
        parser.add_argument(
            f"--{source}",
            metavar="NAME,NAME",
            help=f"which {source} (default: all)",
        )
    parser.add_argument(
        "--output",
        type=options.path,
        default="sweep.csv",
        metavar="FILE",
        help="the table (default: sweep.csv)",
    )
    options.add_work(parser)
    options.add_quiet(parser)
    options.add_settings(parser, "tuned", parameters())


def _run(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.folders import load_corpus, validation
    from nmflab.evaluation.metrics import refuse_missing
    from nmflab.evaluation.sweep import combinations, sweep
    from nmflab.system.files import write_table

    settings, output, grid = arguments.settings, Path(arguments.output), dict(arguments.grid)
    if len(grid) < len(arguments.grid):
        arguments.error("give each setting of the grid once.")
    try:
        combinations(settings, grid)
        refuse_missing(arguments.metrics)
    except NmflabError as error:
        arguments.error(str(error))
    if "win_size" not in grid and "overlap" not in grid:
        options.refuse_window(arguments)
    corpus = load_corpus(arguments.data, sampling_rate=settings.sampling_rate)
    say(*corpus.skipped)
    parts = corpus.train_speech, corpus.train_noise, corpus.test_speech, corpus.test_noise
    options.refuse_output(output, "table", *parts)
    part = validation(corpus) if arguments.part == "validation" else corpus
    clips = options.chosen(arguments, "clips", part.test_speech)
    noises = options.chosen(arguments, "noises", part.test_noise)
    with Bars(arguments.quiet) as bars:
        found = sweep(
            part,
            settings,
            grid,
            metrics=arguments.metrics,
            clips=clips,
            noises=noises,
            jobs=arguments.jobs,
            cache=arguments.cache,
            progress=bars,
        )
    say(*found.skipped)
    done, rows = wrote(output, output.exists()), found.to_rows()
    write_table(output, list(rows[0]), rows)
    show_best(found)
    try:
        best = " ".join(f"--{name} {as_typed(value)}" for name, value in found.best().items())
    except NmflabError:  # nothing has the first score, as without the package pesq
        print(done)
        raise
    print(f"{done}; best {found.metrics[0]}: {best}")
    return DONE


def show_best(found: Sweep) -> None:
    """Show the means of the best combinations, the best first."""
    means = [found.mean(metric).ravel().tolist() for metric in found.metrics]
    scores = [SCORES[metric] for metric in found.metrics]
    sign = -1 if scores[0].higher_is_better else 1
    order = sorted(
        range(len(means[0])), key=lambda i: (math.isnan(means[0][i]), sign * means[0][i])
    )
    points = list(product(*found.axes.values()))
    rows = [
        [*map(as_typed, points[i]), *(rounded(mean[i], 2) for mean in means)] for i in order[:ROWS]
    ]
    show_table([*found.axes, *(score.label for score in scores)], rows, numbers=len(scores))


COMMAND = options.Command(
    "sweep", "score every combination of some settings on a corpus", _add_options, _run
)
