"""What lesson 10 compares ideas on: voices and noises of the training part, and a figure of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, product

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.signals import Mixture, mix_at_snr
from nmflab.core.model import SeparationModel, train_dictionary, training_spectrogram
from nmflab.corpus.folders import Corpus
from nmflab.evaluation.metrics import Truth
from nmflab.figures.drawing import COLOURS, STYLES, grid, label, legend
from nmflab.lessons.what_came_after import SpectrumPrior
from nmflab.settings import Settings

__all__ = ["Bench", "worth_figure"]

SCORES = ("sdr", "si_sdr", "stoi")


class Bench:
    """Voices and noises to compare on, all out of the training part of a corpus.

    Parameters
    ----------
    corpus : Corpus
        As `nmflab.corpus.folders.validation` makes it.
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

    def spectra(self, settings: Settings) -> dict[str, SpectrumPrior]:
        """Fit the priors on the spectra, with each noise.

        Parameters
        ----------
        settings : Settings
            Those of the STFT count.

        Returns
        -------
        dict of str to SpectrumPrior
            One for each noise.
        """
        S = training_spectrogram(self._speech, settings, "speech")
        return {
            name: SpectrumPrior.fit(S, training_spectrogram([noise], settings, "noise"))
            for name, noise in self._noise.items()
        }

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
        separate : callable
            Takes the name of the noise and the mixture, and gives the speech.

        Returns
        -------
        ndarray, shape (3,)
        """
        found = [truth.measure(separate(noise, mix), SCORES) for noise, mix, truth in self._truths]
        return np.asarray(np.mean(found, axis=0))


def worth_figure(found: Mapping[str, Mapping[float, ArrayLike]]) -> Figure:
    """Draw SDR and STOI over λ, and mark where the SDR of each idea is best.

    Parameters
    ----------
    found : mapping of str to mapping of float to array_like
        For each idea, what `Bench.worth` says at each λ.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, panels = grid(1, 2, (11.0, 3.8))
    for (name, scores), colour, style in zip(found.items(), COLOURS, cycle(STYLES), strict=False):
        places, values = range(len(scores)), np.array(list(scores.values()))
        best = int(values[:, 0].argmax())
        for panel, column in zip(panels, (0, 2), strict=True):
            panel.plot(places, values[:, column], style, color=colour, lw=2, label=name)
            panel.plot(best, values[best, column], "o", color=colour, ms=8)
    for panel, title in zip(panels, ("SDR (dB)", "STOI"), strict=True):
        panel.set_xticks(places, [f"{rate:g}" for rate in scores])
        label(panel, title, "Penalty λ", title)
    legend(panels[1], outside=True)
    return figure
