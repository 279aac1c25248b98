"""The bench: any function that separates gets its scores on mixtures it was not trained on."""

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus

from nmflab.evaluation.bench import Bench


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


def test_mixtures_are_made_of_the_test_part_and_rehearsals_of_the_training_part(corpus):
    bench, heard = Bench(corpus, ["hiss"], voices=1, every=1), []
    bench.worth(lambda noise, x: heard.append((noise, x)) or x)
    ((noise, mixture),) = heard
    assert noise == "hiss"
    assert mixture.size == corpus.test_speech[0].size
    for mix, speech in zip(bench.rehearsal("hiss"), corpus.train_speech, strict=True):
        np.testing.assert_array_equal(mix.speech, speech)


def test_what_does_nothing_is_worth_0_db(corpus):
    sdr, si_sdr, stoi = Bench(corpus, ["hiss"], voices=2).worth(lambda noise, x: x)
    assert sdr == pytest.approx(0, abs=0.5)
    assert si_sdr == pytest.approx(0, abs=0.5)
    assert 0 < stoi < 1


def test_each_noise_has_a_dictionary_and_a_spectrogram_of_its_own(corpus):
    noises = list(corpus.train_noise.names)
    bench = Bench(corpus, noises)
    models, (S, N) = bench.models(SETTINGS), bench.spectrograms(SETTINGS)
    assert list(models) == list(N) == noises
    assert len({id(model.speech) for model in models.values()}) == 1
    assert {X.shape[0] for X in (S, *N.values())} == {SETTINGS.num_bins}
