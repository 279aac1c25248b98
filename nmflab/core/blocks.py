"""Separation of signals of any length, block by block, in bounded memory.

With fixed bases the frames of a mixture are independent of each other, so a block of samples with
a window's breadth of its neighbourhood on both sides comes out as it does from the whole
recording. Only the recording's level has to be known beforehand: a first pass measures it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from nmflab.core.model import SeparationModel, StageProgress, mean_activation
from nmflab.core.pipeline import separate, settings_in_force
from nmflab.core.stft import Stft
from nmflab.settings import Settings

LONG = 180.0
"""Seconds: longer recordings are separated block by block."""

BLOCK = 30.0
"""Seconds in a block."""

Signal = NDArray[np.float32]
Read = Callable[[slice], Signal]


def separate_speech(
    model: SeparationModel,
    mixture: Signal,
    settings: Settings | None = None,
    *,
    progress: StageProgress | None = None,
) -> Signal:
    """Give the speech of a mixture (n,), block by block where it is long."""
    settings = settings_in_force(model, settings)
    if len(mixture) <= LONG * settings.sampling_rate:
        return separate(model, mixture, settings, progress=progress).speech
    blocks = separate_blocks(model, mixture.__getitem__, len(mixture), settings, progress=progress)
    speech, done = np.empty_like(mixture), 0
    for part, _ in blocks:
        speech[done : done + len(part)] = part
        done += len(part)
    return speech


def separate_blocks(
    model: SeparationModel,
    read: Read,
    length: int,
    settings: Settings,
    *,
    block: float = BLOCK,
    progress: StageProgress | None = None,
) -> Iterator[tuple[Signal, Signal]]:
    """Give speech and noise, one block after another, of what `read` gives a part of.

    It is what `separate` makes of the whole, to 1e-5; ε is not looked at.
    """
    settings = settings.replace(epsilon=0.0)
    stft = Stft.from_settings(settings)
    pieces = list(_pieces(length, stft, round(block * settings.sampling_rate)))
    unit = _unit(read, length, stft, pieces, model)
    for done, piece in enumerate(pieces, start=1):
        found = separate(model, read(piece.around), settings, unit=unit)
        yield found.speech[piece.inside], found.noise[piece.inside]
        if progress is not None:
            progress("separating", done, len(pieces))


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


def _unit(
    read: Read, length: int, stft: Stft, pieces: list[_Piece], model: SeparationModel
) -> float:
    """Measure the mean activation of the whole recording: that of the mean frame that sounds."""
    total, heard = np.zeros(model.W.shape[0]), 0
    for piece in pieces:
        V = np.abs(stft.analyse(read(piece.around))[:, piece.frames])
        total += V.sum(axis=1, dtype=np.float64)
        heard += int(np.count_nonzero(V.any(axis=0)))
    mean_frame = total[:, np.newaxis] / max(heard, 1)
    return mean_activation(mean_frame, model.W.shape[1])
