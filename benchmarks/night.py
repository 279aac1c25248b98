"""A night's sweep, left alone and killed: ``python -m benchmarks.night [--output FOLDER]``.

1,512 combinations by successive halving on the validation part of the embedded corpus, some 22,000
separations, in a process for each core. The first run is left alone: how busy are the cores, and
how large does a process become? The second is ended by SIGKILL at random moments, once for each of
``--kills``, and started again with the same line. Its rows must be those of the first.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pyarrow.dataset

from benchmarks.measure import ROOT, machine, say

GRID = (
    "penalty=0.02,0.04,0.06,0.08,0.1,0.15,0.2",
    "p=0.7,1,1.2,1.4,2,3",
    "max_iter_test=10,20,30,50",
    "num_basis_speech=32,64,96",
    "num_basis_noise=8,16,32",
)
METRICS = "sdr,si_sdr,stoi,estoi"  # PESQ would take half of the time
QUICK = ("penalty=0.05,0.1", "p=1,2", "max_iter_test=10,20")
EVERY = 2.0  # s between two looks at the processes
LINGERING = 60.0  # s that orphans may take to end


@dataclass
class Watched:
    """What was seen of a command and its processes."""

    seconds: float = 0.0
    cpu: dict[int, float] = field(default_factory=dict)
    memory: dict[int, float] = field(default_factory=dict)
    workers: set[int] = field(default_factory=set)

    def look(self, command: psutil.Process) -> None:
        for process in [command, *command.children(recursive=True)]:
            try:
                with process.oneshot():
                    user, system, *_ = process.cpu_times()
                    memory = process.memory_info().rss / 1e6
                    if "spawn_main" in " ".join(process.cmdline()):
                        self.workers.add(process.pid)
            except psutil.Error:
                continue
            self.cpu[process.pid] = user + system
            self.memory[process.pid] = max(memory, self.memory.get(process.pid, 0.0))


def start(folder: Path, grid: tuple[str, ...], preset: str, cache: Path) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "nmflab", "sweep", "--preset", preset, "--halving"]
    line += [word for values in grid for word in ("--grid", values)]
    line += ["--metrics", METRICS, "--output", str(folder), "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NMFLAB_CACHE": str(cache)}
    return subprocess.Popen(line, cwd=ROOT, env=environment, start_new_session=True)


def watch(run: subprocess.Popen[bytes], until: float = float("inf")) -> Watched:
    """Look at a command until it ends, or for so many seconds."""
    seen, began = Watched(), time.monotonic()
    command = psutil.Process(run.pid)
    while time.monotonic() - began < until and run.poll() is None:
        seen.look(command)
        time.sleep(min(EVERY, max(0.0, until - (time.monotonic() - began))))
    seen.seconds = time.monotonic() - began
    return seen


def left(session: int) -> list[int]:
    """List the processes of a session, once they had time to end."""
    until = time.monotonic() + LINGERING
    while found := [pid for pid in psutil.pids() if _session(pid) == session]:
        if time.monotonic() > until:
            break
        time.sleep(0.5)
    return found


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def rows(folder: Path) -> pyarrow.Table:
    table = pyarrow.dataset.dataset(folder / "parts").to_table().sort_by("row")
    return table.drop_columns(["seconds"])  # what a separation took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="framewise", help="where the sweep begins")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--quick", action="store_true", help="a small sweep: does all of it run?")
    parser.add_argument("--output", type=Path, help="keep the sweep's folder here")
    given = parser.parse_args()
    grid = QUICK if given.quick else GRID
    say(str(machine()))
    with tempfile.TemporaryDirectory() as scratch:
        whole = given.output or Path(scratch) / "whole"
        killed, cores = Path(scratch) / "killed", len(os.sched_getaffinity(0))
        run = start(whole, grid, given.preset, Path(scratch) / "cache-whole")
        seen = watch(run)
        found = rows(whole)
        busy = sum(seen.cpu.values()) / (cores * seen.seconds)
        largest = max(seen.memory[pid] for pid in seen.workers)
        took = f"{found.num_rows} rows in {seen.seconds / 60:.1f} min"
        say(f"left alone: {took}, exit {run.returncode}")
        say(f"cores busy: {busy:.1%} of {cores}; asked: 85 %")
        say(f"largest worker: {largest:.0f} MB of {len(seen.workers)}; asked: 600 MB")
        say(f"this command, which feeds them: {seen.memory[run.pid]:.0f} MB")
        draw = random.Random(given.seed)
        moments = sorted(draw.uniform(0.02, 0.95) for _ in range(given.kills))
        orphans, before = 0, 0.0
        for moment in moments:
            run = start(killed, grid, given.preset, Path(scratch) / "cache-killed")
            watch(run, (moment - before) * seen.seconds)
            before = moment
            os.kill(run.pid, signal.SIGKILL)
            run.wait()
            orphans += len(left(run.pid))
            say(f"killed at {moment:.0%}")
        run = start(killed, grid, given.preset, Path(scratch) / "cache-killed")
        run.wait()
        same = rows(killed).equals(found)
        say(f"killed {given.kills} times: exit {run.returncode}, {orphans} processes left")
        say(f"rows equal those of the run left alone: {'yes' if same else 'NO'}")
    return 0 if same and not orphans and busy >= 0.85 and largest <= 600 else 1


if __name__ == "__main__":
    sys.exit(main())
