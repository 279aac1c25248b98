"""What a sweep lays out: combinations that can be, conditions to average over, draws."""

import numpy as np
import pytest

import nmflab as nl
from nmflab.evaluation.sweeps.plan import Between, identity, plan
from nmflab.settings import parameters

START = nl.Settings.framewise()


def test_snr_and_seed_are_conditions_and_never_settings_to_choose():
    made = plan(START, {"penalty": [0.1, 1], "snr": [5, 0], "seed": [3, 4]})
    assert made.axes == ("penalty",)
    assert (made.snrs, made.seeds) == ((5.0, 0.0), (3, 4))
    assert [point.penalty for point in made.points.values()] == [0.1, 1.0]
    assert {point.snr for point in made.points.values()} == {5.0}


def test_the_identity_of_a_combination_leaves_the_conditions_out():
    assert identity(START) == identity(START.replace(snr=7, seed=7))
    assert identity(START) != identity(START.replace(p=1))


def test_no_grid_is_the_settings_as_they_stand():
    made = plan(START, {"snr": [0, 5]})
    assert list(made.points.values()) == [START]


def test_combinations_that_can_t_be_are_skipped_and_counted():
    made = plan(START, {"overlap": [128, 512], "win_size": [256, 1024], "p": [1, 2]})
    assert len(made.points) == 6
    (sentence,) = made.impossible
    assert sentence.startswith("2 × overlap is 512 but must be below win_size (256)")


def test_a_window_without_inverse_is_skipped_before_the_work():
    made = plan(START, {"window": ["hann", "boxcar"], "overlap": [0, 512]})
    assert len(made.points) == 3
    assert made.impossible[0].startswith("1 × ")


def test_when_nothing_is_possible_it_says_why():
    with pytest.raises(nl.NmflabError, match=r"No combination .* overlap is 1024"):
        plan(START, {"overlap": [1024, 2048]})


@pytest.mark.parametrize(
    ("grid", "random", "sentence"),
    [
        ({"penalty": [0.1, -1]}, None, "penalty .* is -1"),
        ({"lambda": [1]}, None, "no setting called 'lambda'"),
        ({"penalty": Between(0.1, 1)}, None, "give --random, or list"),
        ({"penalty": Between(0, 1)}, 5, "above 0 and below the second"),
        ({"penalty": Between(1, 0.1)}, 5, "below the second"),
        ({"snr": Between(0, 5)}, 5, "only numbers that are drawn"),
        ({"nmf_mode": Between(0, 5)}, 5, "only numbers that are drawn"),
        ({"num_basis_speech": Between(1, 1e9)}, 5, "num_basis_speech"),
    ],
)
def test_what_no_combination_could_have_is_refused(grid, random, sentence):
    with pytest.raises(nl.NmflabError, match=sentence):
        plan(START, grid, random=random)


def test_ratios_are_drawn_log_uniformly_and_differences_evenly():
    assert parameters()["penalty"].ratio
    assert not parameters()["keep"].ratio
    made = plan(START, {"penalty": Between(0.001, 1), "keep": Between(0, 50)}, random=400)
    drawn = [(point.penalty, point.keep) for point in made.points.values()]
    penalty, keep = np.array(drawn).T
    assert abs((penalty < 0.0316).mean() - 0.5) < 0.1  # the middle of three decades
    assert abs((keep < 25).mean() - 0.5) < 0.1
    assert penalty.min() >= 0.001
    assert all(float(f"{value:.3g}") == value for value in penalty)


def test_more_draws_begin_with_those_of_fewer_and_another_seed_draws_others():
    grid = {"penalty": Between(0.01, 1), "num_basis_noise": Between(2, 64), "p": [1, 2]}
    few, many, others = (
        list(plan(START, grid, random=n, draw=seed).points) for n, seed in ((5, 0), (9, 0), (5, 1))
    )
    assert few == many[:5]
    assert few != others


def test_a_grid_that_is_smaller_than_the_draws_is_tried_whole():
    assert len(plan(START, {"p": [1, 2], "penalty": [0, 1]}, random=50).points) == 4
