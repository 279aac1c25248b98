"""The whole experiment on folders of audio: mix, train, separate, score.

This is what ``nmflab enhance`` runs. Every test speech is mixed with every test noise at one
SNR, each mixture is separated with dictionaries trained on the training folders, and the scores
before (the mixture taken for the speech) and after stand side by side. In the output folder:

    merged_audio/merged_train_{speech,noise}_audio.wav
    test_noisy_audio/SPEECH_NOISE.wav
    enhanced_audio/MODE/enhanced_SPEECH_NOISE.wav
    plot/MODE/SPEECH_NOISE.png
    scores.csv

Runs share one output folder, also at the same time: a row of scores.csv says which corpus and which
settings made it, and is replaced only by the same run again. So are sounds: a record.json beside
them says what made them, and a run with another record takes the next folder, NMF_e_2 or
test_noisy_audio_2.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.signals import Mixture, mix_at_snr
from nmflab.core.blocks import separate_speech
from nmflab.core.model import Dictionary, SeparationModel, train_dictionary
from nmflab.core.stft import Stft
from nmflab.corpus.clips import ClipList
from nmflab.corpus.folders import Corpus
from nmflab.errors import NmflabError, first_of
from nmflab.evaluation.metrics import Scores, score
from nmflab.evaluation.outputs import MIXTURE, OutputTree, columns, mixture_name, record_of
from nmflab.evaluation.processes import Report, do_all
from nmflab.settings import Settings
from nmflab.system.threads import one_blas_thread

__all__ = ["Experiment", "Row", "enhance_corpus"]

NOISE_DICTIONARIES = ("each", "joint")
"""One dictionary for each training noise, or a single one for all of them together."""


@dataclass(frozen=True)
class Row:
    """The scores of one mixture, before and after.

    Parameters
    ----------
    speech, noise : str
        Names of the two clips.
    mode : {"NMF", "NMF_g", "NMF_e"}
        The variant.
    snr : float
        SNR of the mixture in dB.
    before, after : Scores
        Scores of the mixture itself and of the enhanced speech.
    """

    speech: str
    noise: str
    mode: str
    snr: float
    before: Scores
    after: Scores

    @property
    def title(self) -> str:
        """What stands above a picture of the mixture."""
        return f"{self.speech} in {self.noise} at {self.snr:g} dB"

    def to_dict(self) -> dict[str, Any]:
        """Give the row under the names of the columns of scores.csv.

        Returns
        -------
        dict
            One entry for each of `columns`.
        """
        values: dict[str, Any] = {key: getattr(self, key) for key in MIXTURE}
        before, after = self.before.to_dict(), self.after.to_dict()
        for name, value in after.items():
            values[f"{name}_before"], values[f"{name}_after"] = before[name], value
            values[f"{name}_gain"] = value - before[name]
        return {column: values[column] for column in columns()}


@dataclass(frozen=True)
class Experiment:
    """What an experiment gave.

    Parameters
    ----------
    rows : list of Row
        One for each mixture that could be made, noise by noise.
    skipped : list of str
        One sentence for each file or mixture that could not be used.
    taken : mapping of str to str, optional
        Folders of the output that hold what another run has made, and those in their place.
    """

    rows: list[Row]
    skipped: list[str]
    taken: Mapping[str, str] = field(default_factory=dict)

    def summary(self) -> list[dict[str, Any]]:
        """Average the scores over the speech clips.

        Returns
        -------
        list of dict
            One for each noise and, last, one named "mean" over all mixtures: ``noise``,
            ``files`` and the score columns; what no file has is NaN.
        """
        noises = list(dict.fromkeys(row.noise for row in self.rows))
        groups = {noise: [row for row in self.rows if row.noise == noise] for noise in noises}
        means = [_mean_of(noise, rows) for noise, rows in groups.items()]
        return [*means, _mean_of("mean", self.rows)]


def enhance_corpus(
    corpus: Corpus,
    settings: Settings,
    output: str | os.PathLike[str],
    *,
    noise_dictionary: str = "each",
    jobs: int = 1,
    plots: bool = True,
    progress: Report | None = None,
) -> Experiment:
    """Run the experiment and write its output tree.

    Parameters
    ----------
    corpus : Corpus
        Training and test clips at ``settings.sampling_rate``.
    settings : Settings
        Every parameter, the SNR of the mixtures included.
    output : path-like
        The output folder, made where it is missing.
    noise_dictionary : {"each", "joint"}
        "each" trains one dictionary for each training noise and takes the one with the name of
        the test noise (where there is none, the joint one); "joint" trains one on all training
        noises together, as the original script does.
    jobs : int
        Processes that share the noises among them; the result is the same for any number. With
        more than one, a script must guard its entry with ``if __name__ == "__main__":``.
    plots : bool
        Whether to write the spectrograms as PNG.
    progress : callable, optional
        Called as ``progress(stage, done, total)``.

    Returns
    -------
    Experiment
        Scores, and what had to be skipped.

    Raises
    ------
    NmflabError
        If the output can't be written, or no mixture at all could be made.
    """
    if noise_dictionary not in NOISE_DICTIONARIES:
        raise NmflabError(
            f"noise_dictionary is {noise_dictionary!r} but must be one of "
            f"{', '.join(NOISE_DICTIONARIES)}."
        )
    if jobs < 1:
        raise NmflabError(f"jobs is {jobs} but must be at least 1.")
    if corpus.sampling_rate != settings.sampling_rate:
        raise NmflabError(
            f"The corpus was read at {corpus.sampling_rate} Hz but sampling_rate is "
            f"{settings.sampling_rate} Hz: read it with load_corpus(…, "
            f"sampling_rate={settings.sampling_rate})."
        )
    Stft.from_settings(settings)  # refuses a window without inverse, before anything is written
    tree = OutputTree(Path(output), settings.nmf_mode, settings.sampling_rate)
    tree.read_scores()  # refuses a foreign table, before any work
    tree = tree.prepare(corpus, settings, noise_dictionary, plots)
    try:
        return _run(corpus, settings, tree, noise_dictionary, jobs, plots, progress or _no_report)
    finally:
        tree.give_back()


def _run(
    corpus: Corpus,
    settings: Settings,
    tree: OutputTree,
    noise_dictionary: str,
    jobs: int,
    plots: bool,
    report: Report,
) -> Experiment:
    tree.write_merged(corpus)
    speech = _dictionary(corpus.train_speech, "speech", settings, report)
    shared = _Shared(speech, settings, corpus.test_speech, tree, plots)
    tasks = _noise_tasks(corpus, settings, noise_dictionary, report)
    work, total = partial(_enhance_noise, shared), len(tasks) * len(shared.clips)
    outcomes = do_all(work, tasks, jobs=jobs, stage="mixtures", total=total, report=report)

    rows = [row for outcome in outcomes for row in outcome.rows]
    skipped = [*corpus.skipped, *(reason for outcome in outcomes for reason in outcome.skipped)]
    if not rows:
        raise NmflabError(f"No mixture could be made{first_of(skipped)}")
    record = record_of(corpus, settings, noise_dictionary)
    tree.merge_scores([row.to_dict() for row in rows], record)
    return Experiment(rows, skipped, tree.taken)


@dataclass(frozen=True)
class _Shared:
    """What the work on every noise needs."""

    speech: Dictionary
    settings: Settings
    clips: ClipList
    tree: OutputTree
    plots: bool


@dataclass(frozen=True)
class _NoiseTask:
    """One test noise, and either its dictionary or what to train one on."""

    name: str
    noise: NDArray[np.float32]
    training: Dictionary | ClipList


def _noise_tasks(
    corpus: Corpus, settings: Settings, noise_dictionary: str, report: Report
) -> list[_NoiseTask]:
    """Say for each test noise what its dictionary is trained on; a shared one is trained here."""
    training: dict[str, ClipList | Dictionary] = {
        name: corpus.training_noise(name) if noise_dictionary == "each" else corpus.train_noise
        for name in corpus.noise_names
    }
    shared = [name for name, clips in training.items() if clips is corpus.train_noise]
    if shared:
        joint = _dictionary(corpus.train_noise, "noise", settings, report)
        training.update(dict.fromkeys(shared, joint))
    return [_NoiseTask(name, corpus.test_noise[name], training[name]) for name in training]


def _dictionary(clips: ClipList, source: str, settings: Settings, report: Report) -> Dictionary:
    K = getattr(settings, f"num_basis_{source}")
    return train_dictionary(clips, K, settings, name=source, progress=report)


def _enhance_noise(
    shared: _Shared, task: _NoiseTask, report: Report, tick: Callable[[], None]
) -> Experiment:
    """Mix one noise with every speech clip, separate and score."""
    result, noise = Experiment([], []), task.training
    try:
        if not isinstance(noise, Dictionary):
            noise = _dictionary(noise, "noise", shared.settings, report)
    except NmflabError as error:
        result.skipped.append(f"Noise {task.name} skipped: {error}")
        for _ in shared.clips:
            tick()
        return result
    model = SeparationModel(shared.speech, noise, shared.settings)
    for name in shared.clips.names:
        try:
            with one_blas_thread():
                row, mixed, enhanced = _enhance_mixture(shared, model, name, task, report)
        except NmflabError as error:
            result.skipped.append(f"Mixture of {name} and {task.name} skipped: {error}")
        else:
            file = mixture_name(name, task.name)
            title = row.title if shared.plots else None
            shared.tree.write_mixture(file, mixed, enhanced, shared.settings, title)
            result.rows.append(row)
        tick()
    return result


def _enhance_mixture(
    shared: _Shared, model: SeparationModel, name: str, task: _NoiseTask, report: Report
) -> tuple[Row, Mixture, NDArray[np.float32]]:
    """Make one mixture, take the noise out of it and score the result."""
    settings = shared.settings
    shared.tree.refuse_long_name(mixture_name(name, task.name))
    mixed = mix_at_snr(shared.clips[name], task.noise, settings.snr)
    if not mixed.mixture.any():
        raise NmflabError("speech and noise cancel each other out: choose a longer recording.")
    enhanced = separate_speech(model, mixed.mixture, progress=report)
    before, after = (
        score(mixed.speech, mixed.noise, x, sampling_rate=settings.sampling_rate)
        for x in (mixed.mixture, enhanced)
    )
    row = Row(name, task.name, settings.nmf_mode, settings.snr, before, after)
    return row, mixed, enhanced


def _no_report(stage: str, done: int, total: int) -> None:
    """Report to nobody."""


def _mean_of(noise: str, rows: Iterable[Row]) -> dict[str, Any]:
    """Average rows column by column; NaN (no such score) and ∞ (a perfect one) don't count."""
    table = [row.to_dict() for row in rows]
    means: dict[str, Any] = {"noise": noise, "files": len(table)}
    for column in columns()[len(MIXTURE) :]:
        values = [row[column] for row in table if row[column] < math.inf]
        means[column] = sum(values) / len(values) if values else math.nan
    return means
