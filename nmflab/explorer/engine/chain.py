"""The chain of stages behind every explorer: mixture → … → scores, each remembered.

A stage says which parts of the `State` it reads and which stages it needs. Its results are kept
under the values of all that it and its ancestors read: a slider makes only those stages run again
that lie below it, and going back to an earlier value costs nothing.

    mixture ──► spectrogram ──► activations ──► gain ──► separation ──► si_sdr, scores
                speech, noise (dictionaries) ──┘

There is no widget in here. Quick stages run under one lock, for a slider may be heard on another
thread than a cell runs on. Slow ones (training and the full scores) run outside it, so that the
others stay at hand meanwhile.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.signals import Mixture, mix_at_snr
from nmflab.core.model import Dictionary, SeparationModel, StageProgress, train_dictionary
from nmflab.core.pipeline import Separation
from nmflab.corpus.folders import Corpus
from nmflab.errors import NmflabError
from nmflab.evaluation import metrics
from nmflab.explorer.engine.stages import (
    ENCODING,
    STFT,
    TRAINING,
    Activations,
    Spectrogram,
    _analyse,
    _analyse_clean,
    _encode,
    _gain,
    _scores,
    _scores_before,
    _separate,
    _si_sdr,
)
from nmflab.explorer.engine.state import State
from nmflab.settings import Settings

REMEMBERED = 8
"""Results that each stage keeps."""


class Stage:
    """One step of the chain.

    Parameters
    ----------
    name : str
        What it is called.
    compute : callable
        ``compute(state, *results of needs)``; a trained stage also takes ``progress=``.
    reads : tuple of str
        Parts of the state that it uses itself.
    needs : tuple of Stage
        Stages whose results it uses.
    slow : bool, default False
        Run it outside the chain's lock.
    trained : bool, default False
        Whether it reports progress.
    """

    def __init__(
        self,
        name: str,
        compute: Callable[..., Any],
        *,
        reads: tuple[str, ...] = (),
        needs: tuple[Stage, ...] = (),
        slow: bool = False,
        trained: bool = False,
    ) -> None:
        self.name, self.compute, self.needs = name, compute, needs
        self.slow, self.trained = slow, trained
        above = [part for stage in needs for part in stage.depends]
        self.depends: tuple[str, ...] = tuple(dict.fromkeys([*above, *reads]))
        self.results: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def key(self, state: State) -> tuple[Any, ...]:
        """Give the values of all that this stage and its ancestors read.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        tuple
            The key of the result.
        """
        return tuple(state.read(part) for part in self.depends)


class Chain:
    """The stages over one corpus.

    Parameters
    ----------
    corpus : Corpus
        Where clips, noises and training audio come from.

    Attributes
    ----------
    runs : collections.Counter
        How often each stage really ran, by its name.
    lock : threading.RLock
        Held while a quick stage runs.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.runs: Counter[str] = Counter()
        self.lock = threading.RLock()
        mixture = Stage("mixture", self._mix, reads=("clip", "noise", "recording", "snr"))
        spectrogram = Stage("spectrogram", _analyse, reads=STFT, needs=(mixture,))
        speech = Stage(
            "speech",
            self._train_speech,
            reads=(*STFT, *TRAINING, "num_basis_speech"),
            slow=True,
            trained=True,
        )
        noise = Stage(
            "noise",
            self._train_noise,
            reads=(*STFT, *TRAINING, "noise", "num_basis_noise"),
            slow=True,
            trained=True,
        )
        activations = Stage(
            "activations", _encode, reads=ENCODING, needs=(spectrogram, speech, noise)
        )
        gain = Stage("gain", _gain, reads=("p",), needs=(activations,))
        separation = Stage("separation", _separate, needs=(mixture, spectrogram, activations, gain))
        clean = Stage("clean", _analyse_clean, reads=STFT, needs=(mixture,))
        heard = (mixture, separation)
        stages = (
            mixture,
            spectrogram,
            speech,
            noise,
            activations,
            gain,
            separation,
            clean,
            Stage("si_sdr", _si_sdr, needs=heard),
            Stage("scores", _scores, needs=heard, slow=True),
            Stage("scores_before", _scores_before, needs=(mixture,), slow=True),
        )
        self.stages = {stage.name: stage for stage in stages}

    def add(self, stage: Stage) -> None:
        """Add a stage of one's own, as the lessons' explorers do.

        Parameters
        ----------
        stage : Stage
            The stage; what it needs is found in `stages`.
        """
        self.stages[stage.name] = stage

    def state(self, settings: Settings | None = None) -> State:
        """Give the state to begin with: the first clip in the first noise.

        Parameters
        ----------
        settings : Settings, optional
            By default ``Settings()``.

        Returns
        -------
        State
            The state.

        Raises
        ------
        NmflabError
            If the corpus is at another sampling rate.
        """
        settings = settings or Settings()
        if settings.sampling_rate != self.corpus.sampling_rate:
            raise NmflabError(
                f"sampling_rate is {settings.sampling_rate} but the corpus is at "
                f"{self.corpus.sampling_rate} Hz: load it with "
                f"load_corpus(sampling_rate={settings.sampling_rate})."
            )
        clip, noise = self.corpus.test_speech.names[0], self.corpus.test_noise.names[0]
        return State(settings=settings, clip=clip, noise=noise)

    def get(self, name: str, state: State, progress: StageProgress | None = None) -> Any:
        """Give the result of a stage; what isn't remembered runs.

        Parameters
        ----------
        name : str
            Name of the stage.
        state : State
            What it is to be computed for.
        progress : callable, optional
            Called as ``progress(what, done, total)`` during training; an exception that it raises
            ends the training, and nothing is remembered of it.

        Returns
        -------
        object
            The result.
        """
        return self._result(self.stages[name], state, progress)

    def _result(self, stage: Stage, state: State, progress: StageProgress | None) -> Any:
        key = stage.key(state)
        with self.lock:
            if key in stage.results:
                stage.results.move_to_end(key)
                return stage.results[key]
        if stage.slow:
            return self._remember(stage, key, self._computed(stage, state, progress))
        for needed in stage.needs:  # a slow one among them must not hold the lock
            self._result(needed, state, progress)
        with self.lock:
            if key in stage.results:  # another thread was faster
                return stage.results[key]
            return self._remember(stage, key, self._computed(stage, state, progress))

    def _computed(self, stage: Stage, state: State, progress: StageProgress | None) -> Any:
        inputs = [self._result(needed, state, progress) for needed in stage.needs]
        options = {"progress": progress} if stage.trained else {}
        return stage.compute(state, *inputs, **options)

    def _remember(self, stage: Stage, key: tuple[Any, ...], result: Any) -> Any:
        with self.lock:
            self.runs[stage.name] += 1
            stage.results[key] = result
            while len(stage.results) > REMEMBERED:
                stage.results.popitem(last=False)
        return result

    def missing(self, state: State, names: Iterable[str]) -> tuple[Any, ...]:
        """Give the keys of those stages whose result isn't remembered.

        Parameters
        ----------
        state : State
            The state.
        names : iterable of str
            Names of stages, in practice of those that train.

        Returns
        -------
        tuple
            Names and keys; empty if nothing needs to be trained.
        """
        with self.lock:
            keys = [(name, self.stages[name].key(state)) for name in names]
            return tuple(k for k in keys if k[1] not in self.stages[k[0]].results)

    def mixture(self, state: State) -> Mixture:
        """Give the mixture; of an own recording, the "speech" is the recording itself.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        Mixture
            The mixture and its parts.
        """
        result: Mixture = self.get("mixture", state)
        return result

    def spectrogram(self, state: State) -> Spectrogram:
        """Give the spectrogram of the mixture.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        Spectrogram
            Transform, spectrogram and magnitudes.
        """
        result: Spectrogram = self.get("spectrogram", state)
        return result

    def model(self, state: State, progress: StageProgress | None = None) -> SeparationModel:
        """Give the two dictionaries, each trained if it isn't remembered.

        Parameters
        ----------
        state : State
            The state.
        progress : callable, optional
            As for `get`.

        Returns
        -------
        SeparationModel
            The model.
        """
        speech: Dictionary = self.get("speech", state, progress)
        noise: Dictionary = self.get("noise", state, progress)
        return SeparationModel(speech, noise, state.settings)

    def activations(self, state: State) -> Activations:
        """Give the activations of the mixture.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        Activations
            H, the objective and the log-ratio.
        """
        result: Activations = self.get("activations", state)
        return result

    def gain(self, state: State) -> NDArray[np.float32]:
        """Give the Wiener gain of the speech, the one that `separation` holds.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        ndarray of float32, shape (F, T)
            The gain; there before its sound is.
        """
        result: NDArray[np.float32] = self.get("gain", state)
        return result

    def separation(self, state: State) -> Separation:
        """Give what `nmflab.separate` gives for these settings.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        Separation
            Speech, noise, H and gain.
        """
        result: Separation = self.get("separation", state)
        return result

    def si_sdr(self, state: State) -> float | None:
        """Give the SI-SDR of the enhanced speech in dB; None without a clean reference.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        float or None
            The score that is quick enough to follow a slider.
        """
        return None if state.recording else float(self.get("si_sdr", state))

    def scores(self, state: State) -> metrics.Scores | None:
        """Give all scores of the enhanced speech; None without a clean reference.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        Scores or None
            SDR, STOI, PESQ and the others.
        """
        return None if state.recording else self.get("scores", state)

    def scores_before(self, state: State) -> metrics.Scores | None:
        """Give the scores of the mixture itself; None without a clean reference.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        Scores or None
            The scores before the separation.
        """
        return None if state.recording else self.get("scores_before", state)

    def _mix(self, state: State) -> Mixture:
        if state.recording is not None:
            samples = state.recording.samples
            return Mixture(samples, samples, np.zeros_like(samples))
        speech, noise = self.corpus.test_speech[state.clip], self.corpus.test_noise[state.noise]
        return mix_at_snr(speech, noise, state.settings.snr)

    def _train_speech(self, state: State, *, progress: StageProgress | None) -> Dictionary:
        return train_dictionary(
            self.corpus.train_speech,
            state.settings.num_basis_speech,
            state.settings,
            name="speech",
            progress=progress,
        )

    def _train_noise(self, state: State, *, progress: StageProgress | None) -> Dictionary:
        """Train on the noise of that name; where there is none, on all of them together."""
        noises, name = self.corpus.train_noise, state.noise
        return train_dictionary(
            [noises[name]] if name in noises.names else noises,
            state.settings.num_basis_noise,
            state.settings,
            name="noise",
            progress=progress,
        )
