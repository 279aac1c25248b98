"""Read the beginning of a recording that comes from anybody, within bounds of time and memory.

A small file may hold hours, and a damaged one may keep a decoder busy for ever, with no way to stop
it. So a process of its own reads the file, no further than it is used:
``python -m nmflab.audio.uploads FILE RATE SECONDS`` writes a line of JSON, and then the samples. A
browser's Python has no processes, and there it is the guest's own that waits.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.decoding import decoded, mixed, seconds
from nmflab.audio.files import named_source
from nmflab.audio.signals import resample
from nmflab.errors import NmflabError, NmflabWarning, warn

PATIENCE = 20.0
"""Seconds that reading may take."""

MEMORY = 512
"""MiB that it may hold."""

REMEDY = "cut it, or make a WAV file of it."


def read_beginning(
    path: Path, sampling_rate: int, length: float
) -> tuple[NDArray[np.float32], float]:
    """Read so many seconds at the beginning of a recording, as one channel.

    Parameters
    ----------
    path : Path
        The file.
    sampling_rate : int
        Sampling rate of the result in Hz.
    length : float
        Seconds to read at most.

    Returns
    -------
    samples : ndarray of float32, shape (n,)
        The samples.
    whole : float
        Seconds that the whole recording has, of a longer one by its header.

    Raises
    ------
    NmflabError
        As for `nmflab.read_audio`, or if it takes too much time or memory.
    """
    if sys.platform == "emscripten":
        return _beginning(path, sampling_rate, length)
    name, words = named_source(path)[1], [str(path), str(sampling_rate), str(length)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nmflab.audio.uploads", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders speak of every packet
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NmflabError(f"{name} takes more than {PATIENCE:g} s to read: {REMEDY}") from None
    facts, _, samples = done.stdout.partition(b"\n")
    if done.returncode or not facts:
        raise NmflabError(f"{name} can't be read, for it brings the decoder down: {REMEDY}")
    answer = json.loads(facts)
    if "error" in answer:
        raise NmflabError(answer["error"])
    for text in answer["warnings"]:
        warn(text)
    return np.frombuffer(samples, "<f4").astype(np.float32), float(answer["seconds"])


def _beginning(path: Path, sampling_rate: int, length: float) -> tuple[NDArray[np.float32], float]:
    source, name = named_source(path)
    with decoded(source, name) as sound:
        most = math.ceil(length * sound.rate)
        signal = np.concatenate([*mixed(_first(sound.blocks, most), name)])
    held = len(signal) / sound.rate
    whole = held if len(signal) < most else max(held, seconds(source))
    return resample(signal, sound.rate, sampling_rate), whole


def _first(blocks: Iterator[NDArray[np.float32]], most: int) -> Iterator[NDArray[np.float32]]:
    """Give blocks until there are so many samples, and read no further."""
    found = 0
    for block in blocks:
        yield block[: most - found]
        found += len(block)
        if found >= most:
            return


def main(arguments: Sequence[str]) -> None:
    """Read a file, and write what it holds, or one sentence that says why not."""
    path, rate, length = arguments
    _bound()
    samples, answer = np.zeros(0, np.float32), dict[str, object]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            samples, whole = _beginning(Path(path), int(rate), float(length))
            answer["seconds"] = whole
        except NmflabError as error:
            answer["error"] = str(error)
        except MemoryError:
            name = named_source(path)[1]
            answer["error"] = f"{name} takes more than {MEMORY} MiB of memory to read: {REMEDY}"
    said = [str(one.message) for one in caught if issubclass(one.category, NmflabWarning)]
    sys.stdout.buffer.write(json.dumps({**answer, "warnings": said}).encode() + b"\n")
    sys.stdout.buffer.write(samples.astype("<f4").tobytes())


def _bound() -> None:
    """Bound this process, where the system can: should nobody wait for it any more, it ends too."""
    if os.name != "posix":
        return
    import resource

    bounds = {resource.RLIMIT_CPU: math.ceil(PATIENCE), resource.RLIMIT_DATA: MEMORY * 2**20}
    for what, most in bounds.items():
        hard = resource.getrlimit(what)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(what, (limit, limit))


if __name__ == "__main__":
    main(sys.argv[1:])
