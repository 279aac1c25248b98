"""The embedded corpus, read once, and a small data folder."""

import pytest
from support.sounds import RATE, write

from nmflab.corpus.folders import load_corpus


@pytest.fixture(scope="session")
def embedded():
    return load_corpus()


@pytest.fixture
def folder(tmp_path, rng):
    """Make a small data folder without test/noise."""
    for name in ("train/speech/anna", "train/noise/rain", "test/speech/ben"):
        write(tmp_path / f"{name}.wav", rng.uniform(-0.5, 0.5, RATE))
    return tmp_path
