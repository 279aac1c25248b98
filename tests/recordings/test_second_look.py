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
from nmflab.core.wiener import wiener_gain
from nmflab.evaluation import metrics
from nmflab.recordings.denoise import Denoiser
from nmflab.recordings.second_look import (
    adapted_beside,
    held,
    outweighing,
    second_log_ratio,
    share_of_speech,
)

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


def heard(seed, loudness=1.0, F=9, T=40):
    """Give magnitudes of a speech and a noise (F, T) that isn't steady."""
    rng = np.random.default_rng(seed)
    S, N = rng.gamma(1.0, size=(2, F, T)).astype(np.float32) + np.float32(1e-3)
    return S * np.float32(loudness), N


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(1e-3, 1e3), st.floats(1e-6, 1e6), st.floats(0, 1))
def test_a_noise_is_held_between_what_was_found_and_the_usual(seed, loudness, level, share):
    S, N = heard(seed, loudness)
    V, G = S + N, wiener_gain(S, N, p=1)
    N_held, usual = held(V, G, N, share), held(V, G, N, 1.0)
    np.testing.assert_allclose(usual, np.repeat(usual[:, :1], V.shape[1], axis=1), rtol=1e-5)
    weights = np.square(N / V)
    q = (weights * V).sum(axis=1) / weights.sum(axis=1)
    np.testing.assert_allclose(usual[:, 0], q, rtol=1e-3)
    assert (N_held >= np.minimum(N, usual) * 0.999).all()
    np.testing.assert_allclose(held(V, G, N, 0.0), N, rtol=1e-5)
    scale = np.float32(level)
    again = held(scale * V, G, scale * N, share)
    np.testing.assert_allclose(again / scale, N_held, rtol=1e-3)


def test_where_nothing_but_speech_is_heard_the_noise_is_next_to_nothing():
    V = np.ones((5, 6), np.float32)
    N_held = held(V, np.ones_like(V), np.full_like(V, 1e-6), 1.0)
    assert (N_held > 0).all()
    assert (N_held < 1e-6).all()


def test_a_voice_over_a_hum_is_no_burst():
    rng = np.random.default_rng(5)
    S, N = (np.zeros((60, 50), np.float32) for _ in range(2))
    N[2:14] = 1 + 0.2 * rng.random((12, 50))  # a few bins, all the time
    S[10:, 20:30] = rng.gamma(1.0, size=(50, 10))
    S += np.float32(1e-4)
    N += np.float32(1e-4)
    N_held = held(S + N, wiener_gain(S, N, p=1), N, 0.5)
    assert N_held[:, 20:30].sum() < 1.2 * N_held[:, :10].sum()


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
def test_the_share_of_the_speech_is_that_of_its_energy(seed, loudness):
    S, N = heard(seed, loudness)
    E_S, E_N = (float(np.square(part, dtype=np.float64).sum()) for part in (S, N))
    s = share_of_speech(S + N, wiener_gain(S, N, p=1))
    assert s == pytest.approx(E_S / (E_S + E_N), rel=1e-3)
    assert outweighing(s) == pytest.approx(max(0, (E_S - E_N) / (E_S + E_N)), abs=1e-3)


@pytest.mark.parametrize("quiet", [0.0, 1e-9, 1e-5, 1e-3])
@pytest.mark.parametrize("times", [1, 4, 20])
def test_what_is_usual_is_not_changed_by_a_stretch_that_is_muted(quiet, times):
    S, N = heard(7, F=40)
    N = 0.5 + N / 2  # steady
    muted = np.full((len(S), times * S.shape[1]), quiet, np.float32)
    longer = [np.concatenate([part, muted], axis=1) for part in (S, N)]
    for share in (0.3, 0.6, 0.9):
        alone = held(S + N, wiener_gain(S, N, p=1), N, share)
        beside = held(sum(longer), wiener_gain(*longer, p=1), longer[1], share)[:, : S.shape[1]]
        np.testing.assert_allclose(beside, alone, rtol=0.05)


def test_a_frame_in_which_all_bins_are_louder_has_more_noise():
    S, N = heard(11, loudness=0.5, F=40, T=60)
    burst = slice(20, 23)
    N[:, burst] *= 6
    found = np.full_like(N, N.mean())  # what was found knows of no burst
    V, G = S + N, wiener_gain(S, np.full_like(N, N.mean()), p=1)
    ratios = [held(V, G, found, share)[:, burst].mean() / N.mean() for share in (0.0, 0.3, 0.5)]
    assert ratios[0] == pytest.approx(1, rel=1e-3)
    assert 1.2 < ratios[1] < ratios[2] < 6
    one_bin = V.copy()
    one_bin[3, 40] *= 100  # a voice, or a whistle
    N_held = held(one_bin, G, found, 0.5)
    assert N_held[:, 40].mean() < 1.5 * np.median(N_held.mean(axis=0))


def test_a_recording_that_is_muted_for_most_of_its_time_is_cleaned_where_it_is_not():
    corpus = nl.load_corpus()
    mixed = nl.mix_at_snr(corpus.test_speech[0][:40000], corpus.train_noise["fan"], 10.0)
    hiss = np.random.default_rng(0).normal(0, 1e-5, 5 * 40000)
    longer = np.concatenate([mixed.mixture, np.zeros(4 * 40000, np.float32)]) + hiss
    alone, beside = (nl.denoise(x, 16000).speech[:40000] for x in (mixed.mixture, longer))
    scores = [metrics.si_sdr(mixed.speech, part) for part in (alone, beside)]
    assert scores[1] > max(scores[0] - 1.5, 12.0)


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
