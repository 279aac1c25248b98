"""Recordings as they are: at their own rate, with all their channels, in their own bit depth.

A copy in bounded memory::

    with open_recording("talk.m4a") as talk:
        form = {"rate": talk.rate, "channels": talk.channels, "subtype": talk.subtype}
        with new_recording("talk.wav", **form) as copy:
            for block in talk.blocks():
                copy.append(block)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.decoding import decoded
from nmflab.audio.encoding import BITS, DEEPER, encode, kept, pcm, wav_header, whole_numbers
from nmflab.audio.files import BLOCK, check_encodable, named_source
from nmflab.checks import as_rate, as_signal, plain_array
from nmflab.errors import NmflabError, warn
from nmflab.system.files import replacing

__all__ = [
    "Channels",
    "NewRecording",
    "Recording",
    "new_recording",
    "open_recording",
    "read_channels",
    "write_channels",
]


class Channels(NamedTuple):
    """A recording in memory, as its file has it.

    Attributes
    ----------
    samples : ndarray of float32, shape (n_samples, n_channels)
        The samples, full scale at ±1.
    rate : int
        Its own sampling rate in Hz.
    subtype : str
        How the file stores a sample, see `Recording`.
    """

    samples: NDArray[np.float32]
    rate: int
    subtype: str


@dataclass(frozen=True, repr=False)
class Recording:
    """A recording that is open to be read once, from its beginning to its end.

    Attributes
    ----------
    name : str
        What messages call it.
    rate : int
        Its own sampling rate in Hz.
    channels : int
        The number of its channels.
    length : int or None
        The samples of a channel that its header promises; None where it promises nothing.
    subtype : str
        How a sample is stored, in libsndfile's words: ``PCM_16``, ``PCM_24``, ``FLOAT`` and others;
        where FFmpeg decodes with loss, the name of the codec, as ``AAC``.
    unread : iterator of ndarray of float32, shape (n, n_channels)
        Where `blocks` takes the samples from.
    """

    name: str
    rate: int
    channels: int
    length: int | None
    subtype: str
    unread: Iterator[NDArray[np.float32]]

    def __repr__(self) -> str:
        return f"Recording({self.rate} Hz, channels={self.channels}, {self.subtype})"

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Give what is not yet read, a second or so at a time.

        Yields
        ------
        ndarray of float32, shape (n, n_channels)
            The samples in order, full scale at ±1.

        Raises
        ------
        NmflabError
            If the recording is damaged, holds no samples, or holds NaN or infinity.
        """
        start = 0
        for block in self.unread:
            if not np.isfinite(block).all():
                as_signal(block.mean(axis=1), self.name, start=start)  # says where
            start += len(block)
            yield block
        if start == 0:
            raise NmflabError(f"{self.name} is empty: it holds no samples.")


@contextmanager
def open_recording(path: str | os.PathLike[str] | BinaryIO) -> Iterator[Recording]:
    """Open a recording to read it as it is, block by block.

    Parameters
    ----------
    path : str, path or binary file object
        Whatever `read_audio` reads.

    Yields
    ------
    Recording
        Its rate, channels, length and subtype, and its blocks.

    Raises
    ------
    NmflabError
        As for `read_audio`.

    See Also
    --------
    new_recording : The inverse.
    """
    source, name = named_source(path)
    with decoded(source, name) as sound:
        form = sound.rate, sound.channels, sound.length, sound.subtype
        yield Recording(name, *form, sound.blocks)


def read_channels(path: str | os.PathLike[str] | BinaryIO) -> Channels:
    """Read a recording as it is: no channel mixed, nothing resampled.

    Parameters
    ----------
    path : str, path or binary file object
        Whatever `read_audio` reads.

    Returns
    -------
    Channels
        The samples, of shape (n_samples, n_channels), their rate, and how they were stored.

    Raises
    ------
    NmflabError
        As for `read_audio`.

    See Also
    --------
    write_channels : The inverse.
    open_recording : The same block by block.
    """
    with open_recording(path) as recording:
        samples = np.concatenate([*recording.blocks()])
    return Channels(samples, recording.rate, recording.subtype)


