"""The second look: the speech encoded again beside a noise that is held."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nmflab as nl
from nmflab.core.model import SeparationModel, mean_activation, train_dictionary
from nmflab.core.pipeline import encode_mixture, scaled_prior, speech_gain, speech_log_ratio
from nmflab.core.stft import Stft
from nmflab.core.wiener import log_ratio
from nmflab.evaluation import metrics
from nmflab.recordings.denoise import Denoiser
from nmflab.recordings.second_look import adapted_beside, held, outweighing, second_log_ratio

OWN = nl.Settings.own().replace(context=2, num_basis_speech=6, max_iter_test=8)


@pytest.fixture(scope="module")
def small():
    """Give a small model with free bases, magnitudes and what the first look makes of them."""
    rng = np.random.default_rng(3)
    signals = [rng.normal(size=8000) * np.sin(np.arange(8000) / 900)]
    settings = OWN.replace(max_iter_train=5)
    speech = train_dictionary(signals, 6, settings)
    none = replace(speech, W=np.empty((len(speech.W), 0), np.float32), H=np.empty((0, 1)), rms=1.0)
    model = SeparationModel(speech, none, settings)
    V = rng.gamma(0.5, size=(settings.num_bins, 40)).astype(np.float32)
    return model, V, encode_mixture(model, V, settings)


def test_without_looks_it_is_what_the_first_one_found(small):
    model, V, encoding = small
    L = second_log_ratio(model, V, encoding, model.settings, looks=0)
    assert np.array_equal(L, speech_log_ratio(model, encoding))


def test_silence_is_not_looked_at_again(small):
    model, V, _ = small
    silence = np.zeros_like(V)
    encoding = encode_mixture(model, silence, model.settings)
    L = second_log_ratio(model, silence, encoding, model.settings)
    assert np.array_equal(L, speech_log_ratio(model, encoding))


@pytest.mark.parametrize("a", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("mode", ["NMF", "NMF_e", "NMF_g"])
def test_the_objective_beside_a_held_noise_never_rises(small, mode, a):
    model, V, encoding = small
    settings = model.settings.replace(nmf_mode=mode, penalty=0.3)
    N = np.full_like(V, 0.1)
    W0, K = model.speech.W, model.speech.W.shape[1]
    unit = 2 * mean_activation(V, K + settings.num_basis_free)
    prior, penalty = scaled_prior(model, settings, unit)
    F = len(V)

    def stacks(M):
        after = np.concatenate([M[:, 1:], np.zeros((F, 1), np.float32)], axis=1)
        return np.concatenate([M, after]).astype(np.float64)

    start = np.maximum(encoding.H[:K], 1e-3)

    def objective(W, H):
        W = W.astype(np.float64)
        model_of_V = W @ H + np.maximum(stacks(N), 1e-20)
        V2 = np.maximum(stacks(V), 1e-20)
        cost = (V2 * np.log(V2 / model_of_V) - V2 + model_of_V).sum()
        if a:
            cost -= start.mean(axis=0).sum() * (1 - a) / a * (W0 * np.log(W)).sum()
        if prior is None:
            return cost
        scale, shape = (part[:K, np.newaxis] for part in (prior.scale, prior.shape))
        return cost + (1 - a) * penalty * (H / scale - (shape - 1) * np.log(H)).sum()

    found = [adapted_beside(model, V, N, a, (W0, start), settings, n) for n in range(1, 8)]
    costs = [objective(*each) for each in [(np.maximum(W0, 1e-12), start), *found]]
    assert (np.diff(costs) <= 1e-5 * abs(costs[0])).all()
    assert costs[-1] < costs[0] - 1e-3 * abs(costs[0])
    W, _ = found[-1]
    np.testing.assert_allclose(W.sum(axis=0), 1.0, rtol=1e-4)
    assert a or np.array_equal(W, np.maximum(W0, W.min()))


def test_the_bases_follow_the_voice_the_further_the_more_it_outweighs_the_noise(small):
    model, V, encoding = small
    W0 = model.speech.W
    start = (W0, encoding.H[: W0.shape[1]])
    ways = []
    for a in (0.0, 0.2, 0.5, 0.8, 1.0):
        W, _ = adapted_beside(model, V, np.full_like(V, 0.1), a, start, model.settings, 5)
        ways.append(np.abs(W - W0).sum())
    assert ways[0] < 1e-4
    assert (np.diff(ways) > 0).all()


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(1e-3, 1e3), st.floats(1e-6, 1e6))
def test_a_noise_is_held_between_what_was_found_and_the_usual(seed, loudness, level):
    rng = np.random.default_rng(seed)
    S, N = rng.gamma(1.0, size=(2, 7, 9)).astype(np.float32) + np.float32(1e-3)
    S *= np.float32(loudness)
    V = S + N
    L = log_ratio(S, N)
    a = outweighing(V, L)
    N_held = held(V, L, N, a)
    weights = np.square(N / V)
    usual = (weights * V).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
    assert (N_held >= np.minimum(N, usual) * 0.999).all()
    assert (N_held <= np.maximum(N, usual) * 1.001).all()
    scale = np.float32(level)
    again = held(scale * V, L, scale * N, outweighing(scale * V, L))
    np.testing.assert_allclose(again / scale, N_held, rtol=1e-3)
    if np.square(S).sum() <= np.square(N).sum():
        assert a == 0
        np.testing.assert_allclose(N_held, N, rtol=1e-5)


@pytest.mark.slow
def test_a_voice_above_the_noise_keeps_more_of_itself_at_the_second_look():
    corpus, own = nl.load_corpus(), nl.Settings.own()
    mixed = nl.mix_at_snr(corpus.test_speech[0][:40000], corpus.train_noise["babble"], 10.0)
    stft = Stft.from_settings(own)
    X = stft.analyse(mixed.mixture)
    model = Denoiser(own, 16000, np.ones(1, np.float32))._model
    encoding = encode_mixture(model, np.abs(X), own)
    scores = []
    for looks in (0, 3):
        gain = speech_gain(second_log_ratio(model, np.abs(X), encoding, own, looks), own)
        assert 0 <= gain.min() <= gain.max() <= 1
        speech = stft.synthesise(gain * X, len(mixed.mixture))
        scores.append(metrics.si_sdr(mixed.speech, speech))
    assert scores[1] > scores[0] + 0.5
