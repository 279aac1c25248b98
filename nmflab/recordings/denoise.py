"""The speech of a recording whose noise nobody has trained: the noise is learnt from itself.

The bases of speech come with the package and stay as they are; a few free bases begin flat and
learn the noise on the recording in the same updates as H (`nmflab.core.nmf_free`); a second look
gives the voice back what they have taken of it (`nmflab.recordings.second_look`). Block after
block, each of which is faded into the next, so that the noise is followed and a recording may have
any length. The gain is found on the mix of the channels at the dictionary's rate, and applied to
each channel at its own (`nmflab.recordings.own_bins`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab import checks
from nmflab.audio.channels import as_channels
from nmflab.audio.decoding import CANCELLED
from nmflab.audio.signals import resample
from nmflab.checks import steady
from nmflab.core.context import stacked
from nmflab.core.model import SeparationModel, StageProgress
from nmflab.core.nmf import train_nmf
from nmflab.core.pipeline import Separation, encode_mixture, speech_gain
from nmflab.core.stft import Stft
from nmflab.errors import NmflabError
from nmflab.recordings.blocks import BLOCK, FADE, Piece, crossfaded, cut
from nmflab.recordings.own_bins import OwnBins
from nmflab.recordings.second_look import second_log_ratio
from nmflab.recordings.voice import of_band, speech_dictionary
from nmflab.settings import Settings

__all__ = ["denoise"]

Samples = NDArray[np.float32]
Read = Callable[[slice], Samples]

BAND = 0.95
"""Part of half a recording's rate up to which it has something to say to the dictionary."""


