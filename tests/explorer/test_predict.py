"""Predictions without a browser: what is told before the guess, and what is refused."""

import pytest

import nmflab as nl
from nmflab import NmflabError
from nmflab.explorer.widgets.predict import CurvePrediction, Prediction
from nmflab.explorer.widgets.tiles import FactorTiles

CURVE = {"xlabel": "bases", "ylabel": "SDR (dB)", "low": 0.0, "high": 12.0}


def test_says_the_question_and_not_the_truth():
    asked = Prediction("Which?", ("a", "b"), truth="b", because="So it is.")
    assert repr(asked) == "Predict: Which? (a / b)"
    curve = CurvePrediction("How many?", (2, 16), truth=(2.7, 9.04), because="So.", **CURVE)
    assert repr(curve) == "Predict: How many? (SDR (dB) at 2, 16)"
    assert curve.guess == [6.0, 6.0]
    assert not curve.revealed


def test_a_page_that_can_run_nothing_has_the_truth_folded():
    asked = Prediction("W < H?", ("a", "b"), truth="b", because="So it is.")
    before, _, folded = asked._still()["text/html"].partition("<details>")
    assert "W &lt; H?" in before
    assert "So it is." not in before
    assert "</summary>b. So it is.</details>" in folded
    curve = CurvePrediction("How many?", (2, 16), truth=(2.7, 9.04), **CURVE)
    assert "2: 2.7; 16: 9.0" in curve._still()["text/html"].partition("<details>")[2]


def test_the_still_text_is_the_same_each_time():
    first, second = (Prediction("Which?", ("a", "b"), truth="b")._still() for _ in range(2))
    assert first == second


def test_what_can_t_be_asked_is_refused():
    with pytest.raises(NmflabError, match="two choices"):
        Prediction("Which?", ("a",), truth="a")
    with pytest.raises(NmflabError, match="'c' among"):
        Prediction("Which?", ("a", "b"), truth="c")
    with pytest.raises(NmflabError, match="two points"):
        CurvePrediction("How many?", (2, 16), truth=(2.7,), **CURVE)


def test_tiles_tell_their_divergence_and_refuse_what_is_not_two_by_two():
    W, H = [[2, 1], [1, 3]], [[1, 1], [1, 1]]
    tiles = FactorTiles([[9, 2], [3, 8]], W, H)
    before = tiles.divergence
    tiles.H = nl.encode([[9, 2], [3, 8]], W, n_iter=1, init=H).H.tolist()
    assert tiles.divergence < before
    assert repr(tiles) == f"FactorTiles: D(V‖WH) = {tiles.divergence:.2f}"
    for V in ([[9, 2, 1], [3, 8, 1]], [[0, 2], [3, 8]], [[-1, 2], [3, 8]]):
        with pytest.raises(nl.NmflabError, match="2 × 2"):
            FactorTiles(V, W, H)
