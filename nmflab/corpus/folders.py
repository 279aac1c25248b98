"""Recordings to train and test on: a data folder, the embedded corpus, public corpora.

A data folder holds ``train/speech``, ``train/noise``, ``test/speech`` and, if there is one,
``test/noise``; their sub-folders are walked. Without ``test/noise`` the last fifth of each
training noise is kept for testing: training and testing never share a sample of noise.
The training part is the same whether it is read alone or with the test part.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmflab.checks import as_rate
from nmflab.corpus.clips import (
    Clip,
    ClipList,
    StrPath,
    audio_files,
    load_folder,
    share,
    shipped_clips,
)
from nmflab.errors import NmflabError, warn
from nmflab.system.shipped import embedded_folder, is_short

__all__ = ["Corpus", "CorpusRow", "describe_corpus", "load_corpus", "validation"]

PARTS = ("train/speech", "train/noise", "test/speech", "test/noise")
"""The folders of recordings in a data folder."""

LAYOUT = "train/speech, train/noise and test/speech (and, if there is one, test/noise)"
TRAINING_LAYOUT = "train/speech and train/noise"

SHORT = {"train/speech": 0.6, "train/noise": 4.0, "test/speech": 2.0}
"""How many seconds are taken of each recording of the embedded corpus where it is to be short."""

TESTED_ON = 5
"""Without ``test/noise``, one part in so many of each training noise is kept for testing."""

VALIDATED_ON = 4
"""One training recording in so many, and that part of each training noise, is for validation."""

TOO_SHORT_TO_SHARE = (
    "The noise {path!r} is too short ({size} samples) to be shared between training and testing: "
    "give a longer one, or recordings in test/noise."
)
TOO_SHORT_TO_CUT = "The training noise {name} is too short to be cut: {size} samples."


@dataclass(frozen=True, eq=False)
class Corpus:
    """Recordings to train and to test on.

    Attributes
    ----------
    train_speech, train_noise, test_speech, test_noise : ClipList
        Lists of arrays of float32, shape (n_samples,), that know their names.
    sampling_rate : int
        Sampling rate of all of them in Hz.
    root : Path
        The data folder.
    skipped : tuple of str
        One sentence for each file that could not be read.
    """

    train_speech: ClipList
    train_noise: ClipList
    test_speech: ClipList
    test_noise: ClipList
    sampling_rate: int
    root: Path
    skipped: tuple[str, ...] = ()

    @property
    def noise_names(self) -> tuple[str, ...]:
        """Names of the noises to test with."""
        return self.test_noise.names

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of all parts, names, lengths and samples."""
        lists = (self.train_speech, self.train_noise, self.test_speech, self.test_noise)
        return fingerprint_of(str(self.sampling_rate), **dict(zip(PARTS, lists, strict=True)))

    def training_noise(self, name: str) -> ClipList:
        """Give what the dictionary of a noise is trained on.

        Parameters
        ----------
        name : str
            Name of the noise.

        Returns
        -------
        ClipList
            The training noise of that name; where there is none, all of them together.
        """
        own = [clip for clip in self.train_noise.clips if clip.name == name]
        return ClipList(own) if own else self.train_noise


def fingerprint_of(start: str = "", **parts: ClipList) -> str:
    """Give twelve hexadecimal digits of lists of clips: names, lengths and samples."""
    digest = hashlib.sha256(start.encode())
    for part, clips in parts.items():
        for clip in clips.clips:
            digest.update(json.dumps([part, clip.name, clip.samples.size]).encode())
            digest.update(np.ascontiguousarray(clip.samples, dtype="<f4").data)
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class CorpusRow:
    """What `describe_corpus` says about one recording.

    Attributes
    ----------
    part : str
        ``train/speech``, ``train/noise``, ``test/speech`` or ``test/noise``.
    name : str
        Name of the recording.
    seconds : float
        Length in s.
    level : float
        RMS in dB re full scale; −inf for digital silence.
    """

    part: str
    name: str
    seconds: float
    level: float


def describe_corpus(corpus: Corpus) -> list[CorpusRow]:
    """List every recording of a corpus.

    Parameters
    ----------
    corpus : Corpus
        What `load_corpus` gave.

    Returns
    -------
    list of CorpusRow
        Part by part, in the order of the corpus.
    """
    lists = (corpus.train_speech, corpus.train_noise, corpus.test_speech, corpus.test_noise)
    return [
        CorpusRow(part, clip.name, clip.samples.size / corpus.sampling_rate, _level(clip.samples))
        for part, clips in zip(PARTS, lists, strict=True)
        for clip in clips.clips
    ]


def _level(samples: NDArray[np.float32]) -> float:
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return float(10 * np.log10(power)) if power > 0 else -np.inf


