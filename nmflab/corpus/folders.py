"""Recordings to train and test on: a data folder, the embedded corpus, public corpora.

A data folder holds ``train/speech``, ``train/noise``, ``test/speech`` and, if there is one,
``test/noise``; their sub-folders are walked. Without ``test/noise`` the last fifth of each
training noise is kept for testing: training and testing never share a sample of noise.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmflab.checks import as_rate
from nmflab.corpus.clips import Clip, ClipList, StrPath, _audio_files, _load_folder
from nmflab.errors import NmflabError
from nmflab.system.shipped import embedded_folder

__all__ = ["Corpus", "CorpusRow", "describe_corpus", "load_corpus", "validation"]

PARTS = ("train/speech", "train/noise", "test/speech", "test/noise")
"""The folders of recordings in a data folder."""

LAYOUT = "train/speech, train/noise and test/speech (and, if there is one, test/noise)"

HELD_BACK = 5
"""Without ``test/noise``, one part in this many of each training noise is kept for testing."""


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


def load_corpus(path: StrPath | None = None, sampling_rate: int = 16000) -> Corpus:
    """Read a data folder, or the embedded corpus.

    Sub-folders are walked; hidden files and files that are not audio by their ending are left
    alone. A file that can't be read is left out and named in ``skipped``. Without
    ``test/noise``, training gets the first four fifths of each noise and testing the rest.

    Parameters
    ----------
    path : str or path, optional
        A folder with train/speech, train/noise, test/speech and, if there is one, test/noise.
        Without it, the embedded corpus.
    sampling_rate : int, default=16000
        Sampling rate of the result in Hz; files at other rates are resampled.

    Returns
    -------
    Corpus
        The recordings, in the order of their paths.

    Raises
    ------
    NmflabError
        If the folder or one of the three it must hold is missing, or holds nothing readable.

    See Also
    --------
    load_clips : Reads any files and folders into one list.
    """
    sampling_rate = as_rate(sampling_rate)
    root = embedded_folder() if path is None else Path(path)
    if not root.is_dir():
        raise NmflabError(f"There is no data folder {str(root)!r}: make one with {LAYOUT}.")
    train_speech, train_noise, test_speech = (
        _load_part(root, part, sampling_rate) for part in PARTS[:3]
    )
    if (root / "test/noise").is_dir() and any(_audio_files(root / "test/noise")):
        test_noise = _load_part(root, "test/noise", sampling_rate)
    else:
        train_noise, test_noise = _hold_back(train_noise)
    parts = (train_speech, train_noise, test_speech, test_noise)
    skipped = tuple(sentence for part in parts for sentence in part.skipped)
    return Corpus(*parts, sampling_rate, root, skipped)


def _load_part(root: Path, part: str, sampling_rate: int) -> ClipList:
    """Read one of the four folders, and say what belongs there when it can't be done."""
    folder = root / part
    if not folder.is_dir():
        raise NmflabError(
            f"The data folder {str(root)!r} has no folder {part!r}: it must hold {LAYOUT}."
        )
    return _load_folder(folder, sampling_rate)


def _hold_back(noises: ClipList) -> tuple[ClipList, ClipList]:
    """Cut each noise in two: the part to train on and the part to test with."""
    train, test = [], []
    for clip in noises.clips:
        cut = clip.samples.size - clip.samples.size // HELD_BACK
        if cut == clip.samples.size:
            raise NmflabError(
                f"The noise {str(clip.path)!r} is too short ({cut} samples) to be shared between "
                "training and testing: give a longer one, or recordings in test/noise."
            )
        train.append(Clip(clip.name, clip.samples[:cut], clip.path))
        test.append(Clip(clip.name, clip.samples[cut:], clip.path))
    return ClipList(train, noises.skipped), ClipList(test)


HELD_OUT = 4
"""One training recording in so many, and that part of each training noise, is for validation."""


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
    speech, noises = corpus.train_speech.clips, corpus.train_noise.clips
    step = min(HELD_OUT, len(speech))
    if step < 2:
        raise NmflabError(
            "There is only one training recording of speech: cut it in two, or give more, so that "
            "one can be kept for validation."
        )
    cuts = [clip.samples.size - clip.samples.size // HELD_OUT for clip in noises]
    for clip, cut in zip(noises, cuts, strict=True):
        if cut == clip.samples.size:
            raise NmflabError(
                f"The training noise {clip.name} is too short to be cut: {cut} samples."
            )
    kept = [clip for i, clip in enumerate(speech) if i % step != step - 1]
    first, last = (
        ClipList(Clip(clip.name, clip.samples[part], clip.path) for clip, part in parts)
        for parts in (
            [(clip, slice(None, cut)) for clip, cut in zip(noises, cuts, strict=True)],
            [(clip, slice(cut, None)) for clip, cut in zip(noises, cuts, strict=True)],
        )
    )
    return dataclasses.replace(
        corpus,
        train_speech=ClipList(kept),
        train_noise=first,
        test_speech=ClipList(speech[step - 1 :: step]),
        test_noise=last,
    )
