"""Run the suite: ``python -m benchmarks [--quick] [--only SECTION ...] [--output FOLDER]``."""

import argparse
import time
from pathlib import Path

from benchmarks import report
from benchmarks.measure import machine, say
from benchmarks.suite import QUICK, SECTIONS, Section, Sizes


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: does all of it run?")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="these sections alone")
    parser.add_argument(
        "--output",
        type=Path,
        help="folder for results.json, README.md and growth.png (default: benchmarks/ after a "
        "full run, else nothing is written)",
    )
    options = parser.parse_args(arguments)
    run(
        QUICK if options.quick else Sizes(),
        options.only or list(SECTIONS),
        options.output or (None if options.quick or options.only else Path(__file__).parent),
    )


def run(sizes: Sizes, names: list[str], output: Path | None) -> dict[str, Section]:
    """Run sections; print the tables, and write them where there is a folder for it."""
    began = time.perf_counter()
    description = machine()
    sections = {}
    for name in names:
        say(f"{name}, at {time.perf_counter() - began:.0f} s")
        sections[name] = SECTIONS[name](sizes)
        say(report.goals_table(sections[name].rows) + "\n")
    description["the run took"] = f"{(time.perf_counter() - began) / 60:.1f} minutes"
    text = report.markdown(sections, description)
    say(text)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        report.write_json(output / "results.json", sections, description)
        report.write_markdown(output / "README.md", text)
        report.draw_growth(output / "growth.png", sections)
    return sections


if __name__ == "__main__":
    main()
