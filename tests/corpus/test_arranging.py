"""TIMIT and NOISEX-92 become a data folder: voices, words and noises are never on both sides."""

import itertools
import shutil

import numpy as np
import pytest
import soundfile

from nmflab import NmflabError, Settings, load_corpus
from nmflab.audio.files import duration
from nmflab.cli.main import main
from nmflab.corpus.arranging import arrange_corpus

REGIONS, SENTENCES = ("DR1", "DR2", "DR3"), ("SA1", "SA2", "SI648", "SX27", "SX37")
NOISEX_RATE = 19980


def hiss(seconds, rate, seed):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))


@pytest.fixture
def corpora(tmp_path):
    """Make folders as TIMIT (SPHERE files named .WAV) and NOISEX-92 have them."""
    seeds = itertools.count()
    for part, region, speaker in itertools.product(("TRAIN", "TEST"), REGIONS, range(4)):
        folder = tmp_path / "TIMIT" / part / region / f"{part[1]}{region[-1]}{speaker}"
        folder.mkdir(parents=True)
        for sentence in SENTENCES:
            samples = hiss(0.5, 16000, next(seeds))
            soundfile.write(folder / f"{sentence}.WAV", samples, 16000, format="NIST")
            (folder / f"{sentence}.TXT").write_text("0 8000 She had your dark suit.")
    (tmp_path / "NOISEX").mkdir()
    for name in ("babble", "factory1"):
        samples = hiss(3, NOISEX_RATE, next(seeds))
        soundfile.write(tmp_path / "NOISEX" / f"{name}.wav", samples, NOISEX_RATE)
    return tmp_path / "TIMIT", tmp_path / "NOISEX"


def arranged(corpora, folder, **options):
    sizes = {"training_seconds": 4, "test_sentences": 6, "noise_seconds": 1.2}
    return arrange_corpus(folder, *corpora, **{**sizes, **options})


def place_of(file):
    """Give part, region, speaker and sentence."""
    return file.stem.split("-")


def test_voices_and_words_are_on_one_side_only_and_regions_take_turns(corpora, tmp_path):
    folder = arranged(corpora, tmp_path / "data")
    train, test = (sorted((folder / part / "speech").iterdir()) for part in ("train", "test"))
    assert len(train) == 8
    assert len(test) == 6
    assert {place_of(file)[0] for file in train} == {"TRAIN"}
    assert {place_of(file)[0] for file in test} == {"TEST"}
    assert len({place_of(file)[2] for file in train}) == 8, "a second sentence before all had one"
    assert {place_of(file)[1] for file in test} == set(REGIONS)
    assert not any(place_of(file)[3].startswith("SA") for file in train + test)


def test_speech_is_copied_to_the_byte_and_noise_cut_at_its_own_rate(corpora, tmp_path):
    folder = arranged(corpora, tmp_path / "data")
    file = next((folder / "train/speech").iterdir())
    assert file.read_bytes() == corpora[0].joinpath(*file.name.split("-")).read_bytes()
    whole, _ = soundfile.read(corpora[1] / "babble.wav", dtype="int16")
    size = round(1.2 * NOISEX_RATE)
    for part, piece in (("train", whole[:size]), ("test", whole[size : 2 * size])):
        cut, rate = soundfile.read(folder / part / "noise/babble.wav", dtype="int16")
        assert rate == NOISEX_RATE
        np.testing.assert_array_equal(cut, piece)


def test_the_folder_is_a_corpus_that_trains_each_noise_for_itself(corpora, tmp_path):
    corpus = load_corpus(arranged(corpora, tmp_path / "data"), Settings().sampling_rate)
    assert corpus.noise_names == ("babble", "factory1")
    assert corpus.training_noise("babble").names == ("babble",)
    assert sum(map(len, corpus.train_speech)) == 4 * 16000


def test_a_seed_draws_the_same_and_another_seed_others(corpora, tmp_path):
    def drawn(name, seed):
        folder = arranged(corpora, tmp_path / name, seed=seed)
        return [file.name for file in sorted(folder.rglob("*.WAV"))]

    assert drawn("a", 0) == drawn("b", 0) != drawn("c", 1)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"training_seconds": 1000}, "holds 18 s of speech where 1000 s"),
        ({"test_sentences": 100}, "has 36 sentences where 100"),
        ({"noise_seconds": 3}, "lasts 3.0 s, and 3 s of it"),
        ({"noise_seconds": -1}, "noise_seconds"),
        ({"test_sentences": 0}, "test_sentences"),
    ],
)
def test_what_is_not_there_is_said_and_nothing_is_left(corpora, tmp_path, options, reason):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(NmflabError, match=reason):
        arranged(corpora, tmp_path / "data", **options)
    assert sorted(tmp_path.iterdir()) == before


def test_speakers_and_noises_of_the_same_name_are_kept_apart(corpora, tmp_path):
    speech, noise = corpora
    for part in ("TRAIN", "TEST"):  # as speakers are called who are numbered in each region
        for i, old in enumerate(sorted((speech / part).glob("*/*"))):
            old.rename(old.with_name(f"speaker{i % 4}"))
    (noise / "night").mkdir()
    shutil.copy(noise / "babble.wav", noise / "night/babble.wav")
    folder = arranged(corpora, tmp_path / "data", training_seconds=17.9, test_sentences=36)
    assert len(list((folder / "train/speech").iterdir())) == 36
    assert len(list((folder / "test/speech").iterdir())) == 36
    assert {file.stem for file in (folder / "train/noise").iterdir()} == {
        "babble", "factory1", "night-babble"
    }  # fmt: skip
    soundfile.write(noise / "babble.flac", hiss(3, NOISEX_RATE, 99), NOISEX_RATE)
    with pytest.raises(NmflabError, match="two noises called 'babble'"):
        arranged(corpora, tmp_path / "other")


def test_a_folder_that_is_taken_or_a_corpus_without_division_is_refused(corpora, tmp_path):
    with pytest.raises(NmflabError, match="something in"):
        arranged(corpora, corpora[0])
    with pytest.raises(NmflabError, match="in a folder TRAIN"):
        arranged((corpora[1], corpora[1]), tmp_path / "data")
    with pytest.raises(NmflabError, match="no recordings"):
        arranged((corpora[0], tmp_path / "nowhere"), tmp_path / "data")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["NOISEX", "TIMIT"]


def test_the_command_makes_the_folder_and_says_what_to_do_next(corpora, tmp_path, capsys):
    folder = tmp_path / "data"
    line = ["data", "arrange", str(folder), "--speech", str(corpora[0]), "--noise", str(corpora[1])]
    line += ["--training-seconds", "3", "--test-sentences", "2", "--noise_seconds", "1"]
    assert main(line) == 0
    assert "nmflab data --data" in capsys.readouterr().out
    assert duration(folder / "train/noise/babble.wav") == 1.0
