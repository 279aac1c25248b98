"""The output folder of an experiment: where each file goes, and the table of scores."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.files import read_audio, write_audio
from nmflab.audio.signals import Mixture
from nmflab.corpus.folders import PARTS, Corpus
from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import SCORES
from nmflab.settings import Settings
from nmflab.system.files import is_empty, locked, make_folder, replacing, write_table

LONGEST_NAME = 255
"""Bytes that the name of a file may have."""

MIXTURE = ("speech", "noise", "mode", "snr")
"""The columns of scores.csv that say which mixture a row is about."""

RECORD = ("corpus", "settings")
"""The last columns, which say what made a row: see `record_of`."""

KEY = (*MIXTURE, *RECORD)
"""A row replaces another only if it has all of these in common with it."""

RECORD_FILE = "record.json"
"""Says in each folder of sounds what made them; no two records share a folder."""

MERGED, NOISY, ENHANCED = "merged_audio", "test_noisy_audio", "enhanced_audio"


def columns() -> tuple[str, ...]:
    """Give the columns of a row; the scores that compare before with after come first."""
    compared = [name for name, score in SCORES.items() if score.before]
    alone = [f"{name}_after" for name in SCORES if name not in compared]
    steps = ("before", "after", "gain")
    return (*MIXTURE, *(f"{name}_{step}" for name in compared for step in steps), *alone)


def record_of(corpus: Corpus, settings: Settings, noise_dictionary: str) -> dict[str, str]:
    """Give what made the rows: the recordings, and as JSON the settings that aren't the default.

    Variant and SNR have columns of their own.
    """
    default = Settings().to_dict()
    given = {
        name: value
        for name, value in settings.to_dict().items()
        if value != default[name] and name not in ("nmf_mode", "snr")
    }
    if noise_dictionary != "each":
        given["noise_dictionary"] = noise_dictionary
    return {"corpus": corpus.fingerprint, "settings": json.dumps(given, sort_keys=True)}


def mixture_name(speech: str, noise: str) -> str:
    """Name the files of a mixture; a clip from a sub-folder keeps its folder in its name."""
    return f"{speech}_{noise}".replace("/", "-").replace("\\", "-")


@dataclass(frozen=True)
class OutputTree:
    """Where each file of the output goes, and what is written there.

    Folders that another run has are `taken`, and give the name of the folder in their place.
    """

    root: Path
    mode: str
    sampling_rate: int
    taken: Mapping[str, str] = field(default_factory=dict)

    @property
    def scores(self) -> Path:
        """The table of scores, which the runs of all modes share."""
        return self.root / "scores.csv"

    def _merged(self, source: str) -> Path:
        return self._folder(MERGED) / f"merged_train_{source}_audio.wav"

    def _noisy(self, name: str) -> Path:
        return self._folder(NOISY) / f"{name}.wav"

    def _enhanced(self, name: str) -> Path:
        return self._folder(self._own) / f"enhanced_{name}.wav"

    def _plot(self, name: str) -> Path:
        return self.root / "plot" / self._folder(self._own).name / f"{name}.png"

    @property
    def _own(self) -> str:
        return f"{ENHANCED}/{self.mode}"

    def _folder(self, name: str) -> Path:
        return self.root / self.taken.get(name, name)

    def prepare(
        self, corpus: Corpus, settings: Settings, noise_dictionary: str, plots: bool
    ) -> OutputTree:
        """Refuse what would destroy a file, and make the folders; give the tree that has them.

        Sounds that something else has made stay: the folder beside theirs is taken.
        """
        _refuse_name_clashes(corpus)
        for part in PARTS:  # results must not become recordings of the next run
            if _real(self.root).is_relative_to(_real(corpus.root / part)):
                raise NmflabError(
                    f"The output folder {self.root} lies among the recordings of "
                    f"{corpus.root / part}: choose another with --output."
                )
        make_folder(self.root)
        mixed = {"corpus": corpus.fingerprint, "sampling_rate": settings.sampling_rate}
        made = {**mixed, "noise_dictionary": noise_dictionary, "settings": settings.to_dict()}
        records = {MERGED: mixed, NOISY: {**mixed, "snr": settings.snr}, self._own: made}
        with locked(self.scores):
            found = {name: _claimed(self.root, name, record) for name, record in records.items()}
        tree = replace(self, taken={name: own for name, own in found.items() if own != name})
        if plots:
            make_folder(tree._plot("").parent)
        return tree

    def give_back(self) -> None:
        """Leave folders to other runs in which nothing was written, as after an early end."""
        for name in (MERGED, NOISY, self._own):
            folder = self._folder(name)
            with suppress(OSError):
                if [path.name for path in folder.iterdir()] == [RECORD_FILE]:
                    (folder / RECORD_FILE).unlink()

    def refuse_long_name(self, name: str) -> None:
        """Refuse a mixture whose files no file system would take."""
        if len(self._enhanced(name).name.encode()) > LONGEST_NAME:
            raise NmflabError("their names together are too long for a file: rename one of them.")

    def write_merged(self, corpus: Corpus) -> None:
        """Write what the dictionaries are trained on, one file for speech and one for noise."""
        for source, clips in (("speech", corpus.train_speech), ("noise", corpus.train_noise)):
            write_audio(self._merged(source), np.concatenate(list(clips)), self.sampling_rate)

    def write_mixture(
        self,
        name: str,
        mixed: Mixture,
        enhanced: NDArray[np.float32],
        settings: Settings,
        title: str | None,
    ) -> None:
        """Write the files of one mixture; where that can't be done, going on would be in vain.

        There is a plot if there is a title for it.
        """
        write_audio(self._noisy(name), mixed.mixture, self.sampling_rate)
        write_audio(self._enhanced(name), enhanced, self.sampling_rate)
        if title is not None:
            from nmflab.figures.drawing import save_figure
            from nmflab.figures.spectrograms import spectrogram_figure

            signals = mixed.mixture, mixed.speech, enhanced
            figure = spectrogram_figure(*signals, settings, title=title)
            save_figure(figure, self._plot(name))

    def read_mixture(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Read a mixture and its enhanced speech."""
        noisy, enhanced = (
            read_audio(file(name), self.sampling_rate) for file in (self._noisy, self._enhanced)
        )
        return noisy, enhanced

    def merge_scores(self, rows: Iterable[dict[str, Any]], record: dict[str, str]) -> None:
        """Write the rows of one run after those of others, which stay; the same again is replaced.

        The table is read under a lock, when the rows are there: runs may go on at the same time.
        """
        new = [{**_as_text(row), **record} for row in rows]
        made = {_key(row) for row in new}
        with locked(self.scores):
            kept = [row for row in self.read_scores() if _key(row) not in made]
            write_table(self.scores, (*columns(), *RECORD), [*kept, *new])

    def read_scores(self) -> list[dict[str, str]]:
        """Read the rows of all runs; those of before the record was kept have an empty one."""
        if not self.scores.exists():
            return []
        tables = set(columns()), {*columns(), *RECORD}
        try:
            with self.scores.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file, strict=True))
            if all(set(row) in tables and None not in row.values() for row in rows):
                return [{**dict.fromkeys(RECORD, ""), **row} for row in rows]
        except (OSError, UnicodeDecodeError, csv.Error):
            pass
        raise NmflabError(
            f"{self.scores} is not a table of scores that nmflab wrote: move it away, or choose "
            "another folder with --output."
        )