class NewRecording:
    """A recording that is being written, block by block, in bounded memory; see `new_recording`.

    Parameters
    ----------
    path, target : Path
        The file that is wanted, and the one that is written in its place until it is whole.
    file : binary file object
        Keeps the samples until they are encoded.
    rate, channels : int
        Sampling rate in Hz, and the number of channels.
    subtype : str
        How the samples' source stores them.

    Attributes
    ----------
    length : int
        Samples of a channel so far.
    peak : float
        The largest magnitude so far.
    """

    def __init__(
        self, path: Path, target: Path, file: IO[bytes], rate: int, channels: int, subtype: str
    ) -> None:
        self._path, self._target, self._file = path, target, file
        self._rate, self._channels, self._subtype = rate, channels, subtype
        self._finished = False
        self.length = 0
        self.peak = 0.0

    def append(self, block: ArrayLike) -> None:
        """Add samples at the end.

        Parameters
        ----------
        block : array_like, shape (n, n_channels)
            The samples, full scale at ±1.
        """
        samples = np.asarray(block, dtype=np.float32)
        if samples.ndim != 2 or samples.shape[1] != self._channels:
            raise NmflabError(
                f"The block has the shape {samples.shape} but must be (n, {self._channels})."
            )
        self._file.write(samples.tobytes())
        self.length += len(samples)
        self.peak = max(self.peak, float(np.abs(samples).max(initial=0.0)))

    def finish(self) -> None:
        """Encode what was added, which is done at the end of the context at the latest.

        Where several files belong together, finish all of them before the first context ends: then
        none appears if one fails.
        """
        if self._finished:
            return
        self._finished = True
        if self.length == 0:
            raise NmflabError(f"{str(self._path)!r} would be empty: add one sample at least.")
        if self._path.suffix.lower() == ".flac":
            self._write_flac()
        else:
            self._write_wav()

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        self._file.seek(0)
        frame = 4 * self._channels
        while content := self._file.read(BLOCK // self._channels * frame or frame):
            yield np.frombuffer(content, np.float32).reshape(-1, self._channels)

    def _write_wav(self) -> None:
        subtype = kept(self._subtype, self.peak)
        bits = BITS.get(subtype, 32)
        size = self.length * self._channels * bits // 8
        with self._target.open("wb") as file:
            file.write(wav_header(self._rate, self._channels, subtype, self.length))
            for block in self._blocks():
                file.write(pcm(block, bits) if subtype in BITS else block.astype("<f4").tobytes())
            file.write(bytes(size % 2))

    def _write_flac(self) -> None:
        subtype = "PCM_24" if self._subtype in DEEPER else "PCM_16"
        bits = BITS[subtype]
        if self.peak > 1:
            warn(
                f"{str(self._path)!r} is clipped, for the samples reach {self.peak:.3g} and FLAC "
                "holds 1 at most: end its name in .wav to keep them."
            )
        blocks = (whole_numbers(block, bits) << (32 - bits) for block in self._blocks())
        with self._target.open("wb") as file:
            encode(file, blocks, "FLAC", subtype, self._rate, self._channels)


@contextmanager
def new_recording(
    path: str | os.PathLike[str], *, rate: int, channels: int, subtype: str = "PCM_16"
) -> Iterator[NewRecording]:
    """Write a recording of any length and number of channels, whole or not at all.

    The bit depth is kept: what was stored in 24 bits, or as float, is written so; all with 16 bits
    or fewer, and all that was coded with loss, as 16-bit PCM. A WAV file is float instead where the
    peak is above 1, or so low that the steps of PCM would be heard, as with `write_audio`; a FLAC
    file is clipped, with an `NmflabWarning`, and stores more than 16 bits in 24. A WAV file beyond
    4 GiB becomes an RF64 file. Equal samples give equal bytes. On disk, 4 bytes a sample are taken
    while it is written.

    Parameters
    ----------
    path : str or path
        The file, ending in ``.wav`` or ``.flac``; missing folders are made, an existing file is
        replaced once all has gone well.
    rate : int
        Sampling rate in Hz.
    channels : int
        The number of channels.
    subtype : str, default="PCM_16"
        How the samples' source stores them, as `Recording` says.

    Yields
    ------
    NewRecording
        What the blocks are added to.

    Raises
    ------
    NmflabError
        If the ending is another, the folder can't be written, a FLAC can't have that rate or so
        many channels, or nothing was added.

    See Also
    --------
    open_recording : The inverse.
    """
    path, rate = Path(path), as_rate(rate)
    check_encodable(path, rate, channels)
    with ExitStack() as stack:
        target = stack.enter_context(replacing(path))
        file = stack.enter_context(TemporaryFile(dir=path.parent, prefix=".nmflab-"))
        recording = NewRecording(path, target, file, rate, channels, subtype)
        yield recording
        recording.finish()


def write_channels(
    path: str | os.PathLike[str], samples: ArrayLike, rate: int, subtype: str = "PCM_16"
) -> Path:
    """Write a recording with all its channels, as `new_recording` does.

    Parameters
    ----------
    path : str or path
        The file, ending in ``.wav`` or ``.flac``.
    samples : array_like, shape (n_samples, n_channels) or (n_samples,)
        The samples, full scale at ±1.
    rate : int
        Sampling rate in Hz.
    subtype : str, default="PCM_16"
        How the samples' source stores them.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    NmflabError
        As for `new_recording`, or if the samples can't be used.

    See Also
    --------
    read_channels : The inverse.
    """
    columns = as_channels(samples)
    with new_recording(path, rate=rate, channels=columns.shape[1], subtype=subtype) as recording:
        recording.append(columns)
    return Path(path)


def as_channels(samples: ArrayLike, name: str = "samples") -> NDArray[np.float32]:
    """Take a recording of one channel or several, or say what is wrong with it."""
    array = plain_array(samples, name)
    if array.ndim == 1:
        return as_signal(array, name)[:, np.newaxis]
    if array.ndim != 2 or array.shape[1] == 0:
        raise NmflabError(
            f"{name} has the shape {array.shape} but must be (n_samples,) or "
            "(n_samples, n_channels)."
        )
    return np.stack([as_signal(channel, name) for channel in array.T], axis=1)
