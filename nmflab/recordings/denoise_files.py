"""Denoise a recording from file to file, of any length, see `nmflab.recordings.denoise`.

The file is decoded twice: once for its length, for what its channels have in common and for the
stretches that are marked as noise, and once for the work. No more than a block is in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.channels import new_recording, open_recording
from nmflab.core.model import StageProgress
from nmflab.recordings.denoise import Denoiser, as_stretches, mix_of, powers_of
from nmflab.recordings.long import check_results, warn_of_silence
from nmflab.settings import Settings

__all__ = ["denoise_file"]

Samples = NDArray[np.float32]


def denoise_file(
    recording: str | os.PathLike[str],
    speech: str | os.PathLike[str],
    noise: str | os.PathLike[str],
    *,
    marks: Sequence[float] | Sequence[Sequence[float]] | None = None,
    settings: Settings | None = None,
    progress: StageProgress | None = None,
) -> None:
    """Take the speech out of a recording whose noise nobody has trained, from file to files.

    Both results have the rate, the channels, the length and, where a format has one, the bit depth
    of the recording, and their sum is the recording.

    Parameters
    ----------
    recording : str or path
        Any recording that `nmflab.read_audio` reads.
    speech, noise : str or path
        The files to write, ending in ``.wav`` or ``.flac``; they appear once they are complete.
    marks : (float, float), or a sequence of such pairs, optional
        Stretches of noise alone, as `noise` of `nmflab.denoise`.
    settings : Settings, optional
        By default ``Settings.own()``.
    progress : callable, optional
        Called as ``progress("separating", done, total)`` after each block.

    Raises
    ------
    NmflabError
        If the recording can't be read, a mark doesn't lie in it, or the results can't be written
        or would replace each other or the recording.
    """
    settings = Settings.own() if settings is None else settings
    results = Path(speech), Path(noise)
    found = _Survey(recording, as_stretches(marks))
    check_results(recording, results, found.rate)
    denoiser = Denoiser(settings, found.rate, mix_of(found.powers), progress)
    denoiser.learn(found.marked)
    if not found.powers.any():
        warn_of_silence(recording)
    with ExitStack() as stack:
        source = stack.enter_context(open_recording(recording))
        form = {"rate": source.rate, "channels": source.channels}
        targets = [
            stack.enter_context(new_recording(path, **form, subtype=source.subtype))
            for path in results
        ]
        window = _Window(source.blocks())
        for parts in denoiser.parts(window.read, found.length, progress=progress):
            for target, part in zip(targets, parts, strict=True):
                target.append(part)
        for target in targets:
            target.finish()


class _Survey:
    """What has to be known of a recording before the work."""

    def __init__(
        self, path: str | os.PathLike[str], stretches: Sequence[tuple[float, float]]
    ) -> None:
        self.length = 0
        with open_recording(path) as recording:
            self.rate = recording.rate
            wanted = [(round(a * self.rate), round(b * self.rate)) for a, b in stretches]
            cut: list[list[Samples]] = [[] for _ in wanted]
            self.powers = np.zeros(recording.channels + 1)
            for block in recording.blocks():
                self.powers += powers_of(block)
                for (start, stop), parts in zip(wanted, cut, strict=True):
                    parts.append(block[max(start - self.length, 0) : max(stop - self.length, 0)])
                self.length += len(block)
        as_stretches(stretches or None, self.length / self.rate)
        self.marked = [np.concatenate(parts) for parts in cut]


class _Window:
    """Part of what is read from a stream, for slices that go forward."""

    def __init__(self, blocks: Iterator[Samples]) -> None:
        self._blocks = blocks
        self._start, self._parts = 0, [next(blocks)]

    def read(self, part: slice) -> Samples:
        """Give a slice, and forget what lies before it."""
        held = sum(map(len, self._parts))
        while self._start + held < part.stop and (block := next(self._blocks, None)) is not None:
            self._parts.append(block)
            held += len(block)
        while self._start + len(self._parts[0]) <= part.start:
            self._start += len(self._parts.pop(0))
        whole = np.concatenate(self._parts)
        return whole[part.start - self._start : part.stop - self._start]
