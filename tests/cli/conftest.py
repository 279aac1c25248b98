"""A data folder, and commands that run on it."""

import numpy as np
import pytest
from support.commands import FAST, NOISE, RATE, SPEECH, clip

from nmflab.audio.files import write_audio
from nmflab.cli import main as cli


@pytest.fixture
def data(tmp_path):
    """Give a data folder with two speakers and two noises in each part."""
    root = tmp_path / "data"
    for part in ("train", "test"):
        for seed, name in enumerate(SPEECH, start=2 * (part == "test")):
            write_audio(root / part / "speech" / f"{name}.wav", clip(seed), RATE)
        for seed, name in enumerate(NOISE, start=10 * (part == "test")):
            noise = 0.1 * np.random.default_rng(seed).standard_normal(RATE // 2)
            write_audio(root / part / "noise" / f"{name}.wav", np.clip(noise, -1, 1), RATE)
    return root


@pytest.fixture
def enhance(data, tmp_path):
    """Give a function that runs ``nmflab enhance`` on the folder and returns the exit code."""

    def run(*options, output=tmp_path / "output"):
        return cli.main(
            ["enhance", "--data", str(data), "--output", str(output), *FAST, *map(str, options)]
        )

    return run


@pytest.fixture
def model(data, tmp_path):
    """Give the path of a small trained model."""
    path = tmp_path / "model.npz"
    assert cli.main(["train", "--data", str(data), "--output", str(path), *FAST]) == 0
    return path
