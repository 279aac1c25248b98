"""A gain that was found at the dictionary's rate, applied to a recording at its own.

The recording keeps its rate and its channels: each is transformed with a window and a hop of the
same durations, and each of its bins gets the gain of its time and frequency, linear in between.
What lies above the dictionary's band gets the mean gain of the band's top.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmflab.core.stft import Stft
from nmflab.settings import Settings

TOP = 0.8, 0.93
"""Part of half the dictionary's rate whose mean gain is that of all above; what is beyond it the
resampler has faded out."""


class OwnBins:
    """The transform of a recording at its own rate that goes with the dictionary's."""

    def __init__(self, settings: Settings, rate: int) -> None:
        self._inner = Stft.from_settings(settings)
        self._stft = self._inner if rate == settings.sampling_rate else _own(settings, rate)
        self._nyquist = settings.sampling_rate / 2

    def apply(self, samples: NDArray[np.float32], gain: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give the speech of samples (n, C) by the gain (F, T) of their mix."""
        if self._stft is not self._inner:
            gain = self._spread(gain, self._stft.num_frames(len(samples)))
        speech = np.empty_like(samples)
        for channel, part in zip(samples.T, speech.T, strict=True):
            X = self._stft._forward(np.ascontiguousarray(channel))
            part[:] = self._stft.synthesise(gain * X[: len(gain)], len(samples))
        return speech

    def _spread(self, gain: NDArray[np.float32], num_frames: int) -> NDArray[np.float32]:
        """Give the gain (F, T) at the recording's own bins and frames."""
        inner, own = self._inner, self._stft
        frequencies, centres = own.frequencies(), inner.times(gain.shape[1])
        rows = _between(gain, frequencies / inner.frequencies()[1])
        beyond = frequencies > TOP[1] * self._nyquist
        if beyond.any():
            low, high = (int(part * self._nyquist / inner.frequencies()[1]) for part in TOP)
            rows[beyond] = gain[low:high].mean(axis=0)
        step = inner.hop / inner.sampling_rate
        return _between(rows.T, (own.times(num_frames) - centres[0]) / step).T


def _between(values: NDArray[np.float32], places: NDArray[np.float64]) -> NDArray[np.float32]:
    """Interpolate rows of values linearly at places counted in rows."""
    places = np.clip(places, 0, len(values) - 1)
    below = np.minimum(places.astype(np.intp), max(len(values) - 2, 0))
    share = (places - below).astype(np.float32)[:, np.newaxis]
    above = np.minimum(below + 1, len(values) - 1)
    found: NDArray[np.float32] = values[below] * (1 - share) + values[above] * share
    return found


def _own(settings: Settings, rate: int) -> Stft:
    """Give the transform whose window and hop last as long at another rate."""
    from scipy.fft import next_fast_len

    hop, win_size = (
        max(1, round(samples * rate / settings.sampling_rate))
        for samples in (settings.hop, settings.win_size)
    )
    return Stft(
        fft=next_fast_len(win_size + win_size % 2, real=True),
        window=settings.window,
        win_size=win_size,
        overlap=max(win_size - hop, 0),
        sampling_rate=rate,
    )