def load_corpus(
    path: StrPath | None = None, sampling_rate: int = 16000, *, training_only: bool = False
) -> Corpus:
    """Read a data folder, or the embedded corpus.

    Sub-folders are walked; hidden files and files that are not audio by their ending are left
    alone. A file that can't be read, be it an M4A, is left out and named in ``skipped``. An
    `NmflabWarning` says which is far beyond full scale, cut off or there twice. Without
    ``test/noise``, training gets the first four fifths of each noise and testing the rest.

    Parameters
    ----------
    path : str or path, optional
        A folder with train/speech, train/noise, test/speech and, if there is one, test/noise.
        Without it, the embedded corpus, whose recordings are read as they are asked for; with
        ``NMFLAB_SHORT=1``, and in a browser's Python, only their beginnings.
    sampling_rate : int, default=16000
        Sampling rate of the result in Hz; files at other rates are resampled.
    training_only : bool, default=False
        Read the training part alone: ``test/speech`` needn't be there, and the lists to test on
        are empty.

    Returns
    -------
    Corpus
        The recordings, in the order of their paths.

    Raises
    ------
    NmflabError
        If the folder or one of those it must hold is missing, or holds nothing readable.

    See Also
    --------
    load_clips : Reads any files and folders into one list.
    """
    sampling_rate = as_rate(sampling_rate)
    root = embedded_folder() if path is None else Path(path)
    short = is_short()
    layout = TRAINING_LAYOUT if training_only else LAYOUT
    if not root.is_dir():
        raise NmflabError(f"There is no data folder {str(root)!r}: make one with {layout}.")

    def read(part: str) -> ClipList:
        if not (root / part).is_dir():
            raise NmflabError(
                f"The data folder {str(root)!r} has no folder {part!r}: it must hold {layout}."
            )
        if path is not None:
            return load_folder(root / part, sampling_rate)
        return shipped_clips(root / part, sampling_rate, SHORT.get(part) if short else None)

    train_speech, train_noise = read("train/speech"), read("train/noise")
    test_speech = ClipList() if training_only else read("test/speech")
    if not _holds_audio(root / "test/noise"):
        train_noise, test_noise = _cut(train_noise, TESTED_ON, TOO_SHORT_TO_SHARE)
    elif not training_only:
        test_noise = read("test/noise")
    if training_only:
        test_noise = ClipList()
    parts = (train_speech, train_noise, test_speech, test_noise)
    if path is not None:
        _say_twins([clip for part in parts for clip in part.clips])
    skipped = tuple(sentence for part in parts for sentence in part.skipped)
    return Corpus(*parts, sampling_rate, root, skipped)


def _say_twins(clips: Iterable[Clip]) -> None:
    """Say which recordings are there twice, as for training and for testing."""
    first: dict[bytes, Clip] = {}
    twins = []
    for clip in clips:
        same = first.setdefault(hashlib.sha256(clip.samples.tobytes()).digest(), clip)
        if same is not clip and clip.samples.any():
            twins.append(f"{str(clip.path)!r} has the same samples as {str(same.path)!r}")
    if twins:
        pairs = f" ({len(twins)} such pairs)" if len(twins) > 1 else ""
        warn(f"{twins[0]}{pairs}: what is trained on is not to be tested on, nor to count twice.")


def _holds_audio(folder: Path) -> bool:
    return folder.is_dir() and any(audio_files(folder))


def _cut(noises: ClipList, share: int, too_short: str) -> tuple[ClipList, ClipList]:
    """Cut the last of so many parts off each noise: what to train on, and what to test with."""
    train, test = [], []
    for clip in noises.clips:
        size = clip.samples.size
        if size < share:
            raise NmflabError(too_short.format(path=str(clip.path), name=clip.name, size=size))
        last = size - size // share
        train.append(replace(clip, samples=clip.samples[:last]))
        test.append(replace(clip, samples=clip.samples[last:]))
    return ClipList(train, noises.skipped), ClipList(test)


def validation(corpus: Corpus) -> Corpus:
    """Make a corpus to choose settings on, out of the training part alone.

    Every fourth training recording of speech becomes test speech, and the last quarter of each
    training noise test noise; what remains is trained on. The corpus's own test part stays unheard.

    Parameters
    ----------
    corpus : Corpus
        The corpus that the chosen settings will be reported on.

    Returns
    -------
    Corpus
        Its training part, cut in two.

    Raises
    ------
    NmflabError
        If there is only one training recording of speech, or a noise is too short to be cut.
    """
    speech = corpus.train_speech.clips
    step = min(VALIDATED_ON, len(speech))
    if step < 2:
        raise NmflabError(
            "There is only one training recording of speech: cut it in two, or give more, so that "
            "one can be kept for validation."
        )
    kept = [clip for i, clip in enumerate(speech) if i % step != step - 1]
    train_noise, test_noise = _cut(corpus.train_noise, VALIDATED_ON, TOO_SHORT_TO_CUT)
    return replace(
        corpus,
        train_speech=ClipList(kept),
        train_noise=train_noise,
        test_speech=ClipList(speech[step - 1 :: step]),
        test_noise=test_noise,
    )


def before_forks() -> None:
    """Decode the embedded recordings once, for all forks of this process."""
    corpus = load_corpus()
    for part in (corpus.train_speech, corpus.train_noise, corpus.test_speech, corpus.test_noise):
        share(part.clips)
