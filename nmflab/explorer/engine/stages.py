"""The stages of a separation: what each reads and needs, and what it computes.

A stage reads the settings that declare it (`nmflab.settings`), and the parts of the state that
are named here. It is handed a `View` that holds these alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.signals import Mixture, mix_at_snr
from nmflab.checks import without_offset
from nmflab.core.model import Dictionary, SeparationModel, StageProgress
from nmflab.core.nmf import Encoding
from nmflab.core.pipeline import (
    Separation,
    encode_mixture,
    speech_gain,
    taken_apart,
)
from nmflab.core.stft import Stft
from nmflab.corpus.clips import ClipList
from nmflab.corpus.dictionaries import remembered, trained
from nmflab.evaluation import metrics
from nmflab.explorer.engine.first_look import first_look
from nmflab.explorer.engine.state import View
from nmflab.recordings.denoise import bases_of_noise
from nmflab.recordings.second_look import second_log_ratio
from nmflab.recordings.voice import is_shipped, speech_dictionary
from nmflab.settings import settings_of
from nmflab.system.shipped import is_embedded
from nmflab.system.threads import one_blas_thread

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Stage:
    """One step of a chain.

    Parameters
    ----------
    name : str
        What it is called.
    compute : callable
        ``compute(view, *results of needs)``; a trained stage also takes ``progress=``.
    reads : tuple of str
        Settings and parts of the state that it uses itself.
    needs : tuple of str
        Stages whose results it uses.
    slow : bool, default False
        Run it outside the chain's lock.
    trained : bool, default False
        Whether it reports progress.
    preview : callable, optional
        ``preview(view, near)`` gives quickly what is like the result; `near` is a result whose key
        differs in what `near_but_for` names alone, or None.
    near_but_for : tuple of str
        What a result may differ in and still be near.
    recall : callable, optional
        ``recall(view)`` gives the result if it was kept from an earlier run; None if not.
    """

    name: str
    compute: Callable[..., Any]
    reads: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    slow: bool = False
    trained: bool = False
    preview: Callable[..., Any] | None = None
    near_but_for: tuple[str, ...] = ()
    recall: Callable[..., Any] | None = None


STAGES: dict[str, Stage] = {}
"""The stages of every chain; a stage stands below those that it needs."""


def stage(name: str, *parts: str, **options: Any) -> Callable[[Function], Function]:
    """Declare a stage: beside its own settings it reads these parts."""

    def declared(compute: Function) -> Function:
        STAGES[name] = Stage(name, compute, (*settings_of(name), *parts), **options)
        return compute

    return declared


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """A mixture in time and frequency: X of shape (F, T), and its magnitudes V."""

    stft: Stft
    X: NDArray[np.complex64]
    V: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Activations:
    """What encoding found, and log(Ŝ/N̂) of shape (F, T): all of the gain but its power."""

    encoding: Encoding
    log_ratio: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Marked:
    """What was learnt from the stretches that are marked as noise.

    The free bases W_free of shape (cF, K_f), and the mean magnitudes of the stretches, (F,).
    """

    W_free: NDArray[np.float32]
    spectrum: NDArray[np.float32]


@stage("mixture", "clip", "noise", "recording")
def _mix(view: View) -> Mixture:
    """Mix; of an own recording, the "speech" is the recording itself."""
    if view.recording is not None:
        samples = view.recording.samples
        return Mixture(samples, samples, np.zeros_like(samples))
    corpus = view.corpus
    return mix_at_snr(
        corpus.test_speech[view.clip], corpus.test_noise[view.noise], view.settings.snr
    )


@stage("spectrogram", needs=("mixture",))
def _analyse(view: View, mixture: Mixture) -> Spectrogram:
    stft = Stft.from_settings(view.settings)
    X = stft.analyse(mixture.mixture)
    return Spectrogram(stft, X, np.abs(X))


@stage("clean", *settings_of("spectrogram"), needs=("mixture",))
def _analyse_clean(view: View, mixture: Mixture) -> NDArray[np.float32]:
    V: NDArray[np.float32] = np.abs(Stft.from_settings(view.settings).analyse(mixture.speech))
    return V


def _signals(view: View, source: str) -> ClipList:
    """Give what a source is trained on; of a noise that isn't there, all of them together."""
    corpus = view.corpus
    return corpus.train_speech if source == "speech" else corpus.training_noise(view.noise)


def _train(view: View, source: str, *, progress: StageProgress | None) -> Dictionary:
    signals, settings = _signals(view, source), view.settings
    known = _recall(view, source)
    return known or trained(signals, source, settings, progress=progress)


