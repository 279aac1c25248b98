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

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.core.checks import as_signal
from nmflab.core.model import SeparationModel, StageProgress, mean_activation
from nmflab.core.nmf import Encoding, encode
from nmflab.core.priors import Prior, joined
from nmflab.core.stft import Stft
from nmflab.core.wiener import gain_from_log_ratio, log_ratio
from nmflab.errors import NmflabError
from nmflab.settings import Settings
from nmflab.system.threads import even_split, map_blocks

__all__ = [
    "Separation",
    "encode_mixture",
    "encode_nearby",
    "scaled_prior",
    "separate",
    "speech_log_ratio",
]

FRAMES_PER_BLOCK = 256
PROBE_STEP = 16  # of the frames on which a warm start is tried
PROBE_TOLERANCE = 2e-4  # of their objective, against a fresh start


@dataclass(frozen=True, eq=False)
class Separation:
    """What was found in a mixture.

    Parameters
    ----------
    speech, noise : ndarray of float32, shape (n,)
        The two parts; their sum is the mixture.
    H : ndarray of float32, shape (K_S + K_N, T)
        Activations, those of speech first.
    gain : ndarray of float32, shape (F, T)
        Wiener gain of the speech.
    divergence : ndarray of float64, shape (n_iter,)
        D(V‖WH) after each iteration.
    objective : ndarray of float64, shape (n_iter,)
        D(V‖WH) + λ Σ φ(H) after each iteration.
    mixture : ndarray of complex64, shape (F, T)
        Spectrogram X of the mixture.
    settings : Settings
        What was really used.
    """

    speech: NDArray[np.float32]
    noise: NDArray[np.float32]
    H: NDArray[np.float32]
    gain: NDArray[np.float32]
    divergence: NDArray[np.float64]
    objective: NDArray[np.float64]
    mixture: NDArray[np.complex64]
    settings: Settings


def encode_mixture(
    model: SeparationModel,
    V: NDArray[np.float32],
    settings: Settings | None = None,
    *,
    init: ArrayLike | None = None,
    unit: float | None = None,
    progress: StageProgress | None = None,
) -> Encoding:
    """Encode the magnitudes of a mixture on the bases of speech and noise together.

    Parameters
    ----------
    model : SeparationModel
        The dictionaries.
    V : ndarray, shape (F, T)
        Magnitudes of the mixture.
    settings : Settings, optional
        Where the encoding parameters come from; by default the model's.
    init : array_like, shape (K_S + K_N, T), optional
        Activations to start from.
    unit : float, optional
        The mean activation m that λ and ε count in, where V is but a part of a recording; by
        default V's own.
    progress : callable, optional
        Called as ``progress("separating", done, total)`` after each block of frames.

    Returns
    -------
    Encoding
        H, the activations of speech first, and the objective.

    Raises
    ------
    NmflabError
        If V doesn't fit the model.
    """
    settings = model.encoding_settings(settings)
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
        init=init,
        progress=None if progress is None else lambda i, n: progress("separating", i, n),
    )


def encode_nearby(
    model: SeparationModel,
    V: NDArray[np.float32],
    settings: Settings,
    H: NDArray[np.float32],
) -> Encoding:
    """Encode a mixture, starting from the activations of a neighbouring setting.

    A slider that moves in small steps leaves H nearly where it was. How many iterations bring it
    to where a fresh start would have ended is found out on every sixteenth frame; where none
    does to within 0.02 % of their objective, all frames start anew, and so they do with gamma
    priors, under which the objective has more than one valley. So a setting shows the same, to
    0.1 % of the objective, however it was reached.

    Parameters
    ----------
    model : SeparationModel
        The dictionaries.
    V : ndarray, shape (F, T)
        Magnitudes of the mixture.
    settings : Settings
        The encoding parameters.
    H : ndarray, shape (K_S + K_N, T)
        Activations found for the same mixture with other encoding parameters.

    Returns
    -------
    Encoding
        H and the objective after each iteration that it took.

    Raises
    ------
    NmflabError
        If V or H don't fit the model.
    """
    unit = mean_activation(V, len(H))
    if settings.nmf_mode == "NMF_g":
        return encode_mixture(model, V, settings, unit=unit)
    probe = np.s_[:, ::PROBE_STEP]
    fresh = encode_mixture(model, V[probe], settings, unit=unit).objective[-1]
    for n in range(1, max(1, settings.max_iter_test // 3) + 1):
        few = settings.replace(max_iter_test=n, epsilon=0.0)
        warm = encode_mixture(model, V[probe], few, init=H[probe], unit=unit).objective[-1]
        if abs(warm - fresh) <= PROBE_TOLERANCE * abs(fresh):
            return encode_mixture(model, V, few, init=H, unit=unit)
    return encode_mixture(model, V, settings, unit=unit)


def scaled_prior(
    model: SeparationModel, settings: Settings, unit: float
) -> tuple[Prior | None, float]:
    """Bring the priors and λ to the scale of a mixture.

    With the relative scale (see the module's text) the mean of a row of H becomes its share of
    the mixture's mean activation m, and λ, which weighs the priors against a divergence that
    grows with m, becomes λm. With the raw scale the priors are those of H
    itself, and λ is as it stands.

    Parameters
    ----------
    model : SeparationModel
        Where the training activations are.
    settings : Settings
        Variant, λ, its scale and the floor of the gamma fit.
    unit : float
        The mixture's mean activation m.

    Returns
    -------
    prior : Prior or None
        The prior for the K_S + K_N rows of H; None for plain NMF.
    penalty : float
        The λ that `encode` takes.
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
    settings = model.encoding_settings(settings)
    x = as_signal(mixture, "mixture")
    stft = Stft.from_settings(settings)
    X = stft.analyse(x)
    encoding = encode_mixture(model, np.abs(X), settings, unit=unit, progress=progress)
    gain = gain_from_log_ratio(speech_log_ratio(model, encoding.H), p=settings.p)
    speech = stft.synthesise(gain * X, len(x))
    return Separation(
        speech=speech,
        noise=x - speech,  # the inverse of (1 − G)∘X, for the STFT is linear
        H=encoding.H,
        gain=gain,
        divergence=encoding.divergence,
        objective=encoding.objective,
        mixture=X,
        settings=settings,
    )


def speech_log_ratio(model: SeparationModel, H: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute log(Ŝ/N̂) from the activations of a mixture: all of the gain but its power p.

    Parameters
    ----------
    model : SeparationModel
        The dictionaries.
    H : ndarray, shape (K_S + K_N, T)
        Activations, those of speech first.

    Returns
    -------
    ndarray of float32, shape (F, T)
        The log-ratio of Ŝ = W_S H_S and N̂ = W_N H_N, for `gain_from_log_ratio`.
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
