"""The speech dictionary that comes with the package, for recordings whose noise is not trained.

It is made of the training speech of the embedded corpus by ``python -m tools.speech_dictionary``,
with the settings that it holds. The licences of that speech are in ``data/README.md``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from nmflab.core.model import Dictionary, StageProgress
from nmflab.corpus.dictionaries import trained
from nmflab.corpus.folders import load_corpus
from nmflab.corpus.shipped_dictionaries import read
from nmflab.settings import Settings

FILE = Path(__file__).with_name("speech.npz")


def speech_dictionary(settings: Settings, progress: StageProgress | None = None) -> Dictionary:
    """Give a dictionary of speech: the one that is shipped, or another, trained with settings."""
    if is_shipped(settings):
        return _shipped()[0]
    signals = load_corpus(sampling_rate=settings.sampling_rate).train_speech
    return trained(signals, "speech", settings, progress=progress)


def is_shipped(settings: Settings) -> bool:
    """Say whether the dictionary that is shipped is that of these settings."""
    return settings.read_by("speech") == _shipped()[1].read_by("speech")


@cache
def _shipped() -> tuple[Dictionary, Settings]:
    return read(FILE)


def of_band(dictionary: Dictionary, num_bins: int, band: int) -> Dictionary:
    """Give what a dictionary of F bins is for the lowest bins alone, as of a telephone's sound.

    Its columns sum to 1 again, and H has what they lose; a basis that has nearly nothing there is
    left out.
    """
    if band >= num_bins:
        return dictionary
    W = dictionary.W.reshape(dictionary.context, num_bins, -1)[:, :band]
    W = W.reshape(dictionary.context * band, -1)
    sums = W.sum(axis=0)
    heard = sums > LEAST_SHARE
    H = dictionary.H[heard] * sums[heard, np.newaxis]
    return Dictionary(
        W[:, heard] / sums[heard], H, dictionary.divergence, dictionary.rms, dictionary.context
    )


LEAST_SHARE = 0.02
"""Part of a basis that must lie in a band for the band to keep it."""
