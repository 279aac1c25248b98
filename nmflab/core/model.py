"""Dictionaries of speech and of noise, trained apart; `nmflab.corpus.model_files` reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab import checks
from nmflab.checks import steady
from nmflab.core.context import stacked
from nmflab.core.nmf import Factorisation, train_nmf
from nmflab.core.stft import Stft
from nmflab.errors import NmflabError
from nmflab.priors.condensed import condensed
from nmflab.priors.distributions import Prior
from nmflab.priors.variants import VARIANTS
from nmflab.settings import SOURCES, Settings
from nmflab.system.archives import write_archive

__all__ = ["Dictionary", "SeparationModel"]

StageProgress = Callable[[str, int, int], None]

VERSION = 1  # of the model file
ARRAYS = ("W", "H", "divergence", "rms")


@dataclass(frozen=True, eq=False)
class Dictionary:
    """The bases of one source, with the activations left over from training.

    Parameters
    ----------
    W : ndarray of float32, shape (F, K)
        Bases; each column sums to 1. With a context of c a basis is c spectra, one after another,
        shape (cF, K). A noise that is learnt on the mixture alone has none, K = 0.
    H : ndarray of float32, shape (K, T)
        Activations of the training audio's frames that aren't digitally silent. Of more than
        65,536 frames each row keeps its distribution alone, 8192 values in rising order with the
        same mean: that is all that priors are fitted to.
    divergence : ndarray of float64, shape (n,)
        D(V‖WH) after each training iteration.
    rms : float
        Root mean square of the training spectrogram's magnitudes V.
    context : int, default 1
        Frames that a basis is long.
    """

    W: NDArray[np.float32]
    H: NDArray[np.float32]
    divergence: NDArray[np.float64]
    rms: float
    context: int = 1
    _priors: dict[tuple[str, float], Prior] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    @steady
    def row_means(self) -> NDArray[np.float64]:
        """Mean activation of each basis, shape (K,)."""
        return np.asarray(self.H.mean(axis=1, dtype=np.float64))

    @steady
    def prior(self, nmf_mode: str, *, activation_floor: float = 0.1) -> Prior | None:
        """Fit the variant's prior to H.

        Parameters
        ----------
        nmf_mode : str
            Name of a variant, see `nmflab.priors.variants`.
        activation_floor : float, default 0.1
            See `GammaPrior.fit`.

        Returns
        -------
        Prior or None
            One distribution for each row of H, fitted once and kept; None for plain NMF.
        """
        checks.check_choice("nmf_mode", nmf_mode, tuple(VARIANTS))
        checks.check_floor(activation_floor)
        variant = VARIANTS[nmf_mode]
        if variant.fit is not None and not len(self.H):
            return Prior(scale=np.empty(0), shape=np.empty(0))
        key = nmf_mode, activation_floor if variant.floored else 0.0
        if variant.fit is not None and key not in self._priors:
            self._priors[key] = variant.fit(self.H, activation_floor)
        return self._priors.get(key)


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

    @property
    def context(self) -> int:
        """Frames that a basis of this model is long."""
        return self.speech.context

    def save(self, path: str | Path, *, record: Mapping[str, Any] | None = None) -> Path:
        """Write the model to a NumPy archive, without pickles.

        Parameters
        ----------
        path : str or Path
            The file; written under another name first, and renamed when it is complete.
        record : mapping, optional
            What made the model, as JSON can hold it; ``nmflab show`` prints it.

        Returns
        -------
        Path
            The file written.

        Raises
        ------
        NmflabError
            If it can't be written there.
        """
        arrays = {
            f"{source}_{name}": getattr(getattr(self, source), name)
            for source in SOURCES
            for name in ARRAYS
        }
        made = {} if record is None else {"record": dict(record)}
        header = {"settings": self.settings.to_dict(), **made}
        return write_archive(checks.as_path(path), "model", VERSION, header, arrays)


@steady
def train_dictionary(
    signals: Sequence[ArrayLike],
    num_bases: int,
    settings: Settings,
    *,
    name: str = "speech",
    progress: StageProgress | None = None,
) -> Dictionary:
    """Train the K bases of one source by itself; the STFT and training parameters count.

    No bases need no signals. `name` is what messages and progress, ``progress(f"training {name}",
    done, total)`` after each iteration, call the source.
    """
    checks.check_kind(settings, Settings, "settings", "Settings")
    checks.check_progress(progress)
    if checks.as_count(num_bases, f"num_basis_{name}", 0) == 0:
        no_W = np.empty((settings.context * settings.num_bins, 0), np.float32)
        no_H = np.empty((0, 1), np.float32)
        return Dictionary(no_W, no_H, np.empty(0), 1.0, settings.context)
    V = training_spectrogram(signals, settings, name)
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
    return dictionary_from(found, V, settings.context)


def dictionary_from(found: Factorisation, V: NDArray[np.float32], context: int = 1) -> Dictionary:
    """Make a dictionary of what training found in V (F, T)."""
    rms = float(np.sqrt(np.mean(V * V, dtype=np.float64)))
    return Dictionary(found.W, condensed(found.H), found.divergence, rms, context)


def mean_activation(V: NDArray[np.floating], num_bases: int) -> float:
    """Compute m = mean frame sum / K of V (F, T), the unit of relative λ and ε; 1 for silence.

    Silent frames don't count: a pause that is appended changes nothing in what is before it.
    """
    heard = np.count_nonzero(V.any(axis=0)) or 1
    return float(V.sum(dtype=np.float64)) / heard / num_bases or 1.0


def training_spectrogram(
    signals: Sequence[ArrayLike], settings: Settings, name: str
) -> NDArray[np.float32]:
    """Magnitudes of all signals' frames that aren't silent, stacked, one signal after another."""
    stft, heard = Stft.from_settings(settings), checks.as_signals(signals, name)
    spectrograms = []
    for i, signal in enumerate(heard):
        with np.errstate(over="ignore", invalid="ignore"):
            V = np.abs(stft._forward(checks.without_offset(signal))).T
        if not np.isfinite(V).all():
            files = getattr(signals, "paths", ())  # a `ClipList` knows them
            where = f"The training {name} {str(files[i])!r}" if files else f"{name}[{i}]"
            raise NmflabError(f"{where} is so loud that its spectrogram overflows: scale it down.")
        spectrograms.append(stacked(V.T, settings.context).T)
    V = np.concatenate(spectrograms) if spectrograms[1:] else spectrograms[0]
    if not V.any():
        raise NmflabError(f"The training {name} is silent: nothing can be learnt from it.")
    return V[checks.sounding(np.any(V, axis=1))].T