def _recall(view: View, source: str) -> Dictionary | None:
    signals, settings = _signals(view, source), view.settings
    if getattr(settings, f"num_basis_{source}") == 0:
        return trained(signals, source, settings)
    if source == "speech" and is_embedded(view.corpus.root) and is_shipped(settings):
        return speech_dictionary(settings)
    return remembered(signals, source, settings)


def _look(view: View, source: str, near: Dictionary | None) -> Dictionary:
    return first_look(_signals(view, source), source, view.settings, near=near)


def _dictionary_stage(source: str, *parts: str) -> Stage:
    """Declare the training of a source: where a look at it begins, only the spectra must match."""
    reads = settings_of(source)
    return Stage(
        source,
        partial(_train, source=source),
        (*reads, *parts, "preview"),
        slow=True,
        trained=True,
        preview=partial(_look, source=source),
        near_but_for=tuple(
            name for name in reads if name not in (*settings_of("spectrogram"), "context")
        ),
        recall=partial(_recall, source=source),
    )


STAGES["speech"] = _dictionary_stage("speech")
STAGES["noise"] = _dictionary_stage("noise", "noise")


@stage(
    "marked",
    *settings_of("spectrogram"),
    *("num_basis_free", "context", "seed", "marks"),
    needs=("mixture",),
)
def _learn(view: View, mixture: Mixture) -> Marked | None:
    """Train the free bases on what is marked as noise, if anything is."""
    settings = view.settings
    if not view.marks or not settings.num_basis_free:
        return None
    stft, rate = Stft.from_settings(settings), settings.sampling_rate
    places = [slice(round(start * rate), round(stop * rate)) for start, stop in view.marks]
    V = [np.abs(stft._forward(without_offset(mixture.mixture[place]))) for place in places]
    W = bases_of_noise(V, settings.num_basis_free, settings.context, settings.seed)
    return Marked(W, np.concatenate(V, axis=1).mean(axis=1))


@stage("activations", needs=("spectrogram", "speech", "noise", "marked"))
def _encode(
    view: View,
    spectrogram: Spectrogram,
    speech: Dictionary,
    noise: Dictionary,
    marked: Marked | None,
) -> Activations:
    model = SeparationModel(speech, noise, view.settings)
    W_free = None if marked is None else marked.W_free
    # An explorer shows the objective: on the way it is cheaper than when it is read.
    encoding = encode_mixture(model, spectrogram.V, view.settings, W_free=W_free, trace=True)
    log_ratio = second_log_ratio(model, spectrogram.V, encoding, view.settings)
    return Activations(encoding, log_ratio)


@stage("gain", needs=("activations",))
def _gain(view: View, activations: Activations) -> NDArray[np.float32]:
    return speech_gain(activations.log_ratio, view.settings)


@stage("separation", "settings", needs=("mixture", "spectrogram", "activations", "gain"))
def _separate(
    view: View,
    mixture: Mixture,
    spectrogram: Spectrogram,
    activations: Activations,
    gain: NDArray[np.float32],
) -> Separation:
    return taken_apart(
        mixture.mixture,
        spectrogram.X,
        activations.encoding,
        gain,
        spectrogram.stft,
        view.settings,
    )


@stage("si_sdr", "recording", needs=("mixture", "separation"))
def _si_sdr(view: View, mixture: Mixture, separation: Separation) -> float | None:
    """Give the score that is quick enough to follow a slider; None without a clean reference."""
    if view.recording is not None:
        return None
    with one_blas_thread():  # BLAS's own threads wait for busy neighbours, ten times as long
        return metrics.si_sdr(mixture.speech, separation.speech)


@stage("scores", "recording", "sampling_rate", needs=("mixture", "separation"), slow=True)
def _scores(view: View, mixture: Mixture, separation: Separation) -> metrics.Scores | None:
    return _scored(view, mixture, separation.speech)


@stage("scores_before", "recording", "sampling_rate", needs=("mixture",), slow=True)
def _scores_before(view: View, mixture: Mixture) -> metrics.Scores | None:
    return _scored(view, mixture, mixture.mixture)


def _scored(view: View, mixture: Mixture, speech: NDArray[np.float32]) -> metrics.Scores | None:
    """Give all scores; None without a clean reference."""
    if view.recording is not None:
        return None
    rate = view.settings.sampling_rate
    return metrics.score(mixture.speech, mixture.noise, speech, sampling_rate=rate)