@steady
def denoise(
    samples: ArrayLike,
    sampling_rate: int,
    *,
    noise: Sequence[float] | Sequence[Sequence[float]] | None = None,
    settings: Settings | None = None,
    progress: StageProgress | None = None,
) -> Separation:
    """Take the speech out of a recording whose noise nobody has trained.

    Without `noise` the noise is learnt blindly. With it the free bases are trained on the marked
    stretches first, and then follow the noise.

    Parameters
    ----------
    samples : array_like, shape (n,) or (n, channels)
        The recording: floats, or PCM integers, which are scaled to [−1, 1).
    sampling_rate : int
        Its sampling rate in Hz; the results have the same.
    noise : (float, float), or a sequence of such pairs, optional
        Stretches, from and to, in seconds, where nobody speaks.
    settings : Settings, optional
        By default ``Settings.own()``. Other settings of speech training, such as `context` or
        `num_basis_speech`, train the speech dictionary anew on the embedded corpus.
    progress : callable, optional
        Called as ``progress("separating", done, total)`` after each block of the recording.

    Returns
    -------
    Separation
        `speech` and `noise` have the shape of `samples`, and their sum is the recording. `H`,
        `gain` and `mixture` are those of the mix of the channels, at ``settings.sampling_rate``;
        `W_free` are the noise bases of the last block. `H` is the first look's; the gain is that of
        the second.

    Raises
    ------
    NmflabError
        If the samples or the rate can't be used, a stretch lies outside the recording or is too
        short, or the settings have trained noise bases or no free ones.

    Examples
    --------
    >>> noisy = np.random.default_rng(0).normal(0, 0.1, (8000, 2))
    >>> found = denoise(noisy, 8000, settings=Settings.own().replace(max_iter_test=2))
    >>> found.speech.shape
    (8000, 2)
    """
    signal, rate = as_channels(samples), checks.as_rate(sampling_rate)
    checks.check_progress(progress)
    settings = Settings.own() if settings is None else settings
    marks = as_stretches(noise, len(signal) / rate)
    denoiser = Denoiser(settings, rate, mix_of(powers_of(signal)), progress)
    denoiser.learn([signal[part] for part in denoiser.samples_of(marks)])
    found: list[Found] = []
    parts = denoiser.parts(signal.__getitem__, len(signal), found, progress)
    speech, noises = (np.concatenate(part) for part in zip(*parts, strict=True))
    if np.ndim(samples) == 1:
        speech, noises = speech[:, 0], noises[:, 0]
    H, gain, X = (
        np.concatenate([getattr(part, name)[:, part.frames] for part in found], axis=1)
        for name in ("H", "gain", "X")
    )
    untraced = np.empty((2, 0))
    return Separation(speech, noises, H, gain, X, settings, untraced, found[-1].W_free)


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in a block, of which `frames` are its own."""

    H: NDArray[np.float32]
    gain: NDArray[np.float32]
    X: NDArray[np.complex64]
    W_free: NDArray[np.float32]
    frames: slice


class Denoiser:
    """What it takes to denoise recordings of one rate, whose channels have these weights."""

    def __init__(
        self,
        settings: Settings,
        rate: int,
        weights: NDArray[np.float32],
        progress: StageProgress | None = None,
    ) -> None:
        checks.check_kind(settings, Settings, "settings", "Settings")
        if settings.num_basis_noise or not settings.num_basis_free:
            raise NmflabError(
                "The noise is learnt on the recording: num_basis_noise must be 0, and "
                f"num_basis_free 1 at least, but they are {settings.num_basis_noise} and "
                f"{settings.num_basis_free}."
            )
        self._settings, self._rate, self._weights = settings, rate, weights
        self._stft, self._bins = Stft.from_settings(settings), OwnBins(settings, rate)
        inner = settings.sampling_rate
        band = settings.num_bins
        if rate < inner:
            band = max(1, int(BAND * rate / inner * (settings.num_bins - 1)))
        speech = of_band(speech_dictionary(settings, progress), settings.num_bins, band)
        none = np.empty((len(speech.W), 0), np.float32)
        self._model = SeparationModel(
            speech,
            type(speech)(none, np.empty((0, 1), np.float32), np.empty(0), 1.0, speech.context),
            settings,
        )
        self._band = band
        self._W_free: NDArray[np.float32] | None = None

    def samples_of(self, stretches: Sequence[tuple[float, float]]) -> list[slice]:
        """Give the samples of stretches in seconds."""
        return [slice(round(a * self._rate), round(b * self._rate)) for a, b in stretches]

    def learn(self, stretches: Sequence[Samples]) -> None:
        """Train the free bases on stretches (n, C) of noise alone; none leaves them to begin blind.

        Whatever is silent there is left out.
        """
        if not stretches:
            return
        V = [np.abs(self._analyse(without_offsets(part))[: self._band]) for part in stretches]
        self._W_free = bases_of_noise(
            V, self._settings.num_basis_free, self._model.context, self._settings.seed
        )

    def parts(
        self,
        read: Read,
        length: int,
        found: list[Found] | None = None,
        progress: StageProgress | None = None,
    ) -> Iterator[tuple[Samples, Samples]]:
        """Give speech and noise (n, C), one part after another, of what `read` gives a part of.

        `read` is asked for slices that go forward, each at most some seconds back. What was found
        is appended to `found`.
        """
        inner, context = self._settings.sampling_rate, self._model.context
        fade = round(FADE * inner)
        inner_length = -(-length * inner // self._rate)
        pieces = list(cut(inner_length, self._stft, round(BLOCK * inner), context, fade))

        def denoised() -> Iterator[Samples]:
            for done, piece in enumerate(pieces, start=1):
                yield self._denoised(read, length, piece, fade, found)
                if progress is not None:
                    progress("separating", done, len(pieces))

        for both in crossfaded(denoised(), self._own(fade)):
            yield both[:, 0], both[:, 1]

    def _own(self, sample: int) -> int:
        """Give a place at the dictionary's rate at the recording's own."""
        return round(sample * self._rate / self._settings.sampling_rate)

    def _denoised(
        self, read: Read, length: int, piece: Piece, fade: int, found: list[Found] | None
    ) -> Samples:
        """Give speech and noise of a piece (n, 2, C)."""
        start, stop = (min(self._own(at), length) for at in (piece.around.start, piece.around.stop))
        stop = length if piece.last else stop
        samples = read(slice(start, stop))
        centred = without_offsets(samples)
        X = self._analyse(centred)
        V = np.abs(X[: self._band])
        encoding = encode_mixture(self._model, V, self._settings, W_free=self._W_free)
        if V.any():
            self._W_free = encoding.W_free  # the next block begins there
        ratio = second_log_ratio(self._model, V, encoding, self._settings)
        gain = speech_gain(ratio, self._settings)
        if found is not None:
            assert encoding.W_free is not None
            found.append(Found(encoding.H, gain, X, encoding.W_free, piece.frames))
        begin = self._own(piece.start) - (self._own(fade) if piece.start else 0) - start
        end = stop if piece.last else self._own(piece.stop)
        speech = self._bins.apply(centred, gain)[begin : end - start]
        return np.stack([speech, samples[begin : end - start] - speech], axis=1)

    def _analyse(self, samples: Samples) -> NDArray[np.complex64]:
        """Transform the mix of the channels at the dictionary's rate."""
        mono = np.ascontiguousarray(samples @ self._weights)
        least = 2 * self._rate // self._settings.sampling_rate  # samples that leave one
        mono = np.pad(mono, (0, max(0, least - len(mono))))
        return self._stft._forward(resample(mono, self._rate, self._settings.sampling_rate))