def _claimed(root: Path, name: str, record: dict[str, Any]) -> str:
    """Give the first of NAME, NAME_2, … that is empty or of this record, which it then has."""
    text = json.dumps(record, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    for number in count(1):
        own = name if number == 1 else f"{name}_{number}"
        folder = root / own
        make_folder(folder)
        file = folder / RECORD_FILE
        if is_empty(folder):
            with replacing(file) as temporary:
                temporary.write_text(text, "utf-8")
        if file.is_file() and file.read_bytes() == text.encode():
            return own
    raise AssertionError


def _key(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[column] for column in KEY)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _as_text(row: dict[str, Any]) -> dict[str, str]:
    """Give a row as it stands in scores.csv; what isn't there is empty."""
    return {
        column: str(value) if column in MIXTURE else f"{value:.4f}".replace("nan", "")
        for column, value in row.items()
    }


def _refuse_name_clashes(corpus: Corpus) -> None:
    """Make sure that no mixture would overwrite another's files."""
    seen: dict[str, tuple[str, str]] = {}
    for noise in corpus.noise_names:
        for speech in corpus.test_speech.names:
            name = mixture_name(speech, noise)
            if name in seen:
                other = " and ".join(seen[name])
                raise NmflabError(
                    f"Speech and noise {other} make a mixture of the same name as {speech} and "
                    f"{noise} ({name}): rename one of the files."
                )
            seen[name] = speech, noise
