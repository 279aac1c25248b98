"""What is best: paired over files, under a guard, with what can't be told from it."""

import numpy as np
import pytest

import nmflab as nl
from nmflab.evaluation.sweeps.choice import Results, choose, mean_of

POINTS = {name: nl.Settings(penalty=value) for name, value in zip("abc", (0.1, 0.2, 0.3),
          strict=True)}  # fmt: skip


def results(sdr, stoi, conditions=1):
    """Give results of three combinations on files, one row for each condition."""
    sdr, stoi = np.array(sdr, float), np.array(stoi, float)
    n, m = sdr.shape
    place = np.repeat(np.arange(n * m), conditions)
    columns = {
        "combination": place // m,
        "file": place % m,
        "sdr_enhanced": np.repeat(sdr.ravel(), conditions),
        "stoi_enhanced": np.repeat(stoi.ravel(), conditions),
        "stoi_gain": np.repeat(stoi.ravel(), conditions) - 0.8,
        "snr": np.tile(np.arange(float(conditions)), n * m),
    }
    files = tuple(("car", str(i)) for i in range(m))
    return Results("validation", ("sdr", "stoi"), POINTS, columns, files)


HIGH = [[9, 1, 5, 7, 3, 6], [8, 0, 4, 6, 2, 5], [8.9, 1.2, 4.9, 7.1, 2.9, 6.1]]
CLEAR = [[0.9] * 6, [0.9] * 6, [0.9] * 6]


def test_a_difference_that_every_file_shows_counts_and_a_smaller_one_that_wavers_doesn_t():
    chosen = choose(results(HIGH, CLEAR), "sdr", {"stoi": 0})
    assert (chosen.best, chosen.guarded) == ("c", True)
    assert chosen.order == ("c", "a", "b")
    assert chosen.alike == {"c", "a"}  # b is 1 dB below on every file, though the files differ


def test_the_guard_holds_back_what_costs_intelligibility():
    unclear = [[0.9] * 6, [0.9] * 6, [0.7] * 6]
    chosen = choose(results(HIGH, unclear), "sdr", {"stoi": 0})
    assert (chosen.best, chosen.held_back) == ("a", {"c"})
    assert chosen.order == ("a", "b", "c")
    assert choose(results(HIGH, unclear), "sdr", {}).best == "c"
    assert choose(results(HIGH, unclear), "sdr", {"stoi": -0.2}).best == "c"


def test_where_nothing_keeps_the_guard_the_best_is_without_it():
    chosen = choose(results(HIGH, [[0.1] * 6] * 3), "sdr", {"stoi": 0})
    assert (chosen.best, chosen.guarded) == ("c", False)


def test_a_combination_that_lacks_a_file_is_not_chosen():
    lacking = [HIGH[0], HIGH[1], [*HIGH[2][:5], np.nan]]
    assert choose(results(lacking, CLEAR), "sdr").best == "a"
    short = results(HIGH, CLEAR)
    short.columns.update({name: values[:-1] for name, values in short.columns.items()})
    assert choose(short, "sdr").best == "a"


def test_a_file_that_nobody_could_score_does_not_count():
    gone = np.array(HIGH)
    gone[:, 2] = np.nan
    found = results(gone, CLEAR)
    assert choose(found, "sdr").best == "c"
    np.testing.assert_allclose(found.means("sdr_enhanced")[0], np.mean([9, 1, 7, 3, 6]))


def test_conditions_of_a_file_are_averaged_and_can_be_looked_at_apart():
    found = results(HIGH, CLEAR, conditions=3)
    np.testing.assert_allclose(found.matrix("sdr_enhanced"), HIGH)
    np.testing.assert_allclose(found.matrix("snr"), np.ones((3, 6)))
    np.testing.assert_allclose(found.means("snr", snr=2.0), [2, 2, 2])
    assert found.axes == ("penalty",)


def test_intervals_are_scipy_s_and_the_same_every_time(rng):
    from scipy.stats import bootstrap

    values = rng.normal(3, 1, 40)
    found = mean_of(values)
    wanted = bootstrap(
        (values,), np.mean, n_resamples=2000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert found == mean_of(values)
    assert found.value == values.mean()
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert found.low < 3 < found.high


def test_intervals_of_few_equal_and_missing_values():
    assert mean_of(np.array([2.0, 2.0, 2.0])) == (2, 2, 2)
    assert np.isnan(mean_of(np.array([2.0]))[1:]).all()
    assert np.isnan(mean_of(np.array([np.nan]))).all()
    assert mean_of(np.array([1.0, np.nan, 3.0])).value == 2


def test_a_score_that_was_not_computed_is_a_sentence():
    with pytest.raises(nl.NmflabError, match="no score 'pesq'; there are: sdr, stoi"):
        choose(results(HIGH, CLEAR), "pesq")
