"""What is shipped is found by what it was trained with, on whatever machine, and is as good."""

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus

import nmflab as nl
from nmflab.corpus import dictionaries, shipped_dictionaries
from nmflab.corpus.dictionaries import remembered, trained
from nmflab.corpus.shipped_dictionaries import name_of, shipped, write
from nmflab.evaluation.metrics import bss_eval
from nmflab.system import caching

SPEECH = make_corpus().train_speech


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a folder that is taken for the one that was shipped; nothing may be trained."""
    monkeypatch.setattr(shipped_dictionaries, "dictionaries_folder", lambda: tmp_path)
    path = tmp_path / name_of(SPEECH, "speech", SETTINGS)
    write(trained(SPEECH, "speech", SETTINGS, cache=False), SETTINGS, path)
    return tmp_path


def forbid_training(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("trained")

    monkeypatch.setattr(dictionaries, "train_dictionary", refuse)


def test_it_is_found_without_training_on_another_machine_too(folder, monkeypatch):
    monkeypatch.setattr(caching, "machine", lambda: {"numpy": "another"})
    forbid_training(monkeypatch)
    for found in (trained(SPEECH, "speech", SETTINGS), remembered(SPEECH, "speech", SETTINGS)):
        np.testing.assert_allclose(found.W.sum(axis=0), 1.0, rtol=1e-5)
    again = SETTINGS.replace(penalty=3.0, p=5.0, num_basis_noise=7)  # which no training reads
    assert shipped(SPEECH, "speech", again) is not None


@pytest.mark.parametrize("other", [{"num_basis_speech": 5}, {"max_iter_train": 5}, {"seed": 1}])
def test_other_settings_of_training_are_trained(folder, other):
    assert shipped(SPEECH, "speech", SETTINGS.replace(**other)) is None


def test_other_signals_are_trained_and_so_is_all_without_a_folder(folder, monkeypatch):
    assert shipped(SPEECH[:1], "speech", SETTINGS) is None
    assert shipped(SPEECH, "noise", SETTINGS) is None
    monkeypatch.setattr(shipped_dictionaries, "dictionaries_folder", lambda: None)
    assert shipped(SPEECH, "speech", SETTINGS) is None


def test_without_the_cache_it_is_trained(folder, monkeypatch):
    forbid_training(monkeypatch)
    with pytest.raises(AssertionError, match="trained"):
        trained(SPEECH, "speech", SETTINGS, cache=False)


def test_a_damaged_file_counts_as_missing(folder):
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:200])
    assert shipped(SPEECH, "speech", SETTINGS) is None


def test_it_separates_as_well_as_the_one_that_was_trained(folder):
    corpus = make_corpus()
    noise = trained(corpus.train_noise, "noise", SETTINGS, cache=False)
    mix = nl.mix_at_snr(corpus.test_speech[0], corpus.test_noise[0], 0)
    whole, small = (trained(SPEECH, "speech", SETTINGS, cache=cache) for cache in (False, True))
    sdr = [
        bss_eval(mix.speech, mix.noise, nl.separate(model, mix.mixture).speech)[0]
        for model in (nl.SeparationModel(speech, noise, SETTINGS) for speech in (whole, small))
    ]
    assert abs(sdr[0] - sdr[1]) < 0.1
