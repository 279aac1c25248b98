"""``nmflab sweep --output NAME.csv``: every combination of a grid as one plain table."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmflab.cli import options
from nmflab.cli.output import DONE, Bars, rounded, say, show_table, wrote
from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import SCORES
from nmflab.names import as_typed

if TYPE_CHECKING:
    from nmflab.corpus.folders import Corpus
    from nmflab.evaluation.sweep import Sweep

ROWS = 10
"""So many of the best combinations are shown."""


def run(
    arguments: argparse.Namespace, grid: Mapping[str, Any], corpus: Corpus, part: Corpus
) -> int:
    """Score the grid, write the table and name the best."""
    from nmflab.evaluation.sweep import sweep
    from nmflab.system.files import write_table

    output = Path(arguments.output)
    parts = corpus.train_speech, corpus.train_noise, corpus.test_speech, corpus.test_noise
    options.refuse_output(output, "table", *parts)
    clips = options.chosen(arguments, "clips", part.test_speech)
    noises = options.chosen(arguments, "noises", part.test_noise)
    with Bars(arguments.quiet) as bars:
        found = sweep(
            part,
            arguments.settings,
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
