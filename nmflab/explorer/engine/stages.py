"""The stages of a separation: what each computes, and what it reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.signals import Mixture
from nmflab.core.model import Dictionary, SeparationModel
from nmflab.core.nmf import Encoding
from nmflab.core.pipeline import Separation, encode_mixture, speech_log_ratio
from nmflab.core.stft import Stft
from nmflab.core.wiener import gain_from_log_ratio
from nmflab.evaluation import metrics
from nmflab.explorer.engine.state import State
from nmflab.system.threads import one_blas_thread

STFT = ("sampling_rate", "window", "win_size", "overlap", "fft")
TRAINING = ("max_iter_train", "epsilon", "penalty_scale", "solver", "seed")
ENCODING = (
    "nmf_mode",
    "penalty",
    "penalty_scale",
    "activation_floor",
    "update",
    "max_iter_test",
    "epsilon",
    "solver",
)
"""The settings that the spectrogram, the dictionaries and the activations read."""


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """A mixture in time and frequency.

    Parameters
    ----------
    stft : Stft
        The transform.
    X : ndarray of complex64, shape (F, T)
        Spectrogram.
    V : ndarray of float32, shape (F, T)
        Magnitudes |X|.
    """

    stft: Stft
    X: NDArray[np.complex64]
    V: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Activations:
    """What encoding found, and all of the gain but its power.

    Parameters
    ----------
    encoding : Encoding
        H, the activations of speech first, and how it got there.
    log_ratio : ndarray of float32, shape (F, T)
        log(Ŝ/N̂), from which a gain of any power follows.
    """

    encoding: Encoding
    log_ratio: NDArray[np.float32]


def _analyse(state: State, mixture: Mixture) -> Spectrogram:
    stft = Stft.from_settings(state.settings)
    X = stft.analyse(mixture.mixture)
    return Spectrogram(stft, X, np.abs(X))


def _analyse_clean(state: State, mixture: Mixture) -> NDArray[np.float32]:
    """Give the magnitudes of the clean speech."""
    magnitudes: NDArray[np.float32] = np.abs(
        Stft.from_settings(state.settings).analyse(mixture.speech)
    )
    return magnitudes


def _encode(
    state: State, spectrogram: Spectrogram, speech: Dictionary, noise: Dictionary
) -> Activations:
    model = SeparationModel(speech, noise, state.settings)
    encoding = encode_mixture(model, spectrogram.V, state.settings)
    return Activations(encoding, speech_log_ratio(model, encoding.H))


def _gain(state: State, activations: Activations) -> NDArray[np.float32]:
    return gain_from_log_ratio(activations.log_ratio, p=state.settings.p)


def _separate(
    state: State,
    mixture: Mixture,
    spectrogram: Spectrogram,
    activations: Activations,
    gain: NDArray[np.float32],
) -> Separation:
    x = mixture.mixture
    speech = spectrogram.stft.synthesise(gain * spectrogram.X, len(x))
    return Separation(
        speech=speech,
        noise=x - speech,
        H=activations.encoding.H,
        gain=gain,
        divergence=activations.encoding.divergence,
        objective=activations.encoding.objective,
        mixture=spectrogram.X,
        settings=state.settings,
    )


def _si_sdr(state: State, mixture: Mixture, separation: Separation) -> float:
    with one_blas_thread():  # BLAS's own threads wait for busy neighbours, ten times as long
        return metrics.si_sdr(mixture.speech, separation.speech)


def _scores(state: State, mixture: Mixture, separation: Separation) -> metrics.Scores:
    return _scored(mixture, separation.speech, state)


def _scores_before(state: State, mixture: Mixture) -> metrics.Scores:
    return _scored(mixture, mixture.mixture, state)


def _scored(mixture: Mixture, speech: NDArray[np.float32], state: State) -> metrics.Scores:
    rate = state.settings.sampling_rate
    with one_blas_thread():
        return metrics.score(mixture.speech, mixture.noise, speech, sampling_rate=rate)
