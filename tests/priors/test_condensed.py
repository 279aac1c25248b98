"""What a dictionary keeps of long training: the distribution of each row of H."""

import numpy as np
import pytest

import nmflab as nl
from nmflab.core.model import Dictionary
from nmflab.priors import condensed as keeping
from nmflab.priors.condensed import condensed


@pytest.fixture(scope="module")
def H():
    rng = np.random.default_rng(0)
    rows = rng.gamma(rng.uniform(0.05, 2, (12, 1)), 1, (12, 200_001)) * rng.uniform(
        0.01, 9, (12, 1)
    )
    rows[0] = 0
    rows[0, 77] = 3.0  # a basis that sounds once
    return rows.astype(np.float32)


@pytest.mark.parametrize("floor", [0.0, 1e-5, 1e-3, 0.1, 0.6])
def test_priors_of_what_is_kept_are_those_of_all(H, floor):
    few = condensed(H)
    assert few.shape == (12, keeping.KEPT_QUANTILES)
    for kept, all_frames in (
        (nl.GammaPrior.fit(few, floor=floor), nl.GammaPrior.fit(H, floor=floor)),
        (nl.ExponentialPrior.fit(few), nl.ExponentialPrior.fit(H)),
    ):
        np.testing.assert_allclose(kept.shape, all_frames.shape, rtol=2e-3)
        np.testing.assert_allclose(kept.scale, all_frames.scale, rtol=2e-3)
    np.testing.assert_allclose(few.mean(axis=1, dtype="f8"), H.mean(axis=1, dtype="f8"), rtol=1e-6)
    share = np.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(
        np.quantile(few[1:], share, axis=1), np.quantile(H[1:], share, axis=1), rtol=0.05, atol=1e-6
    )


def test_up_to_the_limit_every_activation_is_kept(H):
    short = H[:, : keeping.MOST_FRAMES]
    assert condensed(short) is short


def test_a_model_of_long_training_is_small_and_loads_as_it_was(monkeypatch, tmp_path, rng):
    monkeypatch.setattr(keeping, "MOST_FRAMES", 1000)
    monkeypatch.setattr(keeping, "KEPT_QUANTILES", 100)
    noise = 0.1 * rng.standard_normal(10 * 16000)
    settings = nl.Settings(num_basis_speech=4, num_basis_noise=4, max_iter_train=3)
    model = nl.train_model([noise], [noise[::-1]], settings)
    assert model.speech.H.shape == (4, 100)
    loaded = nl.load_model(model.save(tmp_path / "m.npz"))
    np.testing.assert_array_equal(loaded.speech.H, model.speech.H)
    np.testing.assert_array_equal(
        nl.separate(loaded, noise[:8000]).speech, nl.separate(model, noise[:8000]).speech
    )


def test_a_model_with_all_activations_still_loads(tmp_path, rng, H):
    settings = nl.Settings(num_basis_speech=12, num_basis_noise=12)
    W = np.full((settings.num_bins, 12), 1 / settings.num_bins, np.float32)
    old = nl.SeparationModel(*[Dictionary(W, H, np.ones(1), 1.0)] * 2, settings)
    assert nl.load_model(old.save(tmp_path / "m.npz")).speech.H.shape == H.shape


def test_a_training_file_beyond_all_levels_is_named(tmp_path, rng):
    from scipy.io import wavfile

    loud = (3e38 * rng.uniform(-1, 1, 16000)).astype(np.float32)
    wavfile.write(tmp_path / "loud.wav", 16000, loud)
    from nmflab.corpus.clips import load_clips

    clips = load_clips(tmp_path / "loud.wav")
    with pytest.raises(nl.NmflabError, match=r"training noise '.*loud.wav' is so loud"):
        nl.train_model([rng.standard_normal(16000)], clips)
