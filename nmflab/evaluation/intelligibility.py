"""STOI and ESTOI of one stretch, from one analysis; what is the reference's is computed once.

Both compare the envelopes of two signals in 15 third-octave bands, in all segments of 30 frames
(0.4 s), after leaving out the frames in which the reference pauses. STOI brings each band of the
estimate to the reference's level, clips it, and correlates; ESTOI makes the rows, then the columns
of a segment free of mean and of unit length before it does. Numbers and details are those of the
authors' MATLAB code, which the package ``pystoi`` follows too. See `nmflab.evaluation.listeners`.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Wide = NDArray[np.float64]

RATE = 10000  # Hz
FRAME, HOP, FFT = 256, 128, 512  # samples
BANDS, LOWEST_BAND = 15, 150.0  # the centre of the lowest in Hz
SEGMENT = 30  # frames
RANGE = 40.0
"""Level in dB below the loudest frame of the reference at which a frame is a pause."""

LEAST_SDR = -15.0
"""Level in dB at which STOI clips: an estimate that is worse in a band counts as no worse."""

TINY = float(np.finfo(float).eps)


class Intelligibility:
    """One stretch of clean speech, against which estimates are scored.

    Parameters
    ----------
    reference : ndarray of float32, shape (n,)
        The clean speech.
    sampling_rate : int
        Its sampling rate in Hz.
    """

    def __init__(self, reference: NDArray[np.float32], sampling_rate: int) -> None:
        self._sampling_rate = sampling_rate
        frames = _frames(self._resampled(reference.astype(np.float64)))
        levels = 20 * np.log10(np.linalg.norm(frames, axis=1) + TINY)
        self._spoken = levels > levels.max(initial=-math.inf) - RANGE
        self._enough = np.count_nonzero(self._spoken) > SEGMENT
        if self._enough:
            self._speech = self._envelopes(frames)
            self._norms = _norms(self._speech)
            self._centred = _of_unit_rows(self._speech)
            self._extended = _of_unit_columns(self._centred)

    def scores(self, estimate: NDArray[np.float32]) -> tuple[float, float]:
        """Give STOI and ESTOI of an estimate that isn't silent; NaN where there is little speech.

        Parameters
        ----------
        estimate : ndarray of float32, shape (n,)
            The estimate.

        Returns
        -------
        stoi, estoi : float
            The scores.
        """
        if not self._enough:
            return math.nan, math.nan
        heard = self._resampled(_dithered(estimate.astype(np.float64)))
        envelopes = self._envelopes(_frames(heard))
        clipped = envelopes * (self._norms / (_norms(envelopes) + TINY))
        np.minimum(clipped, self._speech * (1 + 10 ** (-LEAST_SDR / 20)), out=clipped)
        stoi = float(np.vdot(_of_unit_rows(clipped), self._centred)) / self._norms.size
        extended = _of_unit_columns(_of_unit_rows(envelopes))
        return stoi, float(np.vdot(extended, self._extended)) / (SEGMENT * extended.shape[1])

    def _resampled(self, signal: Wide) -> Wide:
        shared = math.gcd(RATE, self._sampling_rate)
        return _resampled(signal, RATE // shared, self._sampling_rate // shared)

    def _envelopes(self, frames: Wide) -> Wide:
        """Give all segments of the bands' envelopes, shape (bands, segments, 30), a view.

        The frames that hold speech are put together again before they are analysed.
        """
        halves = frames[self._spoken].reshape(-1, 2, HOP)
        joined = halves[:, 0].copy()
        joined[1:] += halves[:-1, 1]
        spectra = np.fft.rfft(_frames(np.append(joined, halves[-1, 1])), FFT)
        envelopes = np.sqrt(_third_octaves() @ np.square(np.abs(spectra)).T)
        segments: Wide = sliding_window_view(envelopes, SEGMENT, axis=1)
        return segments


def _frames(signal: Wide) -> Wide:
    """Cut a signal into windowed frames that overlap by a half, shape (n_frames, 256)."""
    if signal.size <= FRAME:
        return np.zeros((0, FRAME))
    frames: Wide = sliding_window_view(signal[:-1], FRAME)[::HOP] * np.hanning(FRAME + 2)[1:-1]
    return frames


def _norms(segments: Wide) -> Wide:
    """Give the length of each band of each segment."""
    return np.asarray(np.sqrt(np.einsum("jmn,jmn->jm", segments, segments))[..., np.newaxis])


def _unit(vectors: Wide, axis: int) -> Wide:
    """Bring vectors to unit length, in their place; those of nothing stay."""
    lengths = np.sqrt(np.square(vectors).sum(axis=axis, keepdims=True))
    vectors /= np.maximum(lengths, TINY * TINY)
    return vectors


def _of_unit_rows(segments: Wide) -> Wide:
    """Make each band of each segment free of its mean, and of unit length."""
    return _unit(segments - segments.mean(axis=-1, keepdims=True), axis=-1)


def _of_unit_columns(segments: Wide) -> Wide:
    """Make each frame of each segment free of its mean over the bands, and of unit length."""
    return _unit(segments - segments.mean(axis=0), axis=0)


def _resampled(signal: Wide, up: int, down: int) -> Wide:
    """Filter and resample by up/down, phase by phase, as ``scipy.signal.resample_poly`` does it.

    That would take 45 MB and a second to import.
    """
    taps = up * _low_pass(max(up, down))
    half, most = taps.size // 2, -(-taps.size // up)
    resampled: Wide = np.empty(-(-signal.size * up // down))
    padded = np.pad(signal, (most, half // up + down + 1))
    windows = sliding_window_view(padded, most)
    for first in range(min(up, resampled.size)):
        newest, phase = divmod(first * down + half, up)
        reversed_taps = np.zeros(most)
        of_phase = taps[phase::up]
        reversed_taps[most - of_phase.size :] = of_phase[::-1]
        out = resampled[first::up]
        out[:] = windows[newest + 1 :: down][: out.size] @ reversed_taps
    return resampled


@cache
def _third_octaves() -> Wide:
    """Give the matrix that adds up the bins of each band, shape (15, 257)."""
    bins = np.linspace(0, RATE, FFT + 1)[: FFT // 2 + 1]
    edges = LOWEST_BAND * 2 ** ((2 * np.arange(BANDS + 1) - 1) / 6)
    first = np.abs(bins - edges[:, np.newaxis]).argmin(axis=1)
    number = np.arange(bins.size)
    inside = (number >= first[:-1, np.newaxis]) & (number < first[1:, np.newaxis])
    return np.asarray(inside, dtype=np.float64)


@cache
def _low_pass(factor: int) -> Wide:
    """Design the filter that resamples by a factor: Kaiser's window, 60 dB, as Octave has it."""
    cutoff, rejection = 0.5 / factor, 60.0
    half = math.ceil((rejection - 8) / (28.714 * cutoff / 10))
    time = np.arange(-half, half + 1)
    taps = np.kaiser(time.size, 0.1102 * (rejection - 8.7)) * np.sinc(2 * cutoff * time)
    return np.asarray(taps / taps.sum())


def _dithered(signal: Wide) -> Wide:
    """Add noise 160 dB below the peak, the same at every call: digital silence has no direction."""
    noise = np.random.default_rng(0).standard_normal(signal.size)
    return signal + noise * (1e-8 * float(np.abs(signal).max()))
