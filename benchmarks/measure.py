"""Measuring on a machine that others may be using: interleaved rounds, ratios within a round.

All contestants run once in each round, in an order that turns from round to round, and two are
compared by the median of their ratios within the same round: what slows the machine down for a
while slows both.
"""

import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETTLE = 0.05  # seconds for which the threads of the last contestant may go on spinning
LEAST = 0.1  # seconds that a measurement takes at least: what is short is repeated
WARM = 2.0  # seconds up to which a contestant runs unmeasured before it is measured
SLOW = 12.0  # seconds from which on a contestant runs only once
SHARE = 6.0  # seconds that one contestant may take in all rounds, if three rounds allow it


@dataclass(frozen=True)
class Ratio:
    """Median of the ratios of the rounds, with the least and the greatest of them."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, ratios: list[float]) -> "Ratio":
        return cls(statistics.median(ratios), min(ratios), max(ratios))

    def __str__(self) -> str:
        digits = 0 if self.median >= 100 else 2
        return f"{self.median:.{digits}f} ({self.least:.{digits}f} to {self.most:.{digits}f})"


@dataclass
class Contest:
    """Seconds of each contestant in each round, by the clock and of CPU, and where it arrived."""

    title: str
    seconds: dict[str, list[float]]
    cpu: dict[str, list[float]] = field(default_factory=dict)
    reached: dict[str, float] = field(default_factory=dict)

    def ratio(self, slow: str, fast: str, *, cpu: bool = False) -> Ratio:
        taken = self.cpu if cpu else self.seconds
        pairs = zip(taken[slow], taken[fast], strict=False)  # the slow take part in fewer rounds
        return Ratio.of([a / b for a, b in pairs])

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])


def compete(
    title: str,
    contestants: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    score: Callable[[object], float] | None = None,
) -> Contest:
    """Let all run once to warm up, then in rounds, the slow in fewer of them.

    A core that has just been idle, or did other work, is slow for some tens of milliseconds. So
    each contestant runs unmeasured, as long as it is going to be measured, in each round, unless
    that would matter little.
    Of those that take longer than SLOW the first run is the only one, and it counts.
    """
    contest = Contest(title, {name: [] for name in contestants}, {name: [] for name in contestants})
    began = time.perf_counter()
    calls, rounds_of, seconds_of = {}, {}, {}
    for name, run in contestants.items():
        say(f"  {title}: warm-up, {name}")
        start, cpu = time.perf_counter(), time.process_time()
        result = run()
        seconds = max(time.perf_counter() - start, 1e-5)
        calls[name], seconds_of[name] = max(1, round(LEAST / seconds)), seconds
        rounds_of[name] = min(rounds, max(3, int(SHARE / seconds)))
        if seconds > SLOW:
            rounds_of[name] = 0
            contest.seconds[name].append(seconds)
            contest.cpu[name].append(time.process_time() - cpu)
        if score is not None and result is not None:
            contest.reached[name] = score(result)
    names = list(contestants)
    for done in range(max(rounds_of.values())):
        for name in [name for name in names if rounds_of[name] > done]:
            time.sleep(SETTLE)
            if seconds_of[name] < WARM:
                for _ in range(calls[name]):
                    contestants[name]()
            start, cpu = time.perf_counter(), time.process_time()
            for _ in range(calls[name]):
                contestants[name]()
            contest.seconds[name].append((time.perf_counter() - start) / calls[name])
            contest.cpu[name].append((time.process_time() - cpu) / calls[name])
        names = [*names[1:], *names[:1]]
        say(f"  {title}: round {done + 1}, {time.perf_counter() - began:.0f} s")
    return contest


def say(line: str) -> None:
    print(line, flush=True)


@contextmanager
def busy_neighbour():
    """Keep one core busy with matrix products in another process."""
    code = "import numpy as np; a = np.ones((512, 512), 'f'); print(flush=True)\nwhile True: a @ a"
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    child = subprocess.Popen(command, env=os.environ | one_thread, stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        time.sleep(0.3)
        yield
    finally:
        child.kill()
        child.communicate()


def import_seconds(module: str) -> float:
    """Measure the CPU time of an import in a fresh interpreter, its own start left out."""
    code = f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"
    return float(in_child("-c", code))


def in_child(*arguments: str) -> str:
    """Run Python on arguments at the top of the project; give what it prints."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def resident_bytes(*, peak: bool) -> int:
    """Give the process's memory in bytes: now, or at its peak since `forget_peak`."""
    try:
        status = Path("/proc/self/status").read_text()
        entry = status.split("VmHWM:" if peak else "VmRSS:")[1]
        return int(entry.split()[0]) * 1024
    except (OSError, IndexError):  # not Linux: the peak of the whole life, for both
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak() -> None:
    """Start a new peak (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def machine() -> dict[str, object]:
    """Describe the machine and the libraries, naming no host and no path."""
    import numpy
    import scipy
    import threadpoolctl

    numpy.ones((2, 2)) @ numpy.ones((2, 2))
    blas = [info for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory": f"{pages / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "blas": "; ".join(sorted({_blas(info) for info in blas})),
        "load average before": f"{os.getloadavg()[0]:.1f}",
    }


def _blas(info: dict[str, object]) -> str:
    architecture = info.get("architecture", "?")
    return (
        f"{info['internal_api']} {info['version']}, {architecture}, {info['num_threads']} threads"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def write_between_markers(path: Path, text: str, name: str) -> None:
    """Put the text between the markers of that name in a file, at its end where there are none."""
    begin, end = f"<!-- {name} begin -->", f"<!-- {name} end -->"
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if begin not in old:
        old = f"{old.rstrip()}\n\n{begin}\n{end}\n".lstrip()
    before, rest = old.split(begin)
    after = rest.split(end)[1]
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
