"""Own recordings in the explorer: the noise is learnt from them, with nothing trained."""

import json
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
        assert "noise trained" in explorer.status.value


def test_blind_mixtures_of_the_corpus_say_what_blindness_costs(explorer):
    explorer.controls.set(explorer.controls.state.replace(recording=None))
    assert explorer.scores.si_sdr > -30
    assert explorer.H.widget.matrix.shape[0] == 96 + explorer.settings.num_basis_free


@pytest.mark.slow
def test_what_is_marked_is_learnt_from_as_nl_denoise_and_its_command_do(
    explorer, mixture, tmp_path, monkeypatch
):
    path = nl.write_audio(tmp_path / "my talk.wav", mixture)
    marks = (0.1, 0.41), (1.2, 1.5)
    explorer.open(path)
    blind = explorer.result.speech
    explorer.mark(*marks[::-1])
    explorer.controls.keep.value = 20
    shown = explorer.result.speech
    assert np.abs(shown - blind).max() > 1e-3
    found = nl.denoise(nl.read_audio(path), 16000, noise=marks, settings=explorer.settings)
    np.testing.assert_allclose(shown, found.speech, atol=1e-4)
    line = explorer.command_line()
    assert "--noise 0:00.10-0:00.41 --noise 0:01.20-0:01.50 --keep 20" in line
    monkeypatch.chdir(tmp_path)
    assert main([*shlex.split(line)[1:], "--quiet"]) == 0
    written = nl.read_audio(tmp_path / "output" / "my talk_speech.wav")
    np.testing.assert_allclose(written, shown, atol=1e-4)
    saved = explorer.save(tmp_path)
    np.testing.assert_allclose(nl.read_audio(saved[0]), shown, atol=1e-4)
    facts = json.loads(saved[3].read_text("utf-8"))
    assert facts["marks"] == [list(mark) for mark in marks]
    assert facts["command"] == line


@pytest.mark.slow
def test_status_and_noise_menu_say_from_what_the_noise_is_known(explorer, mixture):
    menu = explorer.controls.noise

    def said():
        return menu.value, explorer.status.value

    explorer.open(mixture, 16000, name="talk")
    known, status = said()
    assert known == "learnt from the recording"
    assert "noise learnt from the recording" in status
    explorer.mark((0.2, 0.5))
    known, status = said()
    assert known == "learnt from what is marked"
    assert "noise learnt from 0.20\u20130.50 s and the recording" in status
    assert explorer.noisy.widget.marks == ((0.2, 0.5),)
    menu.value = "fan"
    assert "noise trained: fan" in explorer.status.value
    assert ("trained: fan", "fan") in menu.options
    assert explorer.noisy.widget.marks == ()
    assert explorer.command_line().startswith("nmflab train --noises=fan")
    menu.value = "learnt from the recording"
    assert explorer.settings == OWN


@pytest.mark.slow
def test_a_mixture_that_is_marked_learns_its_noise_and_scores_what_that_costs():
    with closing(SeparationExplorer(settings=OWN.replace(num_basis_free=0, num_basis_noise=2))) as (
        explorer
    ):
        explorer.mark((0.0, 0.3))
        assert explorer.settings == OWN
        assert "noise learnt from 0.00\u20130.30 s and the mixture" in explorer.status.value
        assert explorer.scores.sdr > -30
        explorer.controls.clip.value = explorer.controls.clip.options[1]
        assert explorer.noisy.widget.marks == ()  # its pauses are elsewhere
        explorer.copy_command()
        assert explorer.command.value.startswith("nmflab enhance")


@pytest.mark.parametrize(
    ("stretch", "said"), [((0.4, 99.0), "no stretch"), ((0.5, 0.2), "no stretch")]
)
def test_a_mark_that_is_none_is_one_sentence(explorer, mixture, stretch, said):
    explorer.open(mixture, 16000, name="talk")
    with pytest.raises(nl.NmflabError, match=said):
        explorer.mark(stretch)


def test_what_the_browser_marks_is_learnt_from_at_once(explorer, mixture):
    explorer.open(mixture, 16000, name="talk")
    canvas, gain = explorer.noisy.widget, explorer.gain.widget.matrix
    canvas._message(canvas, {"kind": "mark", "stretches": [[0.3, 0.7004]]}, [])
    explorer.flush()
    assert canvas.marks == ((0.3, 0.7),)
    assert not np.array_equal(explorer.gain.widget.matrix, gain)
    explorer.unmark.click()
    explorer.flush()
    assert canvas.marks == ()
    np.testing.assert_array_equal(explorer.gain.widget.matrix, gain)


def test_the_bases_that_are_learnt_are_shown_beside_the_spectrum_of_the_mark(explorer, mixture):
    explorer.open(mixture, 16000, name="talk")
    explorer.mark((0.2, 0.5))
    shown = explorer.W_N.widget
    assert shown.geometry.column_bands == (("learnt", 4 * 5), ("mark", 5))
    W, F = explorer.result.W_free, explorer.settings.num_bins
    basis = W[:, 1].reshape(5, F).T  # a piece of five frames
    painted = 10.0 ** (shown.matrix / 20)
    part = painted[:, 5:10] / painted[:, 5:10].max()
    loud = basis > basis.max() / 100
    np.testing.assert_allclose(part[loud], (basis / basis.max())[loud], rtol=1e-3)
    V = np.abs(nl.Stft(fft=1024, win_size=1024, overlap=768).analyse(mixture[3200:8000]))
    mark = V.mean(axis=1)
    assert np.corrcoef(painted[:, -1], mark)[0, 1] > 0.999
    explorer.controls.num_basis_free.value = 2
    assert shown.geometry.column_bands == (("learnt", 2 * 5), ("mark", 5))
