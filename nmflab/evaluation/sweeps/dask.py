"""A sweep's tasks on Dask: processes of this machine, or a cluster's.

Samples of a recording go to the scheduler once, as the argument of a task that hands them on, and
from there to the workers that need them; if those die, it is done again. Dictionaries are tasks of
their own, whose results workers hand to each other. Only some tasks for each core are handed out at
once, however many there are, and what no task needs any more is let go.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from nmflab.core.model import Dictionary
from nmflab.errors import NmflabError
from nmflab.evaluation.processes import signals_held_back
from nmflab.evaluation.sweeps.jobs import (
    MOST_KEPT,
    Recordings,
    dictionary_key,
    dictionary_or_reason,
    lightened,
    priors_of,
)
from nmflab.evaluation.sweeps.store import version
from nmflab.evaluation.sweeps.work import Found, Job, Samples, work
from nmflab.settings import SOURCES, Settings

if TYPE_CHECKING:
    from distributed import Client, Future

TASKS_PER_CORE = 4
"""So many tasks are handed out for each core: one that is done, the next ones on their way."""

LEAST_TASKS = 8

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

RECOUNT = 5.0
"""Seconds after which the workers are counted anew."""

DEATHS = 10
"""A task whose worker dies is done again on another, so many times."""

PATIENCE = 30.0
"""Seconds to wait for a scheduler, and for its first worker."""


@contextmanager
def cluster_of(address: str | None, jobs: int) -> Iterator[Client]:
    """Connect to a scheduler, or start processes of this machine.

    Parameters
    ----------
    address : str, optional
        That of a scheduler, as ``tcp://10.0.0.1:8786``; None to start processes.
    jobs : int
        Number of processes to start.

    Yields
    ------
    distributed.Client
        Shut down at the end, with the processes that were started.

    Raises
    ------
    NmflabError
        If Dask is missing, there is no scheduler, or its workers have another nmflab.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise NmflabError(
            "A sweep in several processes needs the package distributed, which is not installed: "
            "install dask[distributed], or give --jobs 1."
        ) from error
    _be_quiet()
    options = {
        "distributed.scheduler.allowed-failures": DEATHS,
        "distributed.admin.large-graph-warning-threshold": "1GB",
        "distributed.worker.multiprocessing-method": "spawn",
        "distributed.worker.profile.enabled": False,
        # Without Dask's trimming, memory that arrays of some 100 kB give back is at once at hand.
        "distributed.nanny.pre-spawn-environ": dict.fromkeys(ONE_THREAD, 1),
    }
    with dask.config.set(options):
        if address is None:
            warnings.filterwarnings("ignore", message="Port .* is already in use")
            resource_tracker.ensure_running()  # whose start would let signals through
            with signals_held_back():  # workers leave Ctrl-C to this process
                cluster = LocalCluster(
                    n_workers=jobs,
                    threads_per_worker=1,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )
            with cluster, Client(cluster) as client:
                yield client
            return
        try:
            client = Client(address, timeout=PATIENCE)
        except (OSError, ValueError, TimeoutError) as error:
            raise NmflabError(
                f"There is no scheduler at {address!r}: start one with `dask scheduler`, and name "
                "the address that it prints."
            ) from error
        with client:
            _refuse_others(client, address)
            yield client


