"""The sweep explorer without a browser: driven from Python, and by a browser's messages."""

import re

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus
from support.hands import drag, held_up, state_of

import nmflab as nl
from nmflab.evaluation import metrics
from nmflab.explorer import sweep as sweeping
from nmflab.explorer import working
from nmflab.explorer.sweep import PENALTIES, ROWS, SHOWN, SweepExplorer


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def shared(corpus):
    with pytest.MonkeyPatch.context() as patch:
        small = {
            "p": ("Power p", (1.0, 2.0)),
            "num_basis_noise": ("Noise bases K_N", (2, 4)),
            "num_basis_speech": ("Speech bases K_S", (6, 8)),
        }
        patch.setattr(sweeping, "ROWS", small)
        patch.setattr(sweeping, "PENALTIES", (0.0, 0.1, 1.0))
        patch.setattr(working, "REST", 60.0)  # a slider is released by `flush` alone
        explorer = SweepExplorer(corpus, SETTINGS)
        yield explorer
        explorer.close()


@pytest.fixture
def explorer(shared):
    """Give an explorer that is as good as new."""
    shared.rows.value, shared.metric.value = "p", "sdr"
    shared.controls.reset()
    for results in shared.chain.results.values():
        results.clear()
    shared.controls.reset()
    shared.chain.runs.clear()
    return shared


def click(explorer, row, column):
    """Do what the browser's message of a click does."""
    explorer.panel.widget._message(None, {"kind": "pick", "row": row, "column": column}, [])


def test_the_map_holds_what_separate_and_the_metrics_give(explorer, corpus):
    scores = explorer.map.mean("si_sdr")
    model = nl.train_model(corpus.train_speech, [corpus.train_noise["hiss"]], SETTINGS)
    mix = nl.mix_at_snr(corpus.test_speech["alice"], corpus.test_noise["hiss"], snr=0)
    for i, p in enumerate((1.0, 2.0)):
        for j, penalty in enumerate((0.0, 0.1, 1.0)):
            one = SETTINGS.replace(p=p, penalty=penalty)
            speech = nl.separate(model, mix.mixture, one).speech
            assert scores[i, j] == pytest.approx(metrics.si_sdr(mix.speech, speech), abs=1e-3)
    explorer.metric.value = "si_sdr"
    np.testing.assert_array_equal(explorer.panel.widget.matrix, scores)


def test_the_axes_carry_the_true_values_and_the_best_cell_a_star(explorer):
    canvas = explorer.panel.widget
    assert (canvas.rows_label, canvas.columns_label) == ("Power p", "Penalty λ")
    assert canvas.geometry.row_names == ("1", "2")
    assert canvas.geometry.column_names == ("0", "0.1", "1")
    for metric in SHOWN:
        explorer.metric.value = metric
        scores, texts = explorer.map.mean(metric), np.array(canvas.geometry.cell_texts)
        stars = np.char.endswith(texts, "★")
        assert stars.sum() == 1
        assert scores[stars] == scores.max()
        assert canvas.geometry.high == pytest.approx(scores.max(), abs=2e-3)
        assert canvas.value_unit == metrics.SCORES[metric].unit
        assert canvas.limits == (canvas.geometry.low, canvas.geometry.high)


def test_the_values_of_the_rows_can_be_shown_by_the_controls():
    assert list(PENALTIES) == sorted(PENALTIES)
    for name, (label, values) in ROWS.items():
        assert label
        assert name in SweepExplorer.names
        assert all(nl.Settings().replace(**{name: value}) for value in values)


def test_a_click_chooses_the_settings_of_the_cell(explorer):
    before, sound = explorer.enhanced.widget.seq, explorer.player.seq
    assert explorer.panel.widget.framed_cell == (1, 1)
    explorer.panel.widget.pick_cell(0, 2)
    assert (explorer.settings.p, explorer.settings.penalty) == (1.0, 1.0)
    assert explorer.controls.p.value == 1.0
    assert explorer.panel.widget.framed_cell == (0, 2)
    assert explorer.enhanced.widget.seq == before + 1
    assert explorer.player.seq == sound + 1
    assert explorer.scores["sdr"] == pytest.approx(explorer.map.mean("sdr")[0, 2], abs=1e-3)
    assert explorer.chain.runs["map of p"] == explorer.chain.runs["speech"] == 0
    assert "λ 1, p 1: SDR" in repr(explorer)


def test_the_best_cell_is_a_button_away(explorer):
    explorer.metric.value = "stoi"
    explorer.choose_best()
    assert explorer.scores["stoi"] == pytest.approx(explorer.map.mean("stoi").max(), abs=1e-3)
    place = explorer.panel.widget.framed_cell
    assert explorer.panel.widget.geometry.cell_texts[place[0]][place[1]].endswith("★")


