"""Details of the core, written against changes by `tools/mutants.py` that quick tests let pass."""

import numpy as np
import pytest

from nmflab.core import nmf_encoding, nmf_training
from nmflab.core.context import stacked, summed
from nmflab.core.model import mean_activation, train_dictionary, training_spectrogram
from nmflab.core.nmf import encode, kl_divergence, train_nmf
from nmflab.core.nmf_encoding import UpdateRule
from nmflab.core.nmf_free import encode_free, free_start
from nmflab.core.pipeline import ALL, encode_mixture, scaled_prior, separate, speech_gain
from nmflab.core.stft import Stft
from nmflab.core.wiener import gain_from_log_ratio, wiener_gain
from nmflab.corpus.dictionaries import train_model
from nmflab.errors import NmflabError
from nmflab.priors.distributions import ExponentialPrior, GammaPrior
from nmflab.priors.variants import VARIANTS
from nmflab.settings import Settings
from tests.support.doors import SMALL, hiss, voice

FLOOR = 1e-12  # of the mean frame sum, as the core has it
SOLVERS = pytest.mark.parametrize("solver", ["plain", "accelerated"])
APART = np.tile(np.eye(2, dtype=np.float32), 300)
"""V whose frames have one basis of I each; the other basis's activation falls to its floor."""


@pytest.fixture(scope="module")
def model():
    settings = SMALL.replace(num_basis_speech=3, num_basis_noise=2, max_iter_train=5)
    return train_model([voice(0, 3000)], [hiss(1, 3000)], settings)


@SOLVERS
def test_an_epsilon_that_is_reached_at_once_ends_all_but_the_first_iteration(rng, solver):
    W = rng.random((6, 2)) + 0.1
    H = rng.random((2, 9)) + 0.1
    V = W @ H * (1 + 0.02 * rng.random((6, 9)))
    start = {"init": H * (1 + 0.01 * rng.random((2, 9))), "solver": solver}
    one = encode(V, W, n_iter=1, **start)
    reached = 1.5 * one.divergence[-1]
    assert 0 < reached < 1e-3 * V.sum()  # so small that a few frames are looked at
    for n_iter in (2, 3, 600):
        found = encode(V, W, n_iter=n_iter, epsilon=reached, **start)
        np.testing.assert_array_equal(found.H, one.H)


@SOLVERS
def test_activations_are_at_their_floor_or_above_after_any_number_of_iterations(solver):
    level = 100.0
    for n_iter in range(1, 12):
        found = encode(level * APART, np.eye(2), n_iter=n_iter, solver=solver)
        assert found.H.min() == pytest.approx(FLOOR * level, rel=1e-6)


@SOLVERS
@pytest.mark.parametrize("level", [1e-2, 1e2])
def test_training_holds_activations_at_their_floor(solver, level):
    start = np.eye(2), np.full((2, 600), level)
    found = train_nmf(level * APART, 2, init=start, n_iter=3, solver=solver)
    assert found.H.min() == pytest.approx(FLOOR * level, rel=0.01)


def test_the_floor_of_silence_is_that_of_a_mean_frame_sum_of_1():
    found = encode(np.zeros((4, 5)), np.full((4, 2), 0.25))
    np.testing.assert_allclose(found.H, FLOOR, rtol=1e-6)


def test_an_objective_counts_its_silent_frames(rng):
    V, W = rng.random((5, 8)), rng.random((5, 3)) + 0.1
    V[:, 2:5] = 0.0
    prior = GammaPrior(shape=np.array([0.5, 0.7, 2.0]), scale=np.array([1.0, 2.0, 0.5]))
    found = encode(V, W, prior=prior, penalty=0.3, n_iter=6, trace=True)
    penalty = 0.3 * prior.penalty(found.H.astype(np.float64))
    assert found.objective[-1] - found.divergence[-1] == pytest.approx(penalty, rel=1e-5)
    assert found.divergence[-1] == pytest.approx(kl_divergence(V, W @ found.H), rel=1e-5)


