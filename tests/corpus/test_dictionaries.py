"""A dictionary out of the cache is the one that training gives, to the byte, or it is trained."""

import dataclasses

import numpy as np
import pytest
from support.corpora import ANOTHER, SETTINGS, make_corpus

import nmflab as nl
from nmflab.corpus import dictionaries
from nmflab.corpus.dictionaries import remembered, train_model, trained


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NMFLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def trainings(monkeypatch):
    """Count the trainings."""
    made, train = [], dictionaries.train_dictionary
    monkeypatch.setattr(
        dictionaries, "train_dictionary", lambda *a, **k: made.append(k["name"]) or train(*a, **k)
    )
    return made


def contents(dictionary):
    """Give all that it holds, with the order in memory, which decides about sums."""
    arrays = (dictionary.W, dictionary.H, dictionary.divergence)
    return [
        *((x.tobytes("A"), x.dtype, x.shape, x.flags.f_contiguous) for x in arrays),
        dictionary.rms,
        dictionary.row_means.tobytes(),
    ]


@pytest.mark.parametrize("solver", ["plain", "accelerated"])
def test_it_is_trained_once_and_the_same_to_the_byte(corpus, cache, trainings, solver):
    settings = SETTINGS.replace(solver=solver)
    fresh = trained(corpus.train_speech, "speech", settings, cache=False)
    first, second = (trained(corpus.train_speech, "speech", settings) for _ in range(2))
    found = remembered(corpus.train_speech, "speech", settings)
    assert trainings == ["speech"] * 2
    assert contents(fresh) == contents(first) == contents(second) == contents(found)


def test_a_separation_is_the_same_to_the_byte(corpus, cache):
    mixture = nl.mix_at_snr(corpus.test_speech[0], corpus.test_noise[0], 0).mixture
    speech, noise = corpus.train_speech, corpus.train_noise
    for mode in ("NMF", "NMF_g", "NMF_e"):
        settings = SETTINGS.replace(nmf_mode=mode)
        models = nl.train_model(speech, noise, settings), train_model(speech, noise, settings)
        one, other = (nl.separate(model, mixture).speech for model in models)
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("source", ["speech", "noise"])
@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(nl.Settings)])
def test_what_training_reads_trains_anew_and_nothing_else_does(
    corpus, cache, trainings, source, name
):
    trained(corpus.train_noise, source, SETTINGS)
    values = {name: ANOTHER[name]} | ({"fft": 1024} if name == "win_size" else {})
    changed = SETTINGS.replace(**values)
    trained(corpus.train_noise, source, changed)
    same = changed.read_by(source) == SETTINGS.read_by(source)
    assert len(trainings) == (1 if same else 2)


def test_other_samples_train_anew(corpus, cache, trainings):
    trained(corpus.train_noise, "noise", SETTINGS)
    trained(corpus.train_noise[:1], "noise", SETTINGS)
    trained(corpus.train_noise[::-1], "noise", SETTINGS)
    trained(list(corpus.train_noise), "noise", SETTINGS)
    assert len(trainings) == 3


def test_a_damaged_file_is_trained_anew(corpus, cache, trainings):
    first = trained(corpus.train_noise, "noise", SETTINGS)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    for content in (whole[:-100], whole[:2000] + b"x" + whole[2001:], b""):
        file.write_bytes(content)
        assert contents(trained(corpus.train_noise, "noise", SETTINGS)) == contents(first)
        assert file.read_bytes() == whole
    assert len(trainings) == 4


def test_a_file_of_another_shape_is_trained_anew(corpus, cache, trainings):
    trained(corpus.train_noise, "noise", SETTINGS)
    (file,) = cache.iterdir()
    content = file.read_bytes()
    file.unlink()
    other = SETTINGS.replace(num_basis_noise=3)
    trained(corpus.train_noise, "noise", other)
    next(cache.iterdir()).write_bytes(content)
    assert trained(corpus.train_noise, "noise", other).W.shape == (257, 3)
    assert len(trainings) == 3


def test_with_the_cache_off_the_folder_is_left_alone(corpus, cache, trainings):
    train_model(corpus.train_speech, corpus.train_noise, SETTINGS, cache=False)
    assert not cache.exists()
    trained(corpus.train_noise, "noise", SETTINGS)
    trained(corpus.train_noise, "noise", SETTINGS, cache=False)
    assert len(trainings) == 4


def test_a_training_that_is_stopped_keeps_nothing(corpus, cache):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(corpus.train_noise, "noise", SETTINGS, progress=stop)
    assert remembered(corpus.train_noise, "noise", SETTINGS) is None


def test_what_cannot_be_trained_on_is_refused_as_in_training(corpus, cache):
    for signals in ([], 3, [np.array([np.nan, 1])], ["speech"], [np.zeros(16000)]):
        sentences = []
        for cached in (False, True):
            with pytest.raises(nl.NmflabError) as refused:
                trained(signals, "speech", SETTINGS, cache=cached)
            sentences.append(str(refused.value))
        assert sentences[0] == sentences[1]
    assert not cache.exists()


def test_a_dictionary_that_is_shared_is_the_very_one_that_others_get(tmp_path, monkeypatch):
    """Forks share it, see `nmflab.system.nursery`."""
    monkeypatch.setenv("NMFLAB_CACHE", str(tmp_path))
    monkeypatch.setattr(dictionaries, "_shared", {})
    corpus = make_corpus()
    dictionaries.share(corpus.train_speech, "speech", SETTINGS)  # not there yet: nothing to share
    assert not dictionaries._shared
    before = dictionaries.trained(corpus.train_speech, "speech", SETTINGS)
    dictionaries.share(corpus.train_speech, "speech", SETTINGS)
    one, other = (dictionaries.trained(corpus.train_speech, "speech", SETTINGS) for _ in "12")
    assert one is other
    assert one.H.tobytes() == before.H.tobytes()
