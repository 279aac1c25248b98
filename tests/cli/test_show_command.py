"""``nmflab show``: every result says what made it."""

import json

import pytest
from support.commands import FAST, one_sentence

import nmflab
from nmflab.cli import main as cli


def shown(capsys, path, *options):
    capsys.readouterr()
    assert cli.main(["show", str(path), *options]) == 0
    return capsys.readouterr().out


def test_a_model_says_what_made_it(model, data, capsys):
    (found,) = json.loads(shown(capsys, model, "--json")).values()
    assert found["kind"] == "model"
    assert found["command"].startswith(f"nmflab train --data {data}")
    assert found["settings"] == nmflab.load_model(model).settings.to_dict()
    assert found["nmflab"] == nmflab.__version__
    assert found["libraries"]["numpy"]
    text = shown(capsys, model)
    assert "  corpus: " + found["corpus"] in text
    assert "    num_basis_speech: 4" in text


def test_the_corpus_of_a_model_is_told_by_its_samples(model, data, tmp_path, capsys):
    (before,) = json.loads(shown(capsys, model, "--json")).values()
    (data / "train/noise/hum.wav").write_bytes((data / "train/noise/hiss.wav").read_bytes())
    other = tmp_path / "other.npz"
    assert cli.main(["train", "--data", str(data), "--output", str(other), *FAST]) == 0
    (after,) = json.loads(shown(capsys, other, "--json")).values()
    assert before["corpus"] != after["corpus"]


def test_a_model_that_was_saved_without_a_record_shows_its_settings(model, tmp_path, capsys):
    plain = nmflab.load_model(model).save(tmp_path / "plain.npz")
    (found,) = json.loads(shown(capsys, plain, "--json")).values()
    assert list(found) == ["settings"]


def test_a_denoised_recording_says_what_made_it(data, tmp_path, capsys):
    file, out = data / "test/speech/ann.wav", tmp_path / "out"
    words = ["--output", str(out), "--max_iter_test", "2"]
    assert cli.main(["denoise", str(file), *words]) == 0
    for name in ("ann_speech.wav", "ann_noise.wav", "ann_made.json", ""):
        (found,) = json.loads(shown(capsys, out / name, "--json")).values()
        assert found["kind"] == "denoised recording"
        assert found["recording"] == "ann.wav"
        assert found["settings"]["max_iter_test"] == 2


def test_a_sweep_says_what_added_to_it(data, tmp_path, capsys):
    out = tmp_path / "sweep"
    for power in (1, 2):
        words = ["--grid", f"p={power}", "--part", "test", "--jobs", "1", "--metrics", "si_sdr"]
        assert cli.main(["sweep", "--data", str(data), "--output", str(out), *FAST, *words]) == 0
    (found,) = json.loads(shown(capsys, out, "--json")).values()
    assert found["kind"] == "sweep"
    assert [run["grid"] for run in found["runs"]] == [{"p": [1.0]}, {"p": [2.0]}]
    assert f"--output {out}" in found["runs"][1]["command"]
    assert "metrics: si_sdr" in shown(capsys, out)


@pytest.mark.slow
def test_scores_say_which_settings_made_their_rows(enhance, tmp_path, capsys):
    assert enhance("-v", 0) == 0
    assert enhance("-v", 0, "--p", 1) == 0
    out = tmp_path / "output"
    (found,) = json.loads(shown(capsys, out / "scores.csv", "--json")).values()
    assert [run["rows"] for run in found["runs"]] == [4, 4]
    assert '"p": 1.0' in found["runs"][1]["settings"]
    whole = json.loads(shown(capsys, out, "--json"))
    assert str(out / "scores.csv") in whole
    assert str(out / "enhanced_audio/NMF_e/record.json") in whole
    sound = next((out / "enhanced_audio/NMF_e").glob("*.wav"))
    (record,) = json.loads(shown(capsys, sound, "--json")).values()
    assert record["settings"]["p"] == 2.0


@pytest.mark.parametrize("name", ["thesis.csv", "none", "empty", "other.npz", "list.json"])
def test_what_has_no_record_is_a_sentence(tmp_path, name, capsys):
    (tmp_path / "thesis.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "other.npz").write_bytes(b"no")
    (tmp_path / "list.json").write_text("[1]")
    assert cli.main(["show", str(tmp_path / name)]) == 1
    one_sentence(capsys, name)
