"""The whole experiment against another commit: ``python -m benchmarks.experiment --before FOLDER``.

FOLDER is a checkout of that commit; in each round both run the same command on the embedded corpus,
in turns, each in a new process and, where it knows of one, with a cache folder of its own:
``nmflab enhance`` with default options, the same with another λ, and a sweep of λ × p with 48
combinations. The other λ comes after the first run, whose cache it finds. All that they write is
compared to the byte; but pictures pixel by pixel, as they may be packed otherwise, and the numbers
of a sweep, which are written out in full, to twelve digits.
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import ROOT, Ratio, machine, say

GRID = "penalty=0.005,0.01,0.02,0.05,0.1,0.2", "p=0.5,1,1.5,2,3,4,6,10"
SCORES = "sdr,si_sdr,stoi"

WORK = {
    "first": ("`nmflab enhance`", "≤ 0.65 ×", ["enhance"]),
    "λ": ("the same with another λ", "≤ 0.3 ×", ["enhance", "--penalty", "0.02"]),
    "sweep": (
        "`nmflab sweep` of λ × p, 48 combinations",
        "≤ 0.5 ×",
        ["sweep", "--grid", GRID[0], "--grid", GRID[1], "--metrics", SCORES],
    ),
}


def run(code: Path, cache: Path, output: Path, command: list[str], more: list[str]) -> float:
    """Run a command of nmflab as it is in a folder; give the seconds that it took."""
    environment = {**os.environ, "PYTHONPATH": str(code), "NMFLAB_CACHE": str(cache)}
    line = [sys.executable, "-m", "nmflab", *command, "--output", str(output), "--quiet", *more]
    began = time.perf_counter()
    subprocess.run(line, env=environment, cwd=code, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def same(one: Path, other: Path) -> bool:
    """Tell whether two files, or all files of two folders, are the same."""
    if one.is_file():
        return one.read_bytes() == other.read_bytes() or _alike(one, other)
    files = [{p.relative_to(root) for p in root.rglob("*.*")} for root in (one, other)]
    return files[0] == files[1] and all(
        same(one / name, other / name) for name in files[0] if (one / name).is_file()
    )


def _alike(one: Path, other: Path) -> bool:
    """Tell whether pictures have the same pixels, and sweeps the same scores but for rounding."""
    if one.suffix == ".png":
        from PIL import Image

        return np.array_equal(*(np.asarray(Image.open(path)) for path in (one, other)))
    if one.name != "sweep.csv":
        return False
    cells = [path.read_text("utf-8").replace("\n", ",").split(",") for path in (one, other)]
    return len(cells[0]) == len(cells[1]) and all(map(_close, *cells))


def _close(one: str, other: str) -> bool:
    try:
        return one == other or math.isclose(float(one), float(other), rel_tol=1e-12)
    except ValueError:
        return False


def measure(
    before: Path, rounds: int, work: list[str], more: list[str]
) -> dict[str, dict[str, list[float]]]:
    """Measure this checkout and the one before in turns."""
    found: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as scratch:
            places = [("now", ROOT), ("before", before)][:: 1 if number % 2 else -1]
            for what in work:
                for name, code in places:
                    folder = Path(scratch, name)
                    folder.mkdir(exist_ok=True)
                    output = folder / ("sweep.csv" if what == "sweep" else what)
                    cache = folder / ("sweep's cache" if what == "sweep" else "cache")
                    seconds = run(code, cache, output, WORK[what][2], more)
                    found.setdefault(what, {}).setdefault(name, []).append(seconds)
                    say(f"  round {number + 1} of {rounds}, {what}, {name}: {seconds:.1f} s")
                outputs = [Path(scratch, name) / output.name for name, _ in places]
                say(f"  the same: {same(*outputs)}")
    return found


def report(found: dict[str, dict[str, list[float]]]) -> str:
    """Give the table as Markdown."""
    rows = [["", "goal", "now", "before", "now / before"], ["---"] * 5]
    for what, times in found.items():
        text, goal, _ = WORK[what]
        now, before = times["now"], times["before"]
        ratio = Ratio.of([a / b for a, b in zip(now, before, strict=True)])
        cells = [f"{statistics.median(x):.1f} s" for x in (now, before)]
        rows.append([text, goal, *cells, str(ratio)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiment", description=__doc__)
    parser.add_argument("--before", type=Path, required=True, help="checkout to compare with")
    parser.add_argument("--rounds", type=int, default=3, help="(default 3)")
    parser.add_argument("--only", nargs="+", choices=WORK, default=list(WORK), help="these alone")
    options, more = parser.parse_known_args(arguments)
    if "λ" in options.only and "first" not in options.only:
        parser.error("--only λ wants first, whose cache it finds")
    say(report(measure(options.before.resolve(), options.rounds, options.only, more)))
    facts = machine()
    say(f"Processor: {facts['processor']}, {facts['cores']} cores; Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
