"""Short-time Fourier transform and its exact inverse.

Conventions: X has the shape (F, T), F = fft // 2 + 1 frequency bins by T frames. The window is
`win_size` samples long, periodic, and zero-padded at its end to the FFT size. The signal is
padded with zeros so that every sample, the first and the last included, lies under as many
windows as any other; the inverse is weighted overlap-add,

    x[n] = Σ_t w[n − tR] · IFFT(X_t)[n − tR] / Σ_t w²[n − tR],      R = win_size − overlap,

the least-squares estimate of Griffin and Lim (1984), which returns the signal exactly when X is
left as it was.

References
----------
D. W. Griffin and J. S. Lim, "Signal estimation from modified short-time Fourier transform",
IEEE Trans. ASSP 32(2), 1984, doi:10.1109/TASSP.1984.1164317. See notebooks/01_stft.ipynb.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.checks import as_count, as_numbers, as_signal, check_kind, steady
from nmflab.errors import NmflabError
from nmflab.settings import Settings, settings_of
from nmflab.window_functions import window_by_name

__all__ = ["Stft"]

FRAMES_PER_BLOCK = 128  # so that a block of frames stays in the cache
LEAST_OVERLAP = 0.01  # least Σw², relative to the greatest, that inverts to 1e-6 in float64
EVEN_OVERLAP, MOST_COPIES = 0.3, 64  # the same for float32, and windows over a sample at most


class Stft:
    """A window, a hop and an FFT size: signal to spectrogram and back.

    Parameters
    ----------
    fft : int, default 512
        FFT size in samples.
    window : str, default "hamming"
        Any window that ``scipy.signal.get_window`` knows by name.
    win_size : int, default 256
        Window length in samples.
    overlap : int, default 192
        Overlap of neighbouring windows in samples.
    sampling_rate : int, default 16000
        Sampling rate in Hz; used for `times` and `frequencies` alone.

    Raises
    ------
    NmflabError
        If the window is unknown, or its copies leave samples uncovered, so that there is no
        inverse.

    Examples
    --------
    >>> stft = Stft(fft=512, window="hamming", win_size=256, overlap=192)
    >>> X = stft.analyse(np.ones(16000))
    >>> X.shape
    (257, 253)
    >>> bool(np.allclose(stft.synthesise(X, 16000), 1.0, atol=1e-6))
    True
    """

    def __init__(
        self,
        *,
        fft: int = 512,
        window: str = "hamming",
        win_size: int = 256,
        overlap: int = 192,
        sampling_rate: int = 16000,
    ) -> None:
        settings = Settings(
            fft=fft, window=window, win_size=win_size, overlap=overlap, sampling_rate=sampling_rate
        )
        self.fft = settings.fft
        self.win_size = settings.win_size
        self.hop = settings.hop
        self.sampling_rate = settings.sampling_rate
        self.num_bins = settings.num_bins
        self.window: NDArray[np.floating] = window_by_name(settings.window, settings.win_size)
        self._refuse_gaps(settings.window)
        if not self._covers_evenly(EVEN_OVERLAP) or self.win_size > MOST_COPIES * self.hop:
            self.window = self.window.astype(np.float64)  # takes all that follows to float64

    @classmethod
    def from_settings(cls, settings: Settings) -> Stft:
        """Build the transform that the settings describe.

        Parameters
        ----------
        settings : Settings
            Those that the spectrogram reads count.

        Returns
        -------
        Stft
            The transform.
        """
        check_kind(settings, Settings, "settings", "Settings")
        return cls(**{name: getattr(settings, name) for name in settings_of("spectrogram")})

    def num_frames(self, length: int) -> int:
        """Count the frames T of a signal: every sample lies under all windows that reach it.

        Parameters
        ----------
        length : int
            Samples in the signal.

        Returns
        -------
        int
            Frames.
        """
        return -(-(self._lead + as_count(length, "length", 0)) // self.hop)

    def times(self, num_frames: int) -> NDArray[np.float64]:
        """Give the centre of each frame.

        Parameters
        ----------
        num_frames : int
            Frames T.

        Returns
        -------
        ndarray, shape (T,)
            Times in seconds from the first sample of the signal.
        """
        t = np.arange(as_count(num_frames, "num_frames", 0), dtype=np.float64)
        return (t * self.hop - self._lead + self.win_size / 2) / self.sampling_rate

    def frequencies(self) -> NDArray[np.float64]:
        """Give the frequency of each bin.

        Returns
        -------
        ndarray, shape (F,)
            Frequencies in Hz, from 0 up to half the sampling rate.
        """
        return np.arange(self.num_bins, dtype=np.float64) * (self.sampling_rate / self.fft)

    def analyse(self, x: ArrayLike) -> NDArray[np.complex64]:
        """Transform a signal into its spectrogram.

        Parameters
        ----------
        x : array_like, shape (n,)
            Signal, mono: floats, or PCM integers, which are scaled to [−1, 1).

        Returns
        -------
        ndarray of complex64, shape (F, T)
            Spectrogram X; a view whose frames lie one after another in memory.

        Raises
        ------
        NmflabError
            If the signal isn't one-dimensional, is empty, or holds NaN or infinity.
        """
        return self._forward(as_signal(x, "x"))

    @steady
    def _forward(self, x: NDArray[np.float32]) -> NDArray[np.complex64]:
        """Do what `analyse` does, for a signal that has been checked."""
        import scipy.fft

        num_frames = self.num_frames(len(x))
        frames = np.lib.stride_tricks.sliding_window_view(
            self._padded(x, num_frames), self.win_size
        )[:: self.hop]
        X = np.empty((num_frames, self.num_bins), dtype=np.complex64)
        for block in _blocks(num_frames):
            X[block] = scipy.fft.rfft(frames[block] * self.window, n=self.fft, axis=1)
        return X.T

    @steady
    def synthesise(self, X: ArrayLike, length: int) -> NDArray[np.float32]:
        """Transform a spectrogram back into the signal.

        Parameters
        ----------
        X : array_like of complex, shape (F, T)
            Spectrogram, as made by `analyse`, masked or not.
        length : int
            Samples of the signal that it was made of.

        Returns
        -------
        ndarray of float32, shape (length,)
            The signal.

        Raises
        ------
        NmflabError
            If X hasn't the shape that a signal of this length has.
        """
        import scipy.fft

        X, length = as_numbers(X, "X"), as_count(length, "length", 1)
        expected = (self.num_bins, self.num_frames(length))
        if X.shape != expected:
            raise NmflabError(
                f"X has the shape {X.shape} but a signal of {length} samples has {expected}: "
                "use the settings and the length that X was made with."
            )
        num_frames = X.shape[1]
        frames = X.T
        total = np.zeros(self._padded_length(num_frames), dtype=self.window.dtype)
        for block in _blocks(num_frames):
            X_block = frames[block].astype(np.result_type(self.window, np.complex64), copy=False)
            pieces = scipy.fft.irfft(X_block, n=self.fft, axis=1)
            windowed = pieces[:, : self.win_size] * self.window
            _overlap_add(total[block.start * self.hop :], windowed, self.hop)
        one_hop = (1.0 / self._hop_weights()).astype(self.window.dtype)
        x = total[self._lead : self._lead + length] * np.resize(one_hop, length)
        return np.asarray(x, dtype=np.float32)

    @property
    def _lead(self) -> int:
        """Zeros ahead of the signal: the first sample lies in the last hop of the first frame."""
        return (-(-self.win_size // self.hop) - 1) * self.hop

    def _padded_length(self, num_frames: int) -> int:
        return (num_frames - 1) * self.hop + max(self.win_size, self._lead + self.hop)

    def _padded(self, x: NDArray[np.float32], num_frames: int) -> NDArray[np.float32]:
        padded = np.zeros(self._padded_length(num_frames), dtype=np.float32)
        padded[self._lead : self._lead + len(x)] = x
        return padded

    def _hop_weights(self) -> NDArray[np.float64]:
        """Σ w² for each sample of a hop, every window that reaches it counted."""
        folded = np.zeros((self._lead // self.hop + 1) * self.hop)
        folded[: self.win_size] = self.window.astype(np.float64) ** 2
        return np.asarray(folded.reshape(-1, self.hop).sum(axis=0))

    def _covers_evenly(self, least: float) -> bool:
        weights = self._hop_weights()
        return bool(weights.min() >= least * weights.max())

    def _refuse_gaps(self, name: str) -> None:
        if not self._covers_evenly(LEAST_OVERLAP):
            raise NmflabError(
                f"The {name} window of {self.win_size} samples can't be inverted at a hop of "
                f"{self.hop} (overlap {self.win_size - self.hop}): its copies leave samples "
                "nearly uncovered; raise the overlap, or choose a window that fades out less."
            )


def _blocks(num_frames: int) -> Iterator[slice]:
    for start in range(0, num_frames, FRAMES_PER_BLOCK):
        yield slice(start, min(start + FRAMES_PER_BLOCK, num_frames))


def _overlap_add(total: NDArray[np.floating], frames: NDArray[np.floating], hop: int) -> None:
    """Add frames into the signal, a hop's breadth of all of them at a time."""
    num_frames, win_size = frames.shape
    for start in range(0, win_size, hop):
        width = min(hop, win_size - start)
        rows = total[start : start + (num_frames - 1) * hop + width]
        at = np.lib.stride_tricks.sliding_window_view(rows, width, writeable=True)[::hop]
        at += frames[:, start : start + width]