@SOLVERS
def test_an_objective_adds_up_all_blocks_of_frames(rng, solver):
    V, W = rng.random((5, 700)), rng.random((5, 3)) + 0.1
    found = encode(V, W, n_iter=4, solver=solver, trace=True)
    assert found.divergence[-1] == pytest.approx(kl_divergence(V, W @ found.H), rel=1e-5)


def test_with_an_epsilon_the_accelerated_values_are_those_of_each_h(rng):
    V, W = rng.random((6, 40)), rng.random((6, 3)) + 0.1
    options = {"solver": "accelerated", "trace": True}
    of_H = encode(V, W, n_iter=6, epsilon=1e-30, **options).divergence
    each = [encode(V, W, n_iter=n, **options).divergence[-1] for n in range(1, 7)]
    np.testing.assert_allclose(of_H, each, rtol=1e-5)
    beyond = encode(V, W, n_iter=6, **options).divergence
    assert (np.abs(beyond[1:-1] - of_H[1:-1]) > 1e-5 * of_H[1:-1]).all()


@SOLVERS
def test_a_start_of_zeros_is_one_at_the_floor(rng, solver):
    V, W = rng.random((6, 40)) + 0.1, rng.random((6, 3)) + 0.1
    floor = FLOOR * V.sum(axis=0).mean() / W.sum(axis=0)[:, None] * np.ones((3, 40))
    for n_iter in (1, 20):
        found, other = (
            encode(V, W, init=init, n_iter=n_iter, solver=solver).H
            for init in (np.zeros((3, 40)), floor)
        )
        assert found.min() > 0
        np.testing.assert_allclose(found, other, rtol=1e-3)


@SOLVERS
def test_a_training_that_starts_with_silence_bears_it(rng, solver):
    V, W, H = rng.random((6, 40)) + 0.1, rng.random((6, 3)) + 0.1, rng.random((3, 40))
    H[:, 7] = 0.0
    found = train_nmf(V, 3, init=(W, H), n_iter=20, solver=solver)
    assert np.isfinite(found.H).all()
    np.testing.assert_allclose(found.H[:, 7].sum(), V[:, 7].sum(), rtol=0.1)


def test_noise_that_is_not_kept_leaves_the_gain_as_it_is(rng):
    L = rng.standard_normal((4, 5)).astype(np.float32) * 20
    settings = SMALL.replace(keep=ALL)
    np.testing.assert_array_equal(speech_gain(L, settings), gain_from_log_ratio(L, p=settings.p))


def accelerated(V, W, H, n_iter, plain_from=99):
    """Train in float64 as `AcceleratedTraining` says: W at a point beyond it, H by longer steps."""
    W = W / W.sum(axis=0)
    P = np.ones_like(W)
    for step in range(n_iter):
        a = min(step / (step + 1), 0.9)
        c = (1 - a) / (1 + a)
        Q = W * (P + c) / (c * P + 1) if step < plain_from else W
        Q = Q / Q.sum(axis=0)
        R = V / (Q @ H)
        before, W, G = W, Q * (R @ H.T), Q.T @ R
        W = W / W.sum(axis=0)
        H = H * (G + 0.9 * (G - 1) * np.minimum(G, 1))
        P = W / before * W / Q
    return W, H


def test_accelerated_training_is_its_formula(rng):
    V, W, H = rng.random((6, 40)) + 0.1, rng.random((6, 3)) + 0.1, rng.random((3, 40)) + 0.1
    for n_iter in (1, 2, 3, 5, 15):  # the last look ahead is the longest there is
        found = train_nmf(V, 3, init=(W, H), n_iter=n_iter, solver="accelerated")
        expected = accelerated(V, W, H * W.sum(axis=0)[:, None], n_iter)
        np.testing.assert_allclose(found.W, expected[0], rtol=1e-3)
        np.testing.assert_allclose(found.H, expected[1], rtol=1e-3)


