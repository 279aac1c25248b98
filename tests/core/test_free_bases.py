"""Free bases learnt on the mixture, and the context of frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmflab import Settings, encode, kl_divergence, separate, train_model
from nmflab.core.context import stacked, summed
from nmflab.core.nmf_free import encode_free, free_start
from nmflab.core.pipeline import encode_mixture, speech_log_ratio
from nmflab.errors import NmflabError
from nmflab.priors.distributions import Prior
from tests.support.doors import SMALL, hiss, voice

TRAINED = SMALL.replace(epsilon=0.0, num_basis_free=2)


def places(num_frames, context):
    """Count the stacks that each frame stands in."""
    lead = (context - 1) // 2
    stacks = np.arange(num_frames) - lead
    frames = np.arange(num_frames)[:, None]
    return np.sum((stacks <= frames) & (frames < stacks + context), axis=1)


def problem(seed, F=12, T=30, K=4, K_free=2):
    rng = np.random.default_rng(seed)
    V = rng.gamma(0.5, size=(F, T)).astype(np.float32)
    W, W_free = (
        (W / W.sum(axis=0)).astype(np.float32)
        for W in (rng.random((F, K)) + 1e-3, rng.random((F, K_free)) + 1e-3)
    )
    return V, W, W_free, rng


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    level=st.sampled_from([1e-4, 1.0, 1e4]),
    shape=st.sampled_from([None, 1.0, 0.4, 2.5]),
    penalty=st.sampled_from([0.0, 0.05, 1.0, 20.0]),
)
def test_the_penalised_objective_never_rises_while_bases_are_learnt(seed, level, shape, penalty):
    V, W, W_free, rng = problem(seed)
    V *= np.float32(level)
    K = W.shape[1] + W_free.shape[1]
    unit = float(V.sum()) / V.shape[1] / K
    prior = None
    if shape is not None:
        prior = Prior(scale=unit * rng.gamma(2.0, size=K), shape=np.full(K, shape))
    found = encode_free(V, W, W_free, prior=prior, penalty=penalty * unit, n_iter=25, trace=True)
    scale = float(np.abs(found.objective).max()) + float(V.sum())
    assert np.all(np.diff(found.objective) <= 2e-6 * scale)


def test_the_objective_is_that_of_its_factors():
    V, W, W_free, rng = problem(1)
    K = 6
    prior = Prior(scale=rng.gamma(2.0, size=K), shape=np.full(K, 0.5))
    found = encode_free(V, W, W_free, prior=prior, penalty=0.3, n_iter=7, trace=True)
    whole = np.concatenate([W, found.W_free], axis=1).astype(np.float64)
    assert found.divergence[-1] == pytest.approx(kl_divergence(V, whole @ found.H), rel=1e-5)
    assert found.objective[-1] - found.divergence[-1] == pytest.approx(
        0.3 * prior.penalty(found.H), rel=1e-4
    )


def test_learnt_bases_sum_to_one_and_fixed_ones_stay():
    V, W, W_free, _ = problem(2)
    kept = W.copy()
    found = encode_free(V, W, W_free, prior=None, penalty=0.0, n_iter=20)
    np.testing.assert_allclose(found.W_free.sum(axis=0), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(W, kept)
    assert not np.allclose(found.W_free, W_free, rtol=0.1)


def test_a_noise_that_was_never_trained_is_found():
    rng = np.random.default_rng(3)
    W = np.zeros((20, 3), np.float32)
    W[:10] = rng.random((10, 3)) + 0.01
    W /= W.sum(axis=0)
    noise = np.zeros(20)
    noise[8:] = rng.random(12) + 0.2
    noise /= noise.sum()
    H = rng.gamma(0.3, size=(3, 200))
    V = (W @ H + np.outer(noise, 1 + 0.3 * rng.random(200))).astype(np.float32)
    found = encode_free(V, W, free_start(len(V), 1), prior=None, penalty=0.0, n_iter=300)
    assert kl_divergence(noise, found.W_free[:, 0]) < 0.02


@pytest.mark.parametrize("workers", ["1", "2"])
def test_workers_change_no_byte_of_what_is_learnt(workers, monkeypatch):
    V, W, W_free, _ = problem(4, T=900)
    alone = encode_free(V, W, W_free, prior=None, penalty=0.0, n_iter=4)
    monkeypatch.setenv("OMP_NUM_THREADS", workers)
    found = encode_free(V, W, W_free, prior=None, penalty=0.0, n_iter=4)
    np.testing.assert_array_equal(alone.H, found.H)
    np.testing.assert_array_equal(alone.W_free, found.W_free)


@pytest.mark.parametrize("context", [1, 2, 3, 5])
def test_a_stack_holds_a_frame_and_its_neighbours(context):
    V = np.arange(1, 13, dtype=np.float32).reshape(3, 4)  # (F, T)
    stack, lead = stacked(V, context), (context - 1) // 2
    for t in range(4):
        for j in range(context):
            s = t - lead + j
            expected = V[:, s] if 0 <= s < 4 else np.zeros(3)
            np.testing.assert_array_equal(stack[3 * j : 3 * j + 3, t], expected)
    means = summed(stack.T, context) / places(4, context)[:, None]
    np.testing.assert_allclose(means.T, V)


def test_stacks_are_a_view():
    V = np.ones((100, 1000), np.float32)
    stack = stacked(V, 8)
    assert stack.shape == (800, 1000)
    assert stack.base is not None
    first, last = np.lib.array_utils.byte_bounds(stack)
    assert last - first < 1.1 * V.nbytes


def test_encoding_of_stacks_is_that_of_their_copy():
    V, W, _, rng = problem(5)
    stack = stacked(V, 3)
    W = rng.random((36, 4))
    views, copies = encode(stack, W, n_iter=5), encode(np.ascontiguousarray(stack), W, n_iter=5)
    np.testing.assert_array_equal(views.H, copies.H)


@pytest.fixture(scope="module")
def model():
    return train_model([voice(0), voice(1)], [hiss(2)], TRAINED)


@pytest.fixture(scope="module")
def pieces():
    return train_model([voice(0), voice(1)], [], TRAINED.replace(context=3, num_basis_noise=0))


@pytest.mark.parametrize("variant", ["NMF", "NMF_g", "NMF_e"])
@pytest.mark.parametrize("scale", ["relative", "raw"])
def test_every_variant_learns_free_bases_beside_trained_ones(model, variant, scale):
    settings = TRAINED.replace(nmf_mode=variant, penalty_scale=scale)
    found = separate(model, voice(3) + hiss(4), settings)
    K_S, K_N = settings.num_basis_speech, settings.num_basis_noise
    assert found.H.shape[0] == K_S + K_N + 2
    assert found.W_free.shape == (settings.num_bins, 2)
    np.testing.assert_allclose(found.speech + found.noise, voice(3) + hiss(4), atol=1e-6)


@pytest.mark.parametrize("level", [1e-3, 100.0])
def test_level_changes_nothing_in_the_gain_of_free_bases(pieces, level):
    mixture = voice(3) + hiss(4)
    gains = [separate(pieces, x * mixture).gain for x in (1.0, np.float32(level))]
    np.testing.assert_allclose(gains[0], gains[1], atol=2e-3)


def test_a_model_with_a_context_and_no_noise_is_saved_and_read_back(pieces, tmp_path):
    from nmflab import load_model

    read = load_model(pieces.save(tmp_path / "pieces.nmf.npz"))
    assert read.context == 3
    assert read.noise.W.shape[1] == 0
    mixture = voice(3) + hiss(4)
    np.testing.assert_array_equal(separate(pieces, mixture).speech, separate(read, mixture).speech)


def test_the_ratio_is_that_of_the_mean_models(pieces):
    V = np.abs(np.random.default_rng(0).normal(size=(TRAINED.num_bins, 40))).astype(np.float32)
    encoding = encode_mixture(pieces, V, pieces.settings)
    K = pieces.speech.W.shape[1]
    models = []
    for W, H in ((pieces.speech.W, encoding.H[:K]), (encoding.W_free, encoding.H[K:])):
        models.append(summed((W @ H).T, 3).T / places(40, 3))
    np.testing.assert_allclose(
        speech_log_ratio(pieces, encoding), np.log(models[0] / models[1]), atol=1e-4
    )


@pytest.mark.parametrize("keep", [0.0, 6.0, 20.0])
def test_noise_is_pushed_down_by_keep_at_most(pieces, keep):
    mixture = voice(3) + hiss(4)
    none, some = (
        separate(pieces, mixture, TRAINED.replace(keep=k, num_basis_noise=0)).gain
        for k in (100.0, keep)
    )
    kept = 10 ** (-keep / 20)
    np.testing.assert_allclose(some, none + (1 - none) * kept, atol=1e-6)


def test_a_noise_without_any_basis_is_refused():
    with pytest.raises(NmflabError, match="num_basis_noise is 0 and so is num_basis_free"):
        Settings(num_basis_noise=0)
