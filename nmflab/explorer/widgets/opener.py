"""Open a sound file of one's own: chosen or dropped, decoded in the browser, sent as samples.

A file's bytes would not pass: a message of more than 10 MB ends the connection to the kernel. So
the browser decodes it, as far as it is used. What it can't decode comes as it is, where it is
small enough, and is read here, no further than it is used (`nmflab.audio.uploads`). Nothing of a
file stays in the widget.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from nmflab.audio.signals import resample
from nmflab.audio.uploads import read_beginning
from nmflab.checks import as_rate, as_signal
from nmflab.errors import NmflabError
from nmflab.explorer.widgets.modules import linked

HERE = Path(__file__).parent

MOST_BYTES = 8_000_000
"""Bytes of a file that are sent as they are."""

NOTHING_LEFT = 1e-6
"""Power that is left of channels where they are mixed, if it is nothing but rounding."""

ENDING = re.compile(r"\.\w{1,8}")
"""How endings look that name a format."""

Read = Callable[[int], tuple[NDArray[np.float32], float]]
OpenCallback = Callable[[str, Read], object]


class Opener(anywidget.AnyWidget):
    """A button that opens a sound file; one dropped on the explorer around it is opened too.

    Parameters
    ----------
    max_seconds : float
        Seconds from the beginning that are sent; at most 40.
    **options : object
        `description` and `tooltip` of the button, and what every ipywidget takes.

    Examples
    --------
    >>> opener = Opener(max_seconds=30)
    >>> opener.on_open(lambda name, read: print(name, read(16000)[1]))
    >>> sound = np.zeros(8000, dtype="<f4").tobytes()
    >>> opener.receive({"kind": "sound", "name": "a.wav", "rate": 8000, "seconds": 1.0}, [sound])
    a.wav 1.0
    """

    _esm = linked(HERE / "opener.js")

    description = traitlets.Unicode("own recording").tag(sync=True)
    tooltip = traitlets.Unicode("Open a noisy recording of your own.").tag(sync=True)
    accept = traitlets.Unicode("audio/*,video/*,.amr,.sph").tag(sync=True)
    max_seconds = traitlets.Float(30.0, min=0.5, max=40.0).tag(sync=True)
    max_bytes = traitlets.Int(MOST_BYTES).tag(sync=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._callbacks: list[OpenCallback] = []
        self.on_msg(lambda _, content, buffers: self.receive(content, buffers))

    def __repr__(self) -> str:
        return f"Opener(max_seconds={self.max_seconds:g})"

    def on_open(self, callback: OpenCallback) -> None:
        """Call ``callback(name, read)`` for every file that is opened.

        Parameters
        ----------
        callback : callable
            Gets the name of the file, and what gives its first samples at a sampling rate
            together with the length in seconds of the whole, or raises `NmflabError`.
        """
        self._callbacks.append(callback)

    def receive(self, content: dict[str, Any], buffers: Sequence[Any]) -> None:
        """Do what a file that was opened in the browser does.

        Parameters
        ----------
        content : dict
            The message that opener.js sends.
        buffers : sequence of bytes
            Samples in float32, or the content of a file.
        """
        kinds: dict[str, Callable[..., Any]]
        kinds = {"sound": _sound, "file": _file, "refused": _refused}
        if content.get("kind") not in kinds:
            return
        name = PurePath(str(content["name"]).replace("\\", "/")).name
        parts, longest = [bytes(buffer) for buffer in buffers], self.max_seconds
        read = kinds[content["kind"]]
        for callback in tuple(self._callbacks):
            callback(name, lambda rate: read(name, content, parts, rate, longest))


def _sound(
    name: str, content: dict[str, Any], buffers: Sequence[bytes], rate: int, longest: float
) -> tuple[NDArray[np.float32], float]:
    """Take the samples that the browser has decoded."""
    if content.get("left", 1.0) < NOTHING_LEFT:
        raise NmflabError(
            f"{name} has channels that cancel each other in their mix; one of them is very likely "
            "inverted: invert it again, or give one channel alone."
        )
    own = as_rate(content["rate"], f"The sampling rate of {name}")
    samples = as_signal(np.frombuffer(buffers[0], dtype="<f4"), name)
    samples = samples[: math.ceil(longest * own)]
    return resample(samples, own, rate), float(content["seconds"])


def _file(
    name: str, _: dict[str, Any], buffers: Sequence[bytes], rate: int, longest: float
) -> tuple[NDArray[np.float32], float]:
    """Read a file that came as bytes, by way of a temporary one."""
    ending = PurePath(name).suffix
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{ending if ENDING.fullmatch(ending) else ''}"
        path.write_bytes(buffers[0])
        try:
            return read_beginning(path, rate, longest)
        except NmflabError as error:
            raise NmflabError(str(error).replace(str(path), name)) from error


def _refused(name: str, content: dict[str, Any], *_: object) -> tuple[NDArray[np.float32], float]:
    raise NmflabError(
        f"This browser can't decode {name}, and {content['size'] / 1e6:.0f} MB are too much to "
        f"send it undecoded ({MOST_BYTES / 1e6:.0f} MB at most): cut it, or make a WAV file of it."
    )
