"""The page of a sweep: which settings are best, by how much, how sure that is, what it costs.

One HTML file with all that it shows in it: it opens from the disk, without a server or a network.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import SCORES
from nmflab.evaluation.sweeps.choice import Choice, Mean, Results, choose, read_results
from nmflab.evaluation.sweeps.plan import identity, options_of
from nmflab.evaluation.sweeps.store import MANIFEST
from nmflab.names import as_typed
from nmflab.settings import Settings
from nmflab.system.files import replacing
from nmflab.system.records import read_record

__all__ = ["write_report"]

ROWS = 12
"""So many combinations stand in the table."""

STYLE = Path(__file__).with_suffix(".css")
"""How the page looks."""


@dataclass(frozen=True, eq=False)
class _Report:
    """What the parts of the page are made of."""

    manifest: dict[str, Any]
    run: dict[str, Any]
    results: Results
    choice: Choice
    tested: Results | None

    @property
    def label(self) -> str:
        return SCORES[self.choice.metric].label

    @property
    def best(self) -> Settings:
        return self.results.points[self.choice.best]

    def line(self, settings: Settings, command: str = "enhance") -> str:
        """Give the command that has a combination."""
        data = ["--data", self.manifest["data"]] if self.manifest["data"] else []
        snr = as_typed(float(self.run["snrs"][0]))
        conditions = ["--snr", snr, "--seed", str(self.run["seeds"][0])]
        words = ["nmflab", command, *data, *options_of(settings, self.run["preset"]), *conditions]
        return shlex.join(words)


def write_report(folder: Path, output: Path, *, sounds: bool = True) -> dict[str, Any]:
    """Write the page of a sweep, also of one that is still growing.

    Parameters
    ----------
    folder : Path
        The folder of the sweep.
    output : Path
        The HTML file.
    sounds : bool, default True
        Whether the worst and the best mixtures are on it.

    Returns
    -------
    dict
        ``best``, the best settings, ``rows``, the number of rows, and ``reason``, why there are
        no sounds, or "".

    Raises
    ------
    NmflabError
        If the folder holds no sweep, or no row of it has the score that decides.
    """
    manifest = _manifest(folder)
    report = _report_of(folder, manifest)
    reason, heard = "", ""
    if sounds:
        try:
            heard = _sounds(report)
        except NmflabError as error:
            reason = str(error)
            heard = f"<p class=quiet>There are no sounds: {escape(reason)}</p>"
    text = _page(report, heard)
    with replacing(output) as temporary:
        temporary.write_text(text, "utf-8")
    rows = len(report.results.columns["row"]) + (
        len(report.tested.columns["row"]) if report.tested else 0
    )
    return {"best": report.best, "rows": rows, "reason": reason}


def _manifest(folder: Path) -> dict[str, Any]:
    if not (folder / MANIFEST).is_file():
        raise NmflabError(
            f"The folder {str(folder)!r} holds no sweep: make one with `nmflab sweep --grid …`."
        )
    return read_record(folder / MANIFEST)


def _report_of(folder: Path, manifest: dict[str, Any]) -> _Report:
    """Choose as the last line did, among all combinations that were tried as its were."""
    run = manifest["runs"][-1]
    metrics, conditions = manifest["metrics"], {"snr": run["snrs"], "seed": run["seeds"]}
    results = read_results(folder, run["part"], metrics, **conditions)
    if not results.points:
        raise NmflabError(f"The sweep in {str(folder)!r} has no rows yet: wait for the first.")
    choice = choose(results, metrics[0], run["guard"])
    tested = None
    if run["part"] == "validation":
        start = identity(Settings.from_dict(run["settings"]))
        wanted = {choice.best, start}
        found = read_results(folder, "test", metrics, combination=wanted, **conditions)
        tested = found if choice.best in found.points else None
    return _Report(manifest, run, results, choice, tested)


def _page(report: _Report, heard: str) -> str:
    from bokeh.embed import components
    from bokeh.resources import Resources

    plots = _plots(report)
    script, places = components(plots)
    inline = Resources(mode="inline", components=["bokeh"]).render()
    r = report
    sections = [
        _answer(r),
        _section("The best settings", _best_table(r)),
        _section("On recordings that nothing was chosen on", _test_table(r)),
        _section("By noise and SNR", _where_table(r), _wide(places.get("multiples"))),
        _section("Maps", _maps_text(r), _side_by_side(places, "map")),
        _section("All settings at once", _parallel_text(), places.get("parallel")),
        _section("What it costs", _cost_text(r), _side_by_side(places, "cost")),
        _section("The worst and the best mixtures", heard),
        _section("The commands", _commands(r)),
        _section("What made this", _record(r)),
    ]
    return (
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>Sweep of {len(r.results.points)} combinations</title>\n"
        f"<style>{STYLE.read_text('utf-8')}</style>\n"
        f"{inline}\n</head><body><h1>Sweep of {len(r.results.points)} combinations of settings</h1>"
        f"{''.join(sections)}\n{script}\n</body></html>\n"
    )


def _plots(report: _Report) -> dict[str, Any]:
    from nmflab.evaluation.sweeps import plots

    results, choice = report.results, report.choice
    found: dict[str, Any] = {}
    if results.axes:
        found["multiples"] = plots.multiples(results, choice)
        for i, plot in enumerate(plots.maps(results, choice)):
            found[f"map{i}"] = plot
    if len(results.axes) > 2:
        found["parallel"] = plots.parallel(results, choice)
    if len(results.points) > 1:
        costs = {"seconds": "seconds per mixture"}
        if "stoi" in results.metrics:
            costs = {"stoi_gain": "STOI gain", **costs}
        for i, (column, label) in enumerate(costs.items()):
            found[f"cost{i}"] = plots.against(results, choice, column, label, results.axes)
    return {name: plot for name, plot in found.items() if plot is not None}


def _side_by_side(places: dict[str, str], name: str) -> str:
    some = [place for key, place in places.items() if key.startswith(name)]
    return f"<div class=plots>{''.join(some)}</div>" if some else ""


def _wide(place: str | None) -> str:
    return f"<div class=wide>{place}</div>" if place else ""


def _section(title: str, *parts: str | None) -> str:
    body = "".join(part for part in parts if part)
    return f"<h2>{title}</h2>{body}" if body else ""


def _answer(r: _Report) -> str:
    """Say in two sentences what came out."""
    mean = r.results.mean(f"{r.choice.metric}_gain", r.choice.best)
    unit = SCORES[r.choice.metric].unit
    alike = len(r.choice.alike) - 1
    chosen = {axis: as_typed(getattr(r.best, axis)) for axis in r.results.axes}
    values = ", ".join(f"{escape(k)} {escape(v)}" for k, v in chosen.items()) or "as they stand"
    sure = f"{alike} of the next ones can't be told from it." if alike else (
        "No other of the first ones can be mistaken for it."
    )  # fmt: skip
    if len(r.results.points) == 1:
        sure = ""
    guard = ", ".join(f"{SCORES[n].label} gains {g:g}" for n, g in r.run["guard"].items())
    kept = (
        f"Under the guard ({guard} at least, on average), "
        if guard and r.choice.guarded
        else "<b>Without a guard, for none kept it:</b> " if guard else ""
    )  # fmt: skip
    return (
        f"<p class=answer>{kept}the best settings are <b>{values}</b>: {r.label} "
        f"{_gain(r.choice.metric, mean)} {unit} over the mixture on the {r.results.part} part. "
        f"{sure}</p>"
    )


def _best_table(r: _Report) -> str:
    head = [*r.results.axes, f"{r.label}", *(f"{SCORES[m].label} gain" for m in r.results.metrics)]
    rows = []
    for name in r.choice.order[:ROWS]:
        point = r.results.points[name]
        means = {m: r.results.mean(f"{m}_gain", name) for m in r.results.metrics}
        level = r.results.mean(f"{r.choice.metric}_enhanced", name)
        cells = [_number(r.choice.metric, level)]
        cells += [_gain(m, mean) for m, mean in means.items()]
        seconds = float(np.nanmean(r.results.matrix("seconds")[list(r.results.points).index(name)]))
        mark = "best" if name == r.choice.best else "≈ best" if name in r.choice.alike else ""
        held = name in r.choice.held_back
        kind = "best" if name == r.choice.best else "held" if held else ""
        texts = [escape(as_typed(getattr(point, axis))) for axis in r.results.axes]
        label = mark or ("guard" if held else "")
        rows.append((kind, [label, *texts, *cells, f"{seconds:.2f} s"]))
    caption = (
        f"Means over {len(r.results.files)} mixtures of the {r.results.part} part, in brackets "
        "bootstrap intervals of 95 %. “≈ best”: on the same mixtures the difference to the best "
        "may as well be 0. “guard”: held back by it."
    )
    head = [name.replace("_", "_<wbr>") for name in head]
    return _table(["", *head, "time"], rows, caption, 1 + len(r.results.axes))


def _test_table(r: _Report) -> str:
    if r.tested is None:
        return ""
    rows = []
    for metric in r.tested.metrics:
        for name in (r.choice.best, *(n for n in r.tested.points if n != r.choice.best)):
            kind = "best" if name == r.choice.best else ""
            label = "best" if kind else "as it began"
            rows.append((kind, [SCORES[metric].label, label, *_steps(r.tested, metric, name)]))
    caption = f"Means over {len(r.tested.files)} mixtures of the test part."
    return _table(["", "", "noisy", "enhanced", "gain", "ceiling"], rows, caption, 2)


def _where_table(r: _Report) -> str:
    noises = sorted({noise for noise, _ in r.results.files})
    snrs = sorted(set(r.results.columns["snr"]))
    rows = []
    for noise in noises:
        for snr in snrs:
            steps = _steps(r.results, r.choice.metric, r.choice.best, noise=noise, snr=snr)
            rows.append(("", [escape(noise), f"{snr:g} dB", *steps]))
    caption = f"{r.label} of the best settings. In the plots each point is a combination."
    return _table(["noise", "SNR", "noisy", "enhanced", "gain", "ceiling"], rows, caption, 2)


def _steps(results: Results, metric: str, name: str, **only: Any) -> list[str]:
    noisy, enhanced, gain, ceiling = (
        results.mean(f"{metric}_{step}", name, **only)
        for step in ("noisy", "enhanced", "gain", "ceiling")
    )
    plain = [_number(metric, Mean(m.value, np.nan, np.nan)) for m in (noisy, enhanced, ceiling)]
    return [plain[0], plain[1], _gain(metric, gain), plain[2]]


def _maps_text(r: _Report) -> str:
    if not r.results.axes:
        return ""
    partly = int((~r.results.complete).sum())
    aside = (
        f" {partly} combinations were put aside after fewer mixtures, and stand there with the "
        "means over those."
        if partly
        else ""
    )
    return (
        f"<p>Each cell is the best that other settings make of it; the best is framed.{aside}</p>"
    )


def _parallel_text() -> str:
    return (
        "<p class=quiet>A line for each combination, the best one red; bright lines gain much.</p>"
    )


def _cost_text(r: _Report) -> str:
    if len(r.results.points) < 2:
        return ""
    return (
        "<p>What lies left of 0 in the first plot lowers intelligibility. Time is that of encoding "
        "and gain on the machines that did the work; iterations are at most "
        f"{r.best.max_iter_test} for the best settings.</p>"
    )


def _sounds(r: _Report) -> str:
    from nmflab.evaluation.sweeps.sounds import extremes

    of = r.tested or r.results
    worst, best = extremes(of, r.choice.best, r.choice.metric, r.manifest)
    rows = []
    for label, some in (("worst", worst), ("best", best)):
        for heard in some:
            players = [
                f"<audio controls preload=none src='{sound}' aria-label='{name}'></audio>"
                for name, sound in heard.sounds.items()
            ]
            gain = _gain(r.choice.metric, Mean(heard.gain, np.nan, np.nan))
            rows.append(("", [label, escape(heard.title), *players, gain]))
    head = ["", "mixture", "noisy", "enhanced", "clean", f"{r.label} gain"]
    return _table(head, rows, f"Of the {of.part} part, by the best settings.", 5)


def _commands(r: _Report) -> str:
    first, *rest = r.choice.order[:ROWS]
    text = f"<pre>{escape(r.line(r.results.points[first]))}</pre>"
    others = "".join(f"<pre>{escape(r.line(r.results.points[name]))}</pre>" for name in rest)
    return text + (f"<details><summary>those after it</summary>{others}</details>" if rest else "")


def _record(r: _Report) -> str:
    lines = "".join(f"<pre>{escape(run['command'])}</pre>" for run in r.manifest["runs"])
    facts = {
        "nmflab": r.manifest["version"],
        "corpus": r.manifest["corpus"],
        "begun": r.manifest["time"],
        "last line": r.run["time"],
        **r.manifest["libraries"],
    }
    cells = [("", [escape(str(k)), escape(str(v))]) for k, v in facts.items()]
    return f"{lines}{_table(['', ''], cells, '', 2)}"


def _number(metric: str, mean: Mean, sign: str = "") -> str:
    places = SCORES[metric].decimals + 1
    if np.isnan(mean.value):
        return "–"
    text = f"{mean.value:{sign}z.{places}f}"
    if np.isfinite([mean.low, mean.high]).all():
        text += f" <small>[{mean.low:{sign}z.{places}f}, {mean.high:{sign}z.{places}f}]</small>"
    return text.replace("-", "−")


def _gain(metric: str, mean: Mean) -> str:
    return _number(metric, mean, "+")


def _table(
    head: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]], caption: str, words: int
) -> str:
    """Write a table whose first columns are words."""

    def line(tag: str, cells: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=n' if i >= words else ''}>{cell}</{tag}>"
            for i, cell in enumerate(cells)
        )

    body = "".join(f"<tr class='{kind}'>{line('td', cells)}</tr>" for kind, cells in rows)
    top = f"<tr>{line('th', head)}</tr>" if any(head) else ""
    text = f"<p class=quiet>{caption}</p>" if caption else ""
    return f"{text}<div class=wide><table>{top}{body}</table></div>"
