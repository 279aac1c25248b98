"""The updates do what the mathematics says: never uphill, never NaN, and as others compute them.

All that is float32 inside is compared with float64 written down here from the formulas; a
tolerance of 1e-6 of the sum of the terms is the rounding of float32 (6e-8) over some hundred terms.
"""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import kl_div

import nmflab as nl
from nmflab.core import nmf_encoding as nmf_encoding
from nmflab.core import nmf_steps as nmf_steps
from nmflab.core import nmf_training as nmf_training
from nmflab.core.nmf import encode, kl_divergence, train_nmf
from nmflab.core.nmf_encoding import ENCODING_FRAMES, UpdateRule
from nmflab.core.nmf_training import TRAINING_FRAMES
from nmflab.core.stft import Stft
from nmflab.core.wiener import wiener_gain
from nmflab.errors import NmflabError
from nmflab.priors.distributions import ExponentialPrior, GammaPrior, Prior, joined
from nmflab.system import threads as threads

ROUNDING = 1e-6
SOLVERS = ("plain", "accelerated")

seeds = st.integers(0, 999)
shapes = st.floats(0.05, 20)
penalties = st.one_of(st.just(0.0), st.floats(1e-4, 10))
levels = st.sampled_from([1e-3, 1.0, 1e3])


def problem(seed, F=9, T=14, K=4, level=1.0):
    """Give a V with silent entries and a W, both as float32 holds them, and the generator."""
    rng = np.random.default_rng(seed)
    V = level * rng.gamma(0.5, 1.0, (F, T)) * (rng.random((F, T)) > 0.1)
    V[rng.integers(F), rng.integers(T)] = level
    W = rng.gamma(0.3, 1.0, (F, K)) + 1e-6
    return V.astype(np.float32), (W / W.sum(axis=0)).astype(np.float32), rng


def gamma_prior(rng, shape, K=4, level=1.0):
    spread = rng.uniform(0.5, 2.0, (2, K))
    return GammaPrior(shape=shape * spread[0], scale=level * spread[1])


def exponential_prior(rng, K=4, level=1.0):
    return ExponentialPrior(shape=np.ones(K), scale=level * rng.uniform(0.2, 5.0, K))


def objective(V, W, H, prior=None, penalty=0.0):
    """D + λΣφ in float64, and the sum of its terms' magnitudes, which rounding is relative to."""
    W, H = W.astype(np.float64), H.astype(np.float64)
    value, terms = kl_divergence(V, W @ H), 2 * V.sum(dtype=np.float64)
    if prior is not None:
        value += penalty * prior.penalty(H)
        logarithms = np.abs(1 - prior.shape)[:, None] * np.abs(np.log(H))
        terms += penalty * ((H / prior.scale[:, None]) + logarithms).sum()
    return value, terms


def assert_never_rises(values, terms):
    rises = np.diff(values)
    assert len(values) > 1
    assert (rises <= ROUNDING * np.max(terms)).all()


# The divergence


entries = st.one_of(st.just(0.0), st.floats(1e-30, 1e30))


@given(v=entries, v_hat=entries)
def test_the_divergence_is_never_negative_and_never_nan(v, v_hat):
    D = kl_divergence([v], [v_hat])
    assert D >= 0
    assert (np.inf == D) == (v > 0 and v_hat == 0)


@given(seed=seeds)
def test_the_divergence_agrees_with_scipy(seed):
    V, V_hat = np.random.default_rng(seed).gamma(0.3, 1.0, (2, 7, 5))
    V[0] = 0.0
    assert kl_divergence(V, V_hat) == pytest.approx(kl_div(V, V_hat).sum(), rel=1e-12)


@pytest.mark.parametrize(
    ("v", "v_hat", "expected"),
    [
        (0.0, 0.0, 0.0),
        (0.0, 3.0, 3.0),
        (2.0, 2.0, 0.0),
        (2.0, 0.0, np.inf),
        (1.0, np.e, np.e - 2.0),
        (1e-200, 1e200, 1e200),
        (1e-320, 1.0, 1.0),
    ],
)
def test_the_divergence_of_one_entry_is_the_formula(v, v_hat, expected):
    assert kl_divergence(v, v_hat) == pytest.approx(expected)
    assert kl_divergence([[v, 0.0]], [[v_hat, 0.0]]) == pytest.approx(expected)


def test_the_divergence_of_a_matrix_from_itself_is_0(rng):
    V = rng.random((50, 40)).astype(np.float32)
    assert kl_divergence(V, V) == 0.0


@given(seed=seeds, factor=st.floats(1e-4, 1e4))
def test_the_divergence_grows_with_the_level(seed, factor):
    V, V_hat = np.random.default_rng(seed).gamma(0.5, 1.0, (2, 6, 5))
    louder = kl_divergence(factor * V, factor * V_hat)
    assert louder == pytest.approx(factor * kl_divergence(V, V_hat), rel=1e-9)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["V", "V_hat"])
def test_the_divergence_refuses_what_is_no_magnitude_by_name(name, bad):
    with pytest.raises(NmflabError, match=f"^{name} "):
        kl_divergence(**({"V": [1.0], "V_hat": [1.0]} | {name: [bad]}))


def test_the_divergence_refuses_two_shapes():
    with pytest.raises(NmflabError, match=r"^V and V_hat must have one shape"):
        kl_divergence(np.ones((2, 3)), np.ones(3))


# Training


@settings(max_examples=25)
@given(seed=seeds, solver=st.sampled_from(SOLVERS), level=levels)
def test_the_divergence_never_rises_in_training(seed, solver, level):
    V, _, _ = problem(seed, level=level)
    terms = 2 * V.sum(dtype=np.float64)
    measured = []
    for n in range(2, 17):
        found = train_nmf(V, 4, n_iter=n, solver=solver, seed=seed)
        assert_never_rises(found.divergence, terms)  # the last is of W and H as they are returned
        measured.append(objective(V, found.W, found.H)[0])
        assert found.divergence[-1] == pytest.approx(measured[-1], abs=ROUNDING * terms)
    # What the accelerated solver would end at it doesn't know, only D where it looks ahead.
    if solver == "plain":
        assert_never_rises(measured, terms)


@settings(max_examples=25)
@given(seed=seeds, solver=st.sampled_from(SOLVERS), level=levels, n=st.integers(1, 30))
def test_bases_sum_to_1_and_activations_are_finite_and_at_least_0(seed, solver, level, n):
    V, _, _ = problem(seed, level=level)
    V[:, 3] = V[2] = 0.0  # digital silence in a frame, and nothing at all in a bin
    found = train_nmf(V, 4, n_iter=n, solver=solver, seed=seed)
    np.testing.assert_allclose(found.W.sum(axis=0), 1.0, atol=1e-5)
    assert (found.W >= 0).all()
    assert (found.H >= 0).all()
    assert np.isfinite(found.H).all()
    assert np.isfinite(found.divergence).all()
    assert found.W.dtype == found.H.dtype == np.float32
    assert found.divergence.shape == (n,)


