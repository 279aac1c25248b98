"""The results as JSON, as Markdown, and as pictures."""

import json
import statistics
from dataclasses import asdict
from pathlib import Path

from benchmarks import peers
from benchmarks.measure import Contest
from benchmarks.suite import Row, Section

BEGIN, END = "<!-- results begin -->", "<!-- results end -->"


def markdown(sections: dict[str, Section], machine: dict[str, object]) -> str:
    rows = [row for section in sections.values() for row in section.rows]
    contests = [contest for section in sections.values() for contest in section.contests]
    parts = [_machine(machine), goals_table(rows), *map(_contest_table, contests)]
    return "\n\n".join(parts)


def goals_table(rows: list[Row]) -> str:
    verdict = {True: "yes", False: "**no**", None: ""}
    lines = [[row.work, row.goal, row.measured, verdict[row.met]] for row in rows]
    return _table(["work", "goal", "measured", "met"], lines)


def write_markdown(path: Path, text: str) -> None:
    """Put the text between the markers of a file, or into a new one."""
    old = path.read_text(encoding="utf-8") if path.exists() else f"{BEGIN}\n{END}\n"
    before, rest = old.split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def write_json(path: Path, sections: dict[str, Section], machine: dict[str, object]) -> None:
    found = {name: asdict(section) for name, section in sections.items()}
    everything = {"machine": machine, "peers": peers.versions(), "sections": found}
    text = json.dumps(everything, indent=1, ensure_ascii=False, default=float)
    path.write_text(text + "\n", encoding="utf-8")


def draw_growth(path: Path, sections: dict[str, Section]) -> None:
    """Draw time against T and K, and memory against T."""
    from matplotlib.figure import Figure

    growth: dict[str, dict[str, dict[float, float]]] = {}
    for section in sections.values():
        growth |= section.growth
    axes_of = {
        "T": ("Encoding, 30 iterations", "audio in s", "time in s"),
        "K": ("Encoding, 30 iterations", "number of bases K", "time in s"),
        "memory": ("Memory beyond input and output", "audio in s", "peak in MB"),
    }
    shown = [name for name in axes_of if name in growth]
    if not shown:
        return
    figure = Figure(figsize=(4.5 * len(shown), 3.6), layout="constrained")
    for ax, name in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        for label, points in growth[name].items():
            ax.loglog(list(points), list(points.values()), "o-", label=label)
        at = sorted({x for points in growth[name].values() for x in points})
        ax.set_xticks(at, [f"{x:g}" for x in at])
        ax.minorticks_off()
        title, x_label, y_label = axes_of[name]
        ax.set(title=title, xlabel=x_label, ylabel=y_label)
        ax.grid(alpha=0.3)
        ax.legend(fontsize="small")
    figure.savefig(path, dpi=100)


def _machine(machine: dict[str, object]) -> str:
    versions = {name: found or "not installed" for name, found in peers.versions().items()}
    facts = [f"{name}: {value}" for name, value in {**machine, **versions}.items()]
    return "\n".join(f"- {fact}" for fact in facts)


def _contest_table(contest: Contest) -> str:
    first = next(iter(contest.seconds))
    reached = contest.reached.get(first)
    lines = []
    for name in sorted(contest.seconds, key=contest.median):
        ratio = "" if name == first else str(contest.ratio(name, first))
        cpu = [_seconds(statistics.median(contest.cpu[name]))] if contest.cpu else []
        line = [name, _seconds(contest.median(name)), *cpu, ratio]
        lines.append([*line, *([_objective(contest, name)] if reached else [])])
    cpu_head = ["of CPU"] if contest.cpu else []
    reached_head = ["reached"] if reached else []
    heads = ["who", "median time", *cpu_head, f"× {first}", *reached_head]
    return f"**{contest.title}**\n\n{_table(heads, lines)}"


def _objective(contest: Contest, name: str) -> str:
    return f"{contest.reached[name]:.5g}" if name in contest.reached else ""


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.2f} ms"


def _table(heads: list[str], lines: list[list[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
