"""A sweep from its plan to its choice, whoever does the work."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nmflab.core.model import StageProgress
from nmflab.evaluation.sweeps.choice import Results, choose, read_results
from nmflab.evaluation.sweeps.jobs import Executor, Mixture, Work, jobs_of, num_rows
from nmflab.evaluation.sweeps.store import SweepFolder
from nmflab.settings import Settings

FEWEST = 4
"""Mixtures that a combination is tried on before it can be put aside."""


@dataclass(frozen=True, eq=False)
class Runner:
    """Does work and keeps its rows.

    Parameters
    ----------
    folder : SweepFolder
        Where the rows go.
    executor : Executor
        Who does it.
    metrics : tuple of str
        Scores to compute; the first decides.
    guard : mapping of str to float
        See `choose`.
    shard : tuple of int, default (1, 1)
        Which share of the work, and of how many.
    progress : callable
        Called as ``progress(stage, done, total)``; an exception that it raises ends the work.
    """

    folder: SweepFolder
    executor: Executor
    metrics: tuple[str, ...]
    guard: Mapping[str, float]
    progress: StageProgress
    shard: tuple[int, int] = (1, 1)

    def run(self, work: Work, stage: str = "scores") -> None:
        """Do what is still to be done of some work.

        Parameters
        ----------
        work : Work
            The work.
        stage : str, default "scores"
            What the progress is called.
        """
        done, total = num_rows(work, self.folder)
        self.progress(stage, done, total)
        for found in self.executor.outcomes(jobs_of(work, self.folder, self.shard), self.metrics):
            self.folder.add(found)
            done += len(found.rows)
            self.progress(stage, done, total)
        self.folder.flush()


def spread(mixtures: list[Mixture]) -> list[Mixture]:
    """Order mixtures so that the first ones, however many, hear of every noise and every speech.

    Parameters
    ----------
    mixtures : list of (str, str)
        Names of noise and speech.

    Returns
    -------
    list of (str, str)
        The same, along the diagonals of their table.
    """
    noises = list(dict.fromkeys(noise for noise, _ in mixtures))
    clips = list(dict.fromkeys(speech for _, speech in mixtures))

    def place(mixture: Mixture) -> tuple[int, int]:
        noise, speech = noises.index(mixture[0]), clips.index(mixture[1])
        return (speech - noise) % len(clips), noise

    return sorted(mixtures, key=place)


def halve(runner: Runner, work: Work) -> Work:
    """Try many combinations on few mixtures, and the better half on twice as many, till all.

    Parameters
    ----------
    runner : Runner
        Does the work.
    work : Work
        All combinations and all mixtures.

    Returns
    -------
    Work
        The combinations that were tried on all mixtures.

    Raises
    ------
    NmflabError
        If nothing has the score that decides.
    """
    mixtures = spread(list(work.mixtures))
    rungs = max(0, int(math.log2(max(1, len(mixtures) / FEWEST))))
    rungs = min(rungs, int(math.log2(max(1, len(work.points)))))
    points = work.points
    for rung in range(rungs, -1, -1):
        some = mixtures[: -(-len(mixtures) // 2**rung)]
        now = replace(work, points=points, mixtures=some)
        runner.run(now, f"scores of {len(points)} on {len(some)} mixtures")
        if rung:
            points = _better_half(runner, now)
    return replace(work, points=points)


def results_of(runner: Runner, work: Work) -> Results:
    """Read the rows of some work, and no others that are in its folder.

    Parameters
    ----------
    runner : Runner
        Knows the folder.
    work : Work
        The work.

    Returns
    -------
    Results
        Its rows.
    """
    return read_results(
        runner.folder.path,
        work.part,
        runner.metrics,
        mixtures=work.mixtures,
        combination=work.points,
        snr=work.snrs,
        seed=work.seeds,
    )


def _better_half(runner: Runner, work: Work) -> dict[str, Settings]:
    results = results_of(runner, work)
    order = choose(results, runner.metrics[0], runner.guard, compared=0).order
    kept = set(order[: -(-len(work.points) // 2)])
    return {name: settings for name, settings in work.points.items() if name in kept}
