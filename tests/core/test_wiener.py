"""The gain is exact at every level and power, and is never NaN."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nmflab.core.wiener import gain_from_log_ratio, log_ratio, wiener_gain
from nmflab.errors import NmflabError

# float32 holds log S − log N, at most 138 here, to 8e-6; the gain's slope in it is p/4
levels = st.one_of(st.just(0.0), st.floats(1e-30, 1e30))
powers = st.floats(0.01, 100)


def tolerance(S, N, p):
    with np.errstate(divide="ignore", invalid="ignore"):
        L = np.abs(np.log(S) - np.log(N))
    return 1e-6 + p / 4 * 1.2e-7 * (L if np.isfinite(L) else 0.0)


@given(S=levels, N=levels, p=powers)
@example(S=0.0, N=0.0, p=2.0)
@example(S=1e30, N=1e-30, p=100.0)
@example(S=1e-30, N=1e30, p=100.0)
@example(S=0.0, N=1e-30, p=0.01)
def test_the_gain_is_a_number_from_0_to_1(S, N, p):
    G = wiener_gain(np.array([S]), np.array([N]), p=p)
    assert G.dtype == np.float32
    assert 0.0 <= G[0] <= 1.0


@given(S=levels, N=levels, p=powers)
def test_the_gains_of_speech_and_noise_add_up_to_1(S, N, p):
    G, rest = wiener_gain(np.array([S]), np.array([N]), p=p), wiener_gain([N], [S], p=p)
    assert G[0] + rest[0] == pytest.approx(1.0, abs=2e-7)


@given(S=st.floats(1e-3, 1e3), N=st.floats(1e-3, 1e3), p=powers)
def test_the_gain_is_the_ratio_of_the_powers(S, N, p):
    G = wiener_gain(np.array([S]), np.array([N]), p=p)
    expected = 1 / (1 + (np.longdouble(N) / S) ** p)
    assert abs(G[0] - expected) <= tolerance(S, N, p)


@given(S=levels, more=st.floats(1.0, 1e6), N=levels, p=powers)
def test_more_speech_never_lowers_the_gain(S, more, N, p):
    G = wiener_gain(np.array([S, S * more]), np.array([N, N]), p=p)
    assert G[1] >= G[0]


@given(S=levels, N=levels, p=powers, level=st.floats(1e-4, 1e4))
def test_the_gain_is_free_of_the_level(S, N, p, level):
    G = wiener_gain(np.array([S, S * level]), np.array([N, N * level]), p=p)
    assert abs(G[1] - G[0]) <= 2 * tolerance(S, N, p)


def test_a_small_gain_keeps_its_relative_accuracy():
    G = wiener_gain([1e-8], [1.0], p=2.0)
    assert G[0] == pytest.approx(1e-16, rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16, np.int64])
def test_nothing_against_nothing_is_one_half_in_every_dtype(dtype):
    S, N = np.array([0, 0, 3, 1], dtype=dtype), np.array([0, 2, 0, 1], dtype=dtype)
    assert wiener_gain(S, N).tolist() == [0.5, 0.0, 1.0, 0.5]


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 4), (2, 3, 4)])
def test_any_shape_will_do(shape):
    G = wiener_gain(np.full(shape, 3.0), np.ones(shape))
    assert G.shape == shape
    np.testing.assert_allclose(G, 0.9, atol=1e-7)


@pytest.mark.parametrize(
    ("p", "expected"),
    [(1e-300, [0, 1, 0.5, 0.5]), (1e-45, [0, 1, 0.5, 0.5]), (1e39, [0, 1, 0.5, 1])],
)
def test_a_power_beyond_float32_gives_the_limit_of_the_gain(p, expected):
    G = wiener_gain([0.0, 1.0, 1.0, 2.0], [1.0, 0.0, 1.0, 1.0], p=p)
    np.testing.assert_allclose(G, expected, atol=1e-7)


@pytest.mark.parametrize("p", [0.0, -1.0, np.nan, np.inf])
def test_a_power_that_is_not_above_0_is_refused(p):
    with pytest.raises(NmflabError, match=r"^p .*power of the Wiener gain"):
        wiener_gain([1.0], [1.0], p=p)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["S", "N"])
def test_a_magnitude_that_is_none_is_refused_by_name(name, bad):
    magnitudes = {"S": [1.0, 1.0], "N": [1.0, 1.0]} | {name: [1.0, bad]}
    with pytest.raises(NmflabError, match=f"^{name} must hold"):
        wiener_gain(**magnitudes)


@pytest.mark.parametrize("bad", [["loud"], [None], [1j]])
def test_what_is_not_a_real_number_is_refused_by_name(bad):
    with pytest.raises(NmflabError, match=r"^N holds .* but must hold real numbers"):
        wiener_gain([1.0], bad)


def test_two_shapes_are_refused():
    with pytest.raises(NmflabError, match=r"^S and N must have one shape"):
        wiener_gain(np.ones((2, 3)), np.ones((3, 2)))


def test_a_kept_log_ratio_gives_the_same_gain_for_every_power(rng):
    S, N = rng.random((2, 5, 7), dtype=np.float32)
    L = log_ratio(S, N)
    for p in (0.5, 1.0, 2.0, 7.3):
        assert np.array_equal(gain_from_log_ratio(L, p=p), wiener_gain(S, N, p=p))


def test_nothing_that_is_passed_is_changed(rng):
    S, N = rng.random((2, 5, 7), dtype=np.float32)
    L = log_ratio(S, N)
    for array in (S, N, L):
        array.flags.writeable = False
    wiener_gain(S, N)
    gain_from_log_ratio(L)
