"""A bench to try an idea on: mixtures, dictionaries and scores for a function that separates.

Give it a corpus that `nmflab.corpus.folders.validation` made, and the test part stays unheard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.signals import Mixture, mix_at_snr
from nmflab.core.model import SeparationModel, train_dictionary, training_spectrogram
from nmflab.corpus.folders import Corpus
from nmflab.evaluation.metrics import Truth
from nmflab.settings import Settings

__all__ = ["Bench"]

COMPARED = ("sdr", "si_sdr", "stoi")


class Bench:
    """Voices and noises that ideas are compared on.

    Parameters
    ----------
    corpus : Corpus
        What is trained on, and what is mixed.
    noises : sequence of str
        Which noises; each has a dictionary of its own.
    voices : int, default 2
        How many of the test recordings each of them is mixed with, at 0 dB.
    every : int, default 3
        One training recording in so many is trained on.
    """

    def __init__(
        self, corpus: Corpus, noises: Sequence[str], *, voices: int = 2, every: int = 3
    ) -> None:
        self.noises = list(noises)
        self._speech = list(corpus.train_speech)[::every]
        self._noise = {noise: corpus.train_noise[noise] for noise in noises}
        heard = list(enumerate(list(corpus.test_speech)[:voices]))
        made = [
            (noise, mix_at_snr(speech, corpus.test_noise[noise], 0, offset=8000 * i))
            for noise, (i, speech) in product(noises, heard)
        ]
        rate = corpus.sampling_rate
        self._truths = [(n, mix.mixture, Truth(mix.speech, mix.noise, rate)) for n, mix in made]

    def models(self, settings: Settings) -> dict[str, SeparationModel]:
        """Train one dictionary of speech, and one of each noise.

        Parameters
        ----------
        settings : Settings
            How.

        Returns
        -------
        dict of str to SeparationModel
            One for each noise.
        """
        W_S = train_dictionary(self._speech, settings.num_basis_speech, settings)
        K_N = settings.num_basis_noise
        return {
            name: SeparationModel(
                W_S, train_dictionary([noise], K_N, settings, name="noise"), settings
            )
            for name, noise in self._noise.items()
        }

    def spectrograms(
        self, settings: Settings
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Compute the magnitudes of what is trained on.

        Parameters
        ----------
        settings : Settings
            Those of the STFT count.

        Returns
        -------
        speech : ndarray of float32, shape (F, T)
            All voices, one after another.
        noises : dict of str to ndarray of float32, shape (F, T)
            Each noise.
        """
        noises = {
            name: training_spectrogram([noise], settings, "noise")
            for name, noise in self._noise.items()
        }
        return training_spectrogram(self._speech, settings, "speech"), noises

    def rehearsal(self, noise: str) -> list[Mixture]:
        """Mix training speech with this training noise, at −5, 0 and 5 dB.

        Parameters
        ----------
        noise : str
            Which noise.

        Returns
        -------
        list of Mixture
        """
        return [
            mix_at_snr(speech, self._noise[noise], (-5, 0, 5)[i % 3], offset=16000 * i)
            for i, speech in enumerate(self._speech[:8])
        ]

    def worth(
        self, separate: Callable[[str, NDArray[np.float32]], ArrayLike]
    ) -> NDArray[np.float64]:
        """Separate all mixtures, and average SDR, SI-SDR and STOI.

        Parameters
        ----------
        separate : callable of (str, ndarray of shape (n,))
            Takes the name of the noise and the mixture, and gives the speech, as long.

        Returns
        -------
        ndarray, shape (3,)
        """
        found = [
            truth.measure(separate(noise, mix), COMPARED) for noise, mix, truth in self._truths
        ]
        return np.asarray(np.mean(found, axis=0))
