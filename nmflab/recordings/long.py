"""Separation of recordings of any length, block by block, in bounded memory.

With fixed bases the frames of a mixture are independent of each other, so a block of samples with
a window's breadth of its neighbourhood on both sides comes out as it does from the whole
recording. Only the recording's level has to be known beforehand: a first pass measures it.
"""

from __future__ import annotations

import os
import wave
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.files import fits_pcm, read_blocks, to_int16
from nmflab.core.model import SeparationModel, StageProgress, mean_activation
from nmflab.core.pipeline import separate, settings_in_force
from nmflab.core.stft import Stft
from nmflab.errors import NmflabError
from nmflab.settings import Settings
from nmflab.system.files import replacing

__all__ = ["separate_file"]

BYTES = np.dtype(np.float32).itemsize


def separate_file(
    model: SeparationModel,
    recording: str | os.PathLike[str],
    speech: str | os.PathLike[str],
    noise: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    block: float = 30.0,
    progress: StageProgress | None = None,
) -> None:
    """Separate a recording of any length into two WAV files.

    The result is that of `separate` on the whole recording, to 1e-5; ε is not looked at. With
    ``solver="accelerated"`` a rare frame is the exception, one where rounding decides whether
    momentum starts anew: at the same objective it may differ by some 1e-3. Beyond the blocks being
    worked on nothing is held in memory; on disk, beside the results, it takes 12 bytes a sample
    while it works.

    Parameters
    ----------
    model : SeparationModel
        Trained dictionaries.
    recording : str or path
        The noisy recording: any file that libsndfile reads.
    speech, noise : str or path
        The WAV files to write, as `write_audio` writes them; they appear once they are complete.
    settings : Settings, optional
        Overrides the encoding parameters, as in `separate`.
    block : float, default 30.0
        Length of a block in seconds.
    progress : callable, optional
        Called as ``progress("separating", done, total)`` after each block.

    Raises
    ------
    NmflabError
        If the recording can't be read, or the results can't be written.
    """
    settings = settings_in_force(model, settings).replace(epsilon=0.0)
    stft = Stft.from_settings(settings)
    folder = Path(speech).parent
    with ExitStack() as stack:
        targets = [stack.enter_context(replacing(path)) for path in (speech, noise)]
        scratch = Path(stack.enter_context(TemporaryDirectory(dir=folder, prefix=".nmflab-")))
        mixture = _Samples(scratch / "mixture")
        for samples in read_blocks(recording, settings.sampling_rate):
            mixture.append(samples)
        if mixture.length == 0:
            raise NmflabError(f"The audio file {str(recording)!r} is empty: it holds no samples.")
        pieces = list(_pieces(mixture.length, stft, round(block * settings.sampling_rate)))
        unit = _unit(mixture, stft, pieces, model)
        parts = [_Samples(scratch / "speech"), _Samples(scratch / "noise")]
        for done, piece in enumerate(pieces, start=1):
            found = separate(model, mixture.read(piece.around), settings, unit=unit)
            for part, samples in zip(parts, (found.speech, found.noise), strict=True):
                part.append(samples[piece.inside])
            if progress is not None:
                progress("separating", done, len(pieces))
        for part, target in zip(parts, targets, strict=True):
            part.write_wav(target, settings.sampling_rate)


class _Piece:
    """A block of samples, the neighbourhood it needs, and the frames that are its own."""

    def __init__(self, start: int, stop: int, length: int, stft: Stft) -> None:
        hop = stft.hop
        context = -(-stft.win_size // hop) * hop
        first = max(0, start - context)
        self.around = slice(first, min(length, stop + context))
        self.inside = slice(start - first, stop - first)
        last = stft.num_frames(length) if stop == length else stop // hop
        self.frames = slice((start - first) // hop, last - first // hop)


def _pieces(length: int, stft: Stft, block: int) -> Iterator[_Piece]:
    """Cut a recording into blocks of whole hops."""
    step = max(block // stft.hop, 1) * stft.hop
    for start in range(0, length, step):
        yield _Piece(start, min(start + step, length), length, stft)


def _unit(mixture: _Samples, stft: Stft, pieces: list[_Piece], model: SeparationModel) -> float:
    """Measure the mean activation of the whole recording: that of its mean frame."""
    total = np.zeros(model.W.shape[0])
    for piece in pieces:
        V = np.abs(stft.analyse(mixture.read(piece.around))[:, piece.frames])
        total += V.sum(axis=1, dtype=np.float64)
    mean_frame = total[:, np.newaxis] / stft.num_frames(mixture.length)
    return mean_activation(mean_frame, model.W.shape[1])


class _Samples:
    """A signal of any length, in a file of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.touch()
        self.length = 0
        self._peak = 0.0

    def append(self, samples: NDArray[np.float32]) -> None:
        with self._path.open("ab") as file:
            file.write(samples.astype(np.float32, copy=False).tobytes())
        self.length += len(samples)
        self._peak = max(self._peak, float(np.abs(samples).max(initial=0.0)))

    def read(self, part: slice) -> NDArray[np.float32]:
        count = part.stop - part.start
        return np.fromfile(self._path, np.float32, count, offset=part.start * BYTES)

    def write_wav(self, path: Path, sampling_rate: int) -> None:
        """Write what `write_audio` writes for the whole signal."""
        if not fits_pcm(self._peak):
            from scipy.io import wavfile

            whole: Any = np.memmap(self._path, np.float32, mode="r")
            wavfile.write(path, sampling_rate, whole)
            return
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, sampling_rate, self.length, "NONE", "not compressed"))
            for start in range(0, self.length, sampling_rate):
                stop = min(start + sampling_rate, self.length)
                file.writeframesraw(to_int16(self.read(slice(start, stop))).tobytes())
