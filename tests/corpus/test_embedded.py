"""The embedded corpus is what its README says, and sounds as it should."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.sounds import RATE, write

from nmflab.system.shipped import embedded_folder

NOISES = ("babble", "car", "factory", "fan", "pink", "siren", "wind")
FILES = sorted(embedded_folder().glob("t*/*/*.flac"))


def test_embedded_corpus_has_the_speakers_and_noises_of_the_design(embedded):
    def speakers(clips):
        return {name.rpartition("_")[0] for name in clips.names}

    assert speakers(embedded.train_speech) == {"awb", "carlo", "ivrvoice", "june", "kal"}
    assert speakers(embedded.test_speech) == {"allison_en", "allison_es", "carlo", "rms"}
    assert embedded.train_noise.names == embedded.test_noise.names == NOISES
    assert embedded.noise_names == NOISES
    assert embedded.skipped == ()


def test_embedded_corpus_has_half_a_minute_of_each_training_speaker(embedded):
    seconds = dict.fromkeys(["awb", "carlo", "ivrvoice", "june", "kal"], 0.0)
    for clip in embedded.train_speech.clips:
        seconds[clip.name.rpartition("_")[0]] += clip.samples.size / RATE
    assert min(seconds.values()) > 30


def test_embedded_clips_last_2_to_6_seconds_and_noises_42(embedded):
    lengths = [x.size / RATE for x in (*embedded.train_speech, *embedded.test_speech)]
    assert 2 <= min(lengths) <= max(lengths) <= 6
    assert [x.size for x in embedded.train_noise] == [30 * RATE] * 7
    assert [x.size for x in embedded.test_noise] == [12 * RATE] * 7


def test_embedded_files_are_16_khz_mono_16_bit_flac_and_small():
    for file in FILES:
        info = soundfile.info(file)
        expected = (RATE, 1, "PCM_16", "FLAC")
        assert (info.samplerate, info.channels, info.subtype, info.format) == expected
    sizes = [file.stat().st_size for file in FILES]
    assert sum(sizes) <= 12_000_000
    assert max(sizes) <= 1_400_000


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
def test_embedded_file_is_level_unclipped_and_never_digitally_silent(file):
    samples, _ = soundfile.read(file)
    assert np.abs(samples).max() < 0.99
    assert 10 * np.log10(np.mean(samples**2)) == pytest.approx(-26, abs=1)
    sounding = np.flatnonzero(samples)
    assert np.diff(sounding, prepend=-1, append=samples.size).max() < 0.01 * RATE


def test_embedded_speech_has_no_long_silence_at_its_ends(embedded):
    for clip in (*embedded.train_speech.clips, *embedded.test_speech.clips):
        frames = clip.samples[: clip.samples.size // 160 * 160].reshape(-1, 160)
        power = np.mean(frames**2, axis=1)
        loud = np.flatnonzero(power > power.max() * 1e-4)
        assert loud[0] < 15, clip.name
        assert len(power) - loud[-1] < 15, clip.name


def shared_stretches(train, test, width=32, step=500):
    """Count the test files with a run of samples of a train file, if it has 1000 samples."""
    blocks = set()
    for file in train:
        pcm, _ = soundfile.read(file, dtype="int16")
        blocks.update(pcm[i : i + width].tobytes() for i in range(0, pcm.size - width, step))
    count = 0
    for file in test:
        pcm, _ = soundfile.read(file, dtype="int16")
        raw = pcm.tobytes()
        count += any(raw[i : i + 2 * width] in blocks for i in range(0, len(raw), 2))
    return count


def test_embedded_train_and_test_share_no_stretch_of_1000_samples(tmp_path):
    train = [file for file in FILES if file.parts[-3] == "train"]
    test = [file for file in FILES if file.parts[-3] == "test"]
    assert len(train) > 40
    assert len(test) > 15
    assert shared_stretches(train, test) == 0
    copied, _ = soundfile.read(train[0], dtype="int16")
    write(tmp_path / "copied.wav", copied[1234:2234])
    assert shared_stretches(train, [tmp_path / "copied.wav"]) == 1


def test_readme_names_every_embedded_file_with_its_length_and_licence():
    text = (embedded_folder() / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(t\w+/\w+/\w+\.flac)` \| ([\d.]+) \| (.+) \| ([^|]+) \|$", text, re.M)
    assert sorted(row[0] for row in rows) == sorted(
        file.relative_to(embedded_folder()).as_posix() for file in FILES
    )
    for path, seconds, _, licence in rows:
        assert float(seconds) == pytest.approx(
            soundfile.info(embedded_folder() / path).duration, abs=0.051
        )
        share_alike = Path(path).stem.startswith(("allison", "june", "babble"))
        assert share_alike == (licence == "CC BY-SA 3.0")
        assert licence in ("CC BY-SA 3.0", "CC BY 3.0", "CMU (free, BSD-like)") or (
            "/noise/" in path and licence == "BSD-3-Clause (nmflab)"
        )


def test_readme_shows_no_prompt_and_no_sentence_in_both_train_and_test():
    text = (embedded_folder() / "README.md").read_text(encoding="utf-8")
    said = {"train": set(), "test": set()}
    for part, who in re.findall(
        r"^\| `(train|test)/speech/\S+ \| [\d.]+ \| [^;]+; (.+) \| ", text, re.M
    ):
        prompts = who.partition(": ")[2] if who.startswith("`") else who
        said[part] |= set(re.findall(r"`([^`]+)`|\"([^\"]+)\"", prompts))
    assert len(said["train"]) > 20
    assert len(said["test"]) > 8
    assert not said["train"] & said["test"]
