"""Own recordings in the explorer: the noise is learnt from them, with nothing trained."""

import shlex
from contextlib import closing

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus

import nmflab as nl
from nmflab.cli.main import main
from nmflab.explorer import SeparationExplorer
from nmflab.explorer.saving import denoise_line
from nmflab.settings import Settings

OWN = Settings.own()


@pytest.fixture(scope="module")
def mixture():
    corpus = nl.load_corpus()
    return nl.mix_at_snr(corpus.test_speech[0][:24000], corpus.test_noise["fan"], 0.0).mixture


@pytest.fixture(scope="module")
def explorer():
    """Give an explorer on the embedded corpus whose mixtures need no training."""
    with closing(SeparationExplorer(settings=OWN.replace(max_iter_test=2))) as explorer:
        yield explorer


@pytest.mark.slow
def test_an_own_recording_is_cleaned_with_what_is_learnt_from_it(explorer, mixture, tmp_path):
    path = nl.write_audio(tmp_path / "my talk.wav", mixture)
    explorer.open(path)
    assert explorer.settings == OWN
    found = nl.denoise(nl.read_audio(path), 16000)
    np.testing.assert_allclose(explorer.result.speech, found.speech, atol=1e-6)
    assert explorer.chain.runs["noise"] <= 1
    assert "K 96 + 4 learnt" in explorer.status.value
    assert "noise learnt from the recording" in explorer.status.value


@pytest.mark.slow
def test_the_copied_command_makes_the_sound_that_is_shown(explorer, mixture, tmp_path, monkeypatch):
    path = nl.write_audio(tmp_path / "my talk.wav", mixture)
    explorer.open(path)
    explorer.controls.num_basis_free.value = 2
    explorer.controls.keep.value = 20
    words = shlex.split(explorer.command_line())
    assert words[:2] == ["nmflab", "denoise"]
    monkeypatch.chdir(tmp_path)
    assert main([*words[1:], "--quiet"]) == 0
    written = nl.read_audio(tmp_path / "output" / "my talk_speech.wav")
    np.testing.assert_allclose(written, explorer.result.speech, atol=1e-4)


def test_the_line_gives_what_differs_from_the_preset():
    assert denoise_line(OWN, "a.wav") == "nmflab denoise a.wav"
    line = denoise_line(OWN.replace(penalty=0.3, snr=5.0), "it's.wav")
    assert shlex.split(line) == ["nmflab", "denoise", "--penalty", "0.3", "it's.wav"]


def test_a_corpus_of_one_s_own_keeps_its_settings_for_a_recording(mixture):
    with closing(SeparationExplorer(make_corpus(), SETTINGS)) as explorer:
        explorer.open(mixture, 16000)
        assert explorer.settings == SETTINGS
        assert "noise dictionary" in explorer.status.value


def test_blind_mixtures_of_the_corpus_say_what_blindness_costs(explorer):
    explorer.controls.set(explorer.controls.state.replace(recording=None))
    assert explorer.scores.si_sdr > -30
    assert explorer.H.widget.matrix.shape[0] == 96 + explorer.settings.num_basis_free
