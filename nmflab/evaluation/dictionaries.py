"""The dictionaries of a corpus, each trained once, and what of them is needed elsewhere."""

from __future__ import annotations

import copy
from typing import Any

from nmflab.core.model import Dictionary, SeparationModel, StageProgress
from nmflab.corpus.clips import ClipList
from nmflab.corpus.dictionaries import trained
from nmflab.corpus.folders import Corpus
from nmflab.settings import Settings

__all__ = ["Dictionaries"]


class Dictionaries:
    """The dictionaries of a corpus, each trained when it is first asked for.

    Parameters
    ----------
    corpus : Corpus
        Where the training audio is.
    cache : bool, default True
        Look for them in the cache folder first, and keep them there.
    """

    def __init__(self, corpus: Corpus, *, cache: bool = True) -> None:
        self._corpus, self._cache = corpus, cache
        self._trained: dict[tuple[Any, ...], Dictionary] = {}

    def __len__(self) -> int:
        return len(self._trained)

    def model(
        self, settings: Settings, noise: str, progress: StageProgress | None = None
    ) -> SeparationModel:
        """Give the dictionaries of speech and of one noise.

        Parameters
        ----------
        settings : Settings
            Those that the stages of training read count.
        noise : str
            Name of the training noise, see `Corpus.training_noise`.
        progress : callable, optional
            Called as ``progress(what, done, total)`` during training.

        Returns
        -------
        SeparationModel
            The model.
        """
        noises = self._corpus.training_noise(noise)
        return SeparationModel(
            self.dictionary("speech", self._corpus.train_speech, settings, progress),
            self.dictionary("noise", noises, settings, progress),
            settings,
        )

    def dictionary(
        self,
        source: str,
        clips: ClipList,
        settings: Settings,
        progress: StageProgress | None = None,
    ) -> Dictionary:
        """Give the dictionary that is trained on some recordings of the corpus.

        Parameters
        ----------
        source : {"speech", "noise"}
            What they are recordings of.
        clips : ClipList
            The recordings.
        settings : Settings
            Those that the stage of this source reads count.
        progress : callable, optional
            Called as ``progress(what, done, total)`` during training.

        Returns
        -------
        Dictionary
            The dictionary.
        """
        key = (source, clips.names, settings.read_by(source))
        if key not in self._trained:
            self._trained[key] = trained(
                clips, source, settings, progress=progress, cache=self._cache
            )
        return self._trained[key]


class Light:
    """Models without activations, to be sent to other processes.

    The priors and the row means, all that encoding asks of H, are computed before; dictionaries
    that models share they still share, so that they are sent once.
    """

    def __init__(self) -> None:
        self._made: dict[Dictionary, Dictionary] = {}

    def model(self, model: SeparationModel, settings: Settings) -> SeparationModel:
        """Give a model that separates with these settings as the whole one does."""
        speech, noise = (self._dictionary(d, settings) for d in (model.speech, model.noise))
        return SeparationModel(speech, noise, model.settings)

    def _dictionary(self, whole: Dictionary, settings: Settings) -> Dictionary:
        whole.prior(settings.nmf_mode, activation_floor=settings.activation_floor)
        whole.row_means  # noqa: B018  (computed and kept)
        if whole not in self._made:
            light = self._made[whole] = copy.copy(whole)
            object.__setattr__(light, "H", whole.H[:, :0].copy())
        return self._made[whole]
