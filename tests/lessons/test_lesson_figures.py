"""The pictures and the sounds of the lessons: they show what is true."""

import pytest
from support.corpora import SETTINGS, make_corpus

import nmflab as nl
from nmflab.evaluation.metrics import measure
from nmflab.evaluation.sweep import sweep
from nmflab.lessons.evaluation import damages, maps_figure, projection_figure


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


def test_maps_carry_the_true_values_and_one_star_each(corpus):
    found = sweep(corpus, SETTINGS, {"p": (1, 2), "penalty": (0, 0.1)}, metrics=("sdr", "stoi"))
    figure = maps_figure(found)
    panels = [axes for axes in figure.axes if axes.get_title() in ("SDR", "STOI")]
    assert len(panels) == 2
    for panel, metric in zip(panels, found.metrics, strict=True):
        assert [text.get_text() for text in panel.get_xticklabels()] == ["0", "0.1"]
        assert [text.get_text() for text in panel.get_yticklabels()] == ["1", "2"]
        (star,) = [text for text in panel.texts if "★" in text.get_text()]
        column, row = star.get_position()
        assert found.mean(metric)[int(row), int(column)] == found.mean(metric).max()


def test_no_score_hears_every_damage(corpus):
    mix = nl.mix_at_snr(corpus.test_speech["alice"], corpus.test_noise["hiss"], snr=0)
    sounds = damages(mix, SETTINGS)
    assert {sound.shape for sound in sounds.values()} == {mix.speech.shape}
    told = {
        name: measure(mix.speech, mix.noise, sound, 16000, ("sdr", "si_sdr", "sar"))
        for name, sound in sounds.items()
    }
    assert told["half as loud"][1] > 90
    assert told["1 ms late"][0] > 20 > told["1 ms late"][1]
    assert told["noise, as loud"][2] > 90
    assert told["noise, as loud"][1] == pytest.approx(0, abs=0.3)
    assert told["clipped at a tenth"][2] < 20


def test_the_projection_is_drawn_at_its_place():
    (panel,) = projection_figure([4, 1], [4, 4]).axes
    assert panel.get_aspect() == 1
    assert {text.get_text() for text in panel.texts} >= {"s", "ŝ", "αs", "ŝ − s", "e = ŝ − αs"}
