"""The command line on unusual sound files: nothing is lost without a sentence."""

import warnings

import numpy as np
import pytest
import soundfile
from support.sounds import tone, write, write_film

import nmflab as nl
from nmflab.cli import main as cli

RATE = 8000
FAST = ["-b_speech", "2", "-b_noise", "2", "-i_train", "2", "-sr", str(RATE)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    rng = np.random.default_rng(0)
    settings = nl.Settings(
        num_basis_speech=2,
        num_basis_noise=2,
        max_iter_train=2,
        max_iter_test=2,
        sampling_rate=RATE,
    )
    signals = [[0.1 * rng.standard_normal(RATE)] for _ in range(2)]
    return str(nl.train_model(*signals, settings).save(tmp_path_factory.mktemp("m") / "tiny.npz"))


def separated(model, path, *more):
    output = path.parent / "out"
    code = cli.main(["separate", model, str(path), *map(str, more), "--output", str(output)])
    found = [output / f"{path.stem}_{part}.wav" for part in ("speech", "noise")]
    return code, [nl.read_audio(file, RATE) for file in found if file.exists()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("talk.mp3", {"format": "MP3", "bitrate_mode": "VARIABLE", "compression_level": 0.6}),
        ("call.wav", {"subtype": "GSM610"}),
        ("call.gsm", {"format": "RAW", "subtype": "GSM610"}),
    ],
)
def test_a_recording_long_enough_for_blocks_is_read_as_whole(model, tmp_path, rng, name, options):
    t = np.arange(181 * RATE) / RATE
    soundfile.write(
        tmp_path / name, 0.1 * np.sin(t) ** 2 * rng.standard_normal(t.size), RATE, **options
    )
    code, (speech, noise) = separated(model, tmp_path / name)
    assert code == 0
    np.testing.assert_allclose(speech + noise, nl.read_audio(tmp_path / name, RATE), atol=1e-4)


@pytest.mark.parametrize("name", ["memo.m4a", "film.mp4", "call.webm"])
def test_what_a_phone_records_is_separated(model, tmp_path, rng, name):
    samples = 0.1 * rng.standard_normal((2 * 48000, 2))
    codec = "libopus" if name == "call.webm" else "aac"
    write_film(tmp_path / name, samples, 48000, codec, pictures=50 * (name == "film.mp4"))
    code, (speech, noise) = separated(model, tmp_path / name)
    assert code == 0
    np.testing.assert_allclose(speech + noise, nl.read_audio(tmp_path / name, RATE), atol=1e-4)


def test_a_warning_is_one_sentence_on_standard_error_each_time(model, tmp_path, capsys):
    path = tmp_path / "near.wav"
    soundfile.write(path, np.stack([tone(RATE), -0.98 * tone(RATE)], axis=1), RATE)
    for _ in range(2):
        assert separated(model, path)[0] == 0
        sentence, end = capsys.readouterr().err.split("\n")
        assert sentence.startswith(f"nmflab: The audio file {str(path)!r} loses 40 dB where its ")
        assert end == ""


def test_other_warnings_are_shown_as_python_shows_them(model, tmp_path, monkeypatch):
    def warn(*arguments):
        warnings.warn("of another kind", RuntimeWarning, stacklevel=1)
        return 0.0

    monkeypatch.setattr("nmflab.audio.files.duration", warn)
    path = nl.write_audio(tmp_path / "a.wav", tone(RATE), RATE)
    with pytest.warns(RuntimeWarning, match="of another kind"):
        separated(model, path)


def test_a_recording_that_cancels_itself_gives_a_sentence_and_no_silent_files(
    model, tmp_path, capsys
):
    path = tmp_path / "anti.wav"
    soundfile.write(path, np.stack([tone(RATE), -tone(RATE)], axis=1), RATE)
    assert separated(model, path) == (1, [])
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "anti.wav' has channels that cancel each other" in sentence


@pytest.mark.parametrize("seconds", [1, 181])
def test_a_silent_recording_gives_silent_files_and_a_sentence(model, tmp_path, capsys, seconds):
    path = tmp_path / "hush.wav"
    soundfile.write(path, np.zeros((seconds * RATE, 2)), RATE)
    code, found = separated(model, path)
    assert (code, len(found)) == (0, 2)
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "hush.wav' is silent, and so are its parts" in sentence


def test_training_names_what_it_skips_and_what_outweighs_the_rest(tmp_path, capsys):
    speech = tmp_path / "speech"
    write(speech / "good.wav", tone(RATE), RATE)
    write(speech / "loud.wav", 2**15 * tone(RATE, frequency=300), RATE, subtype="FLOAT")
    (speech / "phone.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    write(tmp_path / "noise/hum.wav", tone(RATE, frequency=50), RATE)
    paths = ["--speech", str(speech), "--noise", str(tmp_path / "noise")]
    assert cli.main(["train", *paths, "--output", str(tmp_path / "m.npz"), *FAST]) == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "loud.wav' reaches 16384, where full scale is 1" in said[0]
    assert said[1].startswith("Skipped: ")
    assert "phone.m4a' can't be read, for it is damaged" in said[1]
