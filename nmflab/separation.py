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

import json
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.audio import as_signal, replacing
from nmflab.errors import NmflabError
from nmflab.nmf import Encoding, encode, train_nmf
from nmflab.parallel import even_split, map_blocks
from nmflab.priors import ExponentialPrior, GammaPrior, Prior, joined
from nmflab.settings import Settings
from nmflab.stft import Stft
from nmflab.wiener import gain_from_log_ratio, log_ratio

StageProgress = Callable[[str, int, int], None]

FORMAT = "nmflab model"
VERSION = 1
UNREADABLE = (  # what a file that isn't a model may raise; NmflabError is a ValueError
    *(ValueError, KeyError, TypeError, AttributeError, EOFError, OSError),
    *(NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error),
)
FRAMES_PER_BLOCK = 256
PROBE_STEP = 16  # of the frames on which a warm start is tried
PROBE_TOLERANCE = 2e-4  # of their objective, against a fresh start
ARRAYS = ("W", "H", "divergence", "rms")
ENCODING_PARAMETERS = (
    "nmf_mode",
    "max_iter_test",
    "epsilon",
    "penalty",
    "p",
    "snr",
    "update",
    "penalty_scale",
    "activation_floor",
    "solver",
)


@dataclass(frozen=True, eq=False)
class Dictionary:
    """The bases of one source, with the activations left over from training.

    Parameters
    ----------
    W : ndarray of float32, shape (F, K)
        Bases; each column sums to 1.
    H : ndarray of float32, shape (K, T)
        Activations of the training audio.
    divergence : ndarray of float64, shape (n,)
        D(V‖WH) after each training iteration.
    rms : float
        Root mean square of the training spectrogram's magnitudes V.
    """

    W: NDArray[np.float32]
    H: NDArray[np.float32]
    divergence: NDArray[np.float64]
    rms: float
    _priors: dict[tuple[str, float], Prior] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def row_means(self) -> NDArray[np.float64]:
        """Mean activation of each basis, shape (K,)."""
        return np.asarray(self.H.mean(axis=1, dtype=np.float64))

    def prior(self, nmf_mode: str, *, activation_floor: float = 0.1) -> Prior:
        """Fit the variant's prior to H.

        Parameters
        ----------
        nmf_mode : {"NMF_g", "NMF_e"}
            Gamma or exponential.
        activation_floor : float, default 0.1
            See `GammaPrior.fit`.

        Returns
        -------
        Prior
            One distribution for each row of H; fitted once and kept.
        """
        key = (nmf_mode, activation_floor if nmf_mode == "NMF_g" else 0.0)
        if key not in self._priors:
            self._priors[key] = (
                GammaPrior.fit(self.H, floor=activation_floor)
                if nmf_mode == "NMF_g"
                else ExponentialPrior.fit(self.H)
            )
        return self._priors[key]


@dataclass(frozen=True, eq=False)
class SeparationModel:
    """Dictionaries for speech and noise, and the settings they were trained with.

    Parameters
    ----------
    speech, noise : Dictionary
        The two sources' bases and training activations.
    settings : Settings
        The settings of training; its encoding parameters are the default of `separate`.
    """

    speech: Dictionary
    noise: Dictionary
    settings: Settings

    @property
    def W(self) -> NDArray[np.float32]:
        """All bases [W_S W_N], shape (F, K_S + K_N)."""
        return np.concatenate([self.speech.W, self.noise.W], axis=1)

    def encoding_settings(self, settings: Settings | None) -> Settings:
        """Take the encoding parameters of some settings, and all others from the model.

        Parameters
        ----------
        settings : Settings or None
            Where the encoding parameters come from: variant, λ, p, update rule, iterations and
            so on. What has been fixed by training (STFT, number of bases) stays as it is.

        Returns
        -------
        Settings
            What a separation with this model really uses.
        """
        if settings is None:
            return self.settings
        return self.settings.replace(**{n: getattr(settings, n) for n in ENCODING_PARAMETERS})

    def save(self, path: str | Path) -> Path:
        """Write the model to a NumPy archive, without pickles.

        Parameters
        ----------
        path : str or Path
            The file; written under another name first, and renamed when it is complete.

        Returns
        -------
        Path
            The file written.

        Raises
        ------
        NmflabError
            If it can't be written there.
        """
        header = {"format": FORMAT, "version": VERSION, "settings": self.settings.to_dict()}
        arrays: dict[str, Any] = {"header": np.array(json.dumps(header))}
        for source in ("speech", "noise"):
            dictionary = getattr(self, source)
            for name in ARRAYS:
                arrays[f"{source}_{name}"] = getattr(dictionary, name)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
        return Path(path)


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


def train_dictionary(
    signals: Sequence[ArrayLike],
    num_bases: int,
    settings: Settings,
    *,
    name: str = "speech",
    progress: StageProgress | None = None,
) -> Dictionary:
    """Train the bases of one source by itself.

    Parameters
    ----------
    signals : sequence of array_like, each of shape (n,)
        Clean audio of the source at ``settings.sampling_rate``.
    num_bases : int
        Number of bases K.
    settings : Settings
        Its STFT and training parameters count.
    name : str, default "speech"
        What to call the source in messages and in progress.
    progress : callable, optional
        Called as ``progress(f"training {name}", done, total)`` after each iteration.

    Returns
    -------
    Dictionary
        W, H and the divergence after each iteration.

    Raises
    ------
    NmflabError
        If there is no signal, all are silent, one is unusable, or there are fewer frames than
        bases.
    """
    V = _training_spectrogram(signals, settings, name)
    if num_bases > V.shape[1]:
        seconds = V.shape[1] * settings.hop / settings.sampling_rate
        raise NmflabError(
            f"num_basis_{name} is {num_bases} but the training {name} has only {V.shape[1]} frames "
            f"({seconds:.1f} s): take fewer bases or more audio."
        )
    stage = f"training {name}"
    relative = settings.penalty_scale == "relative"
    found = train_nmf(
        V,
        num_bases,
        n_iter=settings.max_iter_train,
        epsilon=settings.epsilon * (mean_activation(V, num_bases) if relative else 1.0),
        solver=settings.solver,
        seed=settings.seed,
        progress=None if progress is None else lambda i, n: progress(stage, i, n),
    )
    rms = float(np.sqrt(np.mean(V * V, dtype=np.float64)))
    return Dictionary(found.W, found.H, found.divergence, rms)


