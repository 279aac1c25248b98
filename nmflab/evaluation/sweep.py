"""Sweeps: every combination of some settings, tried on a corpus and scored.

Conventions: a grid maps names of `Settings` to the values to try; its first name is the first
axis of every array. All speech clips are mixed with all noises, separated with every combination,
and scored; nothing is random but what `Settings.seed` seeds. A dictionary is trained once, however
many combinations use it, and combinations that differ in settings of the gain alone (the power p)
share one encoding. A mixture that can't be made or scored costs its own scores (NaN), not the
sweep.

Settings must be chosen on other recordings than they are reported on: choose on `validation`, then
report on the corpus itself. See notebooks/07_evaluation.ipynb.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.core.model import StageProgress
from nmflab.corpus.folders import Corpus
from nmflab.errors import NmflabError
from nmflab.evaluation.dictionaries import Dictionaries
from nmflab.evaluation.metrics import SCORES, refuse_missing
from nmflab.evaluation.mixtures import Train, scored, sharing_an_encoding, tasks, together
from nmflab.evaluation.processes import check_jobs, do_all
from nmflab.settings import Settings

__all__ = ["Sweep", "sweep"]


@dataclass(frozen=True, eq=False)
class Sweep:
    """The scores of every combination on every mixture.

    Parameters
    ----------
    settings : Settings
        What all combinations have in common.
    axes : dict of str to tuple
        The settings that differ and their values, in the order of the axes of `scores`.
    metrics : tuple of str
        Which scores.
    noises, clips : tuple of str
        Names of the noises and of the speech clips.
    scores : ndarray of float64, shape (n_metrics, ..., n_noises, n_clips)
        The scores, with an axis for each of `axes` in the middle; NaN where there is none.
    skipped : tuple of str
        One sentence for each mixture or dictionary that could not be made.
    """

    settings: Settings
    axes: dict[str, tuple[Any, ...]]
    metrics: tuple[str, ...]
    noises: tuple[str, ...]
    clips: tuple[str, ...]
    scores: NDArray[np.float64]
    skipped: tuple[str, ...] = ()

    def mean(self, metric: str | None = None, *, noise: str | None = None) -> NDArray[np.float64]:
        """Average a score over the mixtures: the score map.

        Parameters
        ----------
        metric : str, optional
            Which score; by default the first.
        noise : str, optional
            One noise alone; by default all.

        Returns
        -------
        ndarray of float64, shape of the grid
            Means over whatever has a score; NaN where nothing has.

        Raises
        ------
        NmflabError
            If the sweep doesn't have the score or the noise.
        """
        scores = self.scores[_place(metric or self.metrics[0], self.metrics, "score")]
        if noise is not None:
            scores = scores[..., [_place(noise, self.noises, "noise")], :]
        there = scores < np.inf  # a perfect one, of a clip of one sample, has no mean
        total = np.where(there, scores, 0.0).sum(axis=(-2, -1))
        count = there.sum(axis=(-2, -1))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def best(self, metric: str | None = None, *, noise: str | None = None) -> dict[str, Any]:
        """Give the combination with the best mean score, the first where there are several.

        Parameters
        ----------
        metric, noise : str, optional
            As for `mean`.

        Returns
        -------
        dict
            Names and values, for ``settings.replace(**sweep.best())``.

        Raises
        ------
        NmflabError
            If nothing has that score.
        """
        metric = metric or self.metrics[0]
        scores = self.mean(metric, noise=noise)
        if np.isnan(scores).all():
            raise NmflabError(f"No combination has the score {metric!r}.")
        best = np.nanargmax if SCORES[metric].higher_is_better else np.nanargmin
        cell = np.unravel_index(int(best(scores)), scores.shape)
        return {name: self.axes[name][i] for name, i in zip(self.axes, cell, strict=True)}

    def to_rows(self) -> list[dict[str, Any]]:
        """Give the sweep as a table, one row for each combination and mixture.

        Returns
        -------
        list of dict
            The settings of the combination, ``noise``, ``speech`` and the scores.
        """
        flat = self.scores.reshape(len(self.metrics), -1)
        keys = product(*self.axes.values(), self.noises, self.clips)
        names = (*self.axes, "noise", "speech")
        return [
            dict(zip((*names, *self.metrics), (*key, *map(float, flat[:, i])), strict=True))
            for i, key in enumerate(keys)
        ]


def sweep(
    corpus: Corpus,
    settings: Settings,
    grid: Mapping[str, Sequence[Any]],
    *,
    metrics: Sequence[str] = ("sdr",),
    clips: Sequence[str] | None = None,
    noises: Sequence[str] | None = None,
    train: Train | None = None,
    jobs: int = 1,
    cache: bool = True,
    progress: StageProgress | None = None,
) -> Sweep:
    """Score every combination of some settings on the test part of a corpus.

    Parameters
    ----------
    corpus : Corpus
        Training and test recordings; `validation` makes one to choose settings on.
    settings : Settings
        All that the grid leaves alone.
    grid : mapping of str to sequence
        Names of settings and the values to try. With ``win_size``, ``overlap`` keeps its share of
        the window and ``fft`` is raised where it must be, unless they are in the grid themselves.
    metrics : sequence of str, default ("sdr",)
        Scores to compute, by the names of `nmflab.evaluation.metrics.SCORES`.
    clips, noises : sequence of str, optional
        Names of the test recordings to use; by default all.
    train : callable, optional
        Gives the model, called as ``train(settings, noise, progress)``; by default each
        dictionary is trained here, once.
    jobs : int, default=1
        Processes that share the mixtures; the result is the same for any number. With more than
        one, a script must guard its entry with ``if __name__ == "__main__":``.
    cache : bool, default True
        Whether dictionaries may be taken from the cache folder and kept there.
    progress : callable, optional
        Called as ``progress(stage, done, total)``; an exception that it raises ends the sweep.

    Returns
    -------
    Sweep
        Axes and scores.

    Raises
    ------
    NmflabError
        If a name or a value can't be, or there is not one mixture that could be scored.

    Examples
    --------
    >>> grid = {"penalty": (0.03, 0.1), "p": (1, 2)}
    >>> found = sweep(validation(corpus), Settings.tuned(), grid)        # doctest: +SKIP
    >>> found.mean("sdr").shape, found.best("sdr")                       # doctest: +SKIP
    ((2, 2), {'penalty': 0.1, 'p': 2.0})
    """
    if settings.sampling_rate != corpus.sampling_rate:
        raise NmflabError(
            f"sampling_rate is {settings.sampling_rate} but the corpus is at "
            f"{corpus.sampling_rate} Hz: load it with "
            f"load_corpus(sampling_rate={settings.sampling_rate})."
        )
    points = combinations(settings, grid)
    axes = {name: tuple(dict.fromkeys(getattr(p, name) for p in points)) for name in grid}
    metrics = _chosen(metrics, tuple(SCORES), "score")
    refuse_missing(metrics)
    clips = _chosen(clips, corpus.test_speech.names, "test speech")
    noises = _chosen(noises, corpus.test_noise.names, "test noise")
    check_jobs(jobs)
    train, progress = train or Dictionaries(corpus, cache=cache).model, progress or _no_progress
    groups = sharing_an_encoding(points)
    total = len(noises) * len(clips)
    outcomes = do_all(
        partial(scored, groups, metrics),
        tasks(corpus, groups, clips, noises, train, progress),
        jobs=min(jobs, total),
        stage="scores",
        total=total * len(points),
        report=progress,
    )
    scores, skipped = together(outcomes, groups, metrics, clips, noises)
    shape = (len(metrics), *map(len, axes.values()), len(noises), len(clips))
    return Sweep(settings, axes, metrics, noises, clips, scores.reshape(shape), skipped)


def combinations(settings: Settings, grid: Mapping[str, Sequence[Any]]) -> list[Settings]:
    """Give the settings of every combination, the last name changing fastest."""
    if not grid:
        raise NmflabError("The grid is empty: name a setting and the values to try.")
    check_grid(grid)
    return [
        changed(settings, dict(zip(grid, values, strict=True)))
        for values in product(*grid.values())
    ]


def check_grid(grid: Mapping[str, Sequence[Any]]) -> None:
    """Refuse what is no list of different values."""
    for name, values in grid.items():
        if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray):
            raise NmflabError(f"{name} is {values!r} but the grid wants a list of values.")
        if name == "sampling_rate":
            raise NmflabError("sampling_rate can't be swept: a corpus has one.")
        if len(values) == 0 or len(set(values)) < len(values):
            raise NmflabError(f"{name} is {list(values)!r} but needs values, each of them once.")


def changed(settings: Settings, values: dict[str, Any]) -> Settings:
    """Change some settings; another window keeps its share of overlap, and an FFT it fits in."""
    size = values.get("win_size")
    if isinstance(size, Integral):  # numpy's as well
        overlap = int(size) * settings.overlap // settings.win_size
        values = {"overlap": overlap, "fft": max(settings.fft, int(size)), **values}
    return settings.replace(**values)


def _chosen(names: Sequence[str] | None, known: Sequence[str], what: str) -> tuple[str, ...]:
    """Check some names, each once; none means all."""
    chosen = tuple(known) if names is None else tuple(dict.fromkeys(names))
    if isinstance(names, str) or not chosen:
        raise NmflabError(
            f"{names!r} is no list of names of {what}; there are: {', '.join(known)}."
        )
    for name in chosen:
        _place(name, known, what)
    return chosen


def _place(name: str, known: Sequence[str], what: str) -> int:
    if name not in known:
        raise NmflabError(f"There is no {what} called {name!r}; there are: {', '.join(known)}.")
    return list(known).index(name)


def _no_progress(stage: str, done: int, total: int) -> None:
    """Report to nobody."""
