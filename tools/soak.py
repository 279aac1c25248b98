"""The long versions of what `make test` does in short, and their figures; ``make soak`` runs them.

``python tools/soak.py [--parts inputs kills fuzz mutants guests] [--times N] [PYTEST ARGUMENTS]``.
The inputs are those of the tests that draw theirs, many times as many and by chance. Each other
part is a program of its own, which says what it does: ``tools/kills.py``, ``tools/fuzz.py``,
``tools/mutants.py`` and ``benchmarks/guests.py``.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("core", "priors", "audio", "figures", "evaluation", "recordings", "explorer")
PARTS = {
    "kills": ["tools/kills.py"],
    "fuzz": ["tools/fuzz.py"],
    "mutants": ["tools/mutants.py"],
    "guests": ["-m", "benchmarks.guests"],
}
COUNT = re.compile(r"(\d+) passing, (\d+) failing, and (\d+) invalid")


def using_hypothesis() -> list[str]:
    """List the files whose tests draw their inputs."""
    files = sorted(file for name in FOLDERS for file in (ROOT / "tests" / name).glob("test_*.py"))
    return [str(file) for file in files if "hypothesis" in file.read_text("utf-8")]


def main() -> int:
    """Run the parts one after the other, and say at last which of them have found something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="inputs, in multiples (default: 20)")
    parser.add_argument(
        "--parts", nargs="+", choices=("inputs", *PARTS), default=["inputs", *PARTS]
    )
    own, others = parser.parse_known_args()
    codes = {}
    for part in own.parts:
        print(f"{part}:", flush=True)
        if part == "inputs":
            codes[part] = draw_inputs(own.times, others)
            continue
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, *PARTS[part]]
        codes[part] = subprocess.run(command, cwd=ROOT, env=environment).returncode
    print(f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores")
    found = [part for part, code in codes.items() if code]
    print(f"found something: {', '.join(found) or 'none'}")
    return bool(found)


def draw_inputs(times: int, others: list[str]) -> int:
    """Run the tests that draw their inputs, print the figures, give the exit code of pytest."""
    environment = {**os.environ, "HYPOTHESIS_PROFILE": "soak", "NMFLAB_SOAK": str(times)}
    options = ["--hypothesis-show-statistics", "-m", "not browser", "-k", "hypothesis_drawn"]
    files = [other for other in others if other.endswith(".py")] or using_hypothesis()
    others = [other for other in others if not other.endswith(".py")]
    command = [sys.executable, "-m", "pytest", *options, *files, *others]
    begin = time.monotonic()
    run = subprocess.run(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE)
    found = [tuple(map(int, counts)) for counts in COUNT.findall(run.stdout)]
    held, failed, outside = (
        (sum(column) for column in zip(*found, strict=True)) if found else [0] * 3
    )
    said = run.stdout.split("Hypothesis Statistics")[0]
    print(said[-6000:] if run.returncode else "", run.stdout.splitlines()[-1], sep="\n")
    print(f"inputs: {held} held, {failed} failed")
    print(f"drawn but outside of what is asked: {outside}")
    print(f"times: {times}; minutes: {(time.monotonic() - begin) / 60:.1f}")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
