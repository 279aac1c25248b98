"""Record from the microphone, in the browser, where it allows that.

The browser's own echo cancelling, noise suppression and level control are switched off: they would
do the separation's work before it begins. What is recorded comes as a float32 array, mono, at the
rate of the sound card.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from nmflab.explorer.widgets.modules import linked

HERE = Path(__file__).parent

RecordingCallback = Callable[[NDArray[np.float32], float], object]


class Recorder(anywidget.AnyWidget):
    """A button that records; a sentence beside it says what happens, or why it can't.

    Parameters
    ----------
    max_seconds : float
        Recording ends by itself after that long; at most 60.
    **options : object
        What every ipywidget takes, `layout` for instance.

    Examples
    --------
    >>> recorder = Recorder(max_seconds=20)
    >>> recorder.on_recording(lambda sound, sampling_rate: print(len(sound), sampling_rate))
    >>> recorder.receive(np.zeros(16000, dtype="<i2").tobytes(), 16000)
    16000 16000.0
    """

    _esm = linked(HERE / "recorder.js")
    _css = (HERE / "style.css").read_text("utf-8")

    max_seconds = traitlets.Float(30.0, min=0.5, max=60.0).tag(sync=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._callbacks: list[RecordingCallback] = []
        self.recording: NDArray[np.float32] | None = None
        self.sampling_rate: float | None = None
        self.on_msg(self._message)

    def __repr__(self) -> str:
        return f"Recorder(max_seconds={self.max_seconds:g})"

    def on_recording(self, callback: RecordingCallback, remove: bool = False) -> None:
        """Call ``callback(sound, sampling_rate)`` after every recording.

        Parameters
        ----------
        callback : callable of (ndarray of shape (N,), float)
            Gets float32 samples within [−1, 1], and the rate in Hz.
        remove : bool
            Take the callback away instead.
        """
        if remove:
            self._callbacks.remove(callback)
        else:
            self._callbacks.append(callback)

    def receive(self, pcm16: bytes, sampling_rate: float) -> None:
        """Do what a recording in the browser does; errors of the callbacks are raised.

        Parameters
        ----------
        pcm16 : bytes
            Samples of 16 bits, little-endian, mono.
        sampling_rate : float
            In Hz.
        """
        self.recording = np.frombuffer(pcm16, dtype="<i2").astype(np.float32) / np.float32(32768)
        self.sampling_rate = float(sampling_rate)
        for callback in tuple(self._callbacks):
            callback(self.recording, self.sampling_rate)

    def _message(self, _widget: object, content: dict[str, Any], buffers: Sequence[Any]) -> None:
        if content.get("kind") == "recording" and buffers:
            self.receive(bytes(buffers[0]), float(content["rate"]))
