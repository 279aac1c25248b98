"""``nmflab denoise`` from the command line."""

import argparse

import numpy as np
import pytest
from support.sounds import write_film

import nmflab as nl
from nmflab.audio.channels import read_channels, write_channels
from nmflab.cli.denoise import stretch
from nmflab.cli.main import main

FEW = ["--max_iter_test", "2", "--quiet"]


@pytest.fixture(scope="module")
def mixture():
    corpus = nl.load_corpus()
    return nl.mix_at_snr(corpus.test_speech[0][:20000], corpus.test_noise["fan"], 0.0).mixture


def denoise(*words):
    return main(["denoise", *map(str, words), *FEW])


def test_a_phone_s_recording_comes_back_at_its_rate_with_its_channels(mixture, tmp_path, capsys):
    x = np.stack([np.repeat(mixture, 3), np.repeat(mixture, 3) / 2], axis=1)
    write_film(tmp_path / "talk.m4a", x, 48000)
    assert denoise(tmp_path / "talk.m4a", "--output", tmp_path / "out") == 0
    whole = read_channels(tmp_path / "talk.m4a")
    parts = [read_channels(tmp_path / "out" / f"talk_{part}.wav") for part in ("speech", "noise")]
    for part in parts:
        assert (part.rate, part.samples.shape) == (48000, whole.samples.shape)
    summed = parts[0].samples + parts[1].samples
    np.testing.assert_allclose(summed, whole.samples, atol=4e-5)  # 16 bits, twice
    assert "talk_speech.wav" in capsys.readouterr().out


def test_a_bit_depth_is_kept(mixture, tmp_path):
    write_channels(tmp_path / "deep.wav", mixture, 16000, "PCM_24")
    assert denoise(tmp_path / "deep.wav", "--output", tmp_path / "out") == 0
    assert read_channels(tmp_path / "out" / "deep_speech.wav").subtype == "PCM_24"


def test_a_folder_is_walked_and_one_bad_file_stops_nothing(mixture, tmp_path, capsys):
    for name in ("a/one.wav", "b/one.wav"):
        nl.write_audio(tmp_path / "in" / name, mixture)
    (tmp_path / "in" / "bad.wav").write_bytes(b"no sound")
    assert denoise(tmp_path / "in", "--output", tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "bad.wav" in said.err
    assert "1 of 3 recordings" in said.err
    assert {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.wav")} == {
        f"{folder}/one_{part}.wav" for folder in "ab" for part in ("speech", "noise")
    }


@pytest.mark.slow
def test_jobs_change_no_byte(mixture, tmp_path):
    for name in ("one", "two"):
        nl.write_audio(tmp_path / "in" / f"{name}.wav", mixture)
    found = []
    for jobs in (1, 2):
        out = tmp_path / f"out{jobs}"
        assert denoise(tmp_path / "in", "--output", out, "--jobs", jobs) == 0
        found.append({path.name: path.read_bytes() for path in out.glob("*.wav")})
    assert len(found[0]) == 4
    assert found[0] == found[1]


def test_marked_noise_makes_another_sound(mixture, tmp_path):
    path = nl.write_audio(tmp_path / "talk.wav", mixture)
    assert denoise(path, "--output", tmp_path / "blind") == 0
    assert denoise(path, "--noise", "0:00-0:00.4", "--output", tmp_path / "marked") == 0
    blind, marked = (nl.read_audio(tmp_path / f / "talk_speech.wav") for f in ("blind", "marked"))
    expected = nl.denoise(
        nl.read_audio(path),
        16000,
        noise=(0, 0.4),
        settings=nl.Settings.own().replace(max_iter_test=2),
    )
    assert not np.allclose(blind, marked, atol=1e-3)
    np.testing.assert_allclose(marked, expected.speech, atol=2e-5)


def test_keep_leaves_noise_in(mixture, tmp_path):
    path = nl.write_audio(tmp_path / "talk.wav", mixture)
    for keep in (100, 12):
        assert denoise(path, "--keep", keep, "--output", tmp_path / str(keep)) == 0
    none, some = (nl.read_audio(tmp_path / k / "talk_speech.wav") for k in ("100", "12"))
    kept = 10 ** (-12 / 20)
    np.testing.assert_allclose(some, none + kept * (nl.read_audio(path) - none), atol=1e-4)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0:00-0:02", (0, 2)), ("3.5-5", (3.5, 5)), ("1:02.5 - 1:00:00", (62.5, 3600))],
)
def test_a_stretch_is_read_as_it_is_written(text, seconds):
    assert stretch(text) == seconds


@pytest.mark.parametrize("text", ["", "-", "3", "2-1", "1-1", "a-b", "0:0:0:1-2", "-1-2", "1--2"])
def test_what_is_no_stretch_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="no stretch of time"):
        stretch(text)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nosuch.wav"], 1, "There is no audio file"),
        (["talk.wav", "--noise", "0-99"], 1, "of a recording of 1.25 s"),
        (["talk.wav", "other.wav", "--noise", "0-1"], 2, "there are several"),
        (["talk.wav", "--num_basis_free", "0"], 2, "num_basis_free"),
        (["talk.wav", "--window", "nosuch"], 2, "window"),
        (["talk.wav", "talk.flac"], 1, "the same names"),
        (["empty"], 1, "holds no recordings"),
        (["talk.wav", "--output", ""], 2, "the name is empty"),
    ],
)
def test_what_can_not_be_done_is_said(mixture, tmp_path, monkeypatch, capsys, words, code, message):
    monkeypatch.chdir(tmp_path)
    for name in ("talk.wav", "other.wav", "talk.flac"):
        nl.write_audio(name, mixture)
    (tmp_path / "empty").mkdir()
    assert main(["denoise", *words, *FEW]) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "output").exists() or not list((tmp_path / "output").iterdir())
