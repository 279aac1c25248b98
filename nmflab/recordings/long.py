"""Separation of recordings of any length, from file to file, see `nmflab.recordings.blocks`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.files import check_encodable, check_flac_level, read_blocks, write_signal
from nmflab.core.model import SeparationModel, StageProgress
from nmflab.core.pipeline import settings_in_force
from nmflab.errors import NmflabError, warn
from nmflab.recordings.blocks import BLOCK, separate_blocks
from nmflab.settings import Settings
from nmflab.system.files import check_space, replacing, same_file

__all__ = ["separate_file"]

BYTES = np.dtype(np.float32).itemsize

BYTES_LEFT = 2 * BYTES + 2 * 2
"""Bytes on disk for each sample of a mixture that has been read: two parts, two results in PCM."""


def separate_file(
    model: SeparationModel,
    recording: str | os.PathLike[str],
    speech: str | os.PathLike[str],
    noise: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    block: float = BLOCK,
    progress: StageProgress | None = None,
) -> None:
    """Separate a recording of any length into two files.

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
        The noisy recording: any file that `read_audio` reads.
    speech, noise : str or path
        The files to write, as `write_audio` writes them, ending in ``.wav`` or ``.flac``; they
        appear once they are complete. A WAV file beyond 4 GiB becomes an RF64 file. A FLAC file is
        clipped, with an `NmflabWarning`, where a result of a recording within full scale is above.
    settings : Settings, optional
        Overrides the encoding parameters, as in `separate`.
    block : float, default 30.0
        Length of a block in seconds.
    progress : callable, optional
        Called as ``progress("separating", done, total)`` after each block.

    Raises
    ------
    NmflabError
        If the recording can't be read; before the work, if the results can't be written, have not
        enough space, or would replace each other or the recording.
    """
    settings = settings_in_force(model, settings)
    results = Path(speech), Path(noise)
    check_results(recording, results, settings.sampling_rate)
    folder = results[0].parent
    with ExitStack() as stack:
        targets = [stack.enter_context(replacing(path)) for path in results]
        mixture, *parts = (_Samples(stack, folder) for _ in range(3))
        for samples in read_blocks(recording, settings.sampling_rate):
            mixture.append(samples)
        if mixture.peak == 0:
            warn_of_silence(recording)
        for path in results:
            if path.suffix.lower() == ".flac":
                check_flac_level(path, mixture.peak)
        check_space(folder, mixture.length * BYTES_LEFT)
        blocks = separate_blocks(
            model, mixture.read, mixture.length, settings, block=block, progress=progress
        )
        for pair in blocks:
            for part, samples in zip(parts, pair, strict=True):
                part.append(samples)
        for part, target, path in zip(parts, targets, results, strict=True):
            if path.suffix.lower() == ".flac" and part.peak > 1:
                warn(
                    f"{str(path)!r} is clipped, for the samples reach {part.peak:.3g} and FLAC "
                    "holds 1 at most: end its name in .wav to keep them."
                )
                part.peak = 1.0
            part.write(target, path.suffix, settings.sampling_rate)


def warn_of_silence(recording: str | os.PathLike[str]) -> None:
    """Say why both results will be silent."""
    warn(f"The audio file {str(recording)!r} is silent, and so are its parts: all samples are 0.")


def check_results(
    recording: str | os.PathLike[str], results: tuple[Path, Path], sampling_rate: int
) -> None:
    """Check before the work that both results can be written, and replace nothing they need."""
    if same_file(*results):
        raise NmflabError(
            f"The speech and the noise would both be written to {str(results[0])!r}: give each a "
            "name of its own."
        )
    for path in results:
        check_encodable(path, sampling_rate)
        if not hasattr(recording, "read") and same_file(path, recording):
            raise NmflabError(
                f"The result {str(path)!r} would replace the recording itself: choose another name."
            )


class _Samples:
    """A signal of any length, in a file that has no name and is gone with its process."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._file = stack.enter_context(TemporaryFile(dir=folder, prefix=".nmflab-"))  # noqa: SIM115
        self.length = 0
        self.peak = 0.0

    def append(self, samples: NDArray[np.float32]) -> None:
        self._file.seek(0, os.SEEK_END)
        self._file.write(samples.astype(np.float32, copy=False).tobytes())
        self.length += len(samples)
        self.peak = max(self.peak, float(np.abs(samples).max(initial=0.0)))

    def read(self, part: slice) -> NDArray[np.float32]:
        count = part.stop - part.start
        self._file.seek(part.start * BYTES)
        return np.frombuffer(self._file.read(count * BYTES), np.float32)

    def write(self, path: Path, ending: str, sampling_rate: int) -> None:
        """Write what `write_audio` writes for the whole signal."""
        whole = np.memmap(self._file, np.float32, mode="r")
        write_signal(path, whole, self.peak, ending, sampling_rate)