def bases_of_noise(
    stretches: Sequence[NDArray[np.float32]], num_bases: int, context: int, seed: int
) -> NDArray[np.float32]:
    """Train free bases (cF, K_f) on magnitudes (F, T) of stretches of noise alone."""
    V = [stacked(part, context).T for part in stretches]
    frames = np.concatenate([part[part.any(axis=1)] for part in V])
    if len(frames) < num_bases:
        raise NmflabError(
            f"What is marked as noise has {len(frames)} frames that sound, but {num_bases} bases "
            "are to learn from it: mark more."
        )
    return train_nmf(frames.T, num_bases, trace=False, seed=seed).W


def without_offsets(samples: Samples) -> Samples:
    """Take the offset of each channel away from samples (n, C); it is left to the noise."""
    return np.stack([checks.without_offset(channel) for channel in samples.T], axis=1)


def powers_of(samples: Samples) -> NDArray[np.float64]:
    """Give the energy of each channel of samples (n, C), and last that of their mix."""
    channels = np.square(samples, dtype=np.float64).sum(axis=0)
    return np.append(channels, np.square(samples.mean(axis=1), dtype=np.float64).sum())


def mix_of(powers: NDArray[np.float64]) -> NDArray[np.float32]:
    """Weigh the channels: their mean or, where they cancel each other, the loudest alone."""
    *channels, mix = powers
    C = len(channels)
    if mix >= CANCELLED * np.mean(channels):
        return np.full(C, 1.0 / C, dtype=np.float32)
    return np.asarray(np.arange(C) == np.argmax(channels), dtype=np.float32)


def as_stretches(noise: object, duration: float = np.inf) -> list[tuple[float, float]]:
    """Take stretches of a recording, from and to in seconds, or say what is wrong with them."""
    if noise is None:
        return []
    pairs = np.atleast_2d(checks.plain_array(noise, "noise"))
    if (
        pairs.dtype.kind not in "fiu"
        or pairs.ndim != 2
        or pairs.shape[1] != 2
        or not np.isfinite(pairs).all()
    ):
        raise NmflabError(
            f"noise is {checks.shown(noise)} but must be a pair of seconds, from and to, or a list "
            "of such pairs."
        )
    for start, stop in pairs:
        if not 0 <= start < stop <= duration + 1e-3:
            whole = "" if np.isinf(duration) else f" of a recording of {duration:.4g} s"
            raise NmflabError(
                f"The noise is marked from {start:g} to {stop:g} s, which is no stretch{whole}: "
                "give where it begins and where it ends."
            )
    return [(float(start), float(stop)) for start, stop in pairs]
