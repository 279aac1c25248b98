"""A sweep on Dask against bare processes that do the same work: ``python -m benchmarks.sweep``.

Both do the same tasks of the validation part, in turns, with dictionaries that are in the cache:
two workers of a local cluster, and two processes that each take every other task and know nothing
of Dask. Both are warm: each has done a task of every kind before the clock starts. Beside the
ratio stand the sizes of what goes to and fro, of which docs/sweeps.md reckons larger clusters.
"""

import argparse
import pickle
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from typing import Any

import nmflab
from nmflab.corpus.folders import validation
from nmflab.evaluation.sweeps.dask import OnDask, cluster_of
from nmflab.evaluation.sweeps.jobs import Here, Recordings, lightened
from nmflab.evaluation.sweeps.plan import Between, plan
from nmflab.evaluation.sweeps.work import Job, chunks

METRICS = ("sdr", "si_sdr", "stoi", "estoi")
GRID = {"penalty": Between(0.01, 0.5), "p": (1.0, 2.0), "max_iter_test": (10, 20, 30)}

_here: list[Here] = []


def recordings() -> Recordings:
    return Recordings({"validation": validation(nmflab.load_corpus())})


def tasks(combinations: int, clips: int) -> list[Job]:
    """Give some tasks on three noises."""
    points = list(plan(nmflab.Settings.framewise(), GRID, random=combinations).points.items())
    part = validation(nmflab.load_corpus())
    mixtures = product(("car", "fan", "siren"), part.test_speech.names[:clips])
    return [Job("validation", *m, some) for m in mixtures for some in chunks(points)]


def bare(jobs: list[Job]) -> tuple[int, float]:
    """Do tasks in a process that knows nothing of Dask; give their rows and seconds of CPU."""
    if not _here:
        _here.append(Here(recordings()))
    start = time.process_time()
    rows = sum(len(found.rows) for found in _here[0].outcomes(jobs, METRICS))
    return rows, time.process_time() - start


def cpu_of(client: Any) -> float:
    """Add up the CPU of the workers, the scheduler and this process."""
    return time.process_time() + sum(client.run(time.process_time).values())


def sizes(jobs: list[Job]) -> None:
    heard, job = recordings(), jobs[0]
    here = Here(heard)
    (found,) = here.outcomes([job], METRICS)
    whole = here._dictionary(job, "speech")
    things = {
        f"a task of {len(job.points)} combinations": job,
        "what it gives back": found,
        "a speech": heard.speech(job.part, job.speech),
        "a noise": heard.noise(job.part, job.noise),
        "a dictionary of speech, as tasks take it": lightened(whole, [job.settings]),
    }
    for name, thing in things.items():
        print(f"{name}: {len(pickle.dumps(thing)) / 1000:.1f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--combinations", type=int, default=48)
    parser.add_argument("--clips", type=int, default=6)
    given = parser.parse_args()
    jobs = tasks(given.combinations, given.clips)
    sizes(jobs)
    rows, ratios, shares = sum(len(job.points) for job in jobs), [], []
    halves = jobs[::2], jobs[1::2]
    warm = [job for i, job in enumerate(jobs) if i % max(1, len(jobs) // 6) == 0]
    with (
        ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool,
        cluster_of(None, 2) as client,
    ):
        dask = OnDask(client, recordings())
        list(pool.map(bare, (warm, warm)))
        list(dask.outcomes(warm, METRICS))
        for number in range(given.rounds):
            took, cpu = {}, {}
            for name in ("bare", "dask") if number % 2 else ("dask", "bare"):
                start = time.perf_counter()
                if name == "bare":
                    both = list(pool.map(bare, halves))
                    done, cpu[name] = sum(n for n, _ in both), sum(s for _, s in both)
                else:
                    before = cpu_of(client)
                    done = sum(len(found.rows) for found in dask.outcomes(jobs, METRICS))
                    cpu[name] = cpu_of(client) - before
                took[name] = time.perf_counter() - start
                assert done == rows
            ratios.append(took["bare"] / took["dask"])
            shares.append(cpu["bare"] / cpu["dask"])
            rate = {name: f"{rows / seconds:.1f}/s" for name, seconds in took.items()}
            print(f"round {number + 1}: {rate}, ratio {ratios[-1]:.3f}, of CPU {shares[-1]:.3f}",
                  flush=True)  # fmt: skip
    spread = f"[{min(ratios):.3f}, {max(ratios):.3f}]"
    print(f"throughput on Dask: {statistics.median(ratios):.3f} {spread} × bare processes")
    spread = f"[{min(shares):.3f}, {max(shares):.3f}]"
    print(f"and by CPU, scheduler and client counted: {statistics.median(shares):.3f} {spread}")


if __name__ == "__main__":
    main()
