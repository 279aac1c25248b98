"""Data folders: what is read, what is left alone, and what is kept for testing."""

import os
import re
import shutil
import sys
import warnings

import numpy as np
import pytest
from support.sounds import RATE, tone, write, write_film

from nmflab.corpus.clips import load_clips
from nmflab.corpus.folders import describe_corpus, load_corpus
from nmflab.errors import NmflabError, NmflabWarning


def test_describe_corpus_gives_part_name_seconds_and_level(folder):
    write(folder / "test/noise/hush.wav", np.zeros(RATE // 2))
    write(folder / "test/noise/square.wav", np.tile([0.5, -0.5], RATE))
    rows = describe_corpus(load_corpus(folder))
    assert [(r.part, r.name) for r in rows[:3]] == [
        ("train/speech", "anna"),
        ("train/noise", "rain"),
        ("test/speech", "ben"),
    ]
    assert (rows[3].seconds, rows[3].level) == (0.5, -np.inf)
    assert rows[4].seconds == 2
    assert rows[4].level == pytest.approx(-6.02, abs=0.01)


def test_sub_folders_are_walked_in_order_and_names_are_unique(folder, rng):
    speech = folder / "train/speech"
    for path in ("dr1/f1/sa1.WAV", "dr1/m2/SA1.wav", "dr1/m2/si7.wav", "x/si7.flac", "x/si7.wav"):
        write(speech / path, rng.uniform(-0.5, 0.5, 100))
    clips = load_corpus(folder).train_speech
    assert clips.names == (
        "anna",
        "dr1_f1_sa1",
        "dr1_m2_SA1",
        "dr1_m2_si7",
        "x_si7_flac",
        "x_si7_wav",
    )


def test_names_stay_unique_when_joined_paths_clash(folder, rng):
    speech = folder / "train/speech"
    for path in ("a/b.wav", "c/b.wav", "a_b.wav", "a_b_wav.wav"):
        write(speech / path, rng.uniform(-0.5, 0.5, 100))
    names = load_corpus(folder).train_speech.names
    assert len(set(names)) == len(names) == 5


def test_hidden_and_other_files_are_left_alone(folder):
    (folder / "train/speech/notes.txt").write_text("not audio")
    (folder / "train/speech/._anna.wav").write_bytes(b"a Mac's resource fork")
    (folder / "train/speech/.cache").mkdir()
    (folder / "train/speech/.cache/x.wav").write_bytes(b"hidden")
    loaded = load_corpus(folder)
    assert loaded.train_speech.names == ("anna",)
    assert loaded.skipped == ()


def test_links_are_followed_and_circles_end(folder, tmp_path_factory, rng):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere / "carol.wav", rng.uniform(-0.5, 0.5, 100))
    (elsewhere / "back").symlink_to(elsewhere)
    for name in ("linked", "linked again"):
        (folder / "train/speech" / name).symlink_to(elsewhere)
    assert load_corpus(folder).train_speech.names == ("anna", "carol")


@pytest.mark.skipif(sys.platform != "linux", reason="Names are Unicode here.")
def test_name_that_is_no_unicode_gets_one_that_can_be_written(folder):
    anna = folder / "train/speech/anna.wav"
    anna.rename(anna.with_name(os.fsdecode(b"an\xffa.wav")))
    assert "an\N{REPLACEMENT CHARACTER}a" in load_corpus(folder).train_speech.names


def test_folder_that_may_not_be_read_is_named(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(NmflabError, match=r"speech' can't be read \(Permission denied\)"):
        load_corpus(folder)


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("flac", {}),
        ("ogg", {}),
        ("mp3", {}),
        ("wav", {"subtype": "FLOAT"}),
        ("wav", {"format": "NIST"}),
        ("sph", {"format": "NIST"}),
    ],
)
def test_formats_that_libsndfile_reads_are_read(folder, ending, options):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    write(folder / f"train/speech/tone.{ending}", tone, **options)
    loaded = load_corpus(folder)
    assert loaded.skipped == ()
    assert loaded.train_speech["tone"].std() == pytest.approx(tone.std(), rel=0.05)


