"""``nmflab train`` and ``nmflab separate``: models, results, recordings kept safe."""

import shutil

import numpy as np
import pytest
from support.commands import FAST, RATE, SPEECH, clip, one_sentence, tree

import nmflab
import nmflab.evaluation.sweep
from nmflab.audio.files import read_audio, write_audio
from nmflab.cli import main as cli
from nmflab.settings import Settings


def test_train_and_separate(data, model, tmp_path, capsys):
    files = [str(data / "test/speech" / f"{name}.wav") for name in SPEECH]
    output = tmp_path / "separated"
    assert cli.main(["separate", str(model), *files, "--output", str(output)]) == 0
    assert "Wrote" in capsys.readouterr().out
    assert set(tree(output)) == {f"{n}_{s}.wav" for n in SPEECH for s in ("speech", "noise")}
    parts = [read_audio(output / f"ann_{s}.wav", RATE) for s in ("speech", "noise")]
    mixture = read_audio(data / "test/speech/ann.wav", RATE)
    assert np.abs(sum(parts) - mixture).max() < 1e-4


def test_separate_can_change_the_encoding(data, model, tmp_path):
    file = str(data / "test/speech/ann.wav")
    for name, options in {"a": [], "b": ["--penalty", "3"], "c": ["--p", "0.5"]}.items():
        line = ["separate", str(model), file, "--output", str(tmp_path / name), *options]
        assert cli.main(line) == 0
    contents = {(tmp_path / name / "ann_speech.wav").read_bytes() for name in "abc"}
    assert len(contents) == 3


def test_train_takes_files_and_folders(data, tmp_path, capsys):
    (data / "train/noise/broken.wav").write_bytes(b"nothing")
    model = tmp_path / "own.npz"
    speech, noise = data / "train/speech/ann.wav", data / "train/noise"
    line = ["train", "--speech", speech, "--noise", noise, "--output", model, *FAST]
    assert cli.main(list(map(str, line))) == 0
    out, err = capsys.readouterr()
    assert out == f"Wrote {model}\n"
    assert "broken.wav" in err
    assert cli.main(list(map(str, line))) == 0
    assert capsys.readouterr().out == f"Replaced {model}\n"
    assert nmflab.load_model(model).settings.win_size == Settings.tuned().win_size


def test_train_needs_no_test_speech(data, model, tmp_path, capsys):
    shutil.rmtree(data / "test/speech")
    own = tmp_path / "own.npz"
    assert cli.main(["train", "--data", str(data), "--output", str(own), *FAST]) == 0
    assert not capsys.readouterr().err
    one, other = nmflab.load_model(model), nmflab.load_model(own)
    assert other.settings == one.settings
    np.testing.assert_array_equal(other.speech.W, one.speech.W)
    np.testing.assert_array_equal(other.noise.W, one.noise.W)


def test_train_can_choose_noises_and_refuses_names_that_are_not_there(data, tmp_path, capsys):
    (data / "train/noise/hum.wav").rename(data / "train/noise/hum, low.wav")
    line = ["train", "--data", str(data), "--output", str(tmp_path / "m.npz"), *FAST]
    models = {}
    for noises in ("hiss", "hum, low", "hiss, hiss"):
        assert cli.main([*line, "--noises", noises]) == 0
        models[noises] = nmflab.load_model(tmp_path / "m.npz").noise.W.tobytes()
    assert models["hiss"] == models["hiss, hiss"] != models["hum, low"]
    last = (tmp_path / "m.npz").read_bytes()
    capsys.readouterr()
    for wrong in ("buzz", "hiss,buzz"):
        assert cli.main([*line, "--noises", wrong]) == 2
        assert "called 'buzz'; there are: hiss, hum, low." in capsys.readouterr().err
    assert cli.main([*line, "--noises", ""]) == 2
    assert (tmp_path / "m.npz").read_bytes() == last


