"""The whole experiment on folders of audio: mix, train, separate, score.

This is what ``nmflab enhance`` runs. Every test speech is mixed with every test noise at one
SNR, each mixture is separated with dictionaries trained on the training folders, and the scores
before (the mixture taken for the speech) and after stand side by side. In the output folder:

    merged_audio/merged_train_{speech,noise}_audio.wav
    test_noisy_audio/SPEECH_NOISE.wav
    enhanced_audio/MODE/enhanced_SPEECH_NOISE.wav
    plot/MODE/SPEECH_NOISE.png
    scores.csv

Runs of several variants share one output folder: each replaces its own rows of scores.csv only.
"""

from __future__ import annotations

import csv
import math
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.files import write_audio
from nmflab.audio.signals import Mixture, mix_at_snr
from nmflab.core.model import Dictionary, SeparationModel, train_dictionary
from nmflab.core.pipeline import separate
from nmflab.core.stft import Stft
from nmflab.corpus.clips import ClipList
from nmflab.corpus.folders import PARTS, Corpus
from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import SCORES, Scores, score
from nmflab.settings import Settings
from nmflab.system.files import make_folder, write_table
from nmflab.system.threads import num_workers, one_blas_thread

__all__ = ["Experiment", "Row", "columns", "enhance_corpus"]

Progress = Callable[[str, int, int], None]

LONGEST_NAME = 255
"""Bytes that the name of a file may have."""

NOISE_DICTIONARIES = ("each", "joint")
"""One dictionary for each training noise, or a single one for all of them together."""

KEYS = ("speech", "noise", "mode", "snr")


def columns() -> tuple[str, ...]:
    """Give the columns of scores.csv.

    Returns
    -------
    tuple of str
        What names a mixture, then its scores: those that compare before with after come first.
    """
    compared = [name for name, score in SCORES.items() if score.before]
    alone = [f"{name}_after" for name in SCORES if name not in compared]
    steps = ("before", "after", "gain")
    return (*KEYS, *(f"{name}_{step}" for name in compared for step in steps), *alone)


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

    def to_dict(self) -> dict[str, Any]:
        """Give the row under the names of the columns of scores.csv.

        Returns
        -------
        dict
            One entry for each of `columns`.
        """
        values: dict[str, Any] = {key: getattr(self, key) for key in KEYS}
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
    """

    rows: list[Row]
    skipped: list[str]

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
    progress: Progress | None = None,
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
    tree = _Tree(Path(output), settings.nmf_mode)
    kept = _rows_of_other_modes(tree.scores, settings.nmf_mode)
    _refuse_name_clashes(corpus)
    tree.refuse_data(corpus.root)
    tree.make_folders(plots)
    report = progress or _no_progress
    _write_merged(tree, corpus, settings.sampling_rate)

    speech = train_dictionary(
        corpus.train_speech,
        settings.num_basis_speech,
        settings,
        name="speech",
        progress=report,
    )
    shared = _Shared(speech, settings, _by_name(corpus.test_speech), tree, plots)
    tasks = _noise_tasks(corpus, settings, noise_dictionary, report)
    run = _run_here if min(jobs, len(tasks)) == 1 else _run_in_processes
    outcomes = run(shared, tasks, jobs, report)

    rows = [row for outcome in outcomes for row in outcome.rows]
    skipped = [*corpus.skipped, *(reason for outcome in outcomes for reason in outcome.skipped)]
    if not rows:
        raise NmflabError(
            f"No mixture could be made; the first of {len(skipped)} reasons: {skipped[0]}"
        )
    write_table(tree.scores, columns(), [*kept, *(_as_text(row) for row in rows)])
    return Experiment(rows, skipped)


@dataclass(frozen=True)
class _Tree:
    """Where each file of the output goes."""

    root: Path
    mode: str

    @property
    def scores(self) -> Path:
        return self.root / "scores.csv"

    def merged(self, source: str) -> Path:
        return self.root / "merged_audio" / f"merged_train_{source}_audio.wav"

    def noisy(self, name: str) -> Path:
        return self.root / "test_noisy_audio" / f"{name}.wav"

    def enhanced(self, name: str) -> Path:
        return self.root / "enhanced_audio" / self.mode / f"enhanced_{name}.wav"

    def plot(self, name: str) -> Path:
        return self.root / "plot" / self.mode / f"{name}.png"

    def refuse_data(self, data: Path) -> None:
        """Keep results from becoming recordings of the next run."""
        for part in PARTS:
            if Path(os.path.realpath(self.root)).is_relative_to(os.path.realpath(data / part)):
                raise NmflabError(
                    f"The output folder {self.root} lies among the recordings of {data / part}: "
                    "choose another with --output."
                )

    def make_folders(self, plots: bool) -> None:
        files = [self.scores, self.merged(""), self.noisy(""), self.enhanced("")]
        for folder in (file.parent for file in files + [self.plot("")] * plots):
            make_folder(folder)


@dataclass(frozen=True)
class _Shared:
    """What the work on every noise needs; a process gets it once."""

    speech: Dictionary
    settings: Settings
    clips: dict[str, NDArray[np.float32]]
    tree: _Tree
    plots: bool


@dataclass(frozen=True)
class _NoiseTask:
    """One test noise, and either its dictionary or the signal to train one on."""

    name: str
    noise: NDArray[np.float32]
    training: Dictionary | NDArray[np.float32]


def _no_progress(stage: str, done: int, total: int) -> None:
    """Report to nobody."""


def _by_name(clips: ClipList) -> dict[str, NDArray[np.float32]]:
    return dict(zip(clips.names, clips, strict=True))


def _mixture_name(speech: str, noise: str) -> str:
    """Name the files of a mixture; a clip from a sub-folder keeps its folder in its name."""
    return f"{speech}_{noise}".replace("/", "-").replace("\\", "-")


def _refuse_name_clashes(corpus: Corpus) -> None:
    """Make sure that no mixture would overwrite another's files."""
    seen: dict[str, tuple[str, str]] = {}
    for noise in corpus.test_noise.names:
        for speech in corpus.test_speech.names:
            name = _mixture_name(speech, noise)
            if name in seen:
                other = " and ".join(seen[name])
                raise NmflabError(
                    f"Speech and noise {other} make a mixture of the same name as {speech} and "
                    f"{noise} ({name}): rename one of the files."
                )
            seen[name] = speech, noise


