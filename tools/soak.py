"""Run the tests that draw their inputs, with many times the inputs and by chance, and count them.

``python tools/soak.py [--times N] [PYTEST ARGUMENTS]``; ``make soak`` does so.
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
COUNT = re.compile(r"(\d+) passing, (\d+) failing, and (\d+) invalid")


def using_hypothesis() -> list[str]:
    """List the files whose tests draw their inputs."""
    files = sorted(file for name in FOLDERS for file in (ROOT / "tests" / name).glob("test_*.py"))
    return [str(file) for file in files if "hypothesis" in file.read_text("utf-8")]


def main() -> int:
    """Run them, print the figures, and give the exit code of pytest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="inputs, in multiples (default: 20)")
    own, others = parser.parse_known_args()
    environment = {**os.environ, "HYPOTHESIS_PROFILE": "soak", "NMFLAB_SOAK": str(own.times)}
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
    print(f"times: {own.times}; minutes: {(time.monotonic() - begin) / 60:.1f}")
    print(f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
