"""The dictionaries of a corpus, each trained once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nmflab.core.model import Dictionary, SeparationModel, StageProgress, train_dictionary
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
            Its STFT and training parameters count.
        noise : str
            Name of the training noise; where there is none of that name, all of them together.
        progress : callable, optional
            Called as ``progress(what, done, total)`` during training.

        Returns
        -------
        SeparationModel
            The model.
        """
        noises = self._corpus.train_noise
        own = [noises[noise]] if noise in noises.names else noises
        sources = (("speech", "", self._corpus.train_speech), ("noise", noise, own))
        speech, noise_dictionary = (
            self._dictionary(settings, source, name, signals, progress)
            for source, name, signals in sources
        )
        return SeparationModel(speech, noise_dictionary, settings)

    def _dictionary(
        self,
        settings: Settings,
        source: str,
        name: str,
        signals: Sequence[Any],
        progress: StageProgress | None,
    ) -> Dictionary:
        key = (source, name, settings.read_by(source))
        if key not in self._trained:
            K = getattr(settings, f"num_basis_{source}")
            self._trained[key] = train_dictionary(
                signals, K, settings, name=source, progress=progress
            )
        return self._trained[key]
