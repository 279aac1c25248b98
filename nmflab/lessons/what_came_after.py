"""Lesson 10: three ideas that came after the paper, each as one small function, and the questions.

A prior on the spectra Ŝ and N̂ in the place of H; frames that are stacked; bases that are trained
to give back the sources of a mixture. Settings are compared on validation mixtures, cut out of the
training part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.signals import Mixture
from nmflab.core.model import SeparationModel
from nmflab.core.nmf import kl_divergence
from nmflab.core.pipeline import encode_mixture
from nmflab.core.stft import Stft
from nmflab.core.wiener import wiener_gain
from nmflab.figures.colours import COLOURS, STYLES
from nmflab.figures.drawing import grid, label, legend
from nmflab.lessons.check import Mistake, register
from nmflab.priors.distributions import GammaPrior, Prior
from nmflab.settings import Settings

__all__ = [
    "SpectrumPrior",
    "bases_for_mixtures",
    "reconstruction_bases",
    "separate_discriminative",
    "separate_spectrum",
    "spectrum_objective",
    "spectrum_step",
    "stacks",
    "worth_figure",
]

MINIMUM = 1e-9
"""Least magnitude of a model, relative to the mean: it stands below a fraction line."""

SOUNDED = np.array([1.0, 2.0, 5.0])
TRUE = np.array([[2.0, 2.0, 4.0], [0.0, 1.0, 3.0]])
"""A basis's activations in a mixture of three frames, and the true speech there in two bins."""


