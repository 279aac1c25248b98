"""The embedded corpus is read as it is asked for, and holds what reading it at once gives."""

import pickle

import numpy as np
import pytest

import nmflab as nl
from nmflab.audio.files import write_audio
from nmflab.corpus import clips
from nmflab.corpus.clips import Clip, load_folder
from nmflab.system.shipped import embedded_folder


@pytest.fixture
def corpus():
    return nl.load_corpus()


def test_nothing_is_read_before_it_is_asked_for(corpus, monkeypatch):
    read = []
    monkeypatch.setattr(clips, "read_audio", lambda path, _: read.append(path) or np.zeros(9, "f4"))
    assert corpus.test_speech.names
    assert not read
    corpus.test_noise["car"]
    corpus.test_noise["car"]
    assert read == [embedded_folder() / "test/noise/car.flac"]


@pytest.mark.parametrize("part", ["test/speech", "test/noise"])
def test_what_is_read_late_is_the_same_to_the_byte(corpus, part):
    late = getattr(corpus, part.replace("/", "_"))
    early = load_folder(embedded_folder() / part, 16000)
    assert (late.names, late.paths) == (early.names, early.paths)
    for one, other in zip(late, early, strict=True):
        assert one.dtype == other.dtype == np.float32
        assert one.tobytes() == other.tobytes()


def test_an_array_that_somebody_has_is_the_one_that_others_get(corpus):
    car = corpus.test_noise["car"]
    assert corpus.test_noise[1] is car
    assert car in corpus.test_noise


def test_a_clip_that_is_not_of_16_bits_keeps_its_samples(tmp_path, rng):
    samples = rng.uniform(-0.5, 0.5, 4800).astype(np.float32)
    file = write_audio(tmp_path / "fine.wav", samples, 48000) or tmp_path / "fine.wav"
    clip = Clip.stored("fine", file, 16000)
    expected = load_folder(tmp_path, 16000)[0]
    assert clip.samples.tobytes() == expected.tobytes()
    assert clip.samples is clip.samples


def test_a_clip_goes_to_another_process(corpus):
    clip = corpus.test_noise.clips[1]
    again = pickle.loads(pickle.dumps(clip))
    assert (again.name, again.path) == (clip.name, clip.path)
    assert again.samples.tobytes() == clip.samples.tobytes()


def test_a_clip_has_nothing_else(corpus):
    with pytest.raises(AttributeError, match="'Clip' has no attribute 'sample'"):
        _ = corpus.test_noise.clips[0].sample


def test_what_is_shared_is_read_once_for_all_corpora_and_stays_the_same(corpus, monkeypatch):
    """Forks share it, see `nmflab.system.nursery`."""
    before = corpus.test_noise["car"].copy()
    monkeypatch.setattr(clips, "_shared", {})
    clips.share(corpus.test_noise.clips)
    monkeypatch.setattr(clips, "read_audio", None)
    another = nl.load_corpus().test_noise
    assert another["car"].tobytes() == before.tobytes()
    assert vars(another.clips[1])["_pcm"] is vars(corpus.test_noise.clips[1])["_pcm"]
