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

Free noise bases, K_f of them, are learnt on the mixture itself (`nmflab.core.nmf_free`). In the
prior all of them together are as loud as all of speech: a row is taken for Σ(rows of speech)/K_f on
average. With 4 of them beside 64 a basis of speech is taxed 16 times as much as one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab import checks
from nmflab.checks import check_kind, steady
from nmflab.core.context import stacked, summed
from nmflab.core.model import SeparationModel, StageProgress, mean_activation
from nmflab.core.nmf import Encoding, Traced, encode
from nmflab.core.nmf_encoding import Costs
from nmflab.core.nmf_free import encode_free, free_start
from nmflab.core.stft import Stft
from nmflab.core.wiener import gain_from_log_ratio, log_ratio
from nmflab.errors import NmflabError
from nmflab.priors.distributions import ExponentialPrior, Prior, joined
from nmflab.settings import ENCODING, Settings, settings_of
from nmflab.system.threads import even_split, map_blocks

__all__ = ["Separation", "separate"]

FRAMES_PER_BLOCK = 256

ALL = 100.0
"""Decibels that noise is pushed down where none of it is kept."""


@dataclass(frozen=True, eq=False)
class Separation(Traced):
    """What was found in a mixture; its objective is computed when it is first read.

    Parameters
    ----------
    speech, noise : ndarray of float32, shape (n,)
        The two parts; their sum is the mixture.
    H : ndarray of float32, shape (K_S + K_N + K_f, T)
        Activations, those of speech first, those of the free bases last.
    gain : ndarray of float32, shape (F, T)
        Wiener gain of the speech.
    mixture : ndarray of complex64, shape (F, T)
        Spectrogram X of the mixture.
    settings : Settings
        What was really used.
    W_free : ndarray of float32, shape (F, K_f), optional
        Noise bases that were learnt on the mixture; None without free bases.

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
    W_free: NDArray[np.float32] | None = None

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
        The mean activation that λ and ε count in, see `encode_mixture`; the mixture is then a part
        of a recording, whose offset has been taken away.
    progress : callable, optional
        Called as ``progress("separating", done, total)`` after each block of frames.

    Returns
    -------
    Separation
        Speech and noise, whose sum is the mixture, the activations and the gain. A constant offset
        of the mixture, a mean of more than a tenth of its RMS, is left to the noise.

    Raises
    ------
    NmflabError
        If the mixture isn't one-dimensional, is empty, or holds NaN or infinity.
    """
    check_kind(model, SeparationModel, "model", "a SeparationModel")
    checks.check_progress(progress)
    checks.check_above_0(1.0 if unit is None else unit, "unit")
    settings = settings_in_force(model, settings)
    x = checks.as_signal(mixture, "mixture")
    stft = Stft.from_settings(settings)
    X = stft._forward(checks.without_offset(x) if unit is None else x)
    encoding = encode_mixture(model, np.abs(X), settings, unit=unit, progress=progress)
    gain = speech_gain(speech_log_ratio(model, encoding), settings)
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
    W_free: NDArray[np.float32] | None = None,
    trace: bool = False,
    progress: StageProgress | None = None,
) -> Encoding:
    """Encode the magnitudes V (F, T) of a mixture on the bases of speech and noise together.

    The rows of speech come first in H, those of free bases last. λ and ε count in `unit`, by
    default V's own mean activation m; it is given where V is but a part of a recording. Free bases
    start from `W_free` or, without it, flat; ε is not looked at then.
    """
    W, context = model.W, model.context
    if V.ndim != 2 or V.shape[0] * context != W.shape[0] or V.shape[1] == 0:
        raise NmflabError(
            f"V has the shape {V.shape} but must be ({W.shape[0] // context}, T): use the STFT of "
            "the model."
        )
    K_free = settings.num_basis_free
    unit = context * mean_activation(V, W.shape[1] + K_free) if unit is None else unit
    prior, penalty = scaled_prior(model, settings, unit)
    options: dict[str, Any] = {
        "prior": prior,
        "penalty": penalty,
        "n_iter": settings.max_iter_test,
        "update": settings.update,
        "trace": trace,
        "progress": None if progress is None else lambda i, n: progress("separating", i, n),
    }
    if K_free:
        start = free_start(len(W), K_free) if W_free is None else W_free
        found = encode_free(stacked(V, context), W, start, **options)
    else:
        epsilon = settings.epsilon * (unit if settings.penalty_scale == "relative" else 1)
        options |= {"epsilon": epsilon, "solver": settings.solver}
        found = encode(stacked(V, context), W, **options)
    if context == 1 or isinstance(found._trace, np.ndarray):
        return found
    again = partial(encode_mixture, model, settings=settings, unit=unit, W_free=W_free)
    return replace(found, _V=V, _trace=again)  # V, of which the stacks can be made anew


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
    rows = [source.row_means / source.rms for source in sources]
    if K_free := settings.num_basis_free:
        rows.append(np.full(K_free, rows[0].sum() / K_free))
    if settings.penalty_scale == "raw":
        if K_free:  # what is learnt has no level of its own: speech's
            priors.append(ExponentialPrior(rows[-1] * model.speech.rms, np.ones(K_free)))
        return joined(priors), settings.penalty
    h_bar = np.concatenate(rows).mean()
    stretched = [
        prior.stretched(unit / (h_bar * source.rms))
        for prior, source in zip(priors, sources, strict=True)
    ]
    if K_free:
        stretched.append(ExponentialPrior(rows[-1] * (unit / h_bar), np.ones(K_free)))
    return joined(stretched), settings.penalty * unit


@steady
def speech_log_ratio(
    model: SeparationModel, encoding: Encoding | Separation
) -> NDArray[np.float32]:
    """Compute log(Ŝ/N̂), shape (F, T), from the activations H of a mixture.

    Ŝ = W_S H_S and N̂ = W_N H_N: it is all of the gain but its power p. With a context both are
    the means of what the stacks say of a frame.
    """
    K, context, Ht = model.speech.W.shape[1], model.context, encoding.H.T
    W_N = model.noise.W
    if encoding.W_free is not None:
        W_N = np.concatenate([W_N, encoding.W_free], axis=1)
    F, T = len(W_N) // context, len(Ht)
    L = np.empty((T, F), dtype=np.float32)

    def work(frames: slice) -> None:
        around = slice(max(0, frames.start - context), frames.stop + context)
        inside = slice(frames.start - around.start, frames.stop - around.start)
        S = summed(Ht[around, :K] @ model.speech.W.T, context)[inside]
        N = summed(Ht[around, K:] @ W_N.T, context)[inside]
        L[frames] = log_ratio(S, N)

    for _ in map_blocks(work, even_split(0, T, FRAMES_PER_BLOCK)):
        pass
    return L.T


def speech_gain(log_ratio: NDArray[np.float32], settings: Settings) -> NDArray[np.float32]:
    """Compute the gain of the speech (F, T) from the log-ratio: all that a power changes.

    Noise that is kept at −k dB makes of it G + (1 − G)·10^(−k/20).
    """
    G = gain_from_log_ratio(log_ratio, p=settings.p)
    if settings.keep < ALL:
        kept = np.float32(10.0 ** (-settings.keep / 20.0))
        G *= np.float32(1.0) - kept
        G += kept
    return G


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
    H, trace, W_free = encoding.H, encoding._trace, encoding.W_free
    return Separation(speech, noise, H, gain, X, settings, trace, W_free)
