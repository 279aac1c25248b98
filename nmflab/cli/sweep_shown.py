"""What ``nmflab sweep`` shows: the best combinations, where they help, and how to have them."""

from __future__ import annotations

import argparse
import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmflab.cli.output import rounded, say, show_table
from nmflab.evaluation.metrics import SCORES
from nmflab.evaluation.sweeps.plan import options_of
from nmflab.names import as_typed
from nmflab.settings import Settings

if TYPE_CHECKING:
    from nmflab.evaluation.sweeps.choice import Choice, Mean, Results
    from nmflab.evaluation.sweeps.plan import Plan

Line = tuple[str, str, "Results", str, dict[str, Any]]
"""A label, a score, results, a combination, and what its rows are restricted to."""

ROWS = 10
"""So many of the best combinations are shown."""


def show(
    arguments: argparse.Namespace,
    plan: Plan,
    choice: Choice,
    results: Results,
    tested: Results | None,
) -> None:
    """Show the choice, and the lines that give its figures again."""
    _show_best(plan, choice, results)
    _say_of_guard(arguments, choice)
    _show_where(results, choice)
    if tested is not None and tested.points.keys() >= {choice.best}:
        _show_test(choice, tested)
    best = plan.points[choice.best]
    figure = _interval(choice.metric, results.mean(f"{choice.metric}_enhanced", choice.best))
    print(f"Best {choice.metric} on the {results.part} part, {figure}:")
    print(f"  {again(arguments, plan, best)}")
    on_test = results if results.part == "test" else tested
    if on_test is not None and len(plan.snrs) == len(plan.seeds) == 1 and not arguments.noises:
        figure = _interval(choice.metric, on_test.mean(f"{choice.metric}_enhanced", choice.best))
        print(f"The same on the test part, {figure}:")
        print(f"  {enhance_line(arguments, plan, best)}")


def again(arguments: argparse.Namespace, plan: Plan, best: Settings) -> str:
    """Give the line that scores one combination again, on the same mixtures."""
    words = ["nmflab", "sweep", "--part", arguments.part]
    words += ["--metrics", ",".join(arguments.metrics)]
    for option in ("clips", "noises"):
        if getattr(arguments, option) is not None:
            words += [f"--{option}", getattr(arguments, option)]
    for name, values in (("snr", plan.snrs), ("seed", plan.seeds)):
        words += ["--grid", f"{name}={','.join(map(as_typed, values))}"]
    output = Path(arguments.output)
    return shlex.join(
        [
            *words,
            *_settings_of(arguments, best),
            *("--output", str(output.with_name(f"{output.name}_best"))),
        ]
    )


def enhance_line(arguments: argparse.Namespace, plan: Plan, best: Settings) -> str:
    """Give the line that scores one combination on the test part, under the first condition."""
    words = ["nmflab", "enhance", *_settings_of(arguments, best)]
    return shlex.join([*words, "--snr", as_typed(plan.snrs[0]), "--seed", str(plan.seeds[0])])


def _settings_of(arguments: argparse.Namespace, best: Settings) -> list[str]:
    """Give the options that make a preset the best combination."""
    data = ["--data", arguments.data] if arguments.data else []
    return [*data, *options_of(best, arguments.preset)]


def _show_best(plan: Plan, choice: Choice, results: Results) -> None:
    """Show the best combinations, the best first, with what can't be told from it."""
    rows = []
    for name in choice.order[:ROWS]:
        settings = plan.points[name].to_dict()
        cells = [as_typed(settings[axis]) for axis in plan.axes]
        mark = "best" if name == choice.best else "≈ best" if name in choice.alike else ""
        if name in choice.held_back:
            mark = "held back by the guard"
        for metric in results.metrics:
            found = results.mean(f"{metric}_enhanced", name)
            first = metric == choice.metric
            cells.append(_interval(metric, found) if first else _text(metric, found.value))
        rows.append([*cells, mark])
    labels = [*plan.axes, *(SCORES[name].label for name in results.metrics), ""]
    show_table(labels, rows, numbers=len(results.metrics) + 1)


def _say_of_guard(arguments: argparse.Namespace, choice: Choice) -> None:
    missing = [name for name in arguments.guard if name not in arguments.metrics]
    if missing:
        say(f"The guard can't hold, for these aren't among --metrics: {', '.join(missing)}.")
    if not choice.guarded:
        words = ", ".join(f"{name} {gain:+g}" for name, gain in arguments.guard.items())
        say(f"No combination keeps the guard ({words}): the best is without it.")


def _show_where(results: Results, choice: Choice) -> None:
    """Show the best combination for each noise and each SNR, paired with the mixture."""
    noises = sorted({noise for noise, _ in results.files})
    snrs = sorted(set(results.columns["snr"]))
    lines: list[tuple[str, dict[str, Any]]] = [
        *((noise, {"noise": noise}) for noise in noises if len(noises) > 1),
        *((f"{snr:g} dB", {"snr": snr}) for snr in snrs if len(snrs) > 1),
        ("all", {}),
    ]
    _show_steps(
        f"best on the {results.part} part, {SCORES[choice.metric].label}",
        [(label, choice.metric, results, choice.best, only) for label, only in lines],
    )


def _show_test(choice: Choice, tested: Results) -> None:
    names = {choice.best: "best"}
    names |= {name: "as it began" for name in tested.points if name != choice.best}
    lines: list[Line] = [
        (f"{SCORES[metric].label}, {label}", metric, tested, name, {})
        for metric in tested.metrics
        for name, label in names.items()
    ]
    _show_steps("test part", lines)


def _show_steps(title: str, lines: list[Line]) -> None:
    rows = []
    for label, metric, results, name, only in lines:
        noisy, enhanced, gain, ceiling = (
            results.mean(f"{metric}_{step}", name, **only)
            for step in ("noisy", "enhanced", "gain", "ceiling")
        )
        rows.append(
            [
                *(label, _text(metric, noisy.value), _text(metric, enhanced.value)),
                *(_interval(metric, gain, sign="+"), _text(metric, ceiling.value)),
            ]
        )
    show_table([title, "noisy", "enhanced", "gain", "ceiling"], rows, numbers=4)


def _text(metric: str, value: float, sign: str = "") -> str:
    if math.isnan(value):
        return "–"
    places = SCORES[metric].decimals + 1
    return f"{value:{sign}z.{places}f}" if sign else rounded(value, places)


def _interval(metric: str, mean: Mean, sign: str = "") -> str:
    """Write a mean with the ends of its interval."""
    ends = [_text(metric, end, sign) for end in (mean.low, mean.high)]
    value = _text(metric, mean.value, sign)
    return value if "–" in ends else f"{value} [{ends[0]}, {ends[1]}]"
