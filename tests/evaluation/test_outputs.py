"""The table of scores: what its rows say of themselves, and who may replace them."""

import csv
import json
import threading

import numpy as np
import pytest
from support.commands import scores
from support.corpora import SETTINGS, make_corpus

from nmflab.corpus.clips import Clip, ClipList
from nmflab.evaluation.experiment import enhance_corpus
from nmflab.evaluation.outputs import MIXTURE, OutputTree, columns, record_of
from nmflab.settings import Settings


def row(mode, **values):
    return {**dict.fromkeys(columns(), 1.0), "speech": "s", "noise": "n", "mode": mode, **values}


def test_runs_that_write_at_the_same_time_lose_no_row(tmp_path):
    """Each run has a `FileLock` of its own, which excludes threads as it does processes."""
    table = OutputTree(tmp_path, "NMF", 16000)
    record = {"corpus": "c", "settings": "{}"}
    runs = [
        threading.Thread(target=table.merge_scores, args=([row(f"m{i}")], record))
        for i in range(24)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sorted(r["mode"] for r in scores(tmp_path)) == sorted(f"m{i}" for i in range(24))


@pytest.mark.parametrize("change", ["speech", "noise", "mode", "snr", "corpus", "settings"])
def test_a_row_is_replaced_by_one_of_the_same_key_alone(tmp_path, change):
    table, record = OutputTree(tmp_path, "NMF", 16000), {"corpus": "c", "settings": "{}"}
    table.merge_scores([row("NMF")], record)
    table.merge_scores([row("NMF", sdr_after=2.0)], record)
    assert [r["sdr_after"] for r in scores(tmp_path)] == ["2.0000"]
    other = {change: "x"}
    if change in MIXTURE:
        table.merge_scores([row("NMF") | other], record)
    else:
        table.merge_scores([row("NMF")], record | other)
    assert len(scores(tmp_path)) == 2


def test_a_folder_whose_run_was_killed_before_it_had_a_record_is_taken(tmp_path):
    corpus = make_corpus(tmp_path / "data")
    left = tmp_path / "out" / "enhanced_audio" / "NMF" / ".0123456789abcdef.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"{")
    tree = OutputTree(tmp_path / "out", "NMF", 16000)
    assert tree.prepare(corpus, SETTINGS, "each", plots=False).taken == {}
    assert [path.name for path in left.parent.iterdir()] == ["record.json"]


def test_a_table_of_before_the_record_is_kept_and_marked_empty(tmp_path):
    table, record = OutputTree(tmp_path, "NMF", 16000), {"corpus": "c", "settings": "{}"}
    with table.scores.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns(), lineterminator="\n")
        writer.writeheader()
        writer.writerow(row("NMF"))
    table.merge_scores([row("NMF")], record)
    assert [(r["corpus"], r["settings"]) for r in scores(tmp_path)] == [("", ""), ("c", "{}")]


def test_the_record_says_what_differs_from_the_defaults():
    corpus = make_corpus()
    given = Settings(nmf_mode="NMF", snr=5, penalty=0.3, window="hann")
    assert json.loads(record_of(corpus, given, "joint")["settings"]) == {
        "noise_dictionary": "joint",
        "penalty": 0.3,
        "window": "hann",
    }
    assert record_of(corpus, Settings(), "each")["settings"] == "{}"


def test_the_fingerprint_knows_names_parts_and_samples():
    corpus = make_corpus()
    assert make_corpus().fingerprint == corpus.fingerprint
    assert len(corpus.fingerprint) == 12
    clip = corpus.test_speech.clips[0]
    louder = np.nextafter(clip.samples, np.float32(2))
    for changed in (Clip("eve", clip.samples, clip.path), Clip(clip.name, louder, clip.path)):
        other = make_corpus()
        object.__setattr__(other, "test_speech", ClipList([changed, *corpus.test_speech.clips[1:]]))
        assert other.fingerprint != corpus.fingerprint


def test_a_perfect_score_does_not_count_in_the_mean(tmp_path):
    """A clip of one sample is every estimate of it, but for the level."""
    pytest.importorskip("pesq")
    corpus = make_corpus(tmp_path / "corpus")
    dot = Clip("dot", corpus.test_speech[0][1000:1001], "dot.wav")
    object.__setattr__(corpus, "test_speech", ClipList([dot, *corpus.test_speech.clips]))
    means = enhance_corpus(corpus, SETTINGS, tmp_path / "out", plots=False).summary()
    found = [value for mean in means for key, value in mean.items() if key != "noise"]
    assert np.isfinite(found).all()