def test_a_prior_without_a_penalty_is_no_prior(rng):
    V, W = rng.random((6, 40)), rng.random((6, 2)) + 0.1
    prior = GammaPrior(shape=np.array([0.5, 2.0]), scale=np.array([1.0, 2.0]))
    np.testing.assert_array_equal(encode(V, W, prior=prior).H, encode(V, W).H)


def test_a_training_that_begins_anew_goes_as_far_as_it_was(rng, monkeypatch):
    V, W, H = rng.random((6, 40)) + 0.1, rng.random((6, 3)) + 0.1, rng.random((3, 40)) + 0.1
    look = nmf_training.extrapolate

    def uphill(Wt, P, momentum, *, out):
        look(Wt, P, momentum, out=out)
        if momentum == 2 / 3:
            np.copyto(out, out[:, ::-1] ** 4)

    monkeypatch.setattr(nmf_training, "extrapolate", uphill)
    expected = accelerated(V, W, H * W.sum(axis=0)[:, None], 5, plain_from=2)
    found = train_nmf(V, 3, init=(W, H), n_iter=5, solver="accelerated")
    np.testing.assert_allclose(found.W, expected[0], rtol=1e-4)
    np.testing.assert_allclose(found.H, expected[1], rtol=1e-4)


def test_a_training_that_begins_below_epsilon_has_seen_it_after_an_iteration(rng):
    found = train_nmf(rng.random((6, 20)), 2, epsilon=1e30, n_iter=9)
    assert len(found.divergence) == 2


def test_free_bases_start_flat_and_unlike():
    W = free_start(4000, 3)
    np.testing.assert_allclose(W.sum(axis=0), 1.0, rtol=1e-5)
    pieces = W.reshape(8, 500, 3).sum(axis=1)  # an eighth of each
    np.testing.assert_allclose(pieces, 1 / 8, rtol=0.1)
    assert (np.corrcoef(W.T)[np.triu_indices(3, 1)] < 0.1).all()


def test_free_bases_keep_a_least_weight():
    rule = UpdateRule.of(np.full((2, 2), 0.5), None, 0.0, "mm", 1.0)
    rule.replace_bases(slice(1, None), np.array([[3.0, 0.0]], np.float32))
    np.testing.assert_allclose(rule.Wt[1], [1.0, 1e-20], rtol=1e-5)
    np.testing.assert_allclose(rule.W_over_den[:, 1], [1.0, 1e-20], rtol=1e-5)