def test_other_rates_and_stereo_are_brought_to_the_wanted_rate_and_mono(folder, rng):
    write(folder / "train/noise/noisex.wav", rng.uniform(-0.5, 0.5, (19980, 2)), 19980)
    loaded = load_corpus(folder, sampling_rate=8000)
    assert loaded.sampling_rate == 8000
    assert loaded.train_speech["anna"].shape == (8000,)
    total = loaded.train_noise["noisex"].size + loaded.test_noise["noisex"].size
    assert total == pytest.approx(8000, abs=1)


def test_corrupt_files_are_skipped_and_named(folder):
    (folder / "train/speech/broken.wav").write_bytes(b"RIFF but not really")
    (folder / "test/speech/empty.flac").write_bytes(b"")
    loaded = load_corpus(folder)
    assert loaded.train_speech.names == ("anna",)
    assert len(loaded.skipped) == 2
    assert "broken.wav" in loaded.skipped[0]
    assert "empty.flac" in loaded.skipped[1]


def test_nothing_readable_is_an_error_that_names_folder_and_reason(folder):
    (folder / "train/speech/anna.wav").write_bytes(b"")
    message = r"None of the audio files \(1\) in '.*speech' can be read: .*anna.wav.* is empty"
    with pytest.raises(NmflabError, match=message):
        load_corpus(folder)


def test_missing_data_folder_says_what_belongs_in_one(tmp_path):
    with pytest.raises(
        NmflabError, match=r"no data folder '.*nowhere': make one with train/speech"
    ):
        load_corpus(tmp_path / "nowhere")


@pytest.mark.parametrize("load", [load_corpus, load_clips])
def test_unusable_rate_is_no_file_s_fault(folder, load):
    with pytest.raises(NmflabError, match=r"^sampling_rate is 1000000000\.0 but must be"):
        load(folder, 1e9)


def test_missing_part_is_named(folder):
    (folder / "test/speech/ben.wav").unlink()
    (folder / "test/speech").rmdir()
    with pytest.raises(NmflabError, match="has no folder 'test/speech': it must hold"):
        load_corpus(folder)


def test_empty_part_is_named(folder):
    (folder / "train/noise/rain.wav").unlink()
    with pytest.raises(NmflabError, match="noise' holds no audio files: put recordings there"):
        load_corpus(folder)


@pytest.mark.parametrize("empty_folder", [False, True])
def test_without_test_noise_the_unused_last_fifth_is_tested_on(folder, empty_folder):
    if empty_folder:
        (folder / "test/noise").mkdir()
    loaded = load_corpus(folder)
    (whole,) = load_clips(folder / "train/noise")
    (train,), (test,) = loaded.train_noise, loaded.test_noise
    assert (train.size, test.size) == (12800, 3200)
    np.testing.assert_array_equal(np.concatenate([train, test]), whole)
    assert loaded.noise_names == loaded.train_noise.names == ("rain",)


def test_noise_too_short_to_share_is_refused(folder):
    write(folder / "train/noise/click.wav", [0.1, 0.2])
    with pytest.raises(NmflabError, match=r"click.wav' is too short \(2 samples\)"):
        load_corpus(folder)


@pytest.mark.parametrize("own_test_noise", [False, True])
def test_training_part_alone_is_that_of_the_whole_folder(folder, own_test_noise):
    if own_test_noise:
        write(folder / "test/noise/wind.wav", np.full(RATE, 0.1))
    (folder / "train/speech/broken.wav").write_bytes(b"")
    (folder / "test/speech/broken.wav").write_bytes(b"")
    whole, training = load_corpus(folder), load_corpus(folder, training_only=True)
    for part in ("train_speech", "train_noise"):
        assert getattr(training, part).names == getattr(whole, part).names
        np.testing.assert_array_equal(getattr(training, part), getattr(whole, part))
    assert len(training.test_speech) == len(training.test_noise) == 0
    assert training.skipped == whole.skipped[:1]


