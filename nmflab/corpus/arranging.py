"""TIMIT and NOISEX-92, or corpora of their make, arranged as a data folder.

Speech keeps to the corpus's own division: sentences of its ``TRAIN`` part are trained on, those of
its ``TEST`` part tested on, so no voice is in both. Sentences that all speakers read (TIMIT's SA1
and SA2) are left out, since their words would be in both. Of each noise the first 25 s are trained
on; what is tested on comes after them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from nmflab.audio.decoding import decoded, mixed
from nmflab.audio.files import duration, named_source, write_audio
from nmflab.checks import as_count, check_above_0
from nmflab.corpus.clips import StrPath, audio_files
from nmflab.errors import NmflabError
from nmflab.system.files import make_folder

__all__ = ["arrange_corpus"]

DIVISION = ("train", "test")
"""Names of the two parts of a speech corpus, somewhere in the path, in any case."""

READ_BY_ALL = ("sa1", "sa2")
"""TIMIT's sentences that every speaker reads."""


def arrange_corpus(
    folder: StrPath,
    speech: StrPath,
    noise: StrPath,
    *,
    training_seconds: float = 60.0,
    test_sentences: int = 24,
    noise_seconds: float = 25.0,
    seed: int = 0,
) -> Path:
    """Make a data folder of a speech corpus and a folder of noises.

    Sentences are drawn speaker by speaker, one of each before a second of any, and speakers region
    by region, one of each in turn. Speech is copied as it is; noises keep their rate.

    Parameters
    ----------
    folder : str or path
        The data folder to make; it must not exist, or be empty.
    speech : str or path
        A folder as TIMIT's: ``TRAIN/REGION/SPEAKER/SENTENCE.WAV`` and ``TEST/…`` below it.
    noise : str or path
        A folder with a recording of each noise, as NOISEX-92's WAV files.
    training_seconds : float, default=60.0
        Speech to train on, in s: sentences are added until there is so much.
    test_sentences : int, default=24
        Sentences to test on, as many as TIMIT's core test set has speakers.
    noise_seconds : float, default=25.0
        How much of each noise is trained on, in s; what follows, as long at most, is tested with.
    seed : int, default=0
        Seed of the draw.

    Returns
    -------
    Path
        The data folder, for `load_corpus`.

    Raises
    ------
    NmflabError
        If the folder is taken, a part has too little in it, a noise is no longer than what is
        trained on, or a file can't be read or written.
    """
    check_above_0(training_seconds, "training_seconds")
    check_above_0(noise_seconds, "noise_seconds")
    test_sentences = as_count(test_sentences, "test_sentences", 1)
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise NmflabError(f"There is something in {str(target)!r} already: name another folder.")
    train, test = _divided(Path(speech))
    noises = sorted(_existing(Path(noise)))
    random = np.random.default_rng(seed)
    make_folder(target.parent)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        drawn = _so_many_seconds(_in_turn(train, random), training_seconds, str(speech))
        _copy(drawn, Path(speech), scratch / "train/speech")
        heard = list(_in_turn(test, random))[:test_sentences]
        if len(heard) < test_sentences:
            raise NmflabError(
                f"The test part of {str(speech)!r} has {len(heard)} sentences where "
                f"{test_sentences} are asked for: ask for fewer."
            )
        _copy(heard, Path(speech), scratch / "test/speech")
        for file in noises:
            _cut(file, Path(noise), noise_seconds, scratch)
        scratch.chmod(0o755)
        scratch.replace(target)
    except OSError as error:
        raise NmflabError(
            f"The data folder {str(target)!r} can't be made ({error.strerror}): check the space on "
            "the disk, and who may write there."
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _existing(folder: Path) -> list[Path]:
    files = list(audio_files(folder)) if folder.is_dir() else []
    if not files:
        raise NmflabError(f"There are no recordings in {str(folder)!r}: name the corpus's folder.")
    return files


Speakers = Mapping[str, Sequence[Path]]


def _divided(root: Path) -> tuple[Speakers, Speakers]:
    """List the sentences of the speakers of both parts; a speaker is the folder of sentences."""
    parts: dict[str, dict[str, list[Path]]] = {name: defaultdict(list) for name in DIVISION}
    for file in sorted(_existing(root)):
        *folders, _ = file.relative_to(root).parts
        part = next((name.lower() for name in folders if name.lower() in DIVISION), None)
        if part and file.stem.lower() not in READ_BY_ALL:
            parts[part]["/".join(folders)].append(file)
    for name, found in parts.items():
        if not found:
            raise NmflabError(
                f"The speech corpus {str(root)!r} has no sentences in a folder {name.upper()}: "
                "name the folder that holds TRAIN and TEST, as TIMIT's does."
            )
    return parts["train"], parts["test"]


def _in_turn(speakers: Speakers, random: np.random.Generator) -> Iterator[Path]:
    """Draw sentences: a region's speaker, the next region's, and so on, till all are drawn."""
    regions: dict[str, list[list[Path]]] = defaultdict(list)
    for name, sentences in speakers.items():
        order = random.permutation(len(sentences))
        regions[name.rpartition("/")[0]].append([sentences[i] for i in order])
    for places in regions.values():
        random.shuffle(places)
    while regions:
        for name in list(regions):
            first = regions[name].pop(0)
            yield first.pop(0)
            if first:
                regions[name].append(first)
            if not regions[name]:
                del regions[name]


def _so_many_seconds(sentences: Iterator[Path], seconds: float, corpus: str) -> list[Path]:
    drawn, total = [], 0.0
    for file in sentences:
        drawn.append(file)
        total += duration(file)
        if total >= seconds:
            return drawn
    raise NmflabError(
        f"The training part of {corpus!r} holds {total:.0f} s of speech where {seconds:g} s are "
        "asked for: ask for less."
    )


def _copy(files: Sequence[Path], root: Path, folder: Path) -> None:
    """Copy sentences under names that say whose they are, as TRAIN-DR1-FCJF0-SX27.WAV."""
    folder.mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, folder / "-".join(file.relative_to(root).parts))


def _cut(file: Path, root: Path, seconds: float, folder: Path) -> None:
    """Write what is trained on and what is tested with, at the recording's own rate."""
    source, name = named_source(file)
    with decoded(source, name) as sound:
        samples, rate = np.concatenate([*mixed(sound.blocks, name)]), sound.rate
    size = round(seconds * rate)
    if len(samples) <= size:
        raise NmflabError(
            f"The noise {str(file)!r} lasts {len(samples) / rate:.1f} s, and {seconds:g} s of it "
            "are to be trained on: ask for less, or there is nothing left to test with."
        )
    kind = "-".join(file.relative_to(root).with_suffix("").parts)
    for part, piece in (("train", samples[:size]), ("test", samples[size : 2 * size])):
        target = folder / part / "noise" / f"{kind}.wav"
        if target.exists():
            raise NmflabError(f"There are two noises called {kind!r} in {str(root)!r}: rename one.")
        write_audio(target, piece, rate)
