"""The scores of the mixtures themselves, which no setting but the SNR changes: kept for later."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from nmflab.corpus.folders import Corpus
from nmflab.evaluation.metrics import SCORES, Scores
from nmflab.settings import Settings
from nmflab.system import caching

KIND = "scores"
COMPUTED_WITH = ("pesq", "soxr")
"""What has a say in the scores beside the libraries of everything."""

Before = dict[tuple[str, str], Scores]
"""The scores of mixtures by the names of speech and noise."""


def known_before(corpus: Corpus, settings: Settings) -> Before:
    """Give what is known of the mixtures of a corpus at the SNR of some settings."""
    if caching.cache_folder() is None:
        return {}
    return caching.look_up(KIND, _fingerprint(corpus, settings), _read) or {}


def keep_before(corpus: Corpus, settings: Settings, known: Before, found: Before) -> None:
    """Keep what an experiment found, if that is more than was known."""
    if caching.cache_folder() is None or found.keys() <= known.keys():
        return
    table = [[*names, scores.to_dict()] for names, scores in {**known, **found}.items()]
    caching.keep(KIND, _fingerprint(corpus, settings), {"table": table}, {})


def _read(header: dict[str, Any], _: object) -> Before:
    table = {(speech, noise): Scores(**scores) for speech, noise, scores in header["table"]}
    if any(scores.to_dict().keys() != SCORES.keys() for scores in table.values()):
        raise ValueError("other scores")
    return table


def _fingerprint(corpus: Corpus, settings: Settings) -> str:
    parts = corpus.test_speech, corpus.test_noise
    facts = {
        "names": [clips.names for clips in parts],
        "snr": settings.snr,
        "sampling_rate": settings.sampling_rate,
        "scores": list(SCORES),
        "with": {package: _version(package) for package in COMPUTED_WITH},
    }
    signals = (signal for clips in parts for signal in clips)
    return caching.fingerprint(facts, signals, rooms=("audio", "evaluation"))


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
