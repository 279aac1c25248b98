"""End commands by signals at random moments, and look at what they leave behind.

``python tools/kills.py [--number 200] [--seed 0] [--only NAME]``. Every command has an output of an
earlier run with other settings. After SIGINT (to the whole group, as a terminal sends it), SIGTERM
or SIGKILL, each file must be the earlier one or the whole new one; no process may be left, nor
scratch; and the next run must end as if nothing had happened.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nmflab.audio.files import write_audio

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
SAID = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Ended"}
DASK = re.compile(r"dask-scratch-space(/(global|purge)\.lock)?")
PATIENCE = 60.0
SIZES = ["-b_speech", "6", "-b_noise", "4"]
WORK = [*SIZES, "-i_train", "20", "-i_test", "40"]
Tree = dict[str, bytes]


@dataclass
class Case:
    """A command: its words, and which of its files need not be the same bytes twice."""

    name: str
    words: list[str]
    varies: tuple[str, ...] = ()
    seconds: float = 0.0
    earlier: Tree | None = None
    whole: Tree | None = None


def cases(folder: Path) -> list[Case]:
    """Give the commands; `OUT` stands for the output."""
    data, model, long = str(folder / "data"), str(folder / "model.npz"), str(folder / "long.wav")
    grid = ["--grid", "penalty=0,0.1", "--grid", "p=1,2,3", "--metrics", "sdr,si_sdr"]
    enhance = ["enhance", "--data", data, "--output", "OUT", *WORK]
    sweep = ["sweep", *grid, "--data", data, "--output", "OUT", "--part", "test", *WORK]
    several = [str(folder / f"noisy{i}.wav") for i in range(3)]
    folders = ("manifest.json", "journal.jsonl", "parts/", "report.html")
    clocks = ("experiment.json", ".json")  # they name the line that made them, and versions
    return [
        Case("train", ["train", "--data", data, "--output", "OUT/model.npz", *SIZES,
                       "-i_train", "60"], ("model.npz",)),
        Case("separate", ["separate", model, long, "--output", "OUT"], clocks),
        Case("enhance", enhance, clocks),
        Case("enhance, 2 jobs", [*enhance, "--jobs", "2"], clocks),
        Case("denoise", ["denoise", long, "--output", "OUT"], clocks),
        Case("denoise, 2 jobs", ["denoise", *several, "--jobs", "2", "--output", "OUT"], clocks),
        Case("sweep", sweep, folders),
        Case("sweep, 2 jobs", [*sweep, "--grid", "nmf_mode=NMF_e,NMF_g", "--jobs", "2"], folders),
        Case("report", ["report", str(folder / "sweep"), "--output", "OUT/report.html"],
             ("report.html",)),
        Case("data", ["data", "--data", data]),
    ]  # fmt: skip


def prepare(folder: Path) -> None:
    """Make a data folder, a model, recordings and a sweep to report on."""
    rng = np.random.default_rng(0)

    def sound(seconds: float, pitch: float) -> np.ndarray:
        t = np.arange(int(16000 * seconds)) / 16000
        tone = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 6))
        return (0.1 * tone * (1 + np.sin(9 * t)) + 0.02 * rng.standard_normal(t.size)) / 4

    for part in ("train", "test"):
        for number, name in enumerate(("ann", "bob")):
            write_audio(folder / f"data/{part}/speech/{name}.wav", sound(1.0, 110 + 50 * number))
        for number, name in enumerate(("hiss", "hum")):
            noise = 0.05 * rng.standard_normal(16000) + number * sound(1.0, 50)
            write_audio(folder / f"data/{part}/noise/{name}.wav", noise)
    write_audio(folder / "long.wav", sound(20.0, 140))
    for number in range(3):
        write_audio(folder / f"noisy{number}.wav", sound(4.0, 100 + 30 * number))
    must(["train", "--data", str(folder / "data"), "--output", str(folder / "model.npz"), *WORK])
    must(["sweep", "--grid", "penalty=0,0.1", "--metrics", "sdr,si_sdr", "--part", "test", "--data",
          str(folder / "data"), "--output", str(folder / "sweep"), *WORK])  # fmt: skip


def start(words: list[str], scratch: Path) -> subprocess.Popen[str]:
    """Start a command in a session of its own, with a folder of its own for scratch."""
    return subprocess.Popen(
        [sys.executable, "-m", "nmflab", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={
            **os.environ,
            "TMPDIR": str(scratch),
            "NMFLAB_CACHE": "off",
            "OMP_NUM_THREADS": "1",
            "PYTHONFAULTHANDLER": "1",
        },
        cwd=scratch.parent,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def must(words: list[str]) -> None:
    """Run a command that has to end well."""
    with tempfile.TemporaryDirectory() as scratch:
        run = start(words, Path(scratch))
        _, said = run.communicate(timeout=300)
    if run.returncode:
        raise RuntimeError(f"{words}: {said}")


def tree(folder: Path) -> Tree:
    """Give all files below a folder with their bytes, but for the locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def living(group: int) -> list[str]:
    """Name the processes of a session that are left."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[3]) == group and words[0] != "Z":
            found.append((stat.parent / "cmdline").read_text().replace("\0", " ")[:120])
    return found


class Trial:
    """A place for commands, and what was found wrong with them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out, self.scratch = folder, folder / "out", folder / "scratch"
        self.faults: list[str] = []
        self.ends: Counter[str] = Counter()

    def fresh(self, case: Case) -> None:
        """Put the earlier output in place, and an empty folder for scratch."""
        for folder in (self.out, self.scratch):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        for name, content in (case.earlier or {}).items():
            (self.out / name).parent.mkdir(parents=True, exist_ok=True)
            (self.out / name).write_bytes(content)

    def words(self, case: Case) -> list[str]:
        """Give a command's words, with its output in place."""
        return [word.replace("OUT", str(self.out)) for word in case.words]

    def measure(self, case: Case) -> None:
        """Run a command to its end twice: what it leaves, and how long it takes."""
        self.fresh(case)
        other = [*self.words(case), "--seed", "7"] if takes_seed(case) else self.words(case)
        must(other)
        case.earlier = tree(self.out)
        begin = time.monotonic()
        must(self.words(case))
        case.seconds = time.monotonic() - begin
        case.whole = tree(self.out)

    def end(self, case: Case, number: int, delay: float) -> None:
        """End a command after a while, and look."""
        self.fresh(case)
        run = start(self.words(case), self.scratch)
        time.sleep(delay)
        try:
            if number == signal.SIGINT:
                os.killpg(run.pid, number)  # as a terminal does
            else:
                run.send_signal(number)
        except ProcessLookupError:
            pass
        name = f"{case.name}, {signal.Signals(number).name} after {delay:.3f} s"
        try:
            _, said = run.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            self.faults.append(f"{name}: it or a child of it lives on after {PATIENCE:.0f} s")
            return
        for problem in self.problems(case, number, run.returncode, said):
            self.faults.append(f"{name}: {problem}")
        for left in self.left(run.pid):
            self.faults.append(f"{name}: left is {left}")
        again = start(self.words(case), self.scratch)
        try:
            _, said = again.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            again.send_signal(signal.SIGABRT)  # it says where all of its threads are
            _, said = again.communicate()
            said = f"without an end, {said}"
        if again.returncode:
            self.faults.append(f"{name}: the next run fails: {said[-5000:]}")
        now = tree(self.out)
        for file, content in (case.whole or {}).items():
            if (
                now.get(file) != content
                and not file.endswith(case.varies or ("\0",))
                and not any(file.startswith(v) for v in case.varies if v.endswith("/"))
            ):
                self.faults.append(f"{name}: the next run gives another {file}")
        left = sorted(set(now) - set(case.whole or {}) - set(case.earlier or {}))
        left = [file for file in left if not file.startswith("parts/")]
        left += scratch_in(self.scratch)
        if left:
            self.faults.append(f"{name}: after the next run there is still {left}")

    def problems(self, case: Case, number: int, code: int, said: str) -> list[str]:
        """Say what is wrong right after the end."""
        found = []
        begun = not (code in (-signal.SIGINT, -signal.SIGTERM, 1) and early(said))
        kind = "done" if code == 0 else "ended" if begun else "ended before it began"
        self.ends[f"{signal.Signals(number).name} {kind}"] += 1
        if code not in (0, CODES[signal.Signals(number)]) and begun:
            found.append(f"exit code {code}: {said[-800:]}")
        # A child that was just being started finds nobody who tells it what to do, and says so.
        if "Traceback" in said and begun and number != signal.SIGKILL:
            found.append(f"a traceback: {said[-1500:]}")
        if code in (130, 143) and said.strip().splitlines()[-1:] != [
            f"{SAID[signal.Signals(number)]}; no file is half-written."
        ]:
            found.append(f"it says {said[-500:]!r}")
        for file, content in tree(self.out).items():
            if ".part" in file:
                if number != signal.SIGKILL:
                    found.append(f"{file} is left")
            elif not self.is_known(case, file, content) and not is_whole(self.out / file):
                found.append(f"{file} is half-written")
        found += [
            f"{file} is gone"
            for file in case.earlier or {}
            if not (self.out / file).exists() and not file.startswith(("parts/", "journal"))
        ]
        if number != signal.SIGKILL:
            found += [f"scratch {name} is left" for name in scratch_in(self.scratch)]
        return found

    @staticmethod
    def is_known(case: Case, file: str, content: bytes) -> bool:
        """Say whether a file is that of the earlier run, or of a whole new one."""
        return any((there or {}).get(file) == content for there in (case.earlier, case.whole))

    def left(self, group: int) -> list[str]:
        """Name processes that are left after some seconds."""
        end = time.monotonic() + 8
        while (found := living(group)) and time.monotonic() < end:
            time.sleep(0.1)
        return found