def test_train_never_destroys_a_recording(data, tmp_path, capsys):
    before = tree(data)
    speech, noise = data / "train/speech/ann.wav", data / "train/noise"
    for given in (["--data", data], ["--speech", speech, "--noise", noise]):
        line = ["train", *given, "--output", data / "train/../train/speech/ann.wav", *FAST]
        assert cli.main(list(map(str, line))) == 1
        one_sentence(capsys, "recording", "ann.wav")
    assert tree(data) == before


def test_train_checks_the_output_before_the_work(data, tmp_path, monkeypatch, capsys):
    (tmp_path / "taken").touch()
    monkeypatch.setattr(nmflab.corpus.dictionaries, "train_model", None)
    line = ["train", "--data", data, "--output", tmp_path / "taken/m.npz"]
    assert cli.main(list(map(str, line))) == 1
    one_sentence(capsys, "taken")
    assert cli.main([*map(str, line[:-1]), str(tmp_path)]) == 1
    one_sentence(capsys, "folder")


def test_train_without_any_usable_file(data, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    line = ["train", "--speech", data / "train/speech", "--noise", tmp_path / "empty", *FAST]
    assert cli.main([*map(str, line), "--output", str(tmp_path / "m.npz")]) == 1
    one_sentence(capsys, "empty")
    assert not (tmp_path / "m.npz").exists()


def test_a_bad_recording_is_named_and_the_others_are_done(data, model, tmp_path, capsys):
    broken, good = tmp_path / "broken.wav", data / "test/speech/ann.wav"
    broken.write_bytes(b"nothing")
    line = ["separate", model, broken, good, tmp_path / "none.wav", "--output", tmp_path / "out"]
    assert cli.main(list(map(str, line))) == 1
    err = capsys.readouterr().err
    assert "broken.wav" in err
    assert "none.wav" in err
    assert "2 of 3" in err
    assert set(tree(tmp_path / "out")) == {"ann_speech.wav", "ann_noise.wav"}


def test_one_bad_recording_is_one_sentence(model, tmp_path, capsys):
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    for name in ("gone.wav", "loop.wav"):
        line = ["separate", str(model), str(tmp_path / name), "--output", str(tmp_path / "out")]
        assert cli.main(line) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_recording_given_twice_is_separated_once(data, model, tmp_path, capsys):
    file = data / "test/speech/ann.wav"
    twice = [str(file), str(file.parent / "../speech/ann.wav")]
    capsys.readouterr()
    assert cli.main(["separate", str(model), *twice, "--output", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.count("Wrote") == 2


def test_separate_says_what_it_replaces(data, model, tmp_path, capsys):
    line = ["separate", str(model), str(data / "test/speech/ann.wav"), "--output", str(tmp_path)]
    assert cli.main(line) == 0
    capsys.readouterr()
    assert cli.main(line) == 0
    assert capsys.readouterr().out.count("Replaced") == 2


def test_separate_never_destroys_a_recording(data, model, tmp_path, capsys):
    folder = data / "test/speech"
    write_audio(folder / "ann_speech.wav", clip(5), RATE)
    before = tree(folder)
    line = ["separate", str(model), str(folder / "ann.wav"), str(folder / "ann_speech.wav")]
    assert cli.main([*line, "--output", str(folder)]) == 1
    one_sentence(capsys, "ann_speech.wav")
    other = [str(data / part / "speech/ann.wav") for part in ("train", "test")]
    assert cli.main(["separate", str(model), *other, "--output", str(tmp_path / "out")]) == 1
    one_sentence(capsys, "train", "test", "ann.wav")
    assert tree(folder) == before


@pytest.mark.parametrize("length", [0, 100, -100])
def test_a_truncated_model(data, model, capsys, length):
    model.write_bytes(model.read_bytes()[:length])
    assert cli.main(["separate", str(model), str(data / "test/speech/ann.wav")]) == 1
    one_sentence(capsys, "model.npz")


def test_a_missing_model(tmp_path, capsys):
    assert cli.main(["separate", str(tmp_path / "gone.npz"), "a.wav"]) == 1
    one_sentence(capsys, "gone.npz")