def _write_merged(tree: _Tree, corpus: Corpus, sampling_rate: int) -> None:
    """Write what the dictionaries are trained on, one file for speech and one for noise."""
    for source, clips in (("speech", corpus.train_speech), ("noise", corpus.train_noise)):
        write_audio(tree.merged(source), np.concatenate(list(clips)), sampling_rate)


def _noise_tasks(
    corpus: Corpus, settings: Settings, noise_dictionary: str, progress: Progress
) -> list[_NoiseTask]:
    """Say for each test noise what its dictionary is trained on."""
    tests = _by_name(corpus.test_noise)
    own = _by_name(corpus.train_noise) if noise_dictionary == "each" else {}
    training: dict[str, Dictionary | NDArray[np.float32]] = {
        name: own[name] for name in tests if name in own
    }
    if len(training) < len(tests):
        joint = train_dictionary(
            corpus.train_noise, settings.num_basis_noise, settings, name="noise", progress=progress
        )
        training = {name: training.get(name, joint) for name in tests}
    return [_NoiseTask(name, noise, training[name]) for name, noise in tests.items()]


def _enhance_noise(
    shared: _Shared, task: _NoiseTask, progress: Progress, tick: Callable[[], None]
) -> Experiment:
    """Mix one noise with every speech clip, separate and score."""
    result = Experiment([], [])
    try:
        noise = _noise_dictionary(task, shared.settings, progress)
    except NmflabError as error:
        result.skipped.append(f"Noise {task.name} skipped: {error}")
        for _ in shared.clips:
            tick()
        return result
    model = SeparationModel(shared.speech, noise, shared.settings)
    for name in shared.clips:
        try:
            with one_blas_thread():
                row, mixed, enhanced = _enhance_mixture(shared, model, name, task, progress)
        except NmflabError as error:
            result.skipped.append(f"Mixture of {name} and {task.name} skipped: {error}")
        else:
            _write_mixture(shared, row, mixed, enhanced)
            result.rows.append(row)
        tick()
    return result


def _noise_dictionary(task: _NoiseTask, settings: Settings, progress: Progress) -> Dictionary:
    if isinstance(task.training, Dictionary):
        return task.training
    return train_dictionary(
        [task.training], settings.num_basis_noise, settings, name="noise", progress=progress
    )


def _enhance_mixture(
    shared: _Shared, model: SeparationModel, name: str, task: _NoiseTask, progress: Progress
) -> tuple[Row, Mixture, NDArray[np.float32]]:
    """Make one mixture, take the noise out of it and score the result."""
    settings = shared.settings
    if len(f"enhanced_{_mixture_name(name, task.name)}.wav".encode()) > LONGEST_NAME:
        raise NmflabError("their names together are too long for a file: rename one of them.")
    mixed = mix_at_snr(shared.clips[name], task.noise, settings.snr)
    if not mixed.mixture.any():
        raise NmflabError("speech and noise cancel each other out: choose a longer recording.")
    result = separate(model, mixed.mixture, progress=progress)
    rate = settings.sampling_rate
    before = score(mixed.speech, mixed.noise, mixed.mixture, sampling_rate=rate)
    after = score(mixed.speech, mixed.noise, result.speech, sampling_rate=rate)
    row = Row(name, task.name, settings.nmf_mode, settings.snr, before, after)
    return row, mixed, result.speech


