"""The explorer of a sweep's folder: it fills in, and plays the worst mixture of a cell."""

import time
from itertools import product

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus

import nmflab as nl
from nmflab.audio.files import write_audio
from nmflab.corpus.folders import load_corpus
from nmflab.evaluation.sweeps.jobs import Here, Recordings, Work
from nmflab.evaluation.sweeps.plan import plan
from nmflab.evaluation.sweeps.run import Runner
from nmflab.evaluation.sweeps.store import SweepFolder, manifest, read_rows
from nmflab.explorer import SweepExplorer
from nmflab.explorer.sweep_folder import SweepFolderExplorer

GRID = {"penalty": (0.0, 0.5, 5.0), "p": (1, 2)}
SCORED = ("si_sdr", "stoi")


@pytest.fixture
def corpus(tmp_path):
    """Give a corpus that lies in a folder."""
    made = make_corpus()
    lists = (made.train_speech, made.train_noise, made.test_speech, made.test_noise)
    parts = ("train/speech", "train/noise", "test/speech", "test/noise")
    for part, clips in zip(parts, lists, strict=True):
        for clip in clips.clips:
            write_audio(tmp_path / "data" / part / f"{clip.name}.wav", clip.samples, 16000)
    return load_corpus(tmp_path / "data")


@pytest.fixture
def sweep(corpus, tmp_path):
    """Give a function that adds a grid to the sweep in a folder."""

    def run(grid):
        laid = plan(SETTINGS, grid)
        mixtures = list(product(corpus.test_noise.names, corpus.test_speech.names))
        work = Work("test", laid.points, mixtures, laid.snrs, laid.seeds)
        made = manifest(corpus, str(tmp_path / "data"), SCORED)
        with SweepFolder(tmp_path / "sweep", made, {"part": "test"}) as folder:
            here = Here(Recordings({"test": corpus}), cache=False)
            Runner(folder, here, SCORED, {}, lambda *_: None).run(work)
        return tmp_path / "sweep"

    return run


@pytest.fixture
def explorer(sweep):
    made = SweepExplorer.open(sweep(GRID), every=0)
    yield made
    made.close()


def test_each_cell_is_the_mean_over_all_mixtures(explorer):
    assert isinstance(explorer, SweepFolderExplorer)
    assert (explorer.columns.value, explorer.rows.value) == ("penalty", "p")
    rows = read_rows(explorer.folder).to_pylist()
    for (i, p), (j, penalty) in product(enumerate((1, 2)), enumerate((0.0, 0.5, 5.0))):
        wanted = [
            row["si_sdr_enhanced"] for row in rows if (row["p"], row["penalty"]) == (p, penalty)
        ]
        assert len(wanted) == 4
        assert explorer.map[i, j] == pytest.approx(np.mean(wanted))
    canvas = explorer.panel.widget
    np.testing.assert_array_equal(canvas.matrix, explorer.map)
    assert canvas.geometry.column_names == ("0", "0.5", "5")


def test_a_click_plays_the_worst_mixture_of_the_cell_and_says_meanwhile_that_it_trains(
    explorer, corpus
):
    said = []
    explorer.status.observe(lambda change: said.append(change["new"]), "value")
    explorer.panel.widget._message(None, {"kind": "pick", "row": 0, "column": 1}, [])
    assert (explorer.chosen.p, explorer.chosen.penalty) == (1.0, 0.5)
    rows = [
        row for row in read_rows(explorer.folder).to_pylist()
        if (row["p"], row["penalty"]) == (1.0, 0.5)
    ]  # fmt: skip
    worst = min(rows, key=lambda row: row["si_sdr_gain"])
    assert f"worst on {worst['speech']} in {worst['noise']} at 0 dB" in explorer.status.value
    assert ['data-state="training"' in text for text in said] == [True, False]
    assert explorer.player.duration == pytest.approx(
        len(corpus.test_speech[worst["speech"]]) / 16000
    )


def test_one_noise_can_be_looked_at_alone_and_another_score(explorer):
    whole = explorer.map
    explorer.noise.value = "hiss"
    assert not np.allclose(explorer.map, whole)
    explorer.metric.value = "stoi"
    assert explorer.map.max() <= 1
    explorer.choose_best()
    assert "in hiss" in explorer.status.value


def test_the_map_fills_in_while_the_sweep_grows(explorer, sweep):
    explorer.noise.value = "rumble"
    before = explorer.map.shape
    sweep({"penalty": (0.1,), "p": (1, 2), "num_basis_noise": (2, 3)})
    explorer.refresh()
    assert (before, explorer.map.shape) == ((2, 3), (2, 4))
    assert explorer.noise.value == "rumble"
    assert "num_basis_noise" in [name for _, name in explorer.rows.options]


def test_it_looks_at_the_folder_by_itself(sweep):
    explorer = SweepExplorer.open(sweep({"penalty": (0.1, 1.0)}), every=0.05)
    try:
        sweep({"penalty": (0.2,)})
        until = time.monotonic() + 20
        while len(explorer.results.points) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        assert len(explorer.results.points) == 3
    finally:
        explorer.close()


def test_many_values_are_put_together(sweep):
    explorer = SweepExplorer.open(sweep({"penalty": tuple(np.geomspace(0.01, 1, 20))}), every=0)
    assert explorer.map.size <= 8
    assert np.isfinite(explorer.map).all()
    explorer.close()


def test_recordings_that_are_gone_are_a_sentence(explorer):
    for path in (explorer.folder.parent / "data/test/noise").glob("*.wav"):
        path.unlink()
    explorer.panel.widget._message(None, {"kind": "pick", "row": 0, "column": 1}, [])
    assert 'data-state="error"' in explorer.status.value
    assert "those of the sweep any more" in explorer.status.value


def test_what_is_no_sweep_is_a_sentence(tmp_path):
    with pytest.raises(nl.NmflabError, match="holds no sweep"):
        SweepExplorer.open(tmp_path)


def test_values_beyond_count_share_cells_and_a_closed_explorer_says_so(sweep):
    many = tuple(float(value) for value in np.linspace(0.5, 4, 40))
    explorer = SweepExplorer.open(sweep({"p": many, "penalty": (0.0, 0.5)}), every=0)
    shape = explorer.map.shape
    assert max(shape) < 40
    rows = read_rows(explorer.folder).to_pylist()
    assert np.nanmax(explorer.map) <= max(row["si_sdr_enhanced"] for row in rows) + 1e-6
    names = explorer.panel.widget.geometry
    assert any("–" in name for name in (*names.row_names, *names.column_names))
    bundle, _ = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == repr(explorer)
    explorer.close()
    explorer.close()
    assert repr(explorer) == "SweepFolderExplorer: closed"
    bundle, _ = explorer._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