@pytest.mark.parametrize("solver", SOLVERS)
def test_training_keeps_the_energy_of_each_recording(rng, solver):
    """At a stationary point of the updates ΣWH is ΣV, and nearly so long before."""
    V = rng.gamma(0.5, 1.0, (20, 60))
    found = train_nmf(V, 5, n_iter=50, solver=solver)
    assert found.H.sum() == pytest.approx(V.sum(), rel=1e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_training_finds_a_planted_factorisation(rng, solver):
    W = np.kron(np.eye(4), rng.random((6, 1)) + 0.2)
    H = rng.gamma(0.5, 1.0, (4, 80))
    found = train_nmf(W @ H, 4, n_iter=300, solver=solver, seed=3)
    assert found.divergence[-1] < 1e-3 * (W @ H).sum()
    order = found.W.reshape(4, 6, 4).sum(axis=1).argmax(axis=1)
    assert sorted(order) == [0, 1, 2, 3]
    np.testing.assert_allclose(found.W[:, order], W / W.sum(axis=0), atol=0.02)


def test_a_longer_training_goes_through_the_same_iterations(rng):
    V = rng.random((10, 30))
    short, long = (train_nmf(V, 3, n_iter=n) for n in (5, 12))
    np.testing.assert_allclose(long.divergence[:5], short.divergence, atol=ROUNDING * V.sum())


def test_training_stops_soon_after_the_divergence_fell_below_epsilon(rng):
    V = rng.random((10, 30))
    full = train_nmf(V, 3, n_iter=40)
    epsilon = full.divergence[10:12].mean()
    stopped = train_nmf(V, 3, n_iter=40, epsilon=epsilon)
    n = len(stopped.divergence)
    assert n in (12, 13)  # "once it has been seen below": it is seen in the next iteration
    assert np.array_equal(stopped.H, train_nmf(V, 3, n_iter=n).H)
    np.testing.assert_allclose(stopped.divergence, full.divergence[:n], rtol=1e-6)
    assert len(train_nmf(V, 3, n_iter=7, epsilon=0.0).divergence) == 7


def test_accelerated_training_stops_at_epsilon_too(rng):
    V = rng.random((10, 30))
    full = train_nmf(V, 3, n_iter=60, solver="accelerated")
    stopped = train_nmf(V, 3, n_iter=60, solver="accelerated", epsilon=full.divergence[20])
    assert 20 <= len(stopped.divergence) <= 23
    assert stopped.divergence[-1] <= full.divergence[20]


def test_a_lengthened_step_of_h_never_raises_what_bounds_the_divergence():
    """What it is at M h, M − G log M of h, is at most what it is at h itself."""
    G = np.logspace(-12, 6, 2000, dtype=np.float32)[:, None]
    one, T, scratch = np.ones_like(G), np.empty_like(G), np.empty_like(G)
    M = nmf_training._lengthened(G.copy(), one, T, scratch).astype(np.float64)
    assert (M > 0).all()
    assert (M - G * np.log(M) <= 1 + 1e-6).all()
    assert (np.abs(np.log(M)) >= np.abs(np.log(G)) - 1e-6).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_training_without_a_trace_gives_the_same_factors_to_the_bit_and_no_values(solver):
    V, _, _ = problem(3)
    options = {"n_iter": 7, "solver": solver}
    traced, bare = (train_nmf(V, 3, **options, trace=trace) for trace in (True, False))
    assert np.array_equal(bare.W, traced.W)
    assert np.array_equal(bare.H, traced.H)
    assert (len(traced.divergence), len(bare.divergence)) == (7, 0)


@pytest.mark.parametrize("start", ["random", "flat", "H"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_an_objective_is_the_same_to_the_bit_traced_or_computed_when_it_is_read(solver, start):
    V, W, rng = problem(3, T=ENCODING_FRAMES + 9)
    V[:, 5] = 0
    init = rng.random((4, V.shape[1])) if start == "H" else start
    for prior, update in (
        (None, "mm"),
        (gamma_prior(rng, 0.3), "mu"),
        (exponential_prior(rng), "mm"),
    ):
        options = {"prior": prior, "penalty": 0.2, "update": update, "solver": solver, "seed": 4}
        traced, bare = (
            encode(V, W, **options, init=init, n_iter=7, trace=trace) for trace in (True, False)
        )
        assert np.array_equal(bare.H, traced.H)
        again = pickle.loads(pickle.dumps(bare))
        for name in ("objective", "divergence"):
            values = getattr(traced, name)
            assert len(values) == 7
            assert values.tobytes() == getattr(bare, name).tobytes()
            assert values.tobytes() == getattr(again, name).tobytes()
            assert getattr(bare, name) is getattr(bare, name)


@pytest.mark.parametrize("changed", ["V", "W", "init", "H"])
def test_an_objective_whose_data_were_changed_says_so_unless_it_was_traced(changed):
    for trace in (True, False):
        V, W, rng = problem(3)
        init = rng.random((4, V.shape[1]))
        found = encode(V, W, init=init, n_iter=3, trace=trace)
        for array in (V, W, init, found.H):
            array.flags.writeable = True
        {"V": V, "W": W, "init": init, "H": found.H}[changed][2] *= 1.5
        if trace:
            assert len(found.objective) == 3
        else:
            with pytest.raises(
                NmflabError, match="can't be computed any more, for V, W, init or H"
            ):
                _ = found.objective


@settings(max_examples=80)
@given(
    seed=seeds,
    share=st.one_of(st.floats(-0.1, 1.1), st.floats(-9, 0).map(lambda x: 10**x)),
    fit=st.sampled_from(["close", "loose"]),
    solver=st.sampled_from(SOLVERS),
    penalty=st.sampled_from([0.0, 0.3]),
    n_iter=st.sampled_from([1, 2, 20]),
)
def test_an_epsilon_ends_encoding_at_the_same_h_whether_or_not_it_is_traced(
    seed, share, fit, solver, penalty, n_iter
):
    V, W, rng = problem(seed)
    V = W @ rng.gamma(0.3, 1.0, (4, 14)).astype(np.float32) if fit == "close" else V
    options = {"prior": gamma_prior(rng, 0.3), "penalty": penalty, "solver": solver}
    highest = encode(V, W, **options, n_iter=1, epsilon=1e-30).divergence[0]
    traced, bare = (
        encode(V, W, **options, n_iter=n_iter, epsilon=share * highest, trace=trace)
        for trace in (True, False)
    )
    assert traced.H.tobytes() == bare.H.tobytes()
    assert traced.objective.tobytes() == bare.objective.tobytes()


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_few_frames_show_that_a_small_epsilon_is_not_reached(solver, monkeypatch):
    """And no logarithm of V/WH is taken; but where they fit closely, they show nothing."""
    V, W, _ = problem(3, F=30, T=2 * ENCODING_FRAMES + 5)
    measured, measure = [], nmf_encoding.EncodingBlock.measure

    def counted(self, H):
        measured.append(len(H))
        return measure(self, H)

    monkeypatch.setattr(nmf_encoding.EncodingBlock, "measure", counted)
    encode(V, W, solver=solver, epsilon=1e-5 * V.sum())
    assert not measured
    V[:, ::9] = 2 * V.sum(axis=0).max() * W.sum(axis=1, keepdims=True)  # what a flat start fits
    found = encode(V, W, solver=solver, epsilon=1e-5 * V.sum())
    assert sum(measured) == 30 * V.shape[1]
    assert len(found.objective) == 30


def test_without_a_trace_epsilon_still_ends_the_work():
    V, W, _ = problem(3)
    epsilon = train_nmf(V, 3, n_iter=9).divergence[4]
    traced, bare = (
        train_nmf(V, 3, n_iter=9, epsilon=epsilon, trace=trace) for trace in (True, False)
    )
    assert np.array_equal(bare.W, traced.W)
    epsilon = encode(V, W, n_iter=9).divergence[4]
    traced, bare = (encode(V, W, n_iter=9, epsilon=epsilon, trace=t) for t in (True, False))
    assert len(traced.objective) < 9
    assert np.array_equal(bare.H, traced.H)


@pytest.mark.parametrize("seed", range(5))
def test_where_looking_ahead_makes_it_worse_training_goes_back_to_plain_steps(monkeypatch, seed):
    V, _, rng = problem(seed, T=4 * TRAINING_FRAMES)
    far = rng.random((4, 9)) ** 20
    looks = []

    def elsewhere(W, ratio, momentum, *, out):
        looks.append(momentum)
        np.copyto(out, far if momentum > 0.8 else W)

    monkeypatch.setattr(nmf_training, "extrapolate", elsewhere)
    found = train_nmf(V, 4, n_iter=25, solver="accelerated")
    assert_never_rises(found.divergence, 2 * V.sum(dtype=np.float64))
    assert len(found.divergence) == 25
    assert max(looks) > 0.8
    assert looks.count(max(looks)) == 1  # not again after it was seen to be worse
    assert objective(V, found.W, found.H)[0] == pytest.approx(found.divergence[-1], rel=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
def test_training_keeps_no_other_matrix_of_the_size_of_h(rng, solver):
    V, _, _ = problem(0, T=60_000)
    V = np.asfortranarray(np.maximum(V, np.float32(1e-6)))
    tracemalloc.start()
    H = train_nmf(V, 16, n_iter=3, solver=solver).H
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.6 * H.nbytes


def test_training_that_begins_anew_keeps_no_h_of_its_first_try(monkeypatch, rng):
    V, _, _ = problem(0, T=60_000)
    V = np.asfortranarray(np.maximum(V, np.float32(1e-6)))
    far, looks = rng.random((16, 9)) ** 20, []

    def elsewhere(W, ratio, momentum, *, out):
        looks.append(momentum)
        np.copyto(out, far)

    monkeypatch.setattr(nmf_training, "extrapolate", elsewhere)
    tracemalloc.start()
    found = train_nmf(V, 16, n_iter=4, solver="accelerated")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(looks) == 1  # it was seen to be worse
    assert len(found.divergence) == 4
    assert peak < 1.6 * found.H.nbytes


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_seed_gives_one_factorisation_to_the_byte_and_another_seed_another(rng, solver):
    V = rng.random((10, 2 * TRAINING_FRAMES + 5))
    first, again = (train_nmf(V, 3, n_iter=5, seed=1, solver=solver) for _ in range(2))
    other = train_nmf(V, 3, n_iter=5, seed=2, solver=solver)
    for name in ("W", "H", "divergence"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
        assert getattr(first, name).tobytes() != getattr(other, name).tobytes()


@pytest.mark.parametrize("T", [1, 2, 3, 5, TRAINING_FRAMES, TRAINING_FRAMES + 1, 4099])
def test_training_is_that_of_the_textbook_however_many_blocks_there_are(rng, T):
    V = rng.gamma(0.5, 1.0, (6, T))
    W, H = rng.random((6, 1)), rng.random((1, T))
    found = train_nmf(V, 1, n_iter=3, init=(W, H))
    expected_W, expected_H = textbook_training(V, W, H, 3)
    np.testing.assert_allclose(found.W, expected_W, rtol=1e-4)
    np.testing.assert_allclose(found.H, expected_H, rtol=1e-4)


@pytest.mark.parametrize("change", [np.float64, np.float32, "F", "strided", "list"])
def test_training_does_not_depend_on_dtype_or_memory_order(rng, change):
    V = rng.random((10, 40), dtype=np.float32)
    given_as = {
        "F": np.asfortranarray(V),
        "strided": np.repeat(V, 2, axis=0)[::2],
        "list": V.tolist(),
    }
    expected = train_nmf(V, 3, n_iter=10)
    found = train_nmf(given_as[change] if change in given_as else V.astype(change), 3, n_iter=10)
    np.testing.assert_allclose(found.H, expected.H, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.W, expected.W, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_training_changes_nothing_that_is_passed(rng, solver):
    V, W, H = (rng.random(s, dtype=np.float32) for s in ((10, 40), (10, 3), (3, 40)))
    for order in ("C", "F"):
        arrays = [np.array(a, order=order) for a in (V, W, H)]
        before = [a.copy() for a in arrays]
        for a in arrays:
            a.flags.writeable = False
        train_nmf(arrays[0], 3, n_iter=3, solver=solver, init=tuple(arrays[1:]))
        assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))


def test_training_tells_its_progress_and_an_error_in_it_ends_it(rng):
    V, seen = rng.random((10, 40)), []
    train_nmf(V, 3, n_iter=4, progress=lambda *done: seen.append(done))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]

    def cancel(done, total):
        seen.append(done)
        raise InterruptedError

    seen.clear()
    with pytest.raises(InterruptedError):
        train_nmf(V, 3, n_iter=4, progress=cancel)
    assert seen == [1]


# Encoding


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("penalty", "update"), [(0.0, "mm"), (0.5, "mm"), (20.0, "mm"), (0.5, "mu")]
)
def test_encoding_ends_at_the_first_h_below_epsilon(solver, penalty, update):
    for seed in range(20):
        V, W, rng = problem(seed)
        prior = gamma_prior(rng, 0.3) if update == "mu" else exponential_prior(rng)
        options = {"prior": prior, "penalty": penalty, "update": update, "solver": solver}
        ends = [encode(V, W, n_iter=n, **options).divergence[-1] for n in range(1, 13)]
        epsilon = (min(ends) + max(ends)) / 2
        found = encode(V, W, n_iter=12, epsilon=epsilon, **options)
        np.testing.assert_allclose(found.divergence, ends[: len(found.divergence)], rtol=1e-6)
        assert len(found.divergence) == 1 + int(np.argmax(np.array(ends) < epsilon))


@pytest.mark.parametrize("order", "CF")
def test_the_bases_lie_one_after_another_whatever_the_memory_order_of_w(order):
    _, W, _ = problem(4)
    rule = UpdateRule.of(W.copy(order), None, 0.0, "mm", 1.0)
    assert rule.Wt.flags.c_contiguous
    assert rule.W_over_den.flags.c_contiguous


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_prior_of_a_huge_scale_leaves_all_finite(solver):
    """λ/b is 0, but λ(1 − a) is not, and takes the second basis, which V lacks, below 0."""
    V, W = 1e-12 * np.array([[1.0] * 9, [0.0] * 9]), np.eye(2)
    prior = GammaPrior(shape=np.full(2, 0.5), scale=np.full(2, 1e308))
    found = encode(V, W, prior=prior, penalty=1e-17, solver=solver, epsilon=-np.inf)
    assert np.isfinite(found.H).all()
    assert (found.H > 0).all()
    assert np.isfinite(found.objective).all()


@pytest.mark.filterwarnings("error")
def test_accelerated_training_bears_a_start_that_lacks_a_band(rng):
    V = rng.random((9, 40), dtype=np.float32)
    W, H = rng.random((9, 3)), rng.random((3, 40))
    W[4] = 0
    found = train_nmf(V, 3, n_iter=20, init=(W, H), solver="accelerated")
    assert np.isfinite(found.W).all()
    assert np.isfinite(found.H).all()
    assert_never_rises(found.divergence, 2 * V.sum(dtype=np.float64))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("penalty", [0.0, 1e3])
def test_silent_frames_and_bands_without_a_basis_leave_all_finite(rng, solver, penalty):
    """WH would fall to 0 there, as float32 knows nothing below 1e-45."""
    V = rng.random((12, 40), dtype=np.float32)
    V[:, 10:20] = 0
    V[8:] = 0
    V[:, 30:35] *= 1e-7
    W = rng.random((12, 5), dtype=np.float32)
    W[8:] = 0
    prior = ExponentialPrior(shape=np.ones(5), scale=np.full(5, 1e-3))
    for level in (1e-12, 1.0, 1e10):
        found = encode(level * V, W, prior=prior, penalty=penalty, n_iter=30, solver=solver)
        assert np.isfinite(found.H).all()
        assert np.isfinite(found.objective).all()
        assert_never_rises(found.objective, np.abs(found.objective))
        if not penalty:
            V_hat = W.astype(np.float64) @ found.H
            assert V_hat.sum() == pytest.approx(level * V.sum(), rel=1e-3)


@settings(max_examples=40)
@given(seed=seeds, solver=st.sampled_from(SOLVERS), level=levels, start=st.booleans())
def test_the_divergence_never_rises_in_plain_encoding(seed, solver, level, start):
    V, W, _ = problem(seed, level=level)
    never_rises_in_encoding(V, W, solver=solver, init="random" if start else None)


@settings(max_examples=60)
@given(seed=seeds, shape=shapes, penalty=penalties, solver=st.sampled_from(SOLVERS), level=levels)
@example(seed=0, shape=0.05, penalty=1.0, solver="accelerated", level=1.0)
@example(seed=0, shape=0.5, penalty=10.0, solver="accelerated", level=1.0)
@example(seed=0, shape=20.0, penalty=10.0, solver="accelerated", level=1e3)
def test_the_penalised_objective_never_rises_under_mm(seed, shape, penalty, solver, level):
    V, W, rng = problem(seed, level=level)
    for prior in (gamma_prior(rng, shape, level=level), exponential_prior(rng, level=level)):
        never_rises_in_encoding(V, W, solver=solver, prior=prior, penalty=penalty)


def never_rises_in_encoding(V, W, prior=None, penalty=0.0, **options):
    """Look at the trace, and measure H after each number of iterations anew."""
    options |= {"prior": prior, "penalty": penalty, "epsilon": -np.inf}
    found = encode(V, W, n_iter=25, **options)
    measured = []
    for n in range(1, 13):
        encoding = encode(V, W, n_iter=n, **options)
        measured.append(objective(V, W, encoding.H, prior, penalty))
        value, terms = measured[-1]
        assert encoding.objective[-1] == pytest.approx(value, abs=ROUNDING * terms)
    values, terms = np.transpose(measured)
    assert_never_rises(values, terms)
    assert_never_rises(found.objective, terms)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("level", [1e-6, 1e-7, 1e-8])
def test_a_quiet_frame_gets_no_worse_with_more_iterations_nor_depends_on_others(solver, level):
    """Many activations at ε are as much as such a frame is."""
    rng = np.random.default_rng(0)
    W, V = rng.random((40, 80)) ** 8, rng.random((40, 17)) ** 6
    V[:, 0] *= level
    other = V.copy()
    other[:, 5] *= 1e-15
    other[:, 6] += V[:, 5] - other[:, 5]  # the mean stays as it is, and ε with it
    ends = []
    for n in range(1, 40):
        H, same = (encode(X, W, n_iter=n, solver=solver).H[:, [0]] for X in (V, other))
        if n <= 10:  # rounding grows
            np.testing.assert_allclose(same, H, atol=1e-4 * H.max())
        ends.append(objective(V[:, [0]], W, H))
    values, terms = np.transpose(ends)
    assert_never_rises(values, terms)


@settings(max_examples=30)
@given(seed=seeds, shape=st.one_of(st.none(), shapes), penalty=penalties)
def test_no_frame_gets_worse_with_more_accelerated_iterations_under_mm(seed, shape, penalty):
    V, W, rng = problem(seed)
    prior = exponential_prior(rng) if shape is None else gamma_prior(rng, shape)
    options = {"prior": prior, "penalty": penalty, "solver": "accelerated", "trace": False}
    ends = []
    for n in range(1, 16):
        H = encode(V, W, n_iter=n, **options).H
        ends.append([objective(V[:, [t]], W, H[:, [t]], prior, penalty) for t in range(V.shape[1])])
    values, terms = np.moveaxis(ends, -1, 0)
    assert (np.diff(values, axis=0) <= ROUNDING * (terms.max(axis=0) + V.mean())).all()


def test_accelerated_encoding_looks_ahead_and_where_that_is_uphill_keeps_what_it_had(monkeypatch):
    V, W, rng = problem(0, T=40)
    far, looks = rng.random((40, 4), dtype=np.float32) ** 20, []
    uphill = np.arange(40) % 3 == 0

    def elsewhere(H, ratio, momentum, *, out):
        looks.append(momentum)
        np.copyto(out, np.where(uphill[:, None] & (momentum == 0.6), far, H))

    monkeypatch.setattr(nmf_encoding, "extrapolate", elsewhere)
    found = encode(V, W, n_iter=5, solver="accelerated")
    assert looks == [0, 1 / 3, 1 / 2, 3 / 5, 2 / 3]
    H, four, five = found.H, encode(V, W, n_iter=4), encode(V, W, n_iter=5)
    np.testing.assert_allclose(H[:, ~uphill], five.H[:, ~uphill], rtol=1e-5)
    np.testing.assert_allclose(H[:, uphill], four.H[:, uphill], rtol=1e-5)
    assert_never_rises(found.objective, V.sum())
    assert five.objective[3] < found.objective[3] < found.objective[2]


def test_the_trace_is_the_objective_after_each_iteration(rng):
    V, W, rng = problem(1)
    for prior, penalty in ((None, 0.0), (gamma_prior(rng, 0.4), 0.5), (exponential_prior(rng), 2)):
        full = encode(V, W, prior=prior, penalty=penalty, n_iter=8, epsilon=-np.inf)
        for n in range(1, 9):
            part = encode(V, W, prior=prior, penalty=penalty, n_iter=n, epsilon=-np.inf)
            assert np.array_equal(part.objective, full.objective[:n])
            value, terms = objective(V, W, part.H, prior, penalty)
            assert full.objective[n - 1] == pytest.approx(value, abs=ROUNDING * terms)


@settings(max_examples=60)
@given(
    seed=seeds,
    shape=st.one_of(shapes, st.floats(1e-6, 1e6)),
    penalty=st.one_of(penalties, st.floats(0, 1e4)),
    update=st.sampled_from(["mm", "mu"]),
    solver=st.sampled_from(SOLVERS),
    level=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_activations_are_finite_and_at_least_0_for_any_prior(
    seed, shape, penalty, update, solver, level
):
    V, W, rng = problem(seed)
    V[:, 3] = V[2] = 0.0
    prior = gamma_prior(rng, shape, level=level)
    found = encode(V, W, prior=prior, penalty=penalty, n_iter=10, update=update, solver=solver)
    assert np.isfinite(found.H).all()
    assert (found.H >= 0).all()
    assert np.isfinite(found.objective).all()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("update", ["mm", "mu"])
@pytest.mark.parametrize("shape", [None, 0.05, 1.0, 20.0])
def test_a_silent_mixture_gives_no_nan(rng, solver, update, shape):
    W = rng.random((8, 4))
    prior = shape and gamma_prior(rng, shape)
    found = encode(np.zeros((8, 5)), W, prior=prior, penalty=0.5, update=update, solver=solver)
    assert np.isfinite(found.H).all()
    assert (found.H >= 0).all()
    assert np.isfinite(found.objective).all()


@settings(max_examples=30)
@given(seed=seeds, penalty=penalties, solver=st.sampled_from(SOLVERS))
def test_the_two_rules_are_one_for_an_exponential_prior_to_the_bit(seed, penalty, solver):
    V, W, rng = problem(seed)
    options = {"prior": exponential_prior(rng), "penalty": penalty, "solver": solver}
    mm, mu = (encode(V, W, update=update, n_iter=10, **options) for update in ("mm", "mu"))
    assert np.array_equal(mm.H, mu.H)
    assert np.array_equal(mm.objective, mu.objective)


@settings(max_examples=30)
@given(seed=seeds, penalty=penalties)
def test_a_gamma_prior_of_shape_1_is_the_exponential_to_the_bit(seed, penalty):
    V, W, rng = problem(seed)
    exponential = exponential_prior(rng)
    gamma = GammaPrior(shape=np.ones(4), scale=exponential.scale)
    for update in ("mm", "mu"):
        a, b = (encode(V, W, prior=p, penalty=penalty, update=update) for p in (exponential, gamma))
        assert np.array_equal(a.H, b.H)


@settings(max_examples=40)
@given(seed=seeds, shape=shapes, penalty=st.floats(1e-3, 10))
def test_the_multiplicative_rule_is_the_formula_of_the_paper_above_its_guard(seed, shape, penalty):
    V, W, rng = problem(seed)
    prior, H = gamma_prior(rng, shape), rng.gamma(1.0, 1.0, (4, 14))
    found = encode(
        V, W, prior=prior, penalty=penalty, n_iter=1, update="mu", init=H, epsilon=-np.inf
    )
    W = W.astype(np.float64)
    numerator = H * (W.T @ (V / (W @ H)))
    denominator = W.sum(axis=0)[:, None] + penalty * prior.derivative(H)
    guard = 0.1 * (W.sum(axis=0) + penalty / prior.scale)[:, None]
    expected = numerator / np.maximum(denominator, guard)
    near_the_guard = np.abs(denominator / guard - 1) < 1e-3
    np.testing.assert_allclose(
        found.H[~near_the_guard], expected[~near_the_guard], rtol=1e-4, atol=1e-10
    )
    above = denominator > guard
    assert (expected[above] == (numerator / denominator)[above]).all()


@settings(max_examples=40)
@given(seed=seeds, shape=shapes, penalty=st.floats(1e-3, 10))
def test_the_majorise_minimise_rule_is_its_formula(seed, shape, penalty):
    V, W, rng = problem(seed)
    prior, H = gamma_prior(rng, shape), rng.gamma(1.0, 1.0, (4, 14))
    found = encode(V, W, prior=prior, penalty=penalty, n_iter=1, init=H, epsilon=-np.inf)
    expected = textbook_step(V, W.astype(np.float64), H, prior, penalty)
    np.testing.assert_allclose(found.H, expected, rtol=1e-3, atol=1e-5 * H.max() * (1 + penalty))


@settings(max_examples=20)
@given(seed=seeds, solver=st.sampled_from(SOLVERS), update=st.sampled_from(["mm", "mu"]))
def test_no_penalty_is_plain_nmf_to_the_bit(seed, solver, update):
    V, W, rng = problem(seed)
    plain = encode(V, W, solver=solver, update=update, n_iter=10)
    for prior in (gamma_prior(rng, 0.3), exponential_prior(rng)):
        found = encode(V, W, prior=prior, penalty=0.0, solver=solver, update=update, n_iter=10)
        assert np.array_equal(found.H, plain.H)
        assert np.array_equal(found.objective, plain.objective)


def test_a_penalty_without_a_prior_is_plain_nmf_to_the_bit():
    V, W, _ = problem(0)
    assert np.array_equal(encode(V, W, penalty=3.0).H, encode(V, W).H)


def test_encoding_stops_at_the_first_iteration_below_epsilon(rng):
    V, W, _ = problem(2, T=2 * ENCODING_FRAMES)
    full = encode(V, W, n_iter=30)
    for n in (1, 2, 10, 29):
        epsilon = full.objective[n - 1] * (1 + 1e-9)
        stopped, same = encode(V, W, n_iter=30, epsilon=epsilon), encode(V, W, n_iter=n)
        assert len(stopped.objective) == n
        assert stopped.H.tobytes() == same.H.tobytes()
        assert stopped.objective.tobytes() == full.objective[:n].tobytes()
    assert len(encode(V, W, n_iter=30, epsilon=full.objective[-1]).objective) == 30


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", [0.05, 0.5, 5.0])
def test_an_epsilon_of_0_never_stops_early_though_a_gamma_penalty_is_negative(rng, solver, shape):
    V, W, rng = problem(3)
    prior = gamma_prior(rng, shape, level=1e-6 if shape > 1 else 1.0)
    found = encode(V, W, prior=prior, penalty=1.0, n_iter=30, epsilon=0.0, solver=solver)
    assert len(found.objective) == 30


@pytest.mark.parametrize("shape", [0.3, 1.0, 4.0])
def test_epsilon_is_compared_with_the_divergence_whatever_the_penalty(shape):
    V, W, rng = problem(9, T=2 * ENCODING_FRAMES)
    options = {"prior": gamma_prior(rng, shape), "penalty": 0.3}
    full = encode(V, W, n_iter=20, **options)
    for n in (1, 5, 20):
        H = encode(V, W, n_iter=n, **options).H
        D, terms = objective(V, W, H)
        assert full.divergence[n - 1] == pytest.approx(D, abs=ROUNDING * terms)
    epsilon = full.divergence[:6].min() * (1 + 1e-9)
    first = int(np.flatnonzero(full.divergence < epsilon)[0]) + 1
    stopped = encode(V, W, n_iter=20, epsilon=epsilon, **options)
    assert len(stopped.divergence) == len(stopped.objective) == first
    assert np.array_equal(stopped.H, encode(V, W, n_iter=first, **options).H)


def test_an_epsilon_of_0_never_stops_early_at_an_exact_fit():
    W = np.eye(3)
    assert len(encode(W @ np.ones((3, 4)), W, n_iter=20).objective) == 20


@pytest.mark.parametrize("T", [1, 2, 7, ENCODING_FRAMES, ENCODING_FRAMES + 1, 1030])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", [None, 0.5, 2.0])
def test_frames_are_encoded_as_if_each_were_alone(T, solver, shape):
    """Only the floor of H, at 1e-12 of the mean level, knows of the other frames."""
    V, W, rng = problem(4, T=T)
    prior = gamma_prior(rng, shape) if shape else None
    options = {"n_iter": 8, "solver": solver, "prior": prior, "penalty": 0.1}
    H = encode(V, W, **options).H
    assert H.shape == (4, T)
    for t in {0, T // 2, T - 1}:
        alone = encode(V[:, [t]], W, **options).H
        np.testing.assert_allclose(H[:, [t]], alone, rtol=1e-4, atol=1e-7 * V.sum() / T)


@settings(max_examples=20)
@given(seed=seeds, scale=st.floats(1e-3, 1e3))
def test_louder_bases_have_softer_activations(seed, scale):
    V, W, _ = problem(seed)
    H, scaled = encode(V, W, n_iter=10).H, encode(V, scale * W, n_iter=10).H
    np.testing.assert_allclose(scaled * scale, H, rtol=1e-3, atol=1e-6)


@settings(max_examples=20)
@given(seed=seeds, shape=shapes, exponent=st.integers(-13, 13), solver=st.sampled_from(SOLVERS))
def test_a_louder_v_with_its_prior_and_penalty_has_louder_activations_to_the_bit(
    seed, shape, exponent, solver
):
    factor = 2.0**exponent
    V, W, rng = problem(seed)
    prior = gamma_prior(rng, shape)
    options = {"n_iter": 10, "solver": solver, "epsilon": -np.inf}
    H = encode(V, W, prior=prior, penalty=0.3, **options).H
    louder = encode(factor * V, W, prior=prior.stretched(factor), penalty=0.3 * factor, **options).H
    assert np.array_equal(louder, factor * H)


@pytest.mark.parametrize("change", [np.float64, np.float32, "F", "strided", "list"])
def test_encoding_does_not_depend_on_dtype_or_memory_order(rng, change):
    V, W = rng.random((10, 40), dtype=np.float32), rng.random((10, 3), dtype=np.float32)
    ways = {
        "F": np.asfortranarray,
        "strided": lambda a: np.repeat(a, 2, axis=0)[::2],
        "list": lambda a: a.tolist(),
    }
    way = ways.get(change, lambda a: a.astype(change))
    found = encode(way(V), way(W), n_iter=10)
    np.testing.assert_allclose(found.H, encode(V, W, n_iter=10).H, rtol=1e-4, atol=1e-6)


def test_whole_numbers_are_magnitudes_too():
    V, W = np.arange(1, 13).reshape(4, 3), np.eye(4, dtype=int)
    np.testing.assert_allclose(encode(V, W, n_iter=5).H, V, rtol=1e-5)


@pytest.mark.parametrize("solver", SOLVERS)
def test_encoding_changes_nothing_that_is_passed(rng, solver):
    V, W, H = (rng.random(s, dtype=np.float32) for s in ((10, 40), (10, 4), (4, 40)))
    prior = gamma_prior(rng, 0.4)
    for order in ("C", "F"):
        arrays = [np.array(a, order=order) for a in (V, W, H, prior.shape, prior.scale)]
        before = [a.copy() for a in arrays]
        for a in arrays:
            a.flags.writeable = False
        V_, W_, H_, shape, scale = arrays
        frozen = GammaPrior(shape=shape, scale=scale)
        encode(V_, W_, prior=frozen, penalty=0.1, init=H_, solver=solver, n_iter=3)
        assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_flat_start_is_that_of_equal_activations_whatever_the_scales_of_the_bases(rng, solver):
    """Where ε is above the equal share of a frame, it isn't flat any more."""
    V, W, _ = problem(5)
    V[:, :3] *= np.float32(1e-14)
    for scales in (np.ones(4), 10.0 ** np.array([-11, -6, 0, 11])):
        H = np.repeat(V.sum(axis=0)[None] / (W * scales).sum(), 4, axis=0)
        found, same = (encode(V, W * scales, solver=solver, init=init) for init in (None, H))
        np.testing.assert_allclose(found.objective, same.objective, rtol=1e-5)
        assert_never_rises(found.objective, V.sum())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_largest_start_and_bases_that_are_let_in_leave_all_finite(solver):
    V, W = np.ones((3, 5)), np.zeros((3, 64))
    W[0] = 1e12
    W[1:] = 1e-6
    found = encode(V, W, init=np.full((64, 5), 1e20), n_iter=5, solver=solver)
    assert np.isfinite(found.H).all()
    assert np.isfinite(found.objective).all()


def test_a_seed_counts_for_a_random_start_only():
    V, W, _ = problem(5)
    flat = [encode(V, W, seed=seed).H.tobytes() for seed in (0, 1)]
    drawn = [encode(V, W, seed=seed, init="random").H.tobytes() for seed in (0, 0, 1)]
    assert flat[0] == flat[1]
    assert drawn[0] == drawn[1]
    assert drawn[1] != drawn[2]


def test_encoding_goes_on_from_where_it_was():
    V, W, _ = problem(6)
    half = encode(V, W, n_iter=6)
    rest = encode(V, W, n_iter=6, init=half.H)
    whole = encode(V, W, n_iter=12)
    np.testing.assert_allclose(rest.H, whole.H, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(rest.objective, whole.objective[6:], rtol=1e-6)


def test_encoding_tells_its_progress_by_blocks(rng):
    V, W, _ = problem(7, T=4 * ENCODING_FRAMES)
    seen = []
    encode(V, W, n_iter=2, progress=lambda *done: seen.append(done))
    assert seen == [(n, len(seen)) for n in range(1, len(seen) + 1)]
    assert len(seen) >= 4


# Against others


def textbook_step(V, W, H, prior=None, penalty=0.0, update="mm"):
    """Update H once in float64, straight from the formulas."""
    floor = 1e-12 * V.sum() / V.shape[1]
    numerator = H * (W.T @ (V / (W @ H)))
    denominator = W.sum(axis=0)[:, None]
    if prior is None or penalty == 0:
        return np.maximum(numerator / denominator, floor)
    linear = denominator + penalty / prior.scale[:, None]
    if update == "mm":
        return np.maximum((numerator + penalty * (prior.shape[:, None] - 1)) / linear, floor)
    guarded = np.maximum(denominator + penalty * prior.derivative(H), 0.1 * linear)
    return np.maximum(numerator / guarded, floor)


def textbook_acceleration(V, W, H, n_iter, prior=None, penalty=0.0, update="mm"):
    """Iterate on H in float64 as the accelerated solver says it does."""
    den, logarithmic = W.sum(axis=0)[:, None], 0.0
    if prior is not None and penalty > 0:
        den = den + penalty / prior.scale[:, None]
        logarithmic = penalty * (1 - prior.shape[:, None])
    P = np.ones_like(H)
    for i in range(n_iter):
        a = min(i / (i + 2), 0.9)
        c = (1 - a) / (1 + a)
        Q = np.maximum(H * (P + c) / (c * P + 1), 1e-12 * V.sum() / V.shape[1])
        slope = den - W.T @ (V / (W @ Q))
        rise = (slope * (Q - H) + logarithmic * np.log(Q / H)).sum(axis=0)
        new = textbook_step(V, W, Q, prior, penalty, update)
        gain = (den * (new * np.log(new / Q) - new + Q)).sum(axis=0)
        kept = (rise > 0) & (rise > gain)
        P = np.where(kept, 1.0, Q / H * (new / Q) ** 2)
        H = np.where(kept, H, new)
    return H


def textbook_training(V, W, H, n_iter):
    """Lee and Seung (2001) in float64."""
    for _ in range(n_iter):
        H = textbook_step(V, W, H)
        W = W * ((V / (W @ H)) @ H.T) / H.sum(axis=1)
    return W / W.sum(axis=0), H * W.sum(axis=0)[:, None]


def magnitudes_of(samples):
    return np.abs(Stft().analyse(samples[:32000]))


@pytest.fixture(scope="module")
def real():
    """Two seconds each of speech, noise and their mixture, and bases trained on them apart."""
    try:
        corpus = nl.load_corpus()
    except NmflabError as missing:
        pytest.skip(str(missing))
    speech, noise = corpus.train_speech[0], corpus.train_noise[0]
    mixture = nl.mix_at_snr(corpus.test_speech[0], corpus.test_noise[0], 0.0).mixture
    trained = [train_nmf(magnitudes_of(x), 32, n_iter=30) for x in (speech, noise)]
    return magnitudes_of(speech), magnitudes_of(mixture), trained


def joint(trained, kind):
    """Join the bases of speech and noise, and their priors where there are any."""
    W = np.concatenate([source.W for source in trained], axis=1)
    fit = {"NMF": None, "NMF_g": GammaPrior.fit, "NMF_e": ExponentialPrior.fit}[kind]
    return W, fit and joined([fit(source.H) for source in trained])


def assert_gains_agree(W, *activations):
    """To 0.05 dB at the 99th percentile, the first 32 bases being speech."""
    ours, theirs = (wiener_gain(W[:, :32] @ H[:32], W[:, 32:] @ H[32:]) for H in activations)
    difference = np.abs(20 * np.log10(np.maximum(ours, 1e-4) / np.maximum(theirs, 1e-4)))
    assert np.percentile(difference, 99) < 0.05


@pytest.mark.parametrize("update", ["mm", "mu"])
@pytest.mark.parametrize("kind", ["NMF", "NMF_g", "NMF_e"])
def test_thirty_iterations_agree_with_float64(real, kind, update):
    """Speech at 0 dB: the gain to 0.05 dB at the 99th percentile, the objective to 0.01 %."""
    _, V, trained = real
    W, prior = joint(trained, kind)
    H = np.full((W.shape[1], V.shape[1]), V.sum() / V.shape[1] / W.shape[1])
    options = {"prior": prior, "penalty": 0.05 * (kind != "NMF"), "update": update}
    found = encode(V, W, init=H, n_iter=30, epsilon=-np.inf, **options)
    W, V = W.astype(np.float64), V.astype(np.float64)
    for _ in range(30):
        H = textbook_step(V, W, H, **options)
    assert_gains_agree(W, found.H, H)
    expected = objective(V, W, H, prior, options["penalty"])[0]
    assert found.objective[-1] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("n_iter", [1, 2, 9, 30])
@pytest.mark.parametrize("update", ["mm", "mu"])
@pytest.mark.parametrize("kind", ["NMF", "NMF_g", "NMF_e"])
def test_accelerated_iterations_agree_with_float64(real, kind, update, n_iter):
    _, V, trained = real
    W, prior = joint(trained, kind)
    H = np.full((W.shape[1], V.shape[1]), V.sum() / V.shape[1] / W.shape[1])
    options = {"n_iter": n_iter, "prior": prior, "update": update}
    options["penalty"] = 0.05 * (kind != "NMF")
    found = encode(V, W, init=H, solver="accelerated", **options)
    H = textbook_acceleration(V.astype(np.float64), W.astype(np.float64), H, **options)
    assert_gains_agree(W, found.H, H)
    expected = objective(V, W, H, prior, options["penalty"])[0]
    assert found.objective[-1] == pytest.approx(expected, rel=1e-4)


def test_training_agrees_with_float64(real):
    V, _, _ = real
    rng = np.random.default_rng(0)
    W, H = rng.random((257, 16)) + 0.1, rng.random((16, V.shape[1])) + 0.1
    found = train_nmf(V, 16, n_iter=30, init=(W, H))
    W, H = textbook_training(V.astype(np.float64), W, H, 30)
    assert found.divergence[-1] == pytest.approx(kl_divergence(V, W @ H), rel=1e-4)
    ours, theirs = (wiener_gain(w[:, :8] @ h[:8], w[:, 8:] @ h[8:])
                    for w, h in ((found.W, found.H), (W, H)))  # fmt: skip
    difference = np.abs(20 * np.log10(np.maximum(ours, 1e-4) / np.maximum(theirs, 1e-4)))
    assert np.percentile(difference, 99) < 0.05


def test_encoding_agrees_with_scikit_learn_after_50_iterations(rng):
    decomposition = pytest.importorskip("sklearn.decomposition")
    V, W, _ = problem(8, F=40, T=60, K=8)
    V = V.astype(np.float64) + 0.01
    start = np.full((8, 60), np.sqrt(V.mean() / 8))  # where scikit-learn starts
    theirs, _, _ = decomposition.non_negative_factorization(
        V.T,
        H=W.T.astype(np.float64),
        n_components=8,
        update_H=False,
        solver="mu",
        beta_loss="kullback-leibler",
        tol=0,
        max_iter=50,
    )
    ours = encode(V, W, n_iter=50, init=start).H
    np.testing.assert_allclose(ours, theirs.T, rtol=1e-4, atol=1e-4 * theirs.mean())


@pytest.mark.filterwarnings("ignore:Maximum number of iterations")
def test_training_agrees_with_scikit_learn_after_50_iterations(rng):
    """Fed with Vᵀ, scikit-learn's "W first" is our "H first"."""
    decomposition = pytest.importorskip("sklearn.decomposition")
    V = rng.gamma(0.5, 1.0, (40, 60)) + 0.01
    W, H = rng.random((40, 8)) + 0.1, rng.random((8, 60)) + 0.1
    model = decomposition.NMF(
        8, init="custom", solver="mu", beta_loss="kullback-leibler", tol=0, max_iter=50
    )
    theirs_H = model.fit_transform(V.T, W=H.T.copy(), H=W.T.copy()).T
    theirs_W = model.components_.T
    ours = train_nmf(V, 8, n_iter=50, init=(W, H))
    sums = theirs_W.sum(axis=0)
    np.testing.assert_allclose(ours.W, theirs_W / sums, rtol=1e-4, atol=1e-4 / 40)
    np.testing.assert_allclose(
        ours.H, theirs_H * sums[:, None], rtol=1e-4, atol=1e-4 * V.sum() / 480
    )
    np.testing.assert_allclose(ours.W @ ours.H, theirs_W @ theirs_H, rtol=1e-4)


def test_accelerated_encoding_is_where_plain_is_after_30_iterations_within_9(real):
    _, V, trained = real
    W = np.concatenate([source.W for source in trained], axis=1)
    plain = encode(V, W, n_iter=30).objective[-1]
    H = encode(V, W, n_iter=9, solver="accelerated").H
    assert kl_divergence(V, W.astype(np.float64) @ H) <= plain


def test_accelerated_training_is_where_plain_is_after_60_iterations_within_30(real):
    V, _, _ = real
    plain, fast = (
        train_nmf(V, 16, n_iter=n, solver=solver)
        for n, solver in ((60, "plain"), (30, "accelerated"))
    )
    assert kl_divergence(V, fast.W.astype(np.float64) @ fast.H) <= plain.divergence[-1]


# Bad input


BAD_V = [
    (np.ones(5), "^V must be a matrix"),
    (np.ones((2, 3, 4)), "^V must be a matrix"),
    (np.ones((0, 4)), "^V must be a matrix"),
    (np.ones((4, 0)), "^V must be a matrix"),
    (np.full((4, 6), -1.0), "^V must hold finite values"),
    (np.full((4, 6), np.nan), "^V must hold finite values"),
    (np.full((4, 6), np.inf), "^V must hold finite values"),
    (np.full((4, 6), 1j), "^V holds complex"),
    (np.full((4, 6), "a"), "^V holds"),
    (np.full((4, 6), 1e-13), "^V has a mean frame sum of 4e-13, beyond what float32 can work with"),
    (np.full((4, 6), 1e30), "^V has a mean frame sum"),
]


@pytest.mark.parametrize(("V", "message"), BAD_V)
def test_a_v_that_is_none_is_refused_in_one_sentence(V, message):
    for work in (lambda: train_nmf(V, 1), lambda: encode(V, np.ones((4, 2)))):
        with pytest.raises(NmflabError, match=message) as refused:
            work()
        assert "\n" not in str(refused.value)


def test_training_on_silence_is_refused():
    with pytest.raises(NmflabError, match=r"^V "):
        train_nmf(np.zeros((4, 6)), 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_bases": 7}, "^n_bases is 7 but must be from 1 to the number of frames, 6"),
        ({"n_bases": 0}, "^n_bases is 0"),
        ({"n_bases": 2.5}, "^n_bases is 2.5"),
        ({"n_iter": 0}, "^n_iter is 0"),
        ({"n_iter": 2.5}, "^n_iter is 2.5"),
        ({"n_iter": 3.0}, "^n_iter is 3.0 but must be a whole number"),
        ({"n_iter": "3"}, "^n_iter is '3' but must be a whole number"),
        ({"n_bases": True}, "^n_bases is True"),
        ({"epsilon": None}, "^epsilon is None but must be a number"),
        ({"n_bases": 2.0}, "^n_bases is 2.0"),
        ({"solver": "fast"}, "^solver is 'fast' but must be plain or accelerated"),
        ({"init": (np.ones((4, 2)), np.full((2, 6), 1e30))}, "^H of init has a value of 1e[+]30"),
        (
            {"init": (np.full((4, 2), 1e20), np.ones((2, 6)))},
            "^W of init has a column sum of 4e[+]20",
        ),
        ({"init": (np.ones((4, 3)), np.ones((2, 6)))}, "^W of init has the shape"),
        ({"init": (np.ones((4, 2)), np.ones((3, 6)))}, "^H of init has the shape"),
        ({"init": (-np.ones((4, 2)), np.ones((2, 6)))}, "^W of init must hold"),
        ({"init": (np.ones((4, 2)), np.full((2, 6), np.nan))}, "^H of init must hold"),
    ],
)
def test_training_refuses_what_it_cannot_use_by_name(options, message):
    with pytest.raises(NmflabError, match=message):
        train_nmf(np.ones((4, 6)), **({"n_bases": 2} | options))


ONES = np.ones(2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"W": np.ones((5, 2))}, r"^W has the shape \(5, 2\) but must be \(4, K\)"),
        ({"W": np.ones((4, 0))}, "^W has the shape"),
        ({"W": np.ones(4)}, "^W has the shape"),
        ({"W": np.array([[1.0, 0.0]] * 4)}, "^W's column 1 is all zeros"),
        ({"W": np.array([[1.0, 1e-20]] * 4)}, "^W has a column sum of 4e-20"),
        ({"W": np.array([[1.0, 1e20]] * 4)}, "^W has a column sum of 4e[+]20"),
        ({"init": np.full((2, 6), 1e40)}, "^init has a value of 1e[+]40"),
        ({"init": [[1.0], [1.0, 2.0]]}, "^init is ragged, or no array at all"),
        ({"epsilon": "x"}, "^epsilon is 'x' but must be a number"),
        ({"penalty": "x"}, "^penalty .λ. is 'x'"),
        ({"prior": "x"}, "^prior is 'x' but must be a GammaPrior or an ExponentialPrior"),
        ({"penalty": np.ones(2)}, "^penalty .λ. is array"),
        ({"W": np.full((4, 2), np.nan)}, "^W must hold finite"),
        ({"n_iter": 0}, "^n_iter is 0"),
        ({"n_iter": 2.5}, "^n_iter is 2.5"),
        ({"solver": "fast"}, "^solver is 'fast'"),
        ({"update": "em"}, "^update is 'em' but must be mm or mu"),
        ({"init": "warm"}, "^init is 'warm' but must be flat or random"),
        ({"init": np.ones((2, 5))}, "^init has the shape"),
        ({"init": -np.ones((2, 6))}, "^init must hold"),
        ({"penalty": -0.1}, "^penalty "),
        ({"penalty": np.nan}, "^penalty "),
        ({"penalty": np.inf}, "^penalty "),
        ({"prior": Prior(shape=np.ones(3), scale=np.ones(3))}, "^prior is one for 3 rows"),
    ],
)
def test_encoding_refuses_what_it_cannot_use_by_name(options, message):
    given_ones = {"W": np.ones((4, 2)), "penalty": 1.0} | options
    with pytest.raises(NmflabError, match=message) as refused:
        encode(np.ones((4, 6)), **given_ones)
    assert "\n" not in str(refused.value)


# Where there is no BLAS


def test_products_go_by_einsum_in_a_browser_alone():
    assert threads.fastest_matmul("emscripten") is threads.matmul_without_blas
    assert threads.fastest_matmul("linux") is threads.matmul is np.matmul


@pytest.mark.parametrize("solver", SOLVERS)
def test_training_and_encoding_are_the_same_without_blas(monkeypatch, solver):
    V, _, _ = problem(3, F=33, T=200)
    before = train_nmf(V, 5, n_iter=8, solver=solver)
    H = encode(V, before.W, n_iter=8, solver=solver).H
    shapes = []

    def counted(A, B, *, out):
        shapes.append((*A.shape, B.shape[1]))
        return threads.matmul_without_blas(A, B, out=out)

    for module in (nmf_steps, nmf_encoding, nmf_training):
        monkeypatch.setattr(module, "matmul", counted)
    found = train_nmf(V, 5, n_iter=8, solver=solver)
    np.testing.assert_allclose(found.W, before.W, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(encode(V, before.W, n_iter=8, solver=solver).H, H, rtol=1e-3)
    assert {(5, 33), (33, 5)} <= {shape[1:] for shape in shapes}
