"""What can't be used is refused by name at the door: signals and rates."""

import numpy as np
import pytest

from nmflab.checks import as_rate, as_signal
from nmflab.errors import NmflabError


@pytest.mark.parametrize(
    ("pcm", "expected"),
    [
        (np.array([-(2**15), 0, 2**14], np.int16), [-1, 0, 0.5]),
        (np.array([-(2**31), 0, 2**30], np.int32), [-1, 0, 0.5]),
        (np.array([0, 128, 192], np.uint8), [-1, 0, 0.5]),
    ],
)
def test_integers_are_taken_for_pcm(pcm, expected):
    np.testing.assert_array_equal(as_signal(pcm), np.array(expected, np.float32))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((5, 2)), r"x has the shape \(5, 2\).*one channel"),
        (3.0, r"x has the shape \(\)"),
        ([], "x is empty"),
        ([0.0, np.nan, np.inf], "x holds NaN or infinity in 2 of 3 samples, first at sample 1"),
        ([0.0, 1e300], "x holds NaN or infinity in 1 of 2"),
        (np.array([1j]), "x is of type complex128"),
        (np.array([True]), "x is of type bool"),
        (np.array([1, 2], np.int64), "x is of type int64"),
        ("speech.wav", "x is of type <U"),
        (None, "x is of type object"),
        ([[1.0], [1.0, 2.0]], "x is ragged"),
    ],
)
def test_unusable_signals_are_named(samples, message):
    with pytest.raises(NmflabError, match=message):
        as_signal(samples, "x")


def test_float32_samples_are_given_back_themselves():
    samples = np.linspace(-2, 2, 9, dtype=np.float32)
    assert as_signal(samples) is samples


@pytest.mark.parametrize("rate", [1000, 16000.0, np.int64(44100), 1000000])
def test_usable_rates_become_whole_numbers(rate):
    assert as_rate(rate) == rate
    assert type(as_rate(rate)) is int


@pytest.mark.parametrize("rate", [0, -1, 0.5, 999, 1000001, 16000.5, np.nan, "16000", None, True])
def test_unusable_rates_are_named(rate):
    with pytest.raises(NmflabError, match=r"^rate is .* but must be a whole number of Hz"):
        as_rate(rate, "rate")
