"""One task of a sweep: a mixture, and combinations that share its dictionaries, scored.

A task knows its recordings by name; whoever does it, in this process or on another machine, gives
it their samples and the dictionaries. Its result is small: numbers, and a sentence where there are
none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.signals import Mixture, mix_at_snr
from nmflab.core.model import Dictionary, SeparationModel
from nmflab.core.pipeline import encode_mixture, speech_gain, speech_log_ratio, taken_apart
from nmflab.core.stft import Stft
from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import Truth, oracle_mask
from nmflab.evaluation.mixtures import Group, sharing_an_encoding
from nmflab.recordings.blocks import LONG, separate_speech
from nmflab.settings import Settings
from nmflab.system.threads import one_blas_thread

MOST_ENCODINGS = 16
"""So many encodings are one task at most: some seconds of work, which outweigh its messages."""

MOST_REMEMBERED = 4096
"""Mixtures of which a process keeps the scores of floor and ceiling, which are a few numbers."""

Condition = tuple[str, str, str, float, int]
"""A mixture of a part of the corpus: part, noise, speech, SNR and seed."""

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Job:
    """A task: a mixture, and combinations that share its dictionaries, by identity."""

    part: str
    noise: str
    speech: str
    points: tuple[tuple[str, Settings], ...]

    @property
    def settings(self) -> Settings:
        """Those of one combination, for all that the combinations share."""
        return self.points[0][1]

    @property
    def condition(self) -> Condition:
        """The mixture, as rows tell it."""
        return self.part, self.noise, self.speech, self.settings.snr, self.settings.seed


@dataclass(frozen=True)
class Row:
    """The scores of one combination on one mixture."""

    settings: Settings
    combination: str
    enhanced: Sequence[float] = ()
    ceiling: Sequence[float] = ()
    seconds: float = float("nan")
    reason: str = ""


@dataclass(frozen=True)
class Found:
    """What a task has given: the scores of the mixture itself, and of all combinations."""

    condition: Condition
    metrics: tuple[str, ...]
    noisy: Sequence[float] = ()
    rows: list[Row] = field(default_factory=list)


def row_number(combination: str, condition: Condition) -> int:
    """Give 63 bits that tell a row from all others, the same on every machine."""
    text = "\0".join((combination, *map(str, condition))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def chunks(points: Sequence[tuple[str, Settings]]) -> Iterator[tuple[tuple[str, Settings], ...]]:
    """Share combinations of the same dictionaries among tasks; an encoding is never cut in two."""
    groups = iter(sharing_an_encoding([settings for _, settings in points]))
    while some := list(islice(groups, MOST_ENCODINGS)):
        yield tuple(points[i] for group in some for i in group)


def work(
    job: Job,
    metrics: tuple[str, ...],
    speech: Samples,
    noise: Samples,
    trained: tuple[Dictionary | str, Dictionary | str],
) -> Found:
    """Do a task; in the place of a dictionary there may be the sentence why there is none."""
    missing = [source for source in trained if isinstance(source, str)]
    try:
        if missing:
            raise NmflabError(missing[0])
        with one_blas_thread():
            return _done(job, metrics, speech, noise, trained)  # type: ignore[arg-type]
    except NmflabError as error:
        rows = [Row(settings, name, reason=str(error)) for name, settings in job.points]
        return Found(job.condition, metrics, rows=rows)


def _done(
    job: Job,
    metrics: tuple[str, ...],
    speech: Samples,
    noise: Samples,
    trained: tuple[Dictionary, Dictionary],
) -> Found:
    mixed = mix_at_snr(speech, noise, snr=job.settings.snr)
    if not mixed.mixture.any():
        raise NmflabError("speech and noise cancel each other out: choose a longer recording.")
    truth = Truth(mixed.speech, mixed.noise, job.settings.sampling_rate)
    key = _digest(mixed), truth.sampling_rate, metrics
    noisy = _remembered(lambda: truth.measure(mixed.mixture, metrics), "noisy", *key)
    found = Found(job.condition, metrics, noisy)
    model = SeparationModel(*trained, job.settings)
    for group in sharing_an_encoding([settings for _, settings in job.points]):
        names = [job.points[i][0] for i in group]
        try:
            found.rows.extend(_rows(model, mixed, truth, group, names, metrics))
        except NmflabError as error:
            done = {row.combination for row in found.rows}
            found.rows.extend(
                Row(job.points[i][1], job.points[i][0], reason=str(error))
                for i in group
                if job.points[i][0] not in done
            )
    return found


def _rows(
    model: SeparationModel,
    mixed: Mixture,
    truth: Truth,
    group: Group,
    names: Sequence[str],
    metrics: tuple[str, ...],
) -> Iterator[Row]:
    """Encode once, and score the speech of each gain."""
    shared, mixture = next(iter(group.values())), mixed.mixture
    if len(mixture) > LONG * shared.sampling_rate:  # in blocks: each gain encodes anew
        none = [float("nan")] * len(metrics)
        for name, point in zip(names, group.values(), strict=True):
            start = perf_counter()
            estimate = separate_speech(model, mixture, point)
            took = perf_counter() - start
            yield Row(point, name, truth.measure(estimate, metrics), none, took)
        return
    start = perf_counter()
    stft = Stft.from_settings(shared)
    X = stft.analyse(mixture)
    encoding = encode_mixture(model, np.abs(X), shared)
    log_ratio = speech_log_ratio(model, encoding)
    encoded = perf_counter() - start
    key = _digest(mixed), shared.read_by("spectrogram"), metrics
    ceiling = _remembered(lambda: _ceiling(mixed, truth, stft, metrics), "ceiling", *key)
    for name, point in zip(names, group.values(), strict=True):
        start = perf_counter()
        gain = speech_gain(log_ratio, point)
        estimate = taken_apart(mixture, X, encoding, gain, stft, point).speech
        took = encoded + perf_counter() - start
        yield Row(point, name, truth.measure(estimate, metrics), ceiling, took)


def _remembered(make: Callable[[], list[float]], *key: Any) -> list[float]:
    """Give scores that a process may have computed before; those used for longest go."""
    if key not in _scores:
        if len(_scores) >= MOST_REMEMBERED:
            del _scores[next(iter(_scores))]
        _scores[key] = make()
    return _scores[key]


_scores: dict[Any, list[float]] = {}


def _digest(mixed: Mixture) -> bytes:
    digest = hashlib.blake2b(np.ascontiguousarray(mixed.speech).data)
    digest.update(mixed.mixture.data)
    return digest.digest()


def _ceiling(mixed: Mixture, truth: Truth, stft: Stft, metrics: Sequence[str]) -> list[float]:
    """Score what the gain of the true sources makes of the mixture."""
    S, N, X = (stft.analyse(x) for x in (mixed.speech, mixed.noise, mixed.mixture))
    estimate = stft.synthesise(oracle_mask(S, N) * X, len(mixed.mixture))
    return truth.measure(estimate, metrics)
