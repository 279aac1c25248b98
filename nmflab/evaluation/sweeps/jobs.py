"""The tasks of a sweep in their order, and the work on them in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, Protocol

from nmflab.core.model import Dictionary, StageProgress
from nmflab.corpus.clips import ClipList
from nmflab.corpus.dictionaries import trained
from nmflab.corpus.folders import Corpus
from nmflab.errors import NmflabError
from nmflab.evaluation.dictionaries import light
from nmflab.evaluation.sweeps.store import SweepFolder
from nmflab.evaluation.sweeps.work import Condition, Found, Job, Samples, chunks, row_number, work
from nmflab.settings import SOURCES, Settings

MOST_KEPT = 32
"""So many dictionaries are kept; the tasks' order makes one follow the other."""

Mixture = tuple[str, str]
"""Names of a noise and of a speech."""


@dataclass(frozen=True, eq=False)
class Work:
    """What is to be done on one part of the corpus.

    Parameters
    ----------
    part : str
        ``validation`` or ``test``.
    points : mapping of str to Settings
        Combinations by their identity.
    mixtures : sequence of (str, str)
        Names of noise and speech.
    snrs, seeds : sequence
        The conditions.
    """

    part: str
    points: Mapping[str, Settings]
    mixtures: Sequence[Mixture]
    snrs: Sequence[float]
    seeds: Sequence[int]

    def conditions(self) -> Iterator[Condition]:
        """Give every condition that a combination is tried under."""
        for (noise, speech), snr, seed in product(self.mixtures, self.snrs, self.seeds):
            yield self.part, noise, speech, snr, seed


@dataclass(frozen=True, eq=False)
class Recordings:
    """What a sweep hears of its corpora, by names.

    Parameters
    ----------
    corpora : mapping of str to Corpus
        A corpus for each part.
    """

    corpora: Mapping[str, Corpus]

    def speech(self, part: str, name: str) -> Samples:
        """Give a speech to test on."""
        return self.corpora[part].test_speech[name]

    def noise(self, part: str, name: str) -> Samples:
        """Give a noise to test with, no more of it than the longest speech needs."""
        return self.corpora[part].test_noise[name][: self._longest[part]]

    @cached_property
    def _longest(self) -> dict[str, int]:
        parts = self.corpora.items()
        return {part: max(map(len, corpus.test_speech), default=0) for part, corpus in parts}

    def training(self, part: str, source: str, noise: str) -> ClipList:
        """Give what a dictionary is trained on."""
        corpus = self.corpora[part]
        return corpus.train_speech if source == "speech" else corpus.training_noise(noise)


class Executor(Protocol):
    """Somebody who does tasks; `failures` are sentences on those that gave nothing."""

    failures: list[str]

    def outcomes(self, jobs: Iterable[Job], metrics: tuple[str, ...]) -> Iterator[Found]:
        """Do tasks, and give what they give as it comes."""
        ...  # pragma: no cover


def jobs_of(work: Work, folder: SweepFolder, shard: tuple[int, int] = (1, 1)) -> Iterator[Job]:
    """Give the tasks that are still to be done, those of one dictionary after one another.

    Of several shards, each takes dictionaries of its own where there are enough of them.
    """
    number, of = shard
    blocks = _blocks(work.points)
    apart = len(blocks) >= of
    if apart:
        blocks = blocks[number - 1 :: of]
    place = 0
    for seed, block, mixture, snr in product(work.seeds, blocks, work.mixtures, work.snrs):
        noise, speech = mixture
        place += 1
        if not apart and place % of != number - 1:
            continue
        condition = work.part, noise, speech, snr, seed
        there = folder.has([row_number(name, condition) for name in block])
        points = [
            (name, settings.replace(snr=snr, seed=seed))
            for (name, settings), done in zip(block.items(), there, strict=True)
            if not done
        ]
        for some in chunks(points):
            yield Job(work.part, noise, speech, some)


def _blocks(points: Mapping[str, Settings]) -> list[dict[str, Settings]]:
    """Put together what shares dictionaries, and in order what shares that of the speech."""
    blocks: dict[tuple[Any, ...], dict[str, Settings]] = {}
    for name, settings in points.items():
        key = settings.read_by("speech"), settings.read_by("noise")
        blocks.setdefault(key, {})[name] = settings
    return [blocks[key] for key in sorted(blocks)]


def num_rows(work: Work, folder: SweepFolder) -> tuple[int, int]:
    """Count the rows that are there, and all that are wanted."""
    conditions = list(work.conditions())
    done, total = 0, 0
    for name in work.points:
        there = folder.has([row_number(name, condition) for condition in conditions])
        done, total = done + int(there.sum()), total + len(conditions)
    return done, total


def dictionary_key(job: Job, source: str, recordings: Recordings) -> tuple[Any, ...]:
    """Give what a dictionary of a task is told by, without its prior."""
    clips = recordings.training(job.part, source, job.noise)
    return job.part, source, clips.names, job.settings.read_by(source)


def priors_of(job: Job) -> list[Settings]:
    """Give one combination for each prior that a task needs."""
    kinds = {(s.nmf_mode, s.activation_floor): s for _, s in job.points}
    return list(kinds.values())


def lightened(whole: Dictionary, settings: Iterable[Settings]) -> Dictionary:
    """Give a copy without activations, that has the priors which some settings ask for."""
    copies = [light(whole, one) for one in settings]  # which share their priors
    return copies[-1]


class Here:
    """Does tasks in this process, one after the other.

    Parameters
    ----------
    recordings : Recordings
        What is heard.
    cache : bool, default True
        Whether dictionaries may be taken from the cache folder and kept there.
    progress : callable, optional
        Called as ``progress(stage, done, total)`` during training.
    """

    def __init__(
        self, recordings: Recordings, *, cache: bool = True, progress: StageProgress | None = None
    ) -> None:
        self._recordings, self._cache, self._progress = recordings, cache, progress
        self._kept: dict[tuple[Any, ...], Dictionary | str] = {}
        self.failures: list[str] = []

    def outcomes(self, jobs: Iterable[Job], metrics: tuple[str, ...]) -> Iterator[Found]:
        """Do tasks, and give what they give as it comes.

        Parameters
        ----------
        jobs : iterable of Job
            The tasks.
        metrics : tuple of str
            Scores to compute.

        Yields
        ------
        Found
            What each task has given.
        """
        heard = self._recordings
        for job in jobs:
            speech, noise = heard.speech(job.part, job.speech), heard.noise(job.part, job.noise)
            both = self._dictionary(job, SOURCES[0]), self._dictionary(job, SOURCES[1])
            yield work(job, metrics, speech, noise, both)

    def _dictionary(self, job: Job, source: str) -> Dictionary | str:
        key = dictionary_key(job, source, self._recordings)
        if key not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            clips = self._recordings.training(job.part, source, job.noise)
            self._kept[key] = dictionary_or_reason(
                clips, source, job.settings, cache=self._cache, progress=self._progress
            )
        return self._kept[key]


def dictionary_or_reason(
    clips: Sequence[Samples],
    source: str,
    settings: Settings,
    *,
    cache: bool,
    progress: StageProgress | None = None,
) -> Dictionary | str:
    """Train a dictionary, or say why there is none."""
    try:
        return trained(clips, source, settings, cache=cache, progress=progress)
    except NmflabError as error:
        return str(error)
