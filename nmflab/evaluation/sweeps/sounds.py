"""The sounds of a sweep's report: its worst and its best mixtures, as a page can hold them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.signals import mix_at_snr
from nmflab.corpus.folders import Corpus, load_corpus, validation
from nmflab.errors import NmflabError
from nmflab.evaluation.dictionaries import Dictionaries
from nmflab.evaluation.sweeps.choice import Results
from nmflab.recordings.blocks import separate_speech
from nmflab.settings import Settings

EACH = 3
"""So many of the worst, and of the best."""

LONGEST = 10.0
"""Seconds that are heard of a mixture."""


@dataclass(frozen=True)
class Heard:
    """A mixture with its sounds, each the address of a FLAC file that holds itself."""

    title: str
    gain: float
    sounds: dict[str, str]


def corpus_of(manifest: dict[str, Any], part: str) -> Corpus:
    """Read the corpus of a sweep again; refuse another than it was."""
    corpus = load_corpus(manifest["data"], sampling_rate=manifest["sampling_rate"])
    if corpus.fingerprint != manifest["corpus"]:
        raise NmflabError("The recordings aren't those of the sweep any more.")
    return validation(corpus) if part == "validation" else corpus


def signals_of(
    corpus: Corpus, models: Dictionaries, settings: Settings, noise: str, speech: str
) -> dict[str, NDArray[np.float32]]:
    """Make a mixture of a sweep again, and what its combination makes of it."""
    mixed = mix_at_snr(corpus.test_speech[speech], corpus.test_noise[noise], snr=settings.snr)
    enhanced = separate_speech(models.model(settings, noise), mixed.mixture, settings)
    return {"noisy": mixed.mixture, "enhanced": enhanced, "clean": mixed.speech}


def extremes(
    results: Results, combination: str, metric: str, manifest: dict[str, Any]
) -> tuple[list[Heard], list[Heard]]:
    """Give the worst and the best mixtures of a combination, by the gain of a score."""
    snr, seed = (results.columns[name].min() for name in ("snr", "seed"))
    place = list(results.points).index(combination)
    gains = results.matrix(f"{metric}_gain", snr=snr, seed=seed)[place]
    order = [int(i) for i in np.argsort(gains) if np.isfinite(gains[i])]
    each = min(EACH, max(1, len(order) // 2))
    settings = results.points[combination].replace(snr=float(snr), seed=int(seed))
    corpus = corpus_of(manifest, results.part)
    models = Dictionaries(corpus)
    rate = corpus.sampling_rate

    def heard(i: int) -> Heard:
        noise, speech = results.files[i]
        signals = signals_of(corpus, models, settings, noise, speech)
        peak = max(float(np.abs(signal).max()) for signal in signals.values()) or 1.0
        level = min(1.0, 0.99 / peak)
        sounds = {name: _address(level * signal, rate) for name, signal in signals.items()}
        return Heard(f"{speech} in {noise} at {snr:g} dB", float(gains[i]), sounds)

    return [heard(i) for i in order[:each]], [heard(i) for i in order[: -each - 1 : -1]]


def _address(signal: NDArray[np.floating], rate: int) -> str:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, signal[: int(LONGEST * rate)], rate, format="FLAC", subtype="PCM_16")
    return f"data:audio/flac;base64,{base64.b64encode(file.getvalue()).decode()}"
