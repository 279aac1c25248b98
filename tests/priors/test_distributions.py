"""The priors are those of scipy.stats, fitted by maximum likelihood, and finite on any rows."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from nmflab.errors import NmflabError
from nmflab.priors.distributions import ExponentialPrior, GammaPrior, Prior, floored, joined

shapes = st.floats(0.05, 20)
scales = st.floats(1e-4, 1e4)


def drawn(seed, shape, scale, frames=300, rows=1):
    return np.random.default_rng(seed).gamma(shape, scale, (rows, frames))


def fit_of_scipy(row):
    """Maximum likelihood at location 0, polished: its own solver stops at 1e-8 or so of a."""
    a, _, b = scipy.stats.gamma.fit(row, floc=0)
    return a, b


# Fits


@settings(max_examples=30)
@given(seed=st.integers(0, 999), shape=shapes, scale=scales, floor=st.sampled_from([1e-5, 0.1, 1]))
def test_the_gamma_fit_agrees_with_scipy(seed, shape, scale, floor):
    H = drawn(seed, shape, scale, rows=3)
    prior = GammaPrior.fit(H, floor=floor)
    for row, a, b in zip(floored(H, floor), prior.shape, prior.scale, strict=True):
        assert (a, b) == pytest.approx(fit_of_scipy(row), rel=1e-6)


@settings(max_examples=20)
@given(seed=st.integers(0, 999), shape=st.floats(0.3, 20), scale=scales)
def test_the_gamma_fit_without_a_floor_agrees_with_scipy(seed, shape, scale):
    H = drawn(seed, shape, scale)
    prior = GammaPrior.fit(H, floor=0.0)
    assert (prior.shape[0], prior.scale[0]) == pytest.approx(fit_of_scipy(H[0]), rel=1e-6)


@given(seed=st.integers(0, 999), shape=shapes, scale=scales)
def test_the_exponential_fit_agrees_with_scipy(seed, shape, scale):
    H = drawn(seed, shape, scale, rows=3)
    expected = [scipy.stats.expon.fit(row, floc=0)[1] for row in H]
    prior = ExponentialPrior.fit(H)
    np.testing.assert_allclose(prior.scale, expected, rtol=1e-6)
    assert (prior.shape == 1).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_fits_do_not_depend_on_dtype_or_memory_order(rng, dtype, order):
    H = rng.gamma(0.5, 2.0, (4, 2000)).astype(np.float32)
    stored = np.asarray(H, dtype=dtype, order=order)
    for fit in (GammaPrior.fit, ExponentialPrior.fit):
        expected, prior = fit(H.astype(np.float64)), fit(stored)
        np.testing.assert_allclose(prior.shape, expected.shape, rtol=1e-5)
        np.testing.assert_allclose(prior.scale, expected.scale, rtol=1e-5)


def test_the_gamma_fit_recovers_planted_parameters(rng):
    """Within four standard errors of the estimate, 1.1 % to 1.6 % of a with so many frames."""
    T = 20000
    shape = np.array([0.2, 0.5, 1.0, 3.0, 20.0])
    scale = np.array([100.0, 1e-4, 1.0, 2.0, 0.1])
    prior = GammaPrior.fit(rng.gamma(shape[:, None], scale[:, None], (5, T)), floor=0.0)
    information = shape * scipy.special.polygamma(1, shape) - 1
    error_of_shape = np.sqrt(shape / (T * information))
    error_of_scale = scale * np.sqrt(scipy.special.polygamma(1, shape) / (T * information))
    assert (np.abs(prior.shape - shape) < 4 * error_of_shape).all()
    assert (np.abs(prior.scale - scale) < 4 * error_of_scale).all()


def test_the_exponential_fit_recovers_planted_means(rng):
    mean = np.array([1e-4, 1.0, 1e4])
    prior = ExponentialPrior.fit(rng.exponential(mean[:, None], (3, 20000)))
    assert (np.abs(prior.scale - mean) < 4 * mean / np.sqrt(20000)).all()


@settings(max_examples=30)
@given(seed=st.integers(0, 999), shape=shapes, floor=st.sampled_from([0.001, 0.1]))
def test_no_neighbouring_shape_or_scale_is_likelier_than_the_fit(seed, shape, floor):
    H = drawn(seed, shape, 1.0)
    prior = GammaPrior.fit(H, floor=floor)
    best = prior.log_likelihood(H, floor=floor)
    for a, b in [(1.01, 1), (0.99, 1), (1, 1.01), (1, 0.99), (1.01, 0.99), (0.99, 1.01)]:
        other = GammaPrior(shape=prior.shape * a, scale=prior.scale * b)
        assert other.log_likelihood(H, floor=floor) < best


@given(seed=st.integers(0, 999), shape=shapes, level=st.floats(1e-4, 1e4))
def test_a_louder_row_has_the_same_shape_and_a_larger_scale(seed, shape, level):
    H = drawn(seed, shape, 1.0)
    for fit in (GammaPrior.fit, ExponentialPrior.fit):
        quiet, loud = fit(H), fit(level * H)
        np.testing.assert_allclose(loud.shape, quiet.shape, rtol=1e-6)
        np.testing.assert_allclose(loud.scale, level * quiet.scale, rtol=1e-6)
        np.testing.assert_allclose(quiet.stretched(level).scale, level * quiet.scale)
        assert np.array_equal(quiet.stretched(level).shape, quiet.shape)


def test_a_higher_floor_gives_a_larger_shape(rng):
    H = rng.gamma(0.2, 1.0, (1, 1000))
    fitted = [GammaPrior.fit(H, floor=floor).shape[0] for floor in (1e-9, 1e-5, 1e-3, 0.1, 1.0)]
    assert fitted == sorted(fitted)


DEGENERATE = {
    "constant": [[1.0] * 5, [3.0] * 5],
    "constant and tiny": [[1e-30] * 5, [3e-30] * 5],
    "one frame": [[1.0], [2.0]],
    "a row of zeros": [[0.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]],
    "one value among zeros": [[0.0, 0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0, 0.0]],
    "nearly constant": [[1.0, 1.0 + 1e-9], [1.0 - 1e-15, 1.0]],
    "from tiny to huge": [[1e-30, 1e30], [1e-3, 1e3]],
    "one row, one frame": [[2.0]],
}


@pytest.mark.parametrize("rows", DEGENERATE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("floor", [0.0, 1e-5, 0.1, 10.0])
def test_degenerate_rows_give_finite_parameters_above_0(rows, dtype, floor):
    H = np.array(DEGENERATE[rows], dtype=dtype)
    for prior in (GammaPrior.fit(H, floor=floor), ExponentialPrior.fit(H)):
        for parameter in (prior.shape, prior.scale):
            assert parameter.dtype == np.float64
            assert np.isfinite(parameter).all()
            assert (parameter > 0).all()


@pytest.mark.parametrize("rows", DEGENERATE)
def test_the_likelihood_of_degenerate_rows_is_finite(rows):
    H = np.array(DEGENERATE[rows])
    for prior in (GammaPrior.fit(H), ExponentialPrior.fit(H)):
        assert np.isfinite(prior.log_likelihood(H)).all()


def test_the_better_of_two_priors_has_the_greater_likelihood(rng):
    H = rng.gamma(5.0, 1.0, (1, 2000))
    assert GammaPrior.fit(H).log_likelihood(H) > ExponentialPrior.fit(H).log_likelihood(H) + 0.1


# The densities, the penalty and its slope


@given(shape=shapes, scale=scales, x=st.floats(1e-3, 30))
def test_the_density_is_that_of_scipy(shape, scale, x):
    prior = GammaPrior(shape=np.array([shape]), scale=np.array([scale]))
    H = np.array([[x * scale]])
    expected = scipy.stats.gamma(shape, scale=scale)
    assert prior.logpdf(H)[0, 0] == pytest.approx(expected.logpdf(x * scale), rel=1e-9, abs=1e-9)
    assert prior.pdf(H)[0, 0] == pytest.approx(expected.pdf(x * scale), rel=1e-8)


@given(scale=scales, x=st.floats(0, 30))
def test_the_exponential_density_is_that_of_scipy_at_0_too(scale, x):
    prior = ExponentialPrior(shape=np.ones(1), scale=np.array([scale]))
    expected = scipy.stats.expon(scale=scale).pdf(x * scale)
    assert prior.pdf([[x * scale]])[0, 0] == pytest.approx(expected, rel=1e-9)


@given(shape=shapes, scale=scales, share=st.floats(0.001, 0.999))
def test_the_quantile_is_that_of_scipy(shape, scale, share):
    prior = GammaPrior(shape=np.array([shape]), scale=np.array([scale]))
    found = prior.quantile([0.0, share, 1.0])
    assert found.shape == (1, 3)
    assert found[0].tolist() == pytest.approx(
        scipy.stats.gamma(shape, scale=scale).ppf([0.0, share, 1.0]).tolist(), rel=1e-9, abs=1e-300
    )


@given(seed=st.integers(0, 999), shape=shapes, scale=scales)
def test_the_penalty_is_minus_the_log_density_up_to_a_constant(seed, shape, scale):
    prior = GammaPrior(shape=np.array([shape, 1.0]), scale=np.array([scale, 2.0]))
    H, other = np.random.default_rng(seed).uniform(0.1, 5.0, (2, 2, 6)) * scale
    difference = prior.penalty(H) - prior.penalty(other)
    expected = prior.logpdf(other).sum() - prior.logpdf(H).sum()
    assert difference == pytest.approx(expected, rel=1e-9, abs=1e-9 * (1 + scale))


def test_the_penalty_is_the_formula_of_the_paper():
    H = np.array([[1.0, 2.0], [3.0, 4.0]])
    prior = GammaPrior(shape=np.array([0.5, 3.0]), scale=np.array([2.0, 5.0]))
    gamma = 0.5 * np.log(2.0) + 3.0 / 2.0 - 2.0 * np.log(12.0) + 7.0 / 5.0
    assert prior.penalty(H) == pytest.approx(gamma)
    exponential = ExponentialPrior(shape=np.ones(2), scale=np.array([2.0, 5.0]))
    assert exponential.penalty(H) == pytest.approx(3.0 / 2.0 + 7.0 / 5.0)


def test_a_silent_activation_costs_nothing_where_the_shape_is_1():
    exponential = ExponentialPrior(shape=np.ones(1), scale=np.array([2.0]))
    gamma = GammaPrior(shape=np.array([3.0]), scale=np.array([1.0]))
    H = np.array([[0.0, 2.0], [1.0, 1.0]])
    assert exponential.penalty(H[:1]) == 1.0
    assert joined([exponential, gamma]).penalty(H) == pytest.approx(3.0)


@given(shape=shapes, scale=scales, x=st.floats(0.01, 30))
def test_the_derivative_is_the_slope_of_the_penalty(shape, scale, x):
    prior = GammaPrior(shape=np.array([shape]), scale=np.array([scale]))
    h, step = x * scale, 1e-5 * x * scale
    slope = (prior.penalty([[h + step]]) - prior.penalty([[h - step]])) / (2 * step)
    curvature = abs(1 - shape) / h
    error = 1e-9 * curvature + 1e-9 * (1 / scale + curvature * (1 + abs(np.log(h)))) * 100
    assert prior.derivative([[h]])[0, 0] == pytest.approx(slope, abs=error)


def test_joined_priors_keep_the_order_of_their_bases():
    a = ExponentialPrior(shape=np.ones(2), scale=np.array([1.0, 2.0]))
    b = GammaPrior(shape=np.array([0.3]), scale=np.array([5.0]))
    prior = joined([a, b])
    assert type(prior) is Prior
    assert prior.scale.tolist() == [1.0, 2.0, 5.0]
    assert prior.shape.tolist() == [1.0, 1.0, 0.3]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("never", [0.0, 1e-30])
def test_a_basis_that_never_sounded_gets_a_short_exponential(rng, dtype, never):
    H = rng.gamma(0.5, 2.0, (3, 500)).astype(dtype)
    H[1] = never
    gamma, exponential = GammaPrior.fit(H), ExponentialPrior.fit(H)
    assert gamma.shape[1] == 1
    assert 0 < gamma.scale[1] < 1e-8 * gamma.scale[0]
    assert gamma.scale[1] == pytest.approx(exponential.scale[1], rel=0.1)
    assert np.isfinite(1 / gamma.scale.astype(np.float32)).all()


# Bad input


@pytest.mark.parametrize("fit", [GammaPrior.fit, ExponentialPrior.fit])
@pytest.mark.parametrize(
    ("H", "message"),
    [
        (np.zeros((0, 5)), "must be a matrix"),
        (np.zeros((2, 0)), "must be a matrix"),
        (np.ones(5), "must be a matrix"),
        (np.ones((2, 2, 2)), "must be a matrix"),
        (np.zeros((2, 5)), "all zeros"),
        ([[1.0, -1.0]], "negative"),
        ([[1.0, np.nan]], "NaN"),
        ([[1.0, 1j]], "real numbers"),
        ([[1.0, np.inf]], "infinite"),
    ],
)
def test_rows_that_are_none_are_refused(fit, H, message):
    with pytest.raises(NmflabError, match=f"^H .*{message}") as refused:
        fit(H)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("floor", [-0.1, np.nan, np.inf])
def test_a_floor_that_is_none_is_refused(floor):
    with pytest.raises(NmflabError, match=r"^floor is "):
        GammaPrior.fit([[1.0, 2.0]], floor=floor)


@pytest.mark.parametrize(
    ("shape", "scale"),
    [([1, 1], [np.nan, 1]), ([1, 1], [0, 1]), ([1, 1], [-1, 1]), ([-1, 1], [1, 1]),
     ([np.inf, 1], [1, 1]), ([1, 1, 1], [1, 1]), (1, 1), ("a", [1]), ([[1]], [[1]])],
)  # fmt: skip
def test_parameters_that_are_none_are_refused(shape, scale):
    for kind in (Prior, GammaPrior, ExponentialPrior):
        with pytest.raises(NmflabError, match=r"^prior "):
            kind(shape=shape, scale=scale)


def test_nothing_that_is_passed_is_changed(rng):
    H = rng.gamma(0.5, 1.0, (3, 50))
    H.flags.writeable = False
    for prior in (GammaPrior.fit(H), ExponentialPrior.fit(H)):
        prior.scale.flags.writeable = prior.shape.flags.writeable = False
        for work in (prior.penalty, prior.derivative, prior.pdf, prior.log_likelihood):
            work(H)
        prior.quantile([0.5])
        prior.stretched(2.0)
