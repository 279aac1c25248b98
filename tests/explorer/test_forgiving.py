"""A filter over clean speech: what SDR forgives and SI-SDR doesn't."""

import numpy as np
import pytest

from nmflab.audio.signals import mix_at_snr
from nmflab.corpus.folders import load_corpus
from nmflab.explorer.forgiving import BANDS, FilterExplorer


@pytest.fixture(scope="module")
def explorer():
    corpus = load_corpus()
    mixture = mix_at_snr(corpus.test_speech["allison_en_01"], corpus.test_noise["fan"], snr=0)
    return FilterExplorer(mixture, corpus.sampling_rate)


def test_without_a_filter_nothing_changes(explorer):
    explorer.curve.guess = [0.0] * len(BANDS)
    np.testing.assert_allclose(explorer.filtered(), explorer._mixture.speech, atol=1e-5)
    assert explorer.scores()["stoi"] == pytest.approx(1.0, abs=0.01)


def test_sdr_forgives_what_si_sdr_does_not(explorer):
    explorer.curve.guess = [-60.0, -60, -60, -60, -60, -30, 0]
    scores = explorer.scores()
    assert scores["sdr"] > 60
    assert scores["si_sdr"] < -10
    assert "SDR above 60 dB, SI-SDR -" in repr(explorer)
    assert "nmflab-scores" in explorer.table.value


def test_the_filter_does_what_was_dragged(explorer):
    explorer.curve.guess = [0.0, 0, 0, 0, -40, -60, -60]
    power = np.abs(np.fft.rfft(explorer.filtered())) ** 2
    before = np.abs(np.fft.rfft(explorer._mixture.speech)) ** 2
    Hz = np.linspace(0, 8000, len(power))
    kept = [10 * np.log10(power[at].sum() / before[at].sum()) for at in (Hz < 900, Hz > 3000)]
    assert kept[0] == pytest.approx(0, abs=1)
    assert kept[1] < -40
