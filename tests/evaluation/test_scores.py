"""A score is declared once: what is declared is what every table shows."""

import pytest
from support.corpora import SETTINGS, make_corpus

from nmflab.cli import enhance as cli_enhance
from nmflab.cli import main as cli
from nmflab.cli import sweep_table
from nmflab.evaluation.experiment import enhance_corpus
from nmflab.evaluation.metrics import SCORES, Score
from nmflab.evaluation.outputs import columns
from nmflab.evaluation.sweep import sweep

COLUMNS = (
    "speech,noise,mode,snr,sdr_before,sdr_after,sdr_gain,sir_before,sir_after,sir_gain,"
    "si_sdr_before,si_sdr_after,si_sdr_gain,stoi_before,stoi_after,stoi_gain,estoi_before,"
    "estoi_after,estoi_gain,pesq_before,pesq_after,pesq_gain,sar_after"
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def errors(monkeypatch):
    """Declare one more score, of which less is better."""
    one = Score("errors", "Errors", "%", 3, lambda e: float(e.estimate[7]), higher_is_better=False)
    monkeypatch.setitem(SCORES, one.name, one)
    return one


def test_scores_csv_has_the_columns_that_it_always_had():
    assert ",".join(columns()) == COLUMNS
    assert list(SCORES) == ["sdr", "sir", "sar", "si_sdr", "stoi", "estoi", "pesq"]


@pytest.mark.parametrize(
    ("name", "value", "decimals", "text"),
    [
        ("sdr", 7.25, None, "7.2"),
        ("sdr", -7.256, 2, "−7.26"),
        ("sdr", -0.04, None, "0.0"),
        ("sir", float("inf"), None, "∞"),
        ("stoi", 0.5, None, "0.50"),
        ("pesq", float("nan"), None, "–"),
        ("pesq", None, None, "–"),
    ],
)
def test_a_score_is_written_for_people(name, value, decimals, text):
    assert SCORES[name].text(value, decimals) == text


def test_one_more_score_shows_up_in_rows_table_and_summary(corpus, errors, tmp_path, capsys):
    found = enhance_corpus(corpus, SETTINGS, tmp_path, plots=False)
    assert {"errors_before", "errors_after", "errors_gain"} <= set(found.rows[0].to_dict())
    assert "errors_after" in found.summary()[-1]
    assert "errors_gain" in (tmp_path / "scores.csv").read_text().splitlines()[0].split(",")
    cli_enhance.show_summary(found)
    heads, steps, *_ = capsys.readouterr().out.splitlines()
    assert "Errors" in heads
    assert "before" in steps


def test_one_more_score_can_be_swept_and_its_least_is_the_best(corpus, errors, capsys):
    found = sweep(corpus, SETTINGS, {"p": (1, 2)}, metrics=["errors", "sdr"])
    assert found.mean("errors")[(1.0, 2.0).index(found.best()["p"])] == found.mean("errors").min()
    sweep_table.show_best(found)
    assert "Errors" in capsys.readouterr().out
    assert cli.main(["sweep", "--help"]) == 0
    assert "errors" in capsys.readouterr().out
