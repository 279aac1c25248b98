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
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.signals import Mixture, mix_at_snr
from nmflab.core.model import Dictionary, SeparationModel
from nmflab.core.stft import Stft
from nmflab.corpus.clips import ClipList
from nmflab.corpus.dictionaries import trained
from nmflab.corpus.folders import Corpus
from nmflab.errors import NmflabError, first_of
from nmflab.evaluation.before import Before, keep_before, known_before
from nmflab.evaluation.dictionaries import light
from nmflab.evaluation.metrics import Scores, Truth
from nmflab.evaluation.outputs import MIXTURE, OutputTree, columns, mixture_name, record_of
from nmflab.evaluation.processes import Report, check_jobs, do_all
from nmflab.recordings.blocks import separate_speech
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
    cache: bool = True,
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
        Processes that share the mixtures; the result is the same for any number. With more than
        one, a script must guard its entry with ``if __name__ == "__main__":``.
    plots : bool
        Whether to write the spectrograms as PNG.
    cache : bool
        Whether dictionaries, and scores of the mixtures themselves, may be taken from the cache
        folder and kept there; the result is the same.
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
    check_jobs(jobs)
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
        report = progress or _no_report
        return _run(corpus, settings, tree, noise_dictionary, jobs, plots, cache, report)
    finally:
        tree.give_back()


def _run(
    corpus: Corpus,
    settings: Settings,
    tree: OutputTree,
    noise_dictionary: str,
    jobs: int,
    plots: bool,
    cache: bool,
    report: Report,
) -> Experiment:
    tree.write_merged(corpus)
    train = partial(trained, settings=settings, progress=report, cache=cache)
    before = known_before(corpus, settings) if cache else {}
    tasks = _tasks(corpus, settings, noise_dictionary == "joint", train, before)
    total = len(corpus.noise_names) * len(corpus.test_speech)
    outcomes = do_all(
        partial(_enhance, settings, tree, plots),
        tasks,
        jobs=min(jobs, total),
        stage="mixtures",
        total=total,
        report=report,
    )
    rows = [row for outcome in outcomes for row in outcome.rows]
    skipped = [*corpus.skipped, *(reason for outcome in outcomes for reason in outcome.skipped)]
    if not rows:
        raise NmflabError(f"No mixture could be made{first_of(skipped)}")
    if cache:
        found = {(row.speech, row.noise): row.before for row in rows}
        keep_before(corpus, settings, before, found)
    record = record_of(corpus, settings, noise_dictionary)
    tree.merge_scores([row.to_dict() for row in rows], record)
    return Experiment(rows, skipped, tree.taken)


@dataclass(frozen=True)
class _Task:
    """One mixture to make; or all those of a noise that has no dictionary, and why."""

    noise: str
    speech: str = ""
    model: SeparationModel | None = None
    signals: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
    before: Scores | None = None
    ticks: int = 1
    why: str = ""


def _tasks(
    corpus: Corpus,
    settings: Settings,
    joint: bool,
    train: Callable[[ClipList, str], Dictionary],
    before: Before,
) -> Iterator[_Task]:
    """Give the mixtures, noise by noise, training what they need when it is their turn."""
    clips = corpus.test_speech.clips
    speech = light(train(corpus.train_speech, "speech"), settings)
    made: dict[tuple[str, ...], Dictionary] = {}  # noises may share the one of all
    for name in corpus.noise_names:
        noises = corpus.train_noise if joint else corpus.training_noise(name)
        try:
            if noises.names not in made:
                made[noises.names] = light(train(noises, "noise"), settings)
            model = SeparationModel(speech, made[noises.names], settings)
        except NmflabError as error:
            yield _Task(name, ticks=len(clips), why=f"Noise {name} skipped: {error}")
            continue
        for clip in clips:
            heard = corpus.test_noise[name][: clip.samples.size]  # the mixture needs no more
            known = before.get((clip.name, name))
            yield _Task(name, clip.name, model, (clip.samples, heard), known)


def _enhance(
    settings: Settings,
    tree: OutputTree,
    plots: bool,
    task: _Task,
    report: Report,
    tick: Callable[[], None],
) -> Experiment:
    """Make one mixture, take the noise out of it, score and write the result."""
    result = Experiment([], [task.why] if task.why else [])
    if task.model is not None and task.signals is not None:
        file = mixture_name(task.speech, task.noise)
        try:
            tree.refuse_long_name(file)
            with one_blas_thread():
                mixed = mix_at_snr(*task.signals, snr=settings.snr)
                row, enhanced = _separated(settings, task, task.model, mixed, report)
        except NmflabError as error:
            reason = f"Mixture of {task.speech} and {task.noise} skipped: {error}"
            result.skipped.append(reason)
        else:
            title = row.title if plots else None
            tree.write_mixture(file, mixed, enhanced, settings, title)
            result.rows.append(row)
    for _ in range(task.ticks):
        tick()
    return result


def _separated(
    settings: Settings, task: _Task, model: SeparationModel, mixed: Mixture, report: Report
) -> tuple[Row, NDArray[np.float32]]:
    if not mixed.mixture.any():
        raise NmflabError("speech and noise cancel each other out: choose a longer recording.")
    enhanced = separate_speech(model, mixed.mixture, progress=report)
    truth = Truth(mixed.speech, mixed.noise, settings.sampling_rate)
    before = task.before or truth.scores(mixed.mixture)
    after = truth.scores(enhanced)
    row = Row(task.speech, task.noise, settings.nmf_mode, settings.snr, before, after)
    return row, enhanced


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
