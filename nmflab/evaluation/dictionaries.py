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
            self._dictionary("speech", self._corpus.train_speech, settings, progress),
            self._dictionary("noise", noises, settings, progress),
            settings,
        )

    def _dictionary(
        self, source: str, clips: ClipList, settings: Settings, progress: StageProgress | None
    ) -> Dictionary:
        key = (source, clips.names, settings.read_by(source))
        if key not in self._trained:
            self._trained[key] = trained(
                clips, source, settings, progress=progress, cache=self._cache
            )
        return self._trained[key]


def light(whole: Dictionary, settings: Settings) -> Dictionary:
    """Give a copy without activations, which separates with these settings as the whole one does.

    Prior and row means, all that encoding asks of H, are computed here: the copy is quickly sent
    to another process.
    """
    whole.prior(settings.nmf_mode, activation_floor=settings.activation_floor)
    whole.row_means  # noqa: B018  (computed and kept)
    found = copy.copy(whole)
    object.__setattr__(found, "H", whole.H[:, :0].copy())
    return found


class Light:
    """Light models: dictionaries that models share they still share, so that they are sent once."""

    def __init__(self) -> None:
        self._made: dict[Dictionary, Dictionary] = {}

    def model(self, model: SeparationModel, settings: Settings) -> SeparationModel:
        """Give a model that separates with these settings as the whole one does."""
        speech, noise = (self._dictionary(d, settings) for d in (model.speech, model.noise))
        return SeparationModel(speech, noise, model.settings)

    def _dictionary(self, whole: Dictionary, settings: Settings) -> Dictionary:
        copied = light(whole, settings)  # its priors are those of the copies before
        return self._made.setdefault(whole, copied)