def stacks(V: ArrayLike, context: int) -> NDArray[np.float64]:
    """Put each frame's neighbours below it, with silence beyond the ends.

    Parameters
    ----------
    V : array_like, shape (F, T)
        Magnitudes.
    context : int
        Frames c in a stack; the frame itself stands in the middle of it.

    Returns
    -------
    ndarray of float64, shape (cF, T)
        Column t is frames t − (c − 1)//2 to t + c//2, one below the other.
    """
    V = np.asarray(V, dtype=np.float64)
    padded = np.pad(V, ((0, 0), ((context - 1) // 2, context // 2)))
    return np.concatenate([padded[:, j : j + V.shape[1]] for j in range(context)])


@dataclass(frozen=True, eq=False)
class SpectrumPrior:
    """What a source's magnitudes look like in each bin: gamma speech, Rayleigh noise.

    Parameters
    ----------
    speech : Prior
        A gamma distribution for each of the F bins.
    variance : ndarray, shape (F, 1)
        σ² of the Rayleigh distribution of the noise in each bin.
    """

    speech: Prior
    variance: NDArray[np.float64]

    @classmethod
    def fit(
        cls, speech: NDArray[np.floating], noise: NDArray[np.floating], *, floor: float = 0.1
    ) -> SpectrumPrior:
        """Fit both by maximum likelihood, to spectrograms brought to an RMS of 1.

        Parameters
        ----------
        speech, noise : ndarray, shape (F, T)
            Magnitudes of the training audio.
        floor : float, default 0.1
            See `GammaPrior.fit`.

        Returns
        -------
        SpectrumPrior
        """
        S, N = (X / np.sqrt(np.mean(X**2)) for X in (speech, noise))
        variance = np.mean(N.astype(np.float64) ** 2, axis=1, keepdims=True) / 2
        return cls(GammaPrior.fit(S, floor=floor), variance + MINIMUM)

    def at_level(self, rms: float) -> SpectrumPrior:
        """Give the priors of sources of this RMS.

        Parameters
        ----------
        rms : float
            Root mean square of each source's spectrogram.

        Returns
        -------
        SpectrumPrior
        """
        return SpectrumPrior(self.speech.stretched(rms), self.variance * rms**2)


def spectrum_objective(
    V: NDArray[np.floating],
    W_S: NDArray[np.floating],
    W_N: NDArray[np.floating],
    H: NDArray[np.floating],
    prior: SpectrumPrior,
    penalty: float,
) -> float:
    """Compute D(V‖WH) + λ Σ [(1 − a) log ŝ + ŝ/b] + λ Σ [n̂²/2σ² − log n̂].

    Parameters
    ----------
    V, W_S, W_N, H : ndarray, shapes (F, T), (F, K_S), (F, K_N), (K_S + K_N, T)
        Magnitudes of the mixture, bases, and activations above 0, those of speech first.
    prior : SpectrumPrior
        At the level of the sources in V.
    penalty : float
        λ, in the unit of V.

    Returns
    -------
    float
        The objective, up to a constant.
    """
    H_S, H_N = np.split(H, [W_S.shape[1]])
    S, N = W_S @ H_S, W_N @ H_N
    noise = (N**2 / (2 * prior.variance) - np.log(N)).sum()
    return kl_divergence(V, S + N) + penalty * (prior.speech.penalty(S) + float(noise))


def spectrum_step(
    V: NDArray[np.floating],
    W_S: NDArray[np.floating],
    W_N: NDArray[np.floating],
    H: NDArray[np.floating],
    prior: SpectrumPrior,
    penalty: float,
) -> NDArray[np.floating]:
    """Do one update of H under a prior on the spectra Ŝ = W_S H_S and N̂ = W_N H_N.

    The objective, `spectrum_objective`, never rises: what is convex in H is held from above by
    Jensen's inequality, what is concave by its tangent.

    Parameters
    ----------
    V, W_S, W_N, H : ndarray, shapes (F, T), (F, K_S), (F, K_N), (K_S + K_N, T)
        As for `spectrum_objective`; each basis sums to 1.
    prior : SpectrumPrior
        As there.
    penalty : float
        As there.

    Returns
    -------
    ndarray, shape (K_S + K_N, T)
        The activations after the update.
    """
    a, b = (x[:, None].astype(H.dtype) for x in (prior.speech.shape, prior.speech.scale))
    H_S, H_N = np.split(H, [W_S.shape[1]])
    least = MINIMUM * V.mean()
    S, N = W_S @ H_S + least, W_N @ H_N + least
    R = V / (S + N)
    up, down = np.maximum(a - 1, 0) / S, np.maximum(1 - a, 0) / S
    H_S = H_S * (W_S.T @ (R + penalty * up)) / (1 + penalty * (W_S.T @ (1 / b + down)))
    pull = W_N.T @ (R + penalty / N)
    push = penalty * (W_N.T @ (N / prior.variance.astype(H.dtype)))
    H_N = H_N * 2 * pull / (1 + np.sqrt(1 + 4 * push * pull))
    return np.concatenate([H_S, H_N])


def separate_spectrum(
    model: SeparationModel,
    prior: SpectrumPrior,
    mixture: ArrayLike,
    penalty: float,
    *,
    iterations: int = 90,
) -> NDArray[np.float32]:
    """Take the speech out of a mixture, with a prior on the spectra.

    Parameters
    ----------
    model : SeparationModel
        Trained dictionaries, of a context of 1.
    prior : SpectrumPrior
        As `SpectrumPrior.fit` gives it: both sources are taken for equally loud.
    mixture : array_like, shape (n,)
        Noisy speech.
    penalty : float
        λ, relative to the mixture's mean magnitude.
    iterations : int, default 90
        Steps; they get about as far as 30 accelerated ones.

    Returns
    -------
    ndarray of float32, shape (n,)
        The speech.
    """
    stft = Stft.from_settings(model.settings)
    X = stft.analyse(mixture)
    V = np.abs(X)
    W_S, W_N = model.speech.W, model.noise.W
    there = prior.at_level(float(np.sqrt(np.mean(V**2) / 2)))
    K = W_S.shape[1] + W_N.shape[1]
    H = np.broadcast_to(V.sum(axis=0) / K, (K, V.shape[1])).copy()
    for _ in range(iterations):
        H = spectrum_step(V, W_S, W_N, H, there, penalty * float(V.mean()))
    S, N = (W @ part for W, part in zip((W_S, W_N), np.split(H, [W_S.shape[1]]), strict=True))
    return stft.synthesise(wiener_gain(S, N, p=model.settings.p) * X, len(np.asarray(mixture)))


def reconstruction_bases(
    V: NDArray[np.floating],
    H: NDArray[np.floating],
    W: NDArray[np.floating],
    *,
    iterations: int = 20,
) -> NDArray[np.floating]:
    """Learn bases that make of these activations this source: V ≈ WH, and H stays.

    Parameters
    ----------
    V : ndarray, shape (F, T)
        The source's own magnitudes in mixtures that were made for training.
    H : ndarray, shape (K, T)
        Its activations, as encoding those mixtures gave them.
    W : ndarray, shape (F, K)
        Where to start: the bases that H was encoded on.
    iterations : int, default 20
        Updates of Lee and Seung.

    Returns
    -------
    ndarray, shape (F, K)
        The bases; their columns needn't sum to 1.
    """
    V, H, W = (np.maximum(X, MINIMUM * X.mean()) for X in (V, H, W))
    for _ in range(iterations):
        W = W * ((V / (W @ H)) @ H.T) / H.sum(axis=1)
    return W


def bases_for_mixtures(
    model: SeparationModel, mixtures: Sequence[Mixture], settings: Settings
) -> list[NDArray[np.floating]]:
    """Learn the bases of reconstruction of both sources on mixtures whose parts are known.

    Parameters
    ----------
    model : SeparationModel
        The bases that mixtures are encoded on; they stay.
    mixtures : sequence of Mixture
        Made of training audio.
    settings : Settings
        How they are encoded: the variant, λ, the iterations.

    Returns
    -------
    list of ndarray, shapes (F, K_S), (F, K_N)
        Bases of speech and of noise. With a context they are single spectra all the same.
    """
    stft, F = Stft.from_settings(settings), settings.num_bins
    X, S, N = (
        np.hstack([np.abs(stft.analyse(getattr(mix, part))) for mix in mixtures])
        for part in ("mixture", "speech", "noise")
    )
    middle = slice((model.context - 1) // 2 * F, ((model.context - 1) // 2 + 1) * F)
    H = np.split(encode_mixture(model, X, settings).H, [model.speech.W.shape[1]])
    W = (model.speech.W[middle], model.noise.W[middle])
    return [reconstruction_bases(*parts) for parts in zip((S, N), H, W, strict=True)]


def separate_discriminative(
    model: SeparationModel,
    bases: Sequence[NDArray[np.floating]],
    mixture: ArrayLike,
    settings: Settings,
) -> NDArray[np.float32]:
    """Encode a mixture on the model's bases, and take the gain from those of reconstruction.

    Parameters
    ----------
    model : SeparationModel
        What the mixture is encoded on.
    bases : sequence of ndarray, shapes (F, K_S), (F, K_N)
        As `bases_for_mixtures` gives them.
    mixture : array_like, shape (n,)
        Noisy speech.
    settings : Settings
        As they were there.

    Returns
    -------
    ndarray of float32, shape (n,)
        The speech.
    """
    stft = Stft.from_settings(settings)
    X = stft.analyse(mixture)
    H = np.split(encode_mixture(model, np.abs(X), settings).H, [bases[0].shape[1]])
    S, N = (W @ part for W, part in zip(bases, H, strict=True))
    return stft.synthesise(wiener_gain(S, N, p=settings.p) * X, len(np.asarray(mixture)))


def worth_figure(found: Mapping[str, Mapping[float, ArrayLike]]) -> Figure:
    """Draw SDR and STOI over λ, and mark where the SDR of each idea is best.

    Parameters
    ----------
    found : mapping of str to mapping of float to array_like, shape (3,)
        For each idea, what `nmflab.evaluation.bench.Bench` says it is worth at each λ.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, panels = grid(1, 2, (11.0, 3.8))
    for (name, scores), colour, style in zip(found.items(), COLOURS, cycle(STYLES), strict=False):
        places, values = range(len(scores)), np.array(list(scores.values()))
        best = int(values[:, 0].argmax())
        for panel, column in zip(panels, (0, 2), strict=True):
            panel.plot(places, values[:, column], style, color=colour, lw=2, label=name)
            panel.plot(best, values[best, column], "o", color=colour, ms=8)
    for panel, title in zip(panels, ("SDR (dB)", "STOI"), strict=True):
        panel.set_xticks(places, [f"{rate:g}" for rate in scores])
        label(panel, title, "Penalty λ", title)
    legend(panels[1], outside=True)
    return figure


register(
    name="10.rayleigh",
    question=(
        "The Rayleigh prior of a bin adds n²/2σ² − log n to the objective, with σ = 2. Which n "
        "does it like best?"
    ),
    right=lambda: 2.0,
    because="the slope n/σ² − 1/n is 0 at n = σ. An exponential prior likes silence best.",
    mistakes=(
        Mistake(lambda: 0.0, "there −log n is infinite: this prior expects noise in every frame."),
        Mistake(lambda: np.sqrt(2 * np.pi), "that is the mean, σ√(π/2), a little above it."),
        Mistake(lambda: 4.0, "n/σ² = 1/n gives n² = σ²: take the root."),
    ),
)

register(
    name="10.context",
    question=(
        "The window has 1024 samples, the hop 256, the sampling rate is 16000 Hz. How many "
        "milliseconds of sound does a basis of 3 frames see?"
    ),
    right=lambda: (1024 + 2 * 256) / 16,
    because="the first window, and two hops more: 1536 samples.",
    mistakes=(
        Mistake(lambda: 3 * 1024 / 16, "the windows overlap: each further frame adds a hop only."),
        Mistake(lambda: 3 * 256 / 16, "three hops; but a single frame sees a window already."),
        Mistake(lambda: 1536.0, "those are samples; 16 of them are a millisecond."),
    ),
)

register(
    name="10.rebuilt",
    question=(
        "In three frames of a training mixture the only basis of speech has the activations "
        "h = [1, 2, 5]. The true speech in two bins was [[2, 2, 4], [0, 1, 3]]. Which basis w "
        "makes D(V‖wh) least?"
    ),
    right=lambda: TRUE.sum(axis=1) / SOUNDED.sum(),
    because="with one basis a single update gets there: w_f = Σ v / Σ h = [8/8, 4/8].",
    mistakes=(
        Mistake(
            lambda: TRUE.sum(axis=1) / TRUE.sum(),
            "this one needn't sum to 1: h is given, so the loudness has to be in w.",
        ),
        Mistake(
            lambda: (TRUE / SOUNDED).mean(axis=1),
            "the mean of v/h counts quiet frames as much as loud ones: Σ v / Σ h.",
        ),
        Mistake(lambda: TRUE @ SOUNDED / 30, "that is least squares; KL gives Σ v / Σ h."),
    ),
)