def early(said: str) -> bool:
    """Say whether Python was still starting: no line of a command has run."""
    return "orderly_end" not in said and "arguments.run" not in said


def scratch_in(folder: Path) -> list[str]:
    """Name what is left in a folder for scratch, but for the folder of locks that Dask keeps."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return [name for name in found if not DASK.fullmatch(name)]


def is_whole(path: Path) -> bool:
    """Read a file that is new; it has to be whole."""
    try:
        if path.suffix == ".npz":
            import nmflab as nl

            nl.load_model(path)
        elif path.suffix == ".json":
            json.loads(path.read_text("utf-8"))
        elif path.suffix == ".wav":
            from nmflab.audio.files import read_audio

            read_audio(path, 16000)
        elif path.suffix == ".parquet":
            import pyarrow.parquet

            pyarrow.parquet.read_table(path)
        elif path.suffix == ".html":
            return path.read_text("utf-8").rstrip().endswith("</html>")
        elif path.suffix == ".csv":
            return path.read_bytes().endswith(b"\n")
    except Exception:
        return False
    return True


def takes_seed(case: Case) -> bool:
    """Say whether another seed gives another output."""
    return case.name.split(",")[0] in ("train", "enhance")


def main(say: Callable[[str], None] = print) -> int:
    """Kill, look and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=200, help="ends (default: 200)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    parser.add_argument("--only", help="a command, as in 'enhance, 2 jobs'")
    own = parser.parse_args()
    draw, begin = random.Random(own.seed), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        trial = Trial(folder)
        mine = [case for case in cases(folder) if own.only in (None, case.name)]
        plan = [(mine[i % len(mine)], SIGNALS[i // len(mine) % 3]) for i in range(own.number)]
        for i, (case, number) in enumerate(plan, 1):
            if case.whole is None:
                trial.measure(case)
            before = len(trial.faults)
            trial.end(case, number, draw.uniform(0.05, 1.02) * case.seconds)
            for fault in trial.faults[before:]:
                say(f"{i} FAULT {fault}")
            if i % 20 == 0:
                say(f"{i} of {len(plan)}; faults so far: {len(trial.faults)}")
            sys.stdout.flush()
        say(f"kills: {len(plan)}; faults: {len(trial.faults)}")
        for kind, count in sorted(trial.ends.items()):
            say(f"  {kind}: {count}")
    say(f"seed: {own.seed}; minutes: {(time.monotonic() - begin) / 60:.1f}")
    return bool(trial.faults)


if __name__ == "__main__":
    sys.exit(main())
