"""The benchmarks: all rows run at tiny sizes, and nobody is compared at unequal work."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from support.commands import FAST
from support.corpora import make_corpus

import nmflab

sys.path.insert(0, str(Path(__file__).parents[2]))  # benchmarks/ isn't installed

from benchmarks import data, experiment, measure, peers, report, suite
from benchmarks.__main__ import run

pytestmark = pytest.mark.slow

TINY = suite.Sizes(
    short=0.5,
    medium=0.6,
    long=0.7,
    training=1.0,
    training_iterations=2,
    long_training=1.2,
    long_training_iterations=2,
    growth=(0.5, 0.6),
    growth_bases=(4, 8),
    growth_peer=0.5,
    memory=(1.0,),
    encoding_bases=8,
    training_bases=4,
    scipy_rows=1,
    rounds=1,
)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Run the whole suite, as small as it gets."""
    output = tmp_path_factory.mktemp("benchmarks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "LEAST", 0.0)
        patch.setattr(suite, "LEAST", 0.0)
        return run(TINY, list(suite.SECTIONS), output), output


@pytest.mark.parametrize("section", suite.SECTIONS)
def test_every_section_has_rows_with_a_result(results, section):
    sections, _ = results
    for row in sections[section].rows:
        assert row.work
        assert row.measured
        assert "nan" not in row.measured
        assert (row.met is None) == (not row.goal or row.measured == "not installed")


def test_everybody_arrives_at_a_comparable_objective(results):
    sections, _ = results
    rows = [
        row
        for name in ("encoding", "training")
        for row in sections[name].rows
        if row.work.endswith("objective reached")
    ]
    assert len(rows) == 5
    assert all(row.met for row in rows)


def test_every_objective_reached_is_finite(results):
    sections, _ = results
    for section in sections.values():
        for contest in section.contests:
            assert np.isfinite(list(contest.reached.values())).all(), contest.title


def test_report_holds_all_rows_and_names_no_path(results):
    sections, output = results
    readme, found = (output / name for name in ("README.md", "results.json"))
    text = readme.read_text(encoding="utf-8")
    for section in sections.values():
        for row in section.rows:
            assert row.measured in text
    assert json.loads(found.read_text(encoding="utf-8"))["sections"].keys() == sections.keys()
    assert str(Path.home()) not in text + found.read_text(encoding="utf-8")
    assert (output / "growth.png").stat().st_size > 10_000


def test_report_replaces_only_what_stands_between_the_markers(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    report.write_markdown(path, "new")
    assert path.read_text(encoding="utf-8") == (
        f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"
    )


def test_committed_readme_has_both_markers():
    text = (Path(report.__file__).parent / "README.md").read_text(encoding="utf-8")
    assert text.count(report.BEGIN) == text.count(report.END) == 1


def test_ratio_is_taken_within_the_round():
    contest = measure.Contest("", {"slow": [2.0, 30.0, 2.0], "fast": [1.0, 10.0, 1.0]})
    assert contest.ratio("slow", "fast") == measure.Ratio(2.0, 2.0, 3.0)


def test_whoever_is_slow_runs_once(monkeypatch):
    monkeypatch.setattr(measure, "SLOW", 0.0)
    calls = []
    contest = measure.compete("", {"slow": lambda: calls.append(1)}, rounds=3)
    assert len(calls) == len(contest.seconds["slow"]) == 1


@pytest.mark.parametrize("name", sorted(set(peers.ENCODERS) - {peers.PRODUCTS}))
def test_encoders_agree(name):
    V, W = data.mixture_spectrogram(0.5), data.bases(8, 1.0)
    ours = data.divergence(V, *peers.ENCODERS[peers.OURS](V, W, 5)())
    assert data.divergence(V, *peers.ENCODERS[name](V, W, 5)()) == pytest.approx(ours, rel=1e-3)


@pytest.mark.parametrize("name", sorted(set(peers.TRAINERS) - {peers.PRODUCTS}))
def test_trainers_agree(name):
    V = data.training_spectrogram(1.0)
    W, H = data.random_start(V, 4)
    ours = data.divergence(V, *peers.TRAINERS[peers.OURS](V, W, H, 5)())
    theirs = data.divergence(V, *peers.TRAINERS[name](V, W, H, 5)())
    another_path = name in peers.BASES_FIRST
    assert theirs == pytest.approx(ours, rel=0.2 if another_path else 1e-3)


def test_the_experiment_is_compared_with_a_commit_s(tmp_path, monkeypatch, capsys):
    corpus = make_corpus()
    for part in ("train_speech", "train_noise", "test_speech", "test_noise"):
        for clip in getattr(corpus, part).clips:
            path = tmp_path / part.replace("_", "/") / f"{clip.name}.wav"
            nmflab.write_audio(path, clip.samples)
    grid = ["sweep", "--grid", "penalty=0,1", "--metrics", "si_sdr", "--part", "test"]
    monkeypatch.setitem(experiment.WORK, "sweep", ("sweep", "", grid))
    experiment.main(
        ["--before", str(measure.ROOT), "--rounds", "1", "--data", str(tmp_path), *FAST]
    )
    said = capsys.readouterr().out
    assert said.count("the same: True") == len(experiment.WORK)
    assert said.count("| `nmflab enhance` | ≤ 0.65 × |") == 1


def test_outputs_that_differ_are_not_the_same(tmp_path):
    for name, content in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "scores.csv").write_text(content)
    (tmp_path / "b/more.csv").touch()
    places = [tmp_path / name for name in "abc"]
    assert experiment.same(places[0], places[0])
    assert not any(experiment.same(places[0], other) for other in places[1:])
    files = [place / "scores.csv" for place in places]
    assert experiment.same(*files[:2])
    assert not experiment.same(*files[1:])
    for name, score in (("a", 0.1 + 0.2), ("b", 0.3), ("c", 0.3001)):
        (tmp_path / name / "sweep.csv").write_text(f"noise,stoi\ncar,{score}\n")
    tables = [place / "sweep.csv" for place in places]
    assert experiment.same(*tables[:2])
    assert not experiment.same(*tables[1:])