def train_model(
    speech: Sequence[ArrayLike],
    noise: Sequence[ArrayLike],
    settings: Settings | None = None,
    *,
    progress: StageProgress | None = None,
) -> SeparationModel:
    """Train the dictionaries of speech and of noise, apart from each other.

    Parameters
    ----------
    speech, noise : sequence of array_like, each of shape (n,)
        Clean audio of the two sources at ``settings.sampling_rate``.
    settings : Settings, optional
        By default ``Settings()``.
    progress : callable, optional
        Called as ``progress(stage, done, total)`` after each iteration.

    Returns
    -------
    SeparationModel
        The model.

    Raises
    ------
    NmflabError
        As for `train_dictionary`.
    """
    settings = settings or Settings()
    return SeparationModel(
        train_dictionary(
            speech, settings.num_basis_speech, settings, name="speech", progress=progress
        ),
        train_dictionary(
            noise, settings.num_basis_noise, settings, name="noise", progress=progress
        ),
        settings,
    )


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
    if settings.nmf_mode == "NMF" or settings.penalty == 0:
        return None, 0.0
    sources = (model.speech, model.noise)
    priors = [
        source.prior(settings.nmf_mode, activation_floor=settings.activation_floor)
        for source in sources
    ]
    if settings.penalty_scale == "raw":
        return joined(priors), settings.penalty
    h_bar = np.concatenate([source.row_means / source.rms for source in sources]).mean()
    stretched = [
        prior.stretched(unit / (h_bar * source.rms))
        for prior, source in zip(priors, sources, strict=True)
    ]
    return joined(stretched), settings.penalty * unit


def mean_activation(V: NDArray[np.floating], num_bases: int) -> float:
    """Compute m = mean frame sum / K, the mean activation of bases that sum to 1.

    Parameters
    ----------
    V : ndarray, shape (F, T)
        Magnitudes.
    num_bases : int
        Number of bases K.

    Returns
    -------
    float
        The unit that the relative λ and ε count in; 1 for a silent V.
    """
    return float(V.sum(dtype=np.float64)) / V.shape[1] / num_bases or 1.0


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


def load_model(path: str | Path) -> SeparationModel:
    """Read a model that `SeparationModel.save` wrote.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    SeparationModel
        The model.

    Raises
    ------
    NmflabError
        If the file is missing, truncated, of another version, holds pickles or isn't a model.
    """
    path = Path(path)
    remedy = "train it anew with `nmflab train`"
    if path.exists() and not path.is_file():  # a pipe would keep its reader waiting
        raise NmflabError(f"{path} is not a file: give the model that `nmflab train` wrote.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            header = json.loads(str(archive["header"]))
            version = header["version"] if header["format"] == FORMAT else None
            if version == VERSION:
                return _read_model(archive, header["settings"])
    except FileNotFoundError:
        raise NmflabError(f"There is no model file {path}: make one with `nmflab train`.") from None
    except UNREADABLE as error:
        raise NmflabError(
            f"{path} can't be read as an nmflab model, it is damaged or something else: {remedy}."
        ) from error
    raise NmflabError(
        f"{path} is a model of version {version}, but this nmflab reads {VERSION}: {remedy}."
    )


def _read_model(archive: Any, parameters: dict[str, Any]) -> SeparationModel:
    """Build the model from its arrays; any error says that they don't fit each other."""
    settings = Settings.from_dict(parameters)
    counts = {"speech": settings.num_basis_speech, "noise": settings.num_basis_noise}
    dictionaries = []
    for source, K in counts.items():
        W, H, divergence, rms = (archive[f"{source}_{name}"] for name in ARRAYS)
        if W.shape != (settings.num_bins, K) or H.ndim != 2 or H.shape[0] != K or rms.ndim != 0:
            raise ValueError(f"the arrays of {source} don't fit the settings")
        for array in (W, H, divergence, rms):
            if array.dtype.kind != "f" or not (array.min() >= 0 and array.max() < np.inf):
                raise ValueError(f"an array of {source} holds what it may not")
        if not (W.any(axis=0).all() and H.any() and rms > 0):
            raise ValueError(f"the dictionary of {source} is silent")
        dictionaries.append(Dictionary(W, H, divergence, float(rms)))
    speech, noise = dictionaries
    return SeparationModel(speech, noise, settings)


def _training_spectrogram(
    signals: Sequence[ArrayLike], settings: Settings, name: str
) -> NDArray[np.float32]:
    """Magnitudes of all signals, one after another, shape (F, T)."""
    if len(signals) == 0:
        raise NmflabError(f"There is no training {name}: give one signal at least.")
    stft = Stft.from_settings(settings)
    spectrograms = [
        np.abs(stft.analyse(as_signal(signal, f"{name}[{i}]"))).T
        for i, signal in enumerate(signals)
    ]
    V = np.concatenate(spectrograms)
    if not V.any():
        raise NmflabError(f"The training {name} is silent: nothing can be learnt from it.")
    return V.T