def _be_quiet() -> None:
    """Leave it to this module to say what went wrong; Dask's loggers have levels of their own."""
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _refuse_others(client: Client, address: str) -> None:
    """Refuse workers that would compute something else."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        raise NmflabError(
            f"The scheduler at {address!r} has no workers: start some with `dask worker {address}`."
        ) from error
    own = version()
    for worker, found in client.run(version, on_error="return").items():
        if found != own:
            raise NmflabError(
                f"The worker {worker} has nmflab {found}, but here it is {own}: install the same "
                "everywhere."
            )


class OnDask:
    """Does tasks on the workers of a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
        The connection to the scheduler.
    recordings : Recordings
        What is heard.
    cache : bool, default True
        Whether workers may take dictionaries from their cache folder and keep them there.
    """

    def __init__(self, client: Client, recordings: Recordings, *, cache: bool = True) -> None:
        self._client, self._recordings, self._cache = client, recordings, cache
        self._clips: dict[tuple[str, ...], Future] = {}
        self._trained: OrderedDict[Any, Future] = OrderedDict()
        self._cores, self._counted = 0, -RECOUNT
        self.failures: list[str] = []

    def outcomes(self, jobs: Iterable[Job], metrics: tuple[str, ...]) -> Iterator[Found]:
        """Do tasks, and give what they give as it comes.

        Parameters
        ----------
        jobs : iterable of Job
            The tasks; the next is asked for when there is room for it.
        metrics : tuple of str
            Scores to compute.

        Yields
        ------
        Found
            What each task has given, in the order of their ends.

        Raises
        ------
        NmflabError
            If the scheduler is gone.
        """
        from distributed import as_completed

        running = as_completed(with_results=True, raise_errors=False)
        try:
            for job in jobs:
                running.add(self._submit(job, metrics))
                while running.count() >= self._room():
                    yield from self._taken(*next(running))
            for future, found in running:
                yield from self._taken(future, found)
        except (OSError, TimeoutError, StopIteration, RuntimeError) as error:
            raise _gone() from error
        finally:
            with suppress(Exception):
                self._client.cancel(list(running.futures))

    def _room(self) -> int:
        """Count the tasks that may be out at once; workers come and go."""
        if monotonic() > self._counted + RECOUNT:
            self._cores, self._counted = sum(self._client.nthreads().values()), monotonic()
        return max(LEAST_TASKS, TASKS_PER_CORE * self._cores)

    def _taken(self, future: Future, found: Any) -> Iterator[Found]:
        """Take the result of a task; of one that failed, what is to be said of it."""
        if future.cancelled() or future.status == "lost":
            raise _gone()
        if future.status == "error":
            self.failures.append(f"{type(future.exception()).__name__}: {future.exception()}")
        else:
            yield found
        future.release()

    def _submit(self, job: Job, metrics: tuple[str, ...]) -> Future:
        heard = self._recordings
        speech = self._clip(heard.speech(job.part, job.speech), job.part, "speech", job.speech)
        noise = self._clip(heard.noise(job.part, job.noise), job.part, "noise", job.noise)
        both = [self._dictionary(job, source) for source in SOURCES]
        return self._client.submit(work, job, metrics, speech, noise, both, pure=False)

    def _clip(self, samples: Samples, *name: str) -> Future:
        """Hand samples to the scheduler, once."""
        if name not in self._clips:
            digest = hashlib.blake2b(np.ascontiguousarray(samples).data, digest_size=16)
            key = f"recording-{digest.hexdigest()}"
            self._clips[name] = self._client.submit(_same, samples, key=key)
        return self._clips[name]

    def _dictionary(self, job: Job, source: str) -> Future:
        """Train a dictionary once, and put on its priors."""
        priors, key = priors_of(job), dictionary_key(job, source, self._recordings)
        whole = self._kept(key, partial(self._train, job, source))
        kinds = tuple(sorted((s.nmf_mode, s.activation_floor) for s in priors))
        return self._kept(
            (key, kinds), lambda: self._client.submit(_lightened, whole, priors, pure=False)
        )

    def _train(self, job: Job, source: str) -> Future:
        clips = self._recordings.training(job.part, source, job.noise)
        futures = [
            self._clip(samples, job.part, f"training {source}", name)
            for name, samples in zip(clips.names, clips, strict=True)
        ]
        return self._client.submit(
            _trained, futures, source, job.settings, self._cache, pure=False, priority=1
        )

    def _kept(self, key: Any, make: Callable[[], Future]) -> Future:
        """Remember what was submitted; what wasn't needed for longest is let go."""
        if key not in self._trained:
            if len(self._trained) >= 2 * MOST_KEPT:
                self._trained.popitem(last=False)
            self._trained[key] = make()
        self._trained.move_to_end(key)
        return self._trained[key]


def _gone() -> NmflabError:
    return NmflabError(
        "The scheduler is gone. What is done is kept, and the same line again goes on."
    )


def _same(samples: Samples) -> Samples:
    return samples


def _trained(
    clips: list[Samples], source: str, settings: Settings, cache: bool
) -> Dictionary | str:
    return dictionary_or_reason(clips, source, settings, cache=cache)


def _lightened(whole: Dictionary | str, settings: list[Settings]) -> Dictionary | str:
    return whole if isinstance(whole, str) else lightened(whole, settings)