def test_training_part_alone_needs_no_test_part(folder):
    whole = load_corpus(folder)
    shutil.rmtree(folder / "test")
    training = load_corpus(folder, training_only=True)
    np.testing.assert_array_equal(training.train_noise, whole.train_noise)
    shutil.rmtree(folder / "train/noise")
    message = r"has no folder 'train/noise': it must hold train/speech and train/noise\.$"
    with pytest.raises(NmflabError, match=message):
        load_corpus(folder, training_only=True)


FILMS = ["m4a", "webm", "aac", "mp4", "3gp", "wma", "amr", "M4A", "mov", "mka", "ape", "dsf"]


@pytest.mark.parametrize("ending", [*FILMS, "raw", "pcm"])
def test_recordings_that_cannot_be_read_are_named_and_not_passed_over(folder, ending):
    (folder / f"train/speech/voice.{ending}").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    (skipped,) = load_corpus(folder).skipped
    assert re.fullmatch(rf"Skipped: .*voice\.{ending}' can't be read, for it .*\.", skipped)


def test_noise_to_test_with_that_cannot_be_read_is_not_replaced_by_training_noise(folder):
    (folder / "test/noise").mkdir()
    (folder / "test/noise/wind.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    with pytest.raises(NmflabError, match=r"wind\.m4a' can't be read, for it is damaged"):
        load_corpus(folder)


def test_recordings_of_phones_are_read_beside_others(folder):
    expected = load_corpus(folder).train_speech
    write_film(folder / "train/speech/voice.m4a", tone(seconds=1), RATE)
    write_film(folder / "train/noise/hum.webm", tone(48000, 1, 50), 48000, "libopus")
    corpus = load_corpus(folder)
    assert corpus.skipped == ()
    assert set(corpus.train_speech.names) == {*expected.names, "voice"}
    assert "hum" in corpus.train_noise.names


@pytest.mark.parametrize("load", [load_corpus, lambda folder: load_clips(folder / "train/speech")])
def test_a_recording_scaled_as_integers_among_others_is_named(folder, load):
    loud = (tone(seconds=1) * 2**15).astype(np.float32)
    write(folder / "train/speech/loud.wav", loud, subtype="FLOAT")
    with pytest.warns(
        NmflabWarning, match=r"loud\.wav' reaches 1638\d, where full scale is 1"
    ) as said:
        load(folder)
    assert len(said) == 1


def test_loud_recordings_and_such_as_are_all_of_one_scale_are_not_named(folder):
    write(folder / "train/speech/loud.wav", tone(level=4.0), subtype="FLOAT")
    for name, level in (("hiss", 9e3), ("rain", 3e4)):
        write(folder / f"train/noise/{name}.wav", tone(level=level), subtype="FLOAT")
    with warnings.catch_warnings():
        warnings.simplefilter("error", NmflabWarning)
        load_corpus(folder)


def test_recordings_that_are_there_twice_are_named(folder):
    shutil.copy(folder / "train/speech/anna.wav", folder / "test/speech/anne.wav")
    sentence = r"anne\.wav' has the same samples as '.*anna\.wav': what is trained on is not"
    with pytest.warns(NmflabWarning, match=sentence):
        load_corpus(folder)
    shutil.copytree(folder / "train/noise", folder / "test/noise")
    with pytest.warns(NmflabWarning, match=r"anna\.wav' \(2 such pairs\): ") as said:
        load_corpus(folder)
    assert len(said) == 1


def test_nothing_is_said_of_the_embedded_corpus():
    with warnings.catch_warnings():
        warnings.simplefilter("error", NmflabWarning)
        load_corpus()