def test_free_bases_tell_their_progress(rng):
    V = rng.random((5, 40)).astype(np.float32)
    W = np.full((5, 2), 0.2, np.float32)
    told = []
    encode_free(
        V, W, free_start(len(V), 1), prior=None, penalty=0.0, n_iter=3,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_an_objective_of_free_bases_is_the_same_traced_or_computed_later(rng):
    V, W = rng.random((5, 40)).astype(np.float32), np.full((5, 2), 0.2, np.float32)
    W[:, 1] = [0.1, 0.2, 0.4, 0.2, 0.1]
    prior = ExponentialPrior(scale=np.array([0.3, 0.4, 0.5]), shape=np.ones(3))
    start = {"prior": prior, "penalty": 0.2, "n_iter": 4, "update": "mu"}
    late, at_once = (
        encode_free(V, W, free_start(len(V), 1), trace=trace, **start) for trace in (False, True)
    )
    assert len(late.objective) == 4
    np.testing.assert_allclose(late.objective, at_once.objective, rtol=1e-6)


def test_an_objective_computed_later_ends_at_the_same_epsilon(rng):
    V, W = rng.random((6, 40)), rng.random((6, 3)) + 0.1
    asked = encode(V, W, n_iter=9).divergence[4] * 1.0001
    assert len(encode(V, W, n_iter=9, epsilon=asked).objective) == 5


def test_free_bases_go_on_from_those_that_are_given(model, rng):
    settings = model.settings.replace(num_basis_free=2, max_iter_test=1)
    V = rng.random((model.W.shape[0], 30)).astype(np.float32)
    one, other = (
        encode_mixture(model, V, settings, W_free=start).W_free
        for start in (free_start(len(V), 2), free_start(len(V), 2)[::-1] ** 4)
    )
    assert np.abs(one - other).max() > 0.01


def test_frames_with_an_empty_bin_are_trained_on():
    beep = np.tile(np.array([0.5, -0.5], np.float32), 500)  # at half the sampling rate alone
    settings = SMALL.replace(window="boxcar")
    one, two = (training_spectrogram([x], settings, "noise") for x in (beep, hiss(1, 3000)))
    assert not one.all()
    both = training_spectrogram([beep, hiss(1, 3000)], settings, "noise")
    assert both.shape[1] == one.shape[1] + two.shape[1]


def test_a_transform_is_that_of_the_settings_by_default():
    stft, settings = Stft(), Settings()
    assert (stft.fft, stft.win_size, stft.hop) == (512, 256, 64)
    assert (settings.fft, settings.win_size, settings.hop) == (512, 256, 64)


@pytest.mark.parametrize("scale", ["relative", "raw"])
def test_free_bases_have_an_exponential_prior_of_their_share_of_speech(model, scale):
    settings = model.settings.replace(num_basis_free=2, penalty=0.5, penalty_scale=scale)
    prior, penalty = scaled_prior(model, settings, 7.0)
    np.testing.assert_array_equal(prior.shape[-2:], 1.0)
    level = model.speech.row_means.sum() / 2
    if scale == "raw":
        assert penalty == 0.5
    else:
        assert penalty == 0.5 * 7.0
        rows = [source.row_means / source.rms for source in (model.speech, model.noise)]
        level *= 7.0 / model.speech.rms / np.concatenate([*rows, [rows[0].sum() / 2] * 2]).mean()
    np.testing.assert_allclose(prior.scale[-2:], level, rtol=1e-6)


@pytest.mark.parametrize("context", [1, 2, 3, 4])
def test_frames_are_stacked_between_zeros_and_added_up_again(rng, context):
    V = rng.random((3, 6)).astype(np.float32)
    lead = (context - 1) // 2
    padded = np.pad(V, ((0, 0), (lead, context - 1 - lead)))
    stacks = np.concatenate([padded[:, i : i + 6] for i in range(context)])
    np.testing.assert_array_equal(stacked(V, context), stacks)
    places = [sum(0 <= t - s + lead < context for s in range(6)) for t in range(6)]
    found = summed(stacked(V, context).T, context).T
    np.testing.assert_allclose(found, V * np.array(places), rtol=1e-6)


def test_the_divergence_of_an_exact_fit_is_nearly_0(rng):
    W, H = rng.random((3, 2)), rng.random((2, 10))
    found = train_nmf(W @ H, 2, init=(W, H), n_iter=3)
    assert 0 <= found.divergence.min() <= found.divergence.max() < 1e-4


def test_silent_frames_of_training_are_at_the_floor_of_the_others(rng):
    V = rng.random((3, 30))
    V[:, 10:] = 0.0
    found = train_nmf(V, 2, n_iter=3)
    np.testing.assert_allclose(found.H[:, 10:], FLOOR * V.sum() / 10, rtol=1e-5)


def test_random_starts_are_those_of_the_seed():
    sums, W = np.array([3.0, 6.0]), np.full((3, 40), 0.5)
    H = nmf_encoding.encoding_start(sums, W, "random", 5)
    random = np.random.default_rng(5).random((2, 40), dtype=np.float32)
    np.testing.assert_allclose(H, 2 * random * (sums / 60)[:, None], rtol=1e-6)
    Wt, Ht = nmf_training.training_start(np.ones((7, 3), np.float32), 4, None, 5, 3.0)
    assert Wt.dtype == Ht.dtype == np.float32
    rng = np.random.default_rng(5)
    expected = rng.random((4, 3), dtype=np.float32)
    np.testing.assert_allclose(Wt, expected / expected.sum(axis=1)[:, None], rtol=1e-6)
    np.testing.assert_allclose(Ht, rng.random((7, 4), dtype=np.float32) * 1.5, rtol=1e-6)


@pytest.mark.parametrize("unit", [0.0, -1.0])
def test_a_unit_is_above_0(model, unit):
    with pytest.raises(NmflabError, match="unit"):
        separate(model, voice(2, 2000), unit=unit)


def test_from_a_part_of_a_recording_no_offset_is_taken(model):
    x = voice(2, 2000) + np.float32(0.3)
    found = separate(model, x, unit=1.0)
    stft = Stft.from_settings(model.settings)
    np.testing.assert_array_equal(found.mixture, stft.analyse(x))
    assert not np.allclose(separate(model, x).mixture, stft.analyse(x), atol=0.1)


def test_a_dictionary_without_bases_has_priors_without_rows():
    empty = train_dictionary([], 0, SMALL)
    assert empty.prior("NMF") is None
    for mode in VARIANTS:
        prior = empty.prior(mode)
        assert prior is None or prior.scale.shape == prior.shape.shape == (0,)
    assert empty.prior("NMF_g") is not None


@pytest.mark.parametrize("scale", ["relative", "raw"])
def test_an_epsilon_of_a_mixture_counts_in_the_unit_of_its_penalty(model, scale):
    V = np.abs(training_spectrogram([voice(2, 3000) + hiss(3, 3000)], model.settings, "speech"))
    unit = {"relative": mean_activation(V, 5), "raw": 1.0}[scale]
    settings = model.settings.replace(
        epsilon=0.0, penalty=0.0, penalty_scale=scale, max_iter_test=20, solver="plain"
    )
    whole = encode_mixture(model, V, settings, trace=True).divergence
    between = np.sqrt(whole[9] * whole[10]) / unit
    found = encode_mixture(model, V, settings.replace(epsilon=between), trace=True)
    assert len(found.divergence) == 11


def test_a_mixture_of_one_frame_is_encoded_and_one_of_none_refused(model):
    V = np.ones((model.W.shape[0], 1), np.float32)
    assert encode_mixture(model, V, model.settings).H.shape == (5, 1)
    with pytest.raises(NmflabError, match="V has the shape"):
        encode_mixture(model, V[:, :0], model.settings)


def test_a_variant_that_is_none_is_refused_by_a_dictionary(model):
    with pytest.raises(NmflabError, match="nmf_mode"):
        model.speech.prior("NMF_x")


def test_too_few_frames_are_told_in_seconds():
    settings = SMALL.replace(num_basis_speech=500)
    seconds = (
        training_spectrogram([voice(0, 3000)], settings, "speech").shape[1] * SMALL.hop / 16000
    )
    with pytest.raises(NmflabError, match=rf"\({seconds:.1f} s\)"):
        train_dictionary([voice(0, 3000)], 500, settings)


def test_silent_frames_count_in_no_mean_activation():
    V = np.array([[1.0, 0.0, 2.0], [3.0, 0.0, 4.0], [1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    assert mean_activation(V, 5) == pytest.approx(12 / 2 / 5)
    assert mean_activation(np.zeros((4, 3)), 5) == 1.0


def test_silent_frames_are_left_out_of_training():
    x = np.concatenate([voice(0, 1000), np.zeros(1000, np.float32)])
    V = training_spectrogram([x], SMALL, "speech")
    assert V.any(axis=0).all()
    assert V.shape[1] < len(x) / SMALL.hop - 5


def test_a_gain_of_float64_is_float32_too():
    assert wiener_gain(np.array([3.0]), np.array([1.0])).dtype == np.float32


def test_frames_are_split_for_two_threads_and_for_the_cache():
    sizes = {
        T: [part.stop - part.start for part in nmf_encoding.encoding_blocks(T)]
        for T in (100, 129, 1000, 5000)
    }
    assert sizes[100] == [100]
    assert [len(parts) for parts in sizes.values()] == [1, 2, 2, 8]
    assert max(map(max, sizes.values())) <= nmf_encoding.ENCODING_FRAMES
