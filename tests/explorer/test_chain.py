"""The chain of stages: what runs when which setting changes, and what comes out."""

import threading

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus

import nmflab as nl
from nmflab.corpus.clips import Clip, ClipList
from nmflab.corpus.folders import Corpus
from nmflab.evaluation import metrics
from nmflab.explorer.engine import chain as chains
from nmflab.explorer.engine.chain import Chain
from nmflab.explorer.engine.state import Recording

FOUND = {"gain", "separation", "si_sdr"}
ENCODED = {"activations"} | FOUND


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


@pytest.fixture
def warm(corpus):
    """Give a chain that has computed everything once, and its state."""
    chain = Chain(corpus)
    state = chain.state(SETTINGS)
    run(chain, state)
    return chain, state


def run(chain, state):
    """Compute everything and say which stages really ran."""
    chain.runs.clear()
    for name in ("speech", "noise", "si_sdr"):
        chain.get(name, state)
    return set(chain.runs)


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"p": 4.0}, FOUND),
        ({"penalty": 0.2}, ENCODED),
        ({"nmf_mode": "NMF_g"}, ENCODED),
        ({"update": "mu"}, ENCODED),
        ({"max_iter_test": 7}, ENCODED),
        ({"snr": 5.0}, {"mixture", "spectrogram", "marked"} | ENCODED),
        ({"clip": "bob"}, {"mixture", "spectrogram", "marked"} | ENCODED),
        ({"num_basis_speech": 8}, {"speech"} | ENCODED),
        ({"num_basis_noise": 5}, {"noise"} | ENCODED),
        ({"noise": "rumble"}, {"mixture", "spectrogram", "noise", "marked"} | ENCODED),
        ({"seed": 1}, {"speech", "noise", "marked"} | ENCODED),
        ({"window": "hann"}, {"spectrogram", "speech", "noise", "marked"} | ENCODED),
        ({"marks": ((0.1, 0.5),)}, {"marked"} | ENCODED),
        ({}, set()),
    ],
)
def test_a_change_runs_only_what_lies_below_it(warm, change, stages):
    chain, state = warm
    assert run(chain, state.replace(**change)) == stages
    assert run(chain, state) == set()  # and going back costs nothing


@pytest.mark.parametrize("mode", ["NMF", "NMF_g", "NMF_e"])
def test_the_result_is_that_of_separate(corpus, mode):
    chain = Chain(corpus)
    state = chain.state(SETTINGS.replace(nmf_mode=mode, p=1.5))
    settings = state.settings
    model = nl.train_model(corpus.train_speech, [corpus.train_noise["hiss"]], settings)
    mixed = nl.mix_at_snr(corpus.test_speech["alice"], corpus.test_noise["hiss"], settings.snr)
    expected, found = nl.separate(model, mixed.mixture), chain.get("separation", state)
    for name in ("speech", "noise", "H", "gain", "divergence", "objective", "mixture"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6)
    assert found.settings == expected.settings


def test_the_scores_are_those_of_metrics(warm):
    chain, state = warm
    mixed, found = chain.get("mixture", state), chain.get("separation", state).speech
    for scores, estimate in (
        (chain.get("scores", state), found),
        (chain.get("scores_before", state), mixed.mixture),
    ):
        expected = metrics.score(mixed.speech, mixed.noise, estimate)
        assert scores.to_dict() == pytest.approx(expected.to_dict(), nan_ok=True)
    assert chain.get("si_sdr", state) == pytest.approx(chain.get("scores", state).si_sdr)


def test_results_are_kept_for_the_last_few_values_only(warm):
    chain, state = warm
    for p in range(1, chains.REMEMBERED + 3):
        chain.get("separation", state.replace(p=float(p)))
    assert len(chain.results["separation"]) == chains.REMEMBERED
    assert "separation" not in run(chain, state.replace(p=float(chains.REMEMBERED + 2)))
    assert "separation" in run(chain, state.replace(p=1.0))


def test_an_own_recording_takes_the_place_of_the_mixture(warm, rng):
    chain, state = warm
    samples = rng.standard_normal(8000).astype(np.float32)
    own = state.replace(recording=Recording("mine", samples))
    chain.runs.clear()
    result = chain.get("separation", own)
    found = {"mixture", "spectrogram", "marked", "activations", "gain", "separation"}
    assert set(chain.runs) == found
    np.testing.assert_allclose(result.speech + result.noise, samples, atol=1e-5)
    assert chain.get("si_sdr", own) is None
    assert chain.get("scores", own) is None
    assert chain.get("scores_before", own) is None


def test_a_noise_without_training_audio_uses_all_of_them(corpus):
    renamed = ClipList([Clip("new", corpus.test_noise["hiss"], "")])
    other = Corpus(
        corpus.train_speech, corpus.train_noise, corpus.test_speech, renamed, 16000, corpus.root
    )
    chain = Chain(other)
    H = chain.get("noise", chain.state(SETTINGS)).H
    one = Chain(corpus)
    assert H.shape[1] > one.get("noise", one.state(SETTINGS)).H.shape[1]


def test_training_that_is_interrupted_leaves_nothing_behind(corpus):
    chain = Chain(corpus)
    state = chain.state(SETTINGS)

    def stop(what, done, total):
        assert (what, total) == ("training speech", 4)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        chain.get("speech", state, stop)
    assert chain.runs == {}
    assert len(chain.missing(state, ("speech", "noise"))) == 2
    run(chain, state)
    assert chain.missing(state, ("speech", "noise")) == ()


def test_quick_stages_run_while_a_dictionary_is_trained(warm):
    chain, state = warm
    training, go_on = threading.Event(), threading.Event()

    def wait(what, done, total):
        training.set()
        assert go_on.wait(10)

    other = state.replace(num_basis_speech=7)
    thread = threading.Thread(target=chain.get, args=("speech", other, wait))
    thread.start()
    assert training.wait(10)
    assert run(chain, state.replace(p=9.0)) == FOUND
    go_on.set()
    thread.join(10)
    assert chain.missing(other, ("speech",)) == ()


def test_two_threads_never_run_a_quick_stage_twice(warm):
    chain, state = warm
    other = state.replace(penalty=0.3)
    chain.runs.clear()
    threads = [threading.Thread(target=chain.get, args=("separation", other)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert chain.runs["activations"] == chain.runs["separation"] == 1


def test_settings_at_another_sampling_rate_are_refused(corpus):
    with pytest.raises(nl.NmflabError, match="sampling_rate is 8000"):
        Chain(corpus).state(nl.Settings(sampling_rate=8000))


def test_an_unknown_setting_is_refused(warm):
    _, state = warm
    with pytest.raises(nl.NmflabError, match="no setting called 'lambda'"):
        state.replace(**{"lambda": 1})
