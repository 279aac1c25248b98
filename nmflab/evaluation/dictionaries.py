"""The dictionaries of a corpus, each trained once."""

from __future__ import annotations

from typing import Any

from nmflab.core.model import Dictionary, SeparationModel, StageProgress, train_dictionary
from nmflab.corpus.clips import ClipList
from nmflab.corpus.folders import Corpus
from nmflab.settings import Settings

__all__ = ["Dictionaries"]


class Dictionaries:
    """The dictionaries of a corpus, each trained when it is first asked for.

    Parameters
    ----------
    corpus : Corpus
        Where the training audio is.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
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
            K = getattr(settings, f"num_basis_{source}")
            self._trained[key] = train_dictionary(
                clips, K, settings, name=source, progress=progress
            )
        return self._trained[key]
