"""What a sweep's rows say: means over files with intervals, and the best under a guard.

Conventions: a file is a mixture of one noise and one speech; SNRs and seeds of a file are averaged
first. Intervals are of 95 %, bootstrapped over files (scipy.stats.bootstrap, BCa), and the same
every time. Two combinations are compared on the same files, by the interval of their differences.
A combination that has not been tried on every file, or has no score on one, is not chosen.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import SCORES
from nmflab.evaluation.sweeps.plan import CONDITIONS
from nmflab.evaluation.sweeps.store import read_rows
from nmflab.settings import Settings, parameters

__all__ = ["Choice", "Mean", "Results", "choose", "mean_of", "read_results"]

RESAMPLES = 2000
LEVEL = 0.95


class Mean(NamedTuple):
    """A mean over files, with the ends of its interval.

    Parameters
    ----------
    value : float
        The mean; NaN where there is none.
    low, high : float
        The ends of its interval of 95 %; NaN where there is none.
    """

    value: float
    low: float
    high: float


def mean_of(values: NDArray[np.float64]) -> Mean:
    """Average over files, with a bootstrap interval.

    Parameters
    ----------
    values : ndarray of float64, shape (n_files,)
        One value for each file; what isn't finite doesn't count.

    Returns
    -------
    Mean
        The mean, and the ends of its interval of 95 %; NaN for fewer than two files.
    """
    from scipy.stats import bootstrap

    values = values[np.isfinite(values)]
    if not len(values):
        return Mean(math.nan, math.nan, math.nan)
    value = float(values.mean())
    if len(values) < 2:
        return Mean(value, math.nan, math.nan)
    if np.ptp(values) <= 1e-12 * abs(value):
        return Mean(value, value, value)
    options = {"n_resamples": RESAMPLES, "confidence_level": LEVEL, "vectorized": True}
    for method in ("BCa", "percentile"):  # BCa has none where most values are the same
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = bootstrap(
                (values,), np.mean, method=method, rng=np.random.default_rng(0), **options
            ).confidence_interval
        if np.isfinite([found.low, found.high]).all():
            break
    return Mean(value, float(found.low), float(found.high))


@dataclass(frozen=True, eq=False)
class Results:
    """The rows of one part of a sweep, by combination.

    Parameters
    ----------
    part : str
        ``validation`` or ``test``.
    metrics : tuple of str
        The scores that were computed.
    points : dict of str to Settings
        The combinations by identity.
    columns : dict of str to ndarray, shape (n_rows,)
        The rows; ``combination`` counts along `points`, ``file`` along `files`.
    files : tuple of (str, str)
        Names of noise and speech.
    """

    part: str
    metrics: tuple[str, ...]
    points: dict[str, Settings]
    columns: dict[str, NDArray[Any]]
    files: tuple[tuple[str, str], ...]

    @cached_property
    def axes(self) -> tuple[str, ...]:
        """Names of the settings that differ."""
        every = [settings.to_dict() for settings in self.points.values()]
        return tuple(
            name
            for name in parameters()
            if name not in CONDITIONS and len({settings[name] for settings in every}) > 1
        )

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """Which combinations have been tried under every condition."""
        counts = np.bincount(self.columns["combination"], minlength=len(self.points))
        return np.asarray(counts == counts.max(initial=0))

    def matrix(self, column: str, **only: Any) -> NDArray[np.float64]:
        """Average a column over SNRs and seeds.

        Parameters
        ----------
        column : str
            As ``sdr_gain``.
        **only
            What the rows are restricted to, as ``noise="car"``.

        Returns
        -------
        ndarray of float64, shape (n_combinations, n_files)
            Means; NaN where there is no row, or one of them has no score.
        """
        rows = np.ones(len(self.columns["combination"]), dtype=bool)
        for name, value in only.items():
            rows &= self.columns[name] == value
        shape = len(self.points), len(self.files)
        place = np.ravel_multi_index(
            (self.columns["combination"][rows], self.columns["file"][rows]), shape
        )
        counts = np.bincount(place, minlength=math.prod(shape))
        with np.errstate(invalid="ignore"):
            sums = np.bincount(place, self.columns[column][rows], minlength=math.prod(shape))
            return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).reshape(shape)

    def means(self, column: str, **only: Any) -> NDArray[np.float64]:
        """Average a column over files, for every combination.

        Parameters
        ----------
        column : str
            As ``sdr_gain``.
        **only
            As for `matrix`.

        Returns
        -------
        ndarray of float64, shape (n_combinations,)
            Means over those files on which any combination has the score; NaN where one lacks it.
        """
        values = self.matrix(column, **only)
        there = (values < np.inf).any(axis=0)
        if not there.any():
            return np.full(len(values), np.nan)
        return np.asarray(values[:, there].mean(axis=1))

    def mean(self, column: str, combination: str, **only: Any) -> Mean:
        """Average a column over files, for one combination, with its interval.

        Parameters
        ----------
        column, combination : str
            As ``sdr_gain``, and the combination's identity.
        **only
            As for `matrix`.

        Returns
        -------
        Mean
            Mean and interval.
        """
        return mean_of(self.matrix(column, **only)[list(self.points).index(combination)])


@dataclass(frozen=True, eq=False)
class Choice:
    """What is best, and what can't be told from it.

    Parameters
    ----------
    metric : str
        The score that decides.
    best : str
        Identity of the best combination.
    order : tuple of str
        All that could be chosen, the best first; after them those that the guard holds back.
    held_back : frozenset of str
        Those that the guard holds back.
    alike : frozenset of str
        Of the first ones those that can't be told from the best.
    guarded : bool
        Whether the guard could be kept.
    """

    metric: str
    best: str
    order: tuple[str, ...]
    held_back: frozenset[str]
    alike: frozenset[str]
    guarded: bool


def choose(
    results: Results,
    metric: str,
    guard: Mapping[str, float] | None = None,
    *,
    compared: int = 20,
) -> Choice:
    """Choose the best combination.

    Parameters
    ----------
    results : Results
        Rows of the part to choose on.
    metric : str
        The score that decides, by the mean of its enhanced value.
    guard : mapping of str to float, optional
        Scores, and how much their mean must gain on the mixture at least; scores that weren't
        computed are left out.
    compared : int, default 20
        So many of the first are compared with the best.

    Returns
    -------
    Choice
        The best.

    Raises
    ------
    NmflabError
        If nothing has the score.
    """
    if metric not in results.metrics:
        there = ", ".join(results.metrics)
        raise NmflabError(f"The sweep has no score {metric!r}; there are: {there}.")
    values, names = results.means(f"{metric}_enhanced"), list(results.points)
    kept = ~np.isnan(values) & results.complete
    if not kept.any():
        raise NmflabError(f"No combination has the score {metric!r} on every mixture.")
    passes = np.ones(len(names), dtype=bool)
    for name, least in (guard or {}).items():
        if name in results.metrics:
            passes &= results.means(f"{name}_gain") >= least
    guarded = bool((kept & passes).any())
    sign = -1 if SCORES[metric].higher_is_better else 1
    places = sorted(
        np.flatnonzero(kept), key=lambda i: (guarded and not passes[i], sign * values[i], i)
    )
    order = tuple(names[i] for i in places)
    files = results.matrix(f"{metric}_enhanced")[places[: max(1, compared)]]
    alike = {order[0]}
    for name, difference in zip(order[1:], files[0] - files[1:], strict=False):
        interval = mean_of(difference)
        if not (interval.low > 0 or interval.high < 0):
            alike.add(name)
    held = frozenset(names[i] for i in places if not passes[i])
    return Choice(metric, order[0], order, held, frozenset(alike), guarded)


def read_results(
    folder: Path,
    part: str,
    metrics: Sequence[str],
    *,
    mixtures: Iterable[tuple[str, str]] | None = None,
    **only: Iterable[Any],
) -> Results:
    """Read the rows of one part of a sweep's folder.

    Parameters
    ----------
    folder : Path
        The folder.
    part : str
        ``validation`` or ``test``.
    metrics : sequence of str
        The scores that were computed.
    mixtures : iterable of (str, str), optional
        Names of noise and speech; by default all that were tried.
    **only
        What else rows are restricted to, as ``combination=[…]`` or ``snr=[…]``.

    Returns
    -------
    Results
        The rows, in an order that doesn't depend on when they came.
    """
    import pyarrow
    import pyarrow.compute as pc

    table = read_rows(folder)
    table = table.filter(pc.field("part") == part)
    for name, values in only.items():
        table = table.filter(pc.field(name).isin(list(values)))
    if mixtures is not None:
        wanted = set(mixtures)
        tried = zip(table["noise"].to_pylist(), table["speech"].to_pylist(), strict=True)
        table = table.filter(pyarrow.array([pair in wanted for pair in tried], pyarrow.bool_()))
    table = table.sort_by([("combination", "ascending"), ("row", "ascending")])
    raw = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    _, first, combination = np.unique(
        raw["combination"].astype(str), return_index=True, return_inverse=True
    )
    points = {
        str(raw["combination"][i]): Settings(**{n: table[n][int(i)].as_py() for n in parameters()})
        for i in first
    }
    pairs = list(zip(raw["noise"], raw["speech"], strict=True))
    files = tuple(sorted(set(pairs)))
    place = {file: i for i, file in enumerate(files)}
    raw["combination"] = combination
    raw["file"] = np.array([place[pair] for pair in pairs], dtype=int)
    return Results(part, tuple(metrics), points, raw, files)
