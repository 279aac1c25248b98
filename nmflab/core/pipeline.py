"""Speech separation with dictionaries trained apart, and the model that holds them.

Speech and noise are each factorised by themselves, |S| ≈ W_S H_S and |N| ≈ W_N H_N; H_S and H_N
are kept, for they are what the priors are fitted to. A mixture is then encoded on both bases at
once, |X| ≈ [W_S W_N] H, and the Wiener gain takes the speech out (Kwon, Shin and Kim, ICASSP
2016).

The relative penalty λ is dimensionless. Each source's activations are divided by the RMS of its
training spectrogram, so that both are equally loud however they were recorded, and by the mean h̄
of all entries of both; the priors of that are stretched to the mixture's own mean activation m,
together with λ. The exponential rule then reads

    H ← H ∘ Wᵀ(V/WH) / (1 + λ c_k),      c_k = h̄ / mean(row k),

and no level, of a mixture or of training audio, changes the gain. See
notebooks/04_separation.ipynb and notebooks/06_map_separation.ipynb.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.checks import as_signal, check_above_0, check_kind, check_progress, steady
from nmflab.core.model import SeparationModel, StageProgress, mean_activation
from nmflab.core.nmf import Encoding, Traced, encode
from nmflab.core.nmf_encoding import Costs
from nmflab.core.stft import Stft
from nmflab.core.wiener import gain_from_log_ratio, log_ratio
from nmflab.errors import NmflabError
from nmflab.priors.distributions import Prior, joined
from nmflab.settings import ENCODING, Settings, settings_of
from nmflab.system.threads import even_split, map_blocks

__all__ = ["Separation", "separate"]

FRAMES_PER_BLOCK = 256


@dataclass(frozen=True, eq=False)
class Separation(Traced):
    """What was found in a mixture; its objective is computed when it is first read.

    Parameters
    ----------
    speech, noise : ndarray of float32, shape (n,)
        The two parts; their sum is the mixture.
    H : ndarray of float32, shape (K_S + K_N, T)
        Activations, those of speech first.
    gain : ndarray of float32, shape (F, T)
        Wiener gain of the speech.
    mixture : ndarray of complex64, shape (F, T)
        Spectrogram X of the mixture.
    settings : Settings
        What was really used.

    Attributes
    ----------
    divergence : ndarray of float64, shape (n_iter,)
        D(V‖WH) after each iteration.
    objective : ndarray of float64, shape (n_iter,)
        D(V‖WH) + λ Σ φ(H) after each iteration.
    """

    speech: NDArray[np.float32]
    noise: NDArray[np.float32]
    H: NDArray[np.float32]
    gain: NDArray[np.float32]
    mixture: NDArray[np.complex64]
    settings: Settings
    _trace: Costs | Callable[..., Encoding] = field(repr=False)

    @property
    def _V(self) -> NDArray[np.float32]:  # type: ignore[override]
        return np.abs(self.mixture)


@steady
def separate(
    model: SeparationModel,
    mixture: ArrayLike,
    settings: Settings | None = None,
    *,
    unit: float | None = None,
    progress: StageProgress | None = None,
) -> Separation:
    """Take the speech out of a mixture.

    Parameters
    ----------
    model : SeparationModel
        Trained dictionaries.
    mixture : array_like, shape (n,)
        Noisy speech, mono, at the model's sampling rate.
    settings : Settings, optional
        Overrides the encoding parameters (variant, λ, p, update rule, iterations); what training
        has fixed stays the model's.
    unit : float, optional
        The mean activation that λ and ε count in, see `encode_mixture`.
    progress : callable, optional
        Called as ``progress("separating", done, total)`` after each block of frames.

    Returns
    -------
    Separation
        Speech and noise, whose sum is the mixture, the activations and the gain.

    Raises
    ------
    NmflabError
        If the mixture isn't one-dimensional, is empty, or holds NaN or infinity.
    """
    check_kind(model, SeparationModel, "model", "a SeparationModel")
    check_progress(progress)
    check_above_0(1.0 if unit is None else unit, "unit")
    settings = settings_in_force(model, settings)
    x = as_signal(mixture, "mixture")
    stft = Stft.from_settings(settings)
    X = stft._forward(x)
    encoding = encode_mixture(model, np.abs(X), settings, unit=unit, progress=progress)
    gain = speech_gain(speech_log_ratio(model, encoding.H), settings)
    return taken_apart(x, X, encoding, gain, stft, settings)


def settings_in_force(model: SeparationModel, settings: Settings | None) -> Settings:
    """Take from some settings what training leaves open, and all others from the model."""
    if settings is None:
        return model.settings
    check_kind(settings, Settings, "settings", "Settings")
    return model.settings.replace(**{n: getattr(settings, n) for n in settings_of(*ENCODING)})


@steady
def encode_mixture(
    model: SeparationModel,
    V: NDArray[np.float32],
    settings: Settings,
    *,
    unit: float | None = None,
    progress: StageProgress | None = None,
) -> Encoding:
    """Encode the magnitudes V (F, T) of a mixture on the bases of speech and noise together.

    The rows of speech come first in H. λ and ε count in `unit`, by default V's own mean
    activation m; it is given where V is but a part of a recording.
    """
    W = model.W
    if V.ndim != 2 or V.shape[0] != W.shape[0] or V.shape[1] == 0:
        raise NmflabError(
            f"V has the shape {V.shape} but must be ({W.shape[0]}, T): use the STFT of the model."
        )
    unit = mean_activation(V, W.shape[1]) if unit is None else unit
    prior, penalty = scaled_prior(model, settings, unit)
    return encode(
        V,
        W,
        prior=prior,
        penalty=penalty,
        n_iter=settings.max_iter_test,
        epsilon=settings.epsilon * (unit if settings.penalty_scale == "relative" else 1.0),
        update=settings.update,
        solver=settings.solver,
        progress=None if progress is None else lambda i, n: progress("separating", i, n),
    )


def scaled_prior(
    model: SeparationModel, settings: Settings, unit: float
) -> tuple[Prior | None, float]:
    """Bring the priors and λ to the scale of a mixture of mean activation m, the unit.

    With the relative scale (see the module's text) the mean of a row of H becomes its share of m,
    and λ, which weighs the priors against a divergence that grows with m, becomes λm. With the
    raw scale the priors are those of H itself, and λ is as it stands. Plain NMF has no prior.
    """
    sources, floor = (model.speech, model.noise), settings.activation_floor
    fitted = [source.prior(settings.nmf_mode, activation_floor=floor) for source in sources]
    priors = [prior for prior in fitted if prior is not None]
    if not priors or settings.penalty == 0:
        return None, 0.0
    if settings.penalty_scale == "raw":
        return joined(priors), settings.penalty
    h_bar = np.concatenate([source.row_means / source.rms for source in sources]).mean()
    stretched = [
        prior.stretched(unit / (h_bar * source.rms))
        for prior, source in zip(priors, sources, strict=True)
    ]
    return joined(stretched), settings.penalty * unit


@steady
def speech_log_ratio(model: SeparationModel, H: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute log(Ŝ/N̂), shape (F, T), from the activations H (K_S + K_N, T) of a mixture.

    Ŝ = W_S H_S and N̂ = W_N H_N: it is all of the gain but its power p.
    """
    K = model.speech.W.shape[1]
    L = np.empty((H.shape[1], len(model.speech.W)), dtype=np.float32)

    def work(frames: slice) -> None:
        S = H[:K, frames].T @ model.speech.W.T
        N = H[K:, frames].T @ model.noise.W.T
        L[frames] = log_ratio(S, N)

    for _ in map_blocks(work, even_split(0, len(L), FRAMES_PER_BLOCK)):
        pass
    return L.T


def speech_gain(log_ratio: NDArray[np.float32], settings: Settings) -> NDArray[np.float32]:
    """Compute the gain of the speech (F, T) from the log-ratio: all that a power changes."""
    return gain_from_log_ratio(log_ratio, p=settings.p)


def taken_apart(
    x: NDArray[np.float32],
    X: NDArray[np.complex64],
    encoding: Encoding,
    gain: NDArray[np.float32],
    stft: Stft,
    settings: Settings,
) -> Separation:
    """Split the mixture x (n,) of spectrogram X by the gain of its speech."""
    speech = stft.synthesise(gain * X, len(x))
    noise = x - speech  # the inverse of (1 − G)∘X, for the STFT is linear
    return Separation(speech, noise, encoding.H, gain, X, settings, encoding._trace)
