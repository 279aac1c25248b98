"""Recordings to train and test on: a data folder, the embedded corpus, public corpora.

A data folder holds ``train/speech``, ``train/noise``, ``test/speech`` and, if there is one,
``test/noise``; their sub-folders are walked. Without ``test/noise`` the last fifth of each
training noise is kept for testing: training and testing never share a sample of noise.
"""

from __future__ import annotations

import operator
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn, overload

import numpy as np
from numpy.typing import NDArray

from nmflab.audio import FORMATS, as_rate, read_audio
from nmflab.errors import NmflabError

StrPath = str | os.PathLike[str]

PARTS = ("train/speech", "train/noise", "test/speech", "test/noise")
"""The folders of recordings in a data folder."""

LAYOUT = "train/speech, train/noise and test/speech (and, if there is one, test/noise)"

_LOSSLESS = {".wav", ".flac", ".sph", ".nist", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"}
SUFFIXES = frozenset(_LOSSLESS | {".w64", ".rf64", ".ogg", ".oga", ".opus", ".mp3"})
"""Endings of the files that are taken for audio, in lower case."""

HELD_BACK = 5
"""Without ``test/noise``, one part in this many of each training noise is kept for testing."""


# Clips in memory


@dataclass(frozen=True, eq=False)
class Clip:
    """One recording.

    Attributes
    ----------
    name : str
        What it is called: the file name without its ending, unique in its list.
    samples : ndarray of float32, shape (n_samples,)
        The samples, full scale at ±1.
    path : Path
        The file it comes from.
    """

    name: str
    samples: NDArray[np.float32]
    path: Path


class ClipList(Sequence[NDArray[np.float32]]):
    """A list of one-dimensional arrays that also knows their names.

    Parameters
    ----------
    clips : iterable of Clip
        The recordings.
    skipped : iterable of str
        One sentence for each file that could not be read.

    Attributes
    ----------
    clips : tuple of Clip
        The recordings with all that is known about them.
    skipped : tuple of str
        One sentence for each file that could not be read.

    Examples
    --------
    >>> noises = load_corpus().test_noise
    >>> noises.names
    ('babble', 'car', 'factory', 'fan', 'pink', 'siren', 'wind')
    >>> noises["car"] is noises[1], noises[:2].names, noises[1].shape
    (True, ('babble', 'car'), (192000,))
    """

    def __init__(self, clips: Iterable[Clip] = (), skipped: Iterable[str] = ()) -> None:
        self.clips = tuple(clips)
        self.skipped = tuple(skipped)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the recordings, in order."""
        return tuple(clip.name for clip in self.clips)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files of the recordings, in order."""
        return tuple(clip.path for clip in self.clips)

    def __len__(self) -> int:
        return len(self.clips)

    @overload
    def __getitem__(self, key: int | str) -> NDArray[np.float32]: ...

    @overload
    def __getitem__(self, key: slice) -> ClipList: ...

    def __getitem__(self, key: int | str | slice) -> NDArray[np.float32] | ClipList:
        if isinstance(key, slice):
            return ClipList(self.clips[key])
        if not isinstance(key, str):
            return self.clips[operator.index(key)].samples
        for clip in self.clips:
            if clip.name == key:
                return clip.samples
        known = ", ".join(self.names) or "none"
        raise NmflabError(f"There is no recording called {key!r}; there are: {known}.")

    def __contains__(self, item: object) -> bool:
        return any(clip.name == item if isinstance(item, str) else clip.samples is item
                   for clip in self.clips)  # fmt: skip

    def __repr__(self) -> str:
        return f"ClipList({', '.join(self.names)})"


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


# Folders


def embedded_folder() -> Path:
    """Give the data folder of the embedded corpus.

    Returns
    -------
    Path
        Inside the installed package, or in a checkout the folder ``data``.

    Raises
    ------
    NmflabError
        If the installation holds no corpus.
    """
    return _shipped("data", "train", "corpus: give a data folder of your own")


def notebooks_folder() -> Path:
    """Give the folder of the notebooks.

    Returns
    -------
    Path
        Inside the installed package, or in a checkout the folder ``notebooks``.

    Raises
    ------
    NmflabError
        If the installation holds no notebooks.
    """
    return _shipped("notebooks", ".", "notebooks: take them from the project's sources")


def _shipped(name: str, content: str, remedy: str) -> Path:
    package = Path(__file__).resolve().parent
    for folder in (package / "embedded" / name, package.parent / name):
        if (folder / content).is_dir():
            return folder
    raise NmflabError(f"This installation of nmflab has no {remedy}, or install nmflab anew.")


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


def load_clips(paths: StrPath | Iterable[StrPath], sampling_rate: int = 16000) -> ClipList:
    """Read recordings from files and folders into one list.

    Parameters
    ----------
    paths : str, path or iterable of them
        Files, and folders that are walked as in `load_corpus`.
    sampling_rate : int, default=16000
        Sampling rate of the result in Hz; files at other rates are resampled.

    Returns
    -------
    ClipList
        The recordings, in the order given, a folder's in the order of their paths.

    Raises
    ------
    NmflabError
        If a file or folder is missing, a file that was named can't be read, or nothing readable
        is left.
    """
    sampling_rate = as_rate(sampling_rate)
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise NmflabError("No file or folder is given: name at least one recording.")
    clips: list[Clip] = []
    skipped: list[str] = []
    for path in map(Path, given):
        if path.is_dir():
            found = _load_folder(path, sampling_rate)
            clips += found.clips
            skipped += found.skipped
        else:
            clips.append(Clip(path.stem, read_audio(path, sampling_rate), path))
    names = _unique_names(_relative([clip.path for clip in clips]))
    renamed = (Clip(name, clip.samples, clip.path) for name, clip in zip(names, clips, strict=True))
    return ClipList(renamed, skipped)


def _load_part(root: Path, part: str, sampling_rate: int) -> ClipList:
    """Read one of the four folders, and say what belongs there when it can't be done."""
    folder = root / part
    if not folder.is_dir():
        raise NmflabError(
            f"The data folder {str(root)!r} has no folder {part!r}: it must hold {LAYOUT}."
        )
    return _load_folder(folder, sampling_rate)


def _load_folder(folder: Path, sampling_rate: int) -> ClipList:
    """Read every audio file below a folder; at least one must be readable."""
    files = sorted(_audio_files(folder), key=lambda file: file.relative_to(folder).parts)
    names = _unique_names([PurePosixPath(file.relative_to(folder).as_posix()) for file in files])
    clips, skipped = [], []
    for name, file in zip(names, files, strict=True):
        try:
            clips.append(Clip(name, read_audio(file, sampling_rate), file))
        except NmflabError as error:
            skipped.append(f"Skipped: {error}")
    if not files:
        raise NmflabError(
            f"The folder {str(folder)!r} holds no audio files: put recordings there ({FORMATS})."
        )
    if not clips:
        raise NmflabError(
            f"None of the audio files ({len(files)}) in {str(folder)!r} can be read: "
            f"{skipped[0].removeprefix('Skipped: ')}"
        )
    return ClipList(clips, skipped)


def _audio_files(folder: Path) -> Iterator[Path]:
    """Walk a folder and what it links to, each folder once, hidden ones left alone."""
    seen = set()
    for place, folders, files in os.walk(folder, onerror=_refuse_locked, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(place, name)


def _refuse_locked(error: OSError) -> NoReturn:
    raise NmflabError(
        f"The folder {str(error.filename)!r} can't be read ({error.strerror}): "
        "check whether you may."
    ) from error


def _relative(files: Sequence[Path]) -> list[PurePosixPath]:
    """Give paths as seen from the innermost folder that holds all the files."""
    base = os.path.commonpath([file.absolute().parent for file in files])
    return [PurePosixPath(file.absolute().relative_to(base).as_posix()) for file in files]


def _unique_names(paths: Sequence[PurePosixPath]) -> list[str]:
    """Name files by their stems; those that clash by their paths, then with ending and number.

    Names that are no Unicode, as old archives have them, get signs that can be shown and written.
    """
    paths = [PurePosixPath(os.fsencode(path).decode(errors="replace")) for path in paths]
    levels: tuple[Callable[[PurePosixPath], str], ...] = (
        lambda path: path.stem,
        lambda path: "_".join(path.with_suffix("").parts),
        lambda path: "_".join(path.parts).replace(".", "_"),
    )
    names = [levels[0](path) for path in paths]
    for level in levels[1:]:
        count = Counter(name.casefold() for name in names)
        names = [
            level(path) if count[name.casefold()] > 1 else name
            for name, path in zip(names, paths, strict=True)
        ]
    return _numbered(names)


def _numbered(names: Iterable[str]) -> list[str]:
    """Add a number to every name that was there before, whatever the case of its letters."""
    unique: list[str] = []
    taken: set[str] = set()
    for name in names:
        new, number = name, 1
        while new.casefold() in taken:
            number += 1
            new = f"{name}_{number}"
        taken.add(new.casefold())
        unique.append(new)
    return unique


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


# Public corpora


@dataclass(frozen=True)
class PublicCorpus:
    """A corpus that can be downloaded.

    Attributes
    ----------
    title : str
        What it is, for people.
    url : str
        The archive (``.zip`` or ``.tar.gz``).
    checksum : str
        Algorithm and digest, ``sha256:…`` or ``md5:…``.
    megabytes : int
        Size of the download; 0 if unknown.
    homepage : str
        Where it is described, with its licence.
    only : str
        Name of the files to unpack, if not all.
    """

    title: str
    url: str
    checksum: str
    megabytes: int
    homepage: str
    only: str = ""


def _librispeech(subset: str, sha256: str, megabytes: int) -> PublicCorpus:
    return PublicCorpus(
        title=f"LibriSpeech {subset}: 40 speakers who read books in English, 5.4 h (CC BY 4.0)",
        url=f"https://www.openslr.org/resources/12/{subset}.tar.gz",
        checksum=f"sha256:{sha256}",
        megabytes=megabytes,
        homepage="https://www.openslr.org/12",
    )


def _demand(place: str, scene: str, md5: str) -> PublicCorpus:
    """Give one scene of DEMAND; of its 16 microphones the first is enough."""
    return PublicCorpus(
        title=f"DEMAND, {scene}: 5 min of real noise, first of 16 microphones",
        url=f"https://zenodo.org/records/1227121/files/{place}_16k.zip",
        checksum=f"md5:{md5}",
        megabytes=0,
        homepage="https://zenodo.org/records/1227121",
        only="ch01.wav",
    )


PUBLIC_CORPORA: dict[str, PublicCorpus] = {
    "librispeech-dev-clean": _librispeech(
        "dev-clean", "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3", 338
    ),
    "librispeech-test-clean": _librispeech(
        "test-clean", "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23", 347
    ),
    "demand-kitchen": _demand("DKITCHEN", "a kitchen", "7ffbf52d7f4699f96927846103dc8788"),
    "demand-living": _demand("DLIVING", "a living room", "46741384d9e434a0bd8b3ec1830b6052"),
    "demand-washing": _demand("DWASHING", "a washing room", "7e5ee9437ce9409c5f9a779b6212a240"),
    "demand-field": _demand("NFIELD", "a sports field", "a740046c6f4e174e16f5d568aaec5024"),
    "demand-park": _demand("NPARK", "a park", "80f1385a34d7f1705758926b57f138ce"),
    "demand-river": _demand("NRIVER", "a river", "54264db61d3fe073fb81f2e40e0d19b5"),
    "demand-hallway": _demand("OHALLWAY", "a hallway", "fe918bbb0e63e73d09ba7f4843ef33f1"),
    "demand-meeting": _demand("OMEETING", "a meeting room", "62f7cfe7fe6d30b7d8a215fe37c2dfd2"),
    "demand-office": _demand("OOFFICE", "an office", "7b61cc2d182d5a654cb9c3101ddd4041"),
    "demand-cafeteria": _demand("PCAFETER", "a cafeteria", "99927d148128254141a9417d051510bb"),
    "demand-restaurant": _demand("PRESTO", "a restaurant", "b98d2e6854eeebb397f29a8ad7457092"),
    "demand-station": _demand("PSTATION", "a station", "d7448009f6c2aeb6ba570375df1750a3"),
    "demand-square": _demand("SPSQUARE", "a public square", "205d0e7b8fe74504a2f8d252fc414b9e"),
    "demand-traffic": _demand("STRAFFIC", "a busy street", "2efa87262f272bbf9ba578088e81939c"),
    "demand-bus": _demand("TBUS", "a bus", "706b11b0d8504f9f3b3f3211e91b3863"),
    "demand-car": _demand("TCAR", "a car", "4d930012796bd298932245a26189f973"),
    "demand-metro": _demand("TMETRO", "an underground train", "95daf4df678e13b120e14211e6d89571"),
}
"""The corpora that `fetch_corpus` knows, by name."""


def fetch_corpus(
    name: str,
    cache: StrPath | None = None,
    *,
    base_url: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Path:
    """Download and unpack a public corpus, once.

    What was fetched before is not fetched again. The folder appears only when the whole
    archive has arrived, its checksum is right and it is unpacked.

    Parameters
    ----------
    name : str
        One of `PUBLIC_CORPORA`.
    cache : str or path, optional
        Where to keep it; without it, the user's cache folder for nmflab.
    base_url : str, optional
        Where a mirror keeps the archive, in place of its own address.
    progress : callable, optional
        Called with the name, the bytes done and the bytes in all.

    Returns
    -------
    Path
        A folder of audio files for `load_clips`, or for a data folder of your own.

    Raises
    ------
    NmflabError
        If the name is unknown, the download fails, or the checksum is wrong.
    """
    if name not in PUBLIC_CORPORA:
        known = ", ".join(PUBLIC_CORPORA)
        raise NmflabError(f"There is no public corpus called {name!r}; there are: {known}.")
    import pooch

    corpus = PUBLIC_CORPORA[name]
    url = corpus.url
    if base_url is not None:
        url = f"{base_url.rstrip('/')}/{PurePosixPath(url).name}"
    home = Path(pooch.os_cache("nmflab") if cache is None else cache).expanduser()
    folder = home / name
    if not folder.is_dir():
        archive = _download(name, url, corpus.checksum, home / "downloads", progress)
        _unpack(archive, folder, corpus.only)
        archive.unlink(missing_ok=True)
    return folder


def _download(
    name: str,
    url: str,
    checksum: str,
    folder: Path,
    progress: Callable[[str, int, int], None] | None,
) -> Path:
    """Fetch one file, whole and checked, or say why not."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    bar = _Bar(name, progress) if progress else False
    downloader = pooch.HTTPDownloader(progressbar=bar, timeout=30)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = pooch.retrieve(url, checksum, PurePosixPath(url).name, folder, downloader=downloader)
    except OSError as error:  # requests' errors are OSErrors too
        raise NmflabError(
            f"The corpus {name!r} can't be fetched from {url} ({_reason(error)}): check the "
            "connection and the disk, and try again."
        ) from error
    except ValueError as error:
        raise NmflabError(
            f"What came from {url} is not the corpus {name!r} (its checksum is wrong) and was "
            "thrown away: try again, or from another network."
        ) from error
    return Path(file)


class _Bar:
    """What pooch wants of a progress bar, on top of a callable."""

    def __init__(self, name: str, progress: Callable[[str, int, int], None]) -> None:
        self.name, self.progress = name, progress
        self.total = self.done = 0

    def update(self, step: int) -> None:
        self.done = min(self.done + step, self.total) if self.total else self.done + step
        self.progress(self.name, self.done, max(self.total, self.done))

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        """Nothing to close."""


def _reason(error: OSError) -> str:
    """Say in a few words what went wrong, where requests writes a paragraph."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.RequestException):
        return "no connection"
    return error.strerror or type(error).__name__


def _unpack(archive: Path, folder: Path, only: str) -> None:
    """Unpack beside the folder and give it its name at the end."""
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpacking-"))
    try:
        if tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                tar.extractall(temporary, _chosen_from_tar(tar, only), filter="data")
        else:
            with zipfile.ZipFile(archive) as bundle:
                names = [n for n in bundle.namelist() if not only or PurePosixPath(n).name == only]
                bundle.extractall(temporary, names)
        if not any(_audio_files(temporary)):
            raise NmflabError(f"The archive {archive.name!r} holds no audio: report this, please.")
        temporary.chmod(0o755)
        if not folder.is_dir():  # another process may have been faster
            temporary.replace(folder)
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise NmflabError(
            f"The archive {str(archive)!r} can't be unpacked ({type(error).__name__}): check the "
            "space on the disk, delete the archive, and try again."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _chosen_from_tar(tar: tarfile.TarFile, only: str) -> list[tarfile.TarInfo]:
    return [m for m in tar.getmembers() if not only or PurePosixPath(m.name).name == only]