def _write_mixture(
    shared: _Shared, row: Row, mixed: Mixture, enhanced: NDArray[np.float32]
) -> None:
    """Write the files of one mixture; where that can't be done, going on would be in vain."""
    settings, tree = shared.settings, shared.tree
    name = _mixture_name(row.speech, row.noise)
    write_audio(tree.noisy(name), mixed.mixture, settings.sampling_rate)
    write_audio(tree.enhanced(name), enhanced, settings.sampling_rate)
    if shared.plots:
        from nmflab.figures.drawing import save_figure
        from nmflab.figures.spectrograms import spectrogram_figure

        figure = spectrogram_figure(mixed.mixture, mixed.speech, enhanced, settings)
        save_figure(figure, tree.plot(name))


def _run_here(
    shared: _Shared, tasks: Sequence[_NoiseTask], jobs: int, progress: Progress
) -> list[Experiment]:
    """Work through the noises one after the other."""
    done, total = 0, len(tasks) * len(shared.clips)

    def tick() -> None:
        nonlocal done
        done += 1
        progress("mixtures", done, total)

    progress("mixtures", 0, total)
    return [_enhance_noise(shared, task, progress, tick) for task in tasks]


def _run_in_processes(
    shared: _Shared, tasks: Sequence[_NoiseTask], jobs: int, progress: Progress
) -> list[Experiment]:
    """Share the noises among processes; results come back in the order of the tasks."""
    context = get_context("spawn")  # the same on every system, and safe beside threads
    stop, done, total = context.Event(), context.Value("i", 0), len(tasks) * len(shared.clips)
    with ProcessPoolExecutor(
        min(jobs, len(tasks)),
        mp_context=context,
        initializer=_start_worker,
        initargs=(shared, stop, done, max(1, num_workers() // jobs)),
    ) as pool:
        futures = [pool.submit(_enhance_noise_in_worker, task) for task in tasks]
        try:
            _wait(futures, lambda: progress("mixtures", done.value, total))
        except BrokenProcessPool as error:
            raise NmflabError(
                "A worker process ended too early, perhaps for want of memory: use fewer --jobs."
            ) from error
        finally:
            stop.set()  # no effect on work that is done; anything else ends at its next report
            pool.shutdown(cancel_futures=True)
        return [future.result() for future in futures]


def _wait(futures: Sequence[Future[Experiment]], report: Callable[[], None]) -> None:
    """Report until all is done; raise the first error as soon as it is there."""
    waiting = set(futures)
    while waiting:
        finished, waiting = wait(waiting, timeout=0.1)
        report()
        for future in finished:
            future.result()


_worker: dict[str, Any] = {}  # a worker process keeps here what it shares with the others


def _start_worker(shared: _Shared, stop: Any, done: Any, threads: int) -> None:
    """Remember what is shared, and leave Ctrl-C to the parent process, which sets `stop`."""
    os.environ["OMP_NUM_THREADS"] = str(threads)  # see nmflab.system.threads
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker.update(shared=shared, stop=stop, done=done)


def _enhance_noise_in_worker(task: _NoiseTask) -> Experiment:
    return _enhance_noise(_worker["shared"], task, _stop_if_told, _count_in_worker)


def _stop_if_told(stage: str, done: int, total: int) -> None:
    """End the work, by way of every clean-up, as soon as the parent wants it."""
    if _worker["stop"].is_set():
        raise KeyboardInterrupt


def _count_in_worker() -> None:
    with _worker["done"].get_lock():
        _worker["done"].value += 1


def _mean_of(noise: str, rows: Iterable[Row]) -> dict[str, Any]:
    """Average rows column by column; NaN (a metric that isn't there) doesn't count."""
    table = [row.to_dict() for row in rows]
    means: dict[str, Any] = {"noise": noise, "files": len(table)}
    for column in columns()[len(KEYS) :]:
        values = [row[column] for row in table if not math.isnan(row[column])]
        means[column] = sum(values) / len(values) if values else math.nan
    return means


def _as_text(row: Row) -> dict[str, str]:
    """Give a row as it stands in scores.csv; what isn't there is empty."""
    return {
        column: str(value) if column in KEYS else f"{value:.4f}".replace("nan", "")
        for column, value in row.to_dict().items()
    }


def _rows_of_other_modes(path: Path, mode: str) -> list[dict[str, str]]:
    """Read the rows that a run in another mode left, so that they can be kept."""
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
        if all(row.keys() == set(columns()) and None not in row.values() for row in rows):
            return [row for row in rows if row["mode"] != mode]
    except (OSError, UnicodeDecodeError, csv.Error):
        pass
    raise NmflabError(
        f"{path} is not a table of scores that nmflab wrote: move it away, or choose another "
        "folder with --output."
    )
