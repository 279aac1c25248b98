"""Separation of signals of any length, block by block, in bounded memory.

With fixed bases the frames of a mixture are independent of each other, so a block of samples with
a window's breadth of its neighbourhood on both sides comes out as it does from the whole
recording. Only the recording's level and offset have to be known beforehand: first passes measure
them. Free bases, which are learnt on a block, follow the noise from block to block instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmflab.checks import Offset
from nmflab.core.model import SeparationModel, StageProgress, mean_activation
from nmflab.core.pipeline import separate, settings_in_force
from nmflab.core.stft import Stft
from nmflab.settings import Settings

LONG = 180.0
"""Seconds: longer recordings are separated block by block."""

BLOCK = 30.0
"""Seconds in a block."""

FADE = 1.0
"""Seconds in which one block is faded into the next where bases were learnt on each."""

Signal = NDArray[np.float32]
Samples = NDArray[np.float32]
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

    With fixed bases it is what `separate` makes of the whole, to 1e-5; ε is not looked at. Free
    bases are learnt on each block anew, so that they follow the noise, and blocks are cross-faded.
    """
    settings = settings.replace(epsilon=0.0)
    stft = Stft.from_settings(settings)
    fade = round(FADE * settings.sampling_rate) if settings.num_basis_free else 0
    pieces = list(cut(length, stft, round(block * settings.sampling_rate), model.context, fade))
    offset = Offset.of(read(slice(piece.start, piece.stop)) for piece in pieces)

    def centred(part: slice) -> Signal:
        return offset.taken_from(read(part), part.start)

    unit = None if fade else _unit(centred, length, stft, pieces, model)

    def separated() -> Iterator[Signal]:
        for done, piece in enumerate(pieces, start=1):
            found = separate(model, centred(piece.around), settings, unit=unit)
            speech, mixture = (x[piece.inside] for x in (found.speech, read(piece.around)))
            yield np.stack([speech, mixture - speech], axis=1)
            if progress is not None:
                progress("separating", done, len(pieces))

    for both in crossfaded(separated(), fade):
        yield both[:, 0], both[:, 1]


@dataclass(frozen=True)
class Piece:
    """A block of a signal, and the neighbourhood that it needs.

    Parameters
    ----------
    around : slice
        Its samples with their neighbourhood, in the signal.
    inside : slice
        Its own samples in that, those that it shares with the piece before it among them.
    frames : slice
        The frames in that which are its own alone.
    start, stop : int
        Its own samples in the signal, those that it shares with the piece before it left out.
    last : bool
        Whether the signal ends with it.
    """

    around: slice
    inside: slice
    frames: slice
    start: int
    stop: int
    last: bool


def cut(length: int, stft: Stft, block: int, context: int = 1, fade: int = 0) -> Iterator[Piece]:
    """Cut a signal into blocks of whole hops, a last one that is short joined to that before it.

    Each reaches `fade` samples into the one before it.
    """
    hop = stft.hop
    step = max(block // hop, 1) * hop
    margin = (-(-stft.win_size // hop) + context - 1) * hop
    starts = [*range(0, max(length - (step // 2 if fade else 0), 1), step)]
    for start, stop in zip(starts, [*starts[1:], length], strict=True):
        own = max(0, start - fade)
        first = max(0, own - margin) // hop * hop
        last = stft.num_frames(length) if stop == length else stop // hop
        yield Piece(
            around=slice(first, min(length, stop + margin)),
            inside=slice(own - first, stop - first),
            frames=slice((start - first) // hop, last - first // hop),
            start=start,
            stop=stop,
            last=stop == length,
        )


def crossfaded(parts: Iterable[Samples], fade: int) -> Iterator[Samples]:
    """Join parts (n, …) of a signal of which each begins `fade` samples before the last one ends.

    The weights sum to 1, a half cosine that falls and one that rises.
    """
    rising = np.float32(0.5) - np.float32(0.5) * np.cos(
        np.pi * (np.arange(fade, dtype=np.float32) + 0.5) / max(fade, 1), dtype=np.float32
    )
    tail: Samples | None = None
    for part in parts:
        if tail is not None:
            shared = min(fade, len(part), len(tail))
            weights = rising[len(rising) - shared :].reshape(-1, *[1] * (part.ndim - 1))
            part[:shared] = weights * part[:shared] + (1 - weights) * tail[len(tail) - shared :]
        yield part[: max(len(part) - fade, 0)]
        tail = part[max(len(part) - fade, 0) :]
    if tail is not None:
        yield tail


def _unit(
    read: Read, length: int, stft: Stft, pieces: list[Piece], model: SeparationModel
) -> float:
    """Measure the mean activation of the whole recording: that of the mean frame that sounds."""
    total, heard = np.zeros(model.W.shape[0]), 0
    for piece in pieces:
        V = np.abs(stft.analyse(read(piece.around))[:, piece.frames])
        total += V.sum(axis=1, dtype=np.float64)
        heard += int(np.count_nonzero(V.any(axis=0)))
    mean_frame = total[:, np.newaxis] / max(heard, 1)
    return model.context * mean_activation(mean_frame, model.W.shape[1])
