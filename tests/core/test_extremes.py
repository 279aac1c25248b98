"""The edges of sounds and of settings: finite numbers, speech + noise = mixture, no warning."""

from functools import cache

import numpy as np
import pytest
from support.doors import SMALL, hiss, voice

from nmflab.core.pipeline import separate
from nmflab.corpus.dictionaries import train_model
from nmflab.errors import NmflabError
from nmflab.priors.variants import VARIANTS

pytestmark = pytest.mark.filterwarnings("error")

N = 2000


def click():
    x = np.zeros(N, np.float32)
    x[N // 2] = 1.0
    return x


SOUNDS = {
    "a voice in noise": voice(3, N) + hiss(4, N),
    "digital silence": np.zeros(N, np.float32),
    "one click": click(),
    "a constant": np.full(N, 0.5, np.float32),
    "a full-scale square": np.sign(np.sin(0.3 * np.arange(N) + 0.1)).astype(np.float32),
    "noise at -120 dB": (1e-6 * np.random.default_rng(0).standard_normal(N)).astype(np.float32),
    "one frame": voice(3, SMALL.hop),
    "one sample": np.array([0.1], np.float32),
    "1e-10 of full scale": (1e-10 * hiss(5, N)).astype(np.float32),
    "1e10 times full scale": (1e10 * hiss(5, N)).astype(np.float32),
}
BEYOND = {
    "denormal numbers": np.full(N, 1e-42, np.float32) * np.sign(hiss(5, N)),
    "1e15 times full scale": (1e15 * hiss(5, N)).astype(np.float32),
}
WAYS = {
    "plain": {"solver": "plain"},
    "accelerated": {"solver": "accelerated"},
    "free": {"num_basis_free": 2},
}
EXTREMES = {
    "p 0.01": {"p": 0.01},
    "p 100": {"p": 100.0},
    "no penalty": {"penalty": 0.0},
    "penalty 1e6": {"penalty": 1e6},
    "penalty 1e6, raw": {"penalty": 1e6, "penalty_scale": "raw"},
    "penalty 1e6, mu": {"penalty": 1e6, "update": "mu"},
    "1 iteration": {"max_iter_test": 1},
    "1000 iterations": {"max_iter_test": 1000, "epsilon": 0.0},
}


@cache
def model(way, num_bases=None, seconds=3000):
    """Give a small model that was trained that way."""
    sizes = {} if num_bases is None else {f"num_basis_{x}": num_bases for x in ("speech", "noise")}
    settings = SMALL.replace(**WAYS[way], **sizes)
    return train_model([voice(0, seconds)], [hiss(2, seconds)], settings)


def check(found, x):
    """Hold a separation to what the mathematics promises for every sound."""
    peak = max(float(np.abs(x).max()), np.finfo(np.float32).tiny)
    for name in ("speech", "noise", "H", "gain", "divergence"):
        assert np.isfinite(getattr(found, name)).all(), name
    assert (found.H >= 0).all()
    assert ((found.gain >= 0) & (found.gain <= 1)).all()
    error = np.abs(found.speech.astype(np.float64) + found.noise - x).max()
    assert error <= 2e-6 * peak


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("mode", VARIANTS)
def test_any_sound_is_taken_apart(sound, way, mode):
    trained = model(way)
    check(separate(trained, SOUNDS[sound], trained.settings.replace(nmf_mode=mode)), SOUNDS[sound])


@pytest.mark.parametrize("mode", VARIANTS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sound", BEYOND)
def test_what_float32_cannot_hold_is_refused(sound, way, mode):
    trained = model(way)
    with pytest.raises(NmflabError, match="float32 can work with: scale it"):
        separate(trained, BEYOND[sound], trained.settings.replace(nmf_mode=mode))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("extreme", EXTREMES)
@pytest.mark.parametrize("sound", ["a voice in noise", "one click", "noise at -120 dB"])
def test_any_setting_takes_a_sound_apart(sound, extreme, way):
    trained = model(way)
    settings = trained.settings.replace(**EXTREMES[extreme])
    check(separate(trained, SOUNDS[sound], settings), SOUNDS[sound])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("num_bases", "samples"), [(1, 3000), (1024, 20000)])
def test_one_basis_and_a_thousand_are_trained_and_used(way, num_bases, samples):
    trained = model(way, num_bases, samples)
    x = SOUNDS["a voice in noise"]
    assert np.isfinite(trained.W).all()
    check(separate(trained, x), x)


@pytest.mark.parametrize("solver", ["plain", "accelerated"])
@pytest.mark.parametrize("sound", [sound for sound in SOUNDS if sound != "digital silence"])
def test_a_dictionary_of_any_sound_is_finite(sound, solver):
    settings = SMALL.replace(solver=solver, num_basis_noise=1, num_basis_speech=2)
    trained = train_model([voice(0)], [SOUNDS[sound]], settings)
    assert np.isfinite(trained.W).all()
    np.testing.assert_allclose(trained.W.sum(axis=0), 1, atol=1e-5)
    x = SOUNDS["a voice in noise"]
    check(separate(trained, x), x)


@pytest.mark.parametrize("solver", ["plain", "accelerated"])
def test_training_noise_of_zeros_alone_is_refused(solver):
    with pytest.raises(NmflabError, match="silent"):
        train_model([voice(0)], [SOUNDS["digital silence"]], SMALL.replace(solver=solver))


@pytest.mark.parametrize("solver", ["plain", "accelerated"])
def test_a_thousand_iterations_of_training_never_leave_the_numbers(solver):
    settings = SMALL.replace(solver=solver, max_iter_train=1000, epsilon=0.0)
    trained = train_model([voice(0)], [hiss(2)], settings)
    for source in (trained.speech, trained.noise):
        assert np.isfinite(source.W).all()
        assert np.isfinite(source.H).all()
        assert np.isfinite(source.divergence).all()