def test_settings_beside_the_map_frame_no_cell(explorer):
    explorer.controls.p.value = 3.0
    assert explorer.panel.widget.framed_cell is None
    assert explorer.settings.p == 3.0
    assert explorer.chain.runs["map of p"] == 0


def test_other_rows_sweep_anew_and_train_each_dictionary_once(explorer):
    explorer.rows.value = "num_basis_noise"
    assert explorer.chain.runs["map of num_basis_noise"] == 1
    assert explorer.chain.runs["noise"] == 1  # K_N = 4 was there
    assert explorer.panel.widget.geometry.row_names == ("2", "4")
    explorer.panel.widget.pick_cell(0, 1)
    assert explorer.settings.num_basis_noise == 2
    explorer.controls.p.value = 1.0  # a map for each p
    assert explorer.chain.runs["map of num_basis_noise"] == 2
    assert explorer.chain.runs["noise"] == 1


def test_a_row_that_cannot_be_trained_is_named_and_leaves_the_best_cell(corpus, monkeypatch):
    rows = {"p": ("Power p", (2.0,)), "num_basis_noise": ("Noise bases K_N", (4, 5000))}
    monkeypatch.setattr(sweeping, "ROWS", rows)
    monkeypatch.setattr(sweeping, "PENALTIES", (0.1,))
    explorer = SweepExplorer(corpus, SETTINGS)
    explorer.rows.value = "num_basis_noise"
    (reason,) = explorer.map.skipped
    assert repr(explorer).endswith(f"at λ 0.1, K_N 4. {reason}")
    assert f"best SDR of the map {explorer.map.mean('sdr')[0, 0]:.1f} dB" in repr(explorer)
    assert explorer.panel.widget.geometry.cell_texts[1] == ("–",)


def test_the_table_stands_between_floor_and_ceiling(explorer, corpus):
    mix = nl.mix_at_snr(corpus.test_speech["alice"], corpus.test_noise["hiss"], snr=0)
    floor, ceiling = (explorer._scores(n, explorer.store.shown) for n in ("floor", "ceiling"))
    assert floor["si_sdr"] == pytest.approx(metrics.si_sdr(mix.speech, mix.mixture))
    assert ceiling["sdr"] > explorer.scores["sdr"] > floor["sdr"]
    assert floor["sar"] > ceiling["sar"] + 20  # of what nobody has touched: nothing but rounding
    assert "<td>∞</td>" in explorer.table.value
    assert not {"99.0", "inf"} & set(re.findall(r"[\w.]+", explorer.table.value))


def test_an_error_is_raised_from_python_and_the_last_result_stays(explorer):
    with pytest.raises(nl.NmflabError, match="penalty"):
        explorer.choose(penalty=-1)
    assert state_of(explorer) == "error"
    assert explorer.settings == SETTINGS


# Driven by a browser


def test_a_click_in_the_browser_shows_at_once_and_plays_on_release(explorer):
    sound = explorer.player.seq
    click(explorer, 0, 2)
    assert explorer.settings.penalty == 1.0
    assert state_of(explorer) == "live"
    assert explorer.player.seq == sound
    explorer.flush()
    assert (state_of(explorer), explorer.player.seq) == ("ready", sound + 1)


@pytest.fixture
def waiting(explorer, monkeypatch):
    """Make a sweep wait after its first cell until it is let go."""
    return held_up(monkeypatch, sweeping, "sweep")


def test_a_sweep_in_the_background_leaves_the_map_before_at_hand(explorer, waiting):
    started, go_on = waiting
    drag(explorer.rows, "num_basis_noise")
    assert started.wait(20)
    assert state_of(explorer) == "training"
    assert explorer.panel.widget.geometry.row_names == ("1", "2")
    click(explorer, 0, 2)
    assert explorer.settings.penalty == 1.0
    assert explorer.panel.widget.framed_cell == (0, 2)
    go_on.set()
    explorer.flush()
    assert state_of(explorer) == "ready"
    assert explorer.panel.widget.rows_label == "Noise bases K_N"


def test_a_sweep_can_be_cancelled(explorer, waiting):
    started, go_on = waiting
    drag(explorer.rows, "num_basis_speech")
    assert started.wait(20)
    explorer.cancel()
    go_on.set()
    explorer.flush()
    assert "cancelled" in explorer.status.value
    assert state_of(explorer) == "ready"
    assert explorer.rows.value == "p"
    assert explorer.panel.widget.rows_label == "Power p"
    explorer.panel.widget.pick_cell(0, 0)
    assert explorer.settings.penalty == 0.0
