"""The work of a sweep: a mixture and all combinations that are tried on it, in any process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.signals import mix_at_snr
from nmflab.core.model import SeparationModel, StageProgress
from nmflab.core.pipeline import encode_mixture, speech_gain, speech_log_ratio, taken_apart
from nmflab.core.stft import Stft
from nmflab.corpus.folders import Corpus
from nmflab.errors import NmflabError, first_of
from nmflab.evaluation.dictionaries import Light
from nmflab.evaluation.metrics import Truth
from nmflab.evaluation.processes import Report
from nmflab.recordings.blocks import LONG, separate_speech
from nmflab.settings import Settings, parameters
from nmflab.system.threads import one_blas_thread

Made = TypeVar("Made")
Train = Callable[[Settings, str, StageProgress], SeparationModel]

BEFORE_THE_GAIN = {stage for declared in parameters().values() for stage in declared.read_by} - {
    "gain"
}
"""The stages that combinations share if they differ in nothing but what the gain reads."""

Group = dict[int, Settings]
"""Combinations that share an encoding, by their numbers."""


def sharing_an_encoding(points: Sequence[Settings]) -> list[Group]:
    """Put together those combinations that only the gain tells apart."""
    groups: dict[tuple[Any, ...], Group] = {}
    for cell, point in enumerate(points):
        groups.setdefault(point.read_by(*BEFORE_THE_GAIN), {})[cell] = point
    return list(groups.values())


@dataclass(frozen=True)
class Task:
    """One mixture, and for each group of combinations its model, or why there is none."""

    speech: NDArray[np.float32]
    noise: NDArray[np.float32]
    models: Sequence[SeparationModel | str]


@dataclass(frozen=True)
class Outcome:
    """The scores of one mixture by the number of the combination, and by group why not."""

    scores: dict[int, list[float]]
    skipped: dict[int, str]


def tasks(
    corpus: Corpus,
    groups: Sequence[Group],
    clips: Sequence[str],
    noises: Sequence[str],
    train: Train,
    progress: StageProgress,
) -> Iterator[Task]:
    """Give the mixtures, noise by noise, training what they need when it is their turn."""
    light = Light()
    for noise in noises:
        models: list[SeparationModel | str] = []
        for group in groups:
            settings = next(iter(group.values()))
            try:
                models.append(light.model(train(settings, noise, progress), settings))
            except NmflabError as error:
                models.append(str(error))
        for clip in clips:
            speech = corpus.test_speech[clip]
            yield Task(speech, corpus.test_noise[noise][: speech.size], models)


def scored(
    groups: Sequence[Group],
    metrics: Sequence[str],
    task: Task,
    _: Report,
    tick: Callable[[], None],
) -> Outcome:
    """Work through the combinations of one mixture."""
    outcome, mixtures = Outcome({}, {}), Mixtures(task)
    for number, (group, model) in enumerate(zip(groups, task.models, strict=True)):
        try:
            if isinstance(model, str):
                raise NmflabError(model)
            for cell, values in _measured(model, mixtures, group, metrics):
                outcome.scores[cell] = values
                tick()
        except NmflabError as error:
            outcome.skipped[number] = str(error)
            for _missing in group.keys() - outcome.scores.keys():
                tick()
    return outcome


class Mixtures:
    """The mixtures of one task, each with the truth about it and its spectrogram, made once.

    Only the last is remembered; combinations that follow each other mostly share it.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._made: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def mixed(self, settings: Settings) -> tuple[NDArray[np.float32], Truth]:
        """Give the mixture, and its true signals."""

        def make() -> tuple[NDArray[np.float32], Truth]:
            mixed = mix_at_snr(self._task.speech, self._task.noise, snr=settings.snr)
            return mixed.mixture, Truth(mixed.speech, mixed.noise, settings.sampling_rate)

        return self._remembered("mixture", settings.read_by("mixture"), make)

    def analysed(self, settings: Settings) -> tuple[Stft, NDArray[np.complex64]]:
        """Give the spectrogram X of the mixture, and its STFT."""

        def make() -> tuple[Stft, NDArray[np.complex64]]:
            stft = Stft.from_settings(settings)
            return stft, stft.analyse(self.mixed(settings)[0])

        return self._remembered("X", settings.read_by("mixture", "spectrogram"), make)

    def _remembered(self, what: str, key: tuple[Any, ...], make: Callable[[], Made]) -> Made:
        if what not in self._made or self._made[what][0] != key:
            self._made[what] = key, make()
        made: Made = self._made[what][1]
        return made


def _measured(
    model: SeparationModel, mixtures: Mixtures, group: Group, metrics: Sequence[str]
) -> Iterator[tuple[int, list[float]]]:
    """Encode once, and score the speech of each gain."""
    shared = next(iter(group.values()))
    mixture, truth = mixtures.mixed(shared)
    if len(mixture) > LONG * shared.sampling_rate:  # in blocks: each gain encodes anew
        for cell, point in group.items():
            yield cell, truth.measure(separate_speech(model, mixture, point), metrics)
        return
    with one_blas_thread():
        stft, X = mixtures.analysed(shared)
        encoding = encode_mixture(model, np.abs(X), shared)
        log_ratio = speech_log_ratio(model, encoding)
    for cell, point in group.items():
        gain = speech_gain(log_ratio, point)
        found = taken_apart(mixture, X, encoding, gain, stft, point)
        yield cell, truth.measure(found.speech, metrics)


def together(
    outcomes: Sequence[Outcome],
    groups: Sequence[Group],
    metrics: Sequence[str],
    clips: Sequence[str],
    noises: Sequence[str],
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Give the scores, one combination after another, and a sentence for each that failed."""
    scores = np.full((len(metrics), sum(map(len, groups)), len(noises), len(clips)), np.nan)
    of = dict(zip(product(range(len(noises)), range(len(clips))), outcomes, strict=True))
    for (n, c), outcome in of.items():
        for cell, values in outcome.scores.items():
            scores[:, cell, n, c] = values
    skipped = [
        f"{clips[c]} in {noises[n]} skipped: {of[n, c].skipped[number]}"
        for n, number, c in product(range(len(noises)), range(len(groups)), range(len(clips)))
        if number in of[n, c].skipped
    ]
    if not any(outcome.scores for outcome in outcomes):
        raise NmflabError(f"Nothing could be scored{first_of(list(dict.fromkeys(skipped)))}")
    if np.isnan(scores).all():
        raise NmflabError(f"No mixture has a score ({', '.join(metrics)}): take longer recordings.")
    return scores, tuple(dict.fromkeys(skipped))
