"""What a sweep is to try: combinations of settings, and the conditions to average them over.

Conventions: SNR and seed are conditions. They are never chosen: a grid may name them, and each
combination is then tried under every one of their values. A combination that can't be, as a window
shorter than its overlap, is skipped and counted before any work; a value that no combination could
have is an error.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from nmflab.core.stft import Stft
from nmflab.errors import NmflabError, first_of
from nmflab.evaluation.sweep import changed, check_grid
from nmflab.names import as_typed
from nmflab.parameters import checked
from nmflab.settings import PRESETS, Settings, parameters

__all__ = ["CONDITIONS", "Between", "Plan", "identity", "options_of", "plan"]

CONDITIONS = ("snr", "seed")
"""Settings that a sweep averages over."""

DIGITS = 3
"""Significant digits of what is drawn, so that a setting can be typed as it was tried."""

PATIENCE = 100
"""For one combination that is wanted so many may be drawn."""


@dataclass(frozen=True)
class Between:
    """Values to draw from: all numbers between two.

    Parameters
    ----------
    low, high : float
        The least and the greatest.
    """

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Plan:
    """What a sweep is to try.

    Parameters
    ----------
    settings : Settings
        What all combinations have in common.
    points : dict of str to Settings
        The combinations by their identity, see `identity`, under the first condition.
    axes : tuple of str
        Names of the settings that differ.
    snrs : tuple of float
        SNRs to average over, in dB.
    seeds : tuple of int
        Seeds to average over.
    impossible : tuple of str
        One sentence for each kind of combination that can't be, with their number.
    """

    settings: Settings
    points: dict[str, Settings]
    axes: tuple[str, ...]
    snrs: tuple[float, ...]
    seeds: tuple[int, ...]
    impossible: tuple[str, ...] = ()


def plan(
    settings: Settings,
    grid: Mapping[str, Sequence[Any] | Between],
    *,
    random: int | None = None,
    draw: int = 0,
) -> Plan:
    """Lay out a sweep.

    Parameters
    ----------
    settings : Settings
        All that the grid leaves alone.
    grid : mapping of str to sequence or Between
        Names of settings and the values to try. ``snr`` and ``seed`` are averaged over. Without
        any, the settings as they stand are the one combination.
    random : int, optional
        Draw so many different combinations instead of trying all. Where the ratio of a setting's
        values counts, see `Parameter`, a number between two is drawn log-uniformly.
    draw : int, default 0
        Seed of what is drawn. A larger number of combinations begins with those of a smaller.

    Returns
    -------
    Plan
        Combinations and conditions.

    Raises
    ------
    NmflabError
        If a name or a value can't be, or no combination is possible.
    """
    given = {name: _as_axis(name, values) for name, values in grid.items()}
    check_grid({name: v for name, v in given.items() if not isinstance(v, Between)})
    for name, values in given.items():
        _check_values(name, values, random)
    conditions = {name: given.pop(name, (getattr(settings, name),)) for name in CONDITIONS}
    snrs, seeds = (
        tuple(dict.fromkeys(checked(name, parameters()[name], value) for value in values))
        for name, values in conditions.items()
    )
    settings = settings.replace(snr=snrs[0], seed=seeds[0])
    impossible: Counter[str] = Counter()
    points: dict[str, Settings] = {}
    for values in _drawn(given, random, draw) if random else _all(given):
        try:
            point = changed(settings, values)
            _check_window(*point.read_by("spectrogram"))
            points.setdefault(identity(point), point)
        except NmflabError as error:
            impossible[str(error)] += 1
        if len(points) == random:
            break
    sentences = tuple(f"{count} × {reason}" for reason, count in impossible.items())
    if not points:
        raise NmflabError(f"No combination of the grid is possible{first_of(list(impossible))}")
    return Plan(settings, points, tuple(given), snrs, seeds, sentences)


def identity(settings: Settings) -> str:
    """Give twelve hexadecimal digits of all settings but the conditions.

    Parameters
    ----------
    settings : Settings
        A combination.

    Returns
    -------
    str
        The same for the same combination, on every machine.
    """
    facts = {k: v for k, v in settings.to_dict().items() if k not in CONDITIONS}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def options_of(settings: Settings, preset: str) -> list[str]:
    """Give the words of a command that make a preset these settings; conditions are left out.

    Parameters
    ----------
    settings : Settings
        The settings.
    preset : str
        Name of a preset.

    Returns
    -------
    list of str
        Options and values, to the last digit.
    """
    start = PRESETS[preset].to_dict()
    words = ["--preset", preset]
    for name, value in settings.to_dict().items():
        if value != start[name] and name not in CONDITIONS:
            words += [f"--{name}", as_typed(value)]
    return words


def _as_axis(name: str, values: Any) -> Any:
    return values if isinstance(values, Between | str) or not hasattr(values, "__iter__") else [
        value.item() if isinstance(value, np.generic) else value for value in values
    ]  # fmt: skip


def _check_values(name: str, values: Sequence[Any] | Between, random: int | None) -> None:
    """Refuse what no combination could have."""
    if name not in parameters():
        raise NmflabError(
            f"There is no setting called {name!r}; there are: {', '.join(parameters())}."
        )
    declared = parameters()[name]
    if not isinstance(values, Between):
        for value in values:
            checked(name, declared, value)
        return
    if name in CONDITIONS or random is None or declared.kind is str:
        raise NmflabError(
            f"{name} is to lie between {values.low:g} and {values.high:g}, but only numbers that "
            "are drawn can: give --random, or list the values."
        )
    if not values.low < values.high or (declared.ratio and values.low <= 0):
        least = "above 0 and " if declared.ratio else ""
        raise NmflabError(
            f"{name} is to lie between {values.low:g} and {values.high:g}, but the first must be "
            f"{least}below the second."
        )
    for value in (values.low, values.high):
        checked(name, declared, declared.kind(value))


def _all(grid: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def _drawn(grid: Mapping[str, Any], random: int, draw: int) -> Iterator[dict[str, Any]]:
    """Draw combinations, each from a generator of its own, so that more of them begin alike."""
    for number in range(PATIENCE * random):
        rng = np.random.default_rng([draw, number])
        yield {name: _draw(rng, name, values) for name, values in grid.items()}


def _draw(rng: np.random.Generator, name: str, values: Any) -> Any:
    if not isinstance(values, Between):
        return values[int(rng.integers(len(values)))]
    declared = parameters()[name]
    if declared.ratio:
        value = math.exp(rng.uniform(math.log(values.low), math.log(values.high)))
    else:
        value = rng.uniform(values.low, values.high)
    return round(value) if declared.kind is int else float(f"{value:.{DIGITS}g}")


@cache
def _check_window(*spectrogram: Any) -> None:
    """Refuse a window without inverse; `spectrogram` is what the stage of that name reads."""
    names = [name for name, of in parameters().items() if "spectrogram" in of.read_by]
    Stft.from_settings(Settings(**dict(zip(names, spectrogram, strict=True))))
