"""Recordings of one kind, read from files and folders."""

from __future__ import annotations

import operator
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, overload
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.decoding import FORMATS, NO_HEADER
from nmflab.audio.ffmpeg import BY_FFMPEG
from nmflab.audio.files import read_audio
from nmflab.checks import as_rate, without_offset
from nmflab.errors import NmflabError, warn
from nmflab.names import showable

__all__ = ["Clip", "ClipList", "load_clips"]

StrPath = str | os.PathLike[str]

READ = frozenset(
    ".16sv .8svx .aif .aifc .aiff .au .avr .bwf .caf .fap .flac .gsm .htk "  # noqa: SIM905
    ".ircam .mp1 .mp2 .mp3 "
    ".mpga .nist .oga .ogg .opus .paf .pvf .rf64 .sd2 .sds .sf .snd .sph .svx .voc .vox .w64 .wav "
    ".wave .wve .xi".split()
)
AUDIO = READ | BY_FFMPEG | NO_HEADER
"""Endings of the files that are taken for audio, in lower case; bare samples are named, but
not read."""

PCM = 2**15
"""Full scale of samples of 16 bits."""

FAR_BEYOND = 100.0
"""Peak, 40 dB above full scale, that no recording has unless its samples are meant as integers."""


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

    @classmethod
    def stored(
        cls, name: str, path: Path, sampling_rate: int, seconds: float | None = None
    ) -> Clip:
        """Make a clip whose file is read when its samples are asked for.

        Samples of 16 bits are kept as such, and are an array for as long as somebody has it.

        Parameters
        ----------
        name : str
            What it is called.
        path : Path
            Its file, which is known to be good.
        sampling_rate : int
            The rate that the samples are to have, in Hz.
        seconds : float, optional
            How much is taken of it, from its beginning; by default all.

        Returns
        -------
        Clip
            The recording.
        """
        clip = object.__new__(cls)
        size = None if seconds is None else round(seconds * sampling_rate)
        vars(clip).update(name=name, path=path, _sampling_rate=sampling_rate, _size=size)
        return clip

    def __getattr__(self, name: str) -> Any:
        own = vars(self)
        if name != "samples" or "_sampling_rate" not in own:
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        key = (self.path, own["_sampling_rate"], own["_size"])
        if "_pcm" not in own and key in _shared:
            own["_pcm"] = _shared[key]
        if "_pcm" not in own:
            samples = read_audio(self.path, self._sampling_rate)[: self._size]
            pcm = (samples * PCM).astype(np.int16)
            if not np.array_equal(pcm, samples * PCM):
                return own.setdefault(name, samples)
            own["_pcm"] = pcm
        with _one_array:
            given = _given.get(self)
            if given is None:
                given = _given[self] = np.multiply(own["_pcm"], 1 / PCM, dtype=np.float32)
            return given


_one_array = threading.Lock()
_given: WeakValueDictionary[Clip, NDArray[np.float32]] = WeakValueDictionary()


_shared: dict[tuple[Path, int, int | None], NDArray[np.int16]] = {}


def share(clips: Iterable[Clip]) -> None:
    """Keep the samples of stored clips for all that are made of the same files from now on."""
    for clip in clips:
        assert clip.samples.size  # which reads the file
        own = vars(clip)
        if "_pcm" in own:
            _shared[clip.path, own["_sampling_rate"], own["_size"]] = own["_pcm"]


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
    >>> noises = nmflab.load_corpus().test_noise
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
    found = [_load(path, sampling_rate) for path in map(Path, given)]
    clips = [clip for part in found for clip in part.clips]
    _say_far_too_loud(clips)
    names = _unique_names(_relative([clip.path for clip in clips]))
    renamed = (Clip(name, clip.samples, clip.path) for name, clip in zip(names, clips, strict=True))
    return ClipList(renamed, (sentence for part in found for sentence in part.skipped))


def _load(path: Path, sampling_rate: int) -> ClipList:
    if path.is_dir():
        return _read_folder(path, sampling_rate)
    return ClipList([Clip(path.stem, _read(path, sampling_rate), path)])


def load_folder(folder: Path, sampling_rate: int) -> ClipList:
    """Read every audio file below a folder; at least one must be readable."""
    found = _read_folder(folder, sampling_rate)
    _say_far_too_loud(found.clips)
    return found


def shipped_clips(folder: Path, sampling_rate: int, seconds: float | None = None) -> ClipList:
    """List what is in a folder that came with the package; it is read as it is asked for."""
    named = _named_files(folder)
    return ClipList(Clip.stored(name, file, sampling_rate, seconds) for name, file in named)


def _named_files(folder: Path) -> list[tuple[str, Path]]:
    files = sorted(audio_files(folder), key=lambda file: file.relative_to(folder).parts)
    names = _unique_names([PurePosixPath(file.relative_to(folder).as_posix()) for file in files])
    return list(zip(names, files, strict=True))


def _read_folder(folder: Path, sampling_rate: int) -> ClipList:
    files = _named_files(folder)
    clips, skipped = [], []
    for name, file in files:
        try:
            clips.append(Clip(name, _read(file, sampling_rate), file))
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


def _say_far_too_loud(clips: Sequence[Clip]) -> None:
    """Say which recordings are scaled as integers among others that keep to full scale."""
    peaks = [float(max(clip.samples.max(), -clip.samples.min())) for clip in clips]
    if min(peaks) > 1:
        return
    for clip, peak in zip(clips, peaks, strict=True):
        if peak > FAR_BEYOND:
            warn(
                f"The audio file {str(clip.path)!r} reaches {peak:.5g}, where full scale is 1 and "
                "others beside it keep to that: its samples are very likely meant as integers, and "
                "outweigh all others; divide them by 32768."
            )


def audio_files(folder: Path) -> Iterator[Path]:
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
            if not name.startswith(".") and Path(name).suffix.lower() in AUDIO:
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

    The names can be shown and written, whatever the file system allows; see `nmflab.names`.
    """
    paths = [PurePosixPath(showable(path)) for path in paths]
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


def _read(path: Path, sampling_rate: int) -> NDArray[np.float32]:
    """Read a recording without the offset that its recorder may have added."""
    return without_offset(read_audio(path, sampling_rate))
