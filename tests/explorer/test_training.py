"""What an explorer shows while it trains: a first look, the state before, never a mixture."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus
from support.hands import drag, held_up, state_of

import nmflab as nl
from nmflab.core.pipeline import encode_mixture, speech_gain, taken_apart
from nmflab.core.stft import Stft
from nmflab.corpus import dictionaries
from nmflab.explorer import (
    FactorisationExplorer,
    PenaltyExplorer,
    PriorExplorer,
    SeparationExplorer,
    StftExplorer,
    SweepExplorer,
    working,
)
from nmflab.explorer import sweep as sweeping
from nmflab.explorer.engine import stages
from nmflab.explorer.engine.scheduling import browser_drives
from nmflab.explorer.presets import PRESETS
from nmflab.recordings.second_look import second_log_ratio
from nmflab.settings import Settings

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
EXPLORERS = (
    SeparationExplorer, StftExplorer, FactorisationExplorer, PriorExplorer, PenaltyExplorer,
    SweepExplorer,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def released_by_flush_alone():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(working, "REST", 60.0)
        patch.setattr(sweeping, "PENALTIES", (0.0, 0.1))
        yield


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


@pytest.fixture
def explorer(corpus):
    explorer = SeparationExplorer(corpus, SETTINGS)
    yield explorer
    explorer.close()


def face(explorer):
    """Give all that is seen and heard but the status line."""
    panels = [panel.matrix.tobytes() for panel in explorer._panels()[:5]]
    sounds = [getattr(explorer.player, f"_sound_{i}") for i in range(4)]
    return panels, sounds, explorer.objective.widget.value, explorer.score.value


def line_of(explorer):
    return explorer.status.value.split(">", 1)[1].removesuffix("</div>")


TRAINED = [name for name in PRESETS if "many bases" not in name]  # too many for this corpus


@pytest.mark.parametrize("name", TRAINED)
def test_where_there_is_no_first_look_the_state_before_is_shown_wholly_and_that_is_said(
    explorer, monkeypatch, name
):
    monkeypatch.setattr(explorer.chain, "can_preview", lambda _: False)
    before, said = face(explorer), line_of(explorer)
    started, go_on = held_up(monkeypatch)
    drag(explorer.controls.preset, name)
    assert started.wait(20)
    assert face(explorer) == before
    assert explorer.settings == SETTINGS
    assert state_of(explorer) == "training"
    assert line_of(explorer) == f"Training … Until it is done, the earlier state is shown: {said}"
    assert explorer.controls.preset.value == name
    explorer.cancel()
    go_on.set()
    explorer.flush()
    assert face(explorer) == before
    assert explorer.controls.state is explorer.store.shown
    assert explorer.controls.preset.value == "(own settings)"  # which is what is shown


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_a_preset_that_trains_shows_a_first_look_at_all_of_it_and_ends_at_the_training(
    explorer, corpus, monkeypatch, name
):
    before = face(explorer)
    started, go_on = held_up(monkeypatch)
    drag(explorer.controls.preset, name)
    assert started.wait(20)
    settings = PRESETS[name].replace(snr=SETTINGS.snr)
    assert explorer.settings == settings
    assert line_of(explorer).startswith("A first look, while the dictionaries are still being")
    assert state_of(explorer) == "training"
    look = face(explorer)
    assert look[0] != before[0]
    K = settings.num_basis_speech + settings.num_basis_noise + settings.num_basis_free
    assert explorer.H.widget.matrix.shape[0] == explorer.result.H.shape[0] == K
    go_on.set()
    explorer.flush()
    assert state_of(explorer) == "ready"
    state = explorer.store.shown
    assert state is explorer.store.wanted
    assert not state.preview
    monkeypatch.undo()
    model = nl.train_model(corpus.train_speech, corpus.training_noise(state.noise), settings)
    mixture = explorer.chain.get("mixture", state).mixture
    expected = nl.separate(model, mixture)
    assert explorer.result.H.tobytes() == expected.H.tobytes()
    gain, speech = expected.gain, expected.speech
    if settings.num_basis_free:  # what was learnt on the mixture is looked at twice
        stft = Stft.from_settings(settings)
        X = stft.analyse(mixture)
        encoding = encode_mixture(model, np.abs(X), settings)
        gain = speech_gain(second_log_ratio(model, np.abs(X), encoding, settings), settings)
        speech = taken_apart(mixture, X, encoding, gain, stft, settings).speech
    assert explorer.gain.widget.matrix.tobytes() == gain.tobytes()
    assert explorer.result.speech.tobytes() == speech.tobytes()


def test_a_cancelled_training_brings_back_what_the_first_look_had_covered(explorer, monkeypatch):
    before = face(explorer)
    started, go_on = held_up(monkeypatch)
    drag(explorer.controls.num_basis_speech, 8)
    assert started.wait(20)
    explorer._background._run_late()  # released on the first look: its sound is heard
    assert face(explorer)[1] != before[1]
    explorer.cancel()
    go_on.set()
    explorer.flush()
    assert face(explorer) == before
    assert "cancelled" in explorer.status.value
    assert explorer.settings == SETTINGS


def test_a_training_that_fails_brings_back_what_the_first_look_had_covered(explorer, monkeypatch):
    def fail(*_, **__):
        raise nl.NmflabError("The training speech is too quiet.")

    before = face(explorer)
    monkeypatch.setattr(dictionaries, "train_dictionary", fail)
    drag(explorer.controls.num_basis_speech, 8)
    with pytest.raises(nl.NmflabError, match="too quiet"):
        explorer.flush()
    assert face(explorer) == before
    assert state_of(explorer) == "error"


def test_what_cannot_be_looked_at_is_left_to_the_training_to_refuse(explorer):
    before = face(explorer)
    with browser_drives():
        explorer.controls.set(explorer.controls.state.replace(num_basis_noise=512))  # > T
    assert face(explorer) == before
    with pytest.raises(nl.NmflabError, match="take fewer bases or more audio"):
        explorer.flush()
    assert face(explorer) == before


def test_only_what_was_asked_for_is_shown(explorer):
    shown = []
    explorer.H.widget.observe(
        lambda _: shown.append(explorer.H.widget.matrix.shape[0] - 4), "_frame"
    )
    asked = [8, 2, 24, 16, 32]
    for count in asked:
        drag(explorer.controls.num_basis_speech, count)
    explorer.flush()
    explorer.H.widget.unobserve_all("_frame")
    assert [count for i, count in enumerate(shown) if count not in shown[:i]] == asked
    assert shown[-2:] == [32, 32]  # the first look, and what the training gave
    assert not any(
        state[explorer.chain.depends["gain"].index("preview")]
        for state in explorer.chain.results["gain"]
    )


def test_a_first_look_starts_from_the_dictionary_that_differs_in_its_bases_alone(
    explorer, monkeypatch
):
    found = []

    def noted(*arguments, near, **options):
        found.append(near)
        return look(*arguments, near=near, **options)

    look = stages.first_look
    monkeypatch.setattr(stages, "first_look", noted)
    speech, noise = (explorer.chain.get(n, explorer.store.shown) for n in ("speech", "noise"))
    drag(explorer.controls.num_basis_speech, 8)
    explorer.flush()
    assert found == [speech]  # and the noise is there
    drag(explorer.controls.win_size, 512)
    explorer.flush()
    assert found[1:] == [None, None]
    drag(explorer.controls.num_basis_noise, 2)
    explorer.flush()
    assert found[3] is not noise
    assert found[3].W.shape == (257, 4)


def test_a_dictionary_of_an_earlier_run_is_shown_without_a_first_look(
    corpus, monkeypatch, tmp_path
):
    monkeypatch.setenv("NMFLAB_CACHE", str(tmp_path))
    settings = SETTINGS.replace(num_basis_speech=8)
    SeparationExplorer(corpus, settings).close()
    explorer = SeparationExplorer(corpus, SETTINGS)
    drag(explorer.controls.num_basis_speech, 8)
    assert not explorer.store.shown.preview
    assert state_of(explorer) == "live"
    explorer.flush()
    assert explorer.chain.runs["first look at speech"] == 0
    explorer.close()


def test_cancel_brings_back_the_preset_that_is_shown(explorer, monkeypatch):
    small = PRESETS["fails: too few bases"].replace(snr=SETTINGS.snr)
    explorer.controls.set(explorer.controls.state.replace(settings=small))
    started, go_on = held_up(monkeypatch)
    drag(explorer.controls.preset, "tuned, frame by frame")
    assert started.wait(20)
    drag(explorer.controls.p, 5.0)
    drag(explorer.controls.preset, "plain NMF: no prior")
    explorer.cancel()
    go_on.set()
    explorer.flush()
    assert explorer.settings == small.replace(p=5.0)  # which was moved, and seen to move
    assert explorer.controls.p.value == 5.0
    drag(explorer.controls.p, 2.0)
    assert explorer.controls.preset.value == "fails: too few bases"
    explorer.flush()
    started.clear()
    go_on.clear()
    drag(explorer.controls.preset, "tuned, frame by frame")
    assert started.wait(20)
    explorer.cancel()
    go_on.set()
    explorer.flush()
    assert explorer.controls.preset.value == "fails: too few bases"
    assert "cancelled" in explorer.status.value


def test_a_slider_moves_on_the_dictionaries_before_and_that_is_said(explorer, monkeypatch):
    monkeypatch.setattr(explorer.chain, "can_preview", lambda _: False)
    started, go_on = held_up(monkeypatch)
    before = face(explorer)
    drag(explorer.controls.num_basis_speech, 8)
    assert started.wait(20)
    assert "the earlier state is shown: " in line_of(explorer)
    assert face(explorer) == before  # with all of its scores
    drag(explorer.controls.penalty.slider, 0.5)
    assert explorer.settings == SETTINGS.replace(penalty=0.5)
    assert "Until it is done, the earlier dictionaries are used: " in line_of(explorer)
    assert "K 6 + 4" in line_of(explorer)
    heard = explorer.player.seq
    explorer._background._run_late()  # released while the training goes on
    assert explorer.player.seq == heard + 1  # so the sound is that of the picture
    assert state_of(explorer) == "training"
    go_on.set()
    explorer.flush()
    assert explorer.settings == SETTINGS.replace(penalty=0.5, num_basis_speech=8)
    assert line_of(explorer).startswith("alice in hiss")


def test_of_a_preset_under_way_nothing_is_taken_by_a_slider(explorer, monkeypatch):
    monkeypatch.setattr(explorer.chain, "can_preview", lambda _: False)
    started, go_on = held_up(monkeypatch)
    drag(explorer.controls.preset, "tuned, frame by frame")
    assert started.wait(20)
    drag(explorer.controls.p, 5.0)
    assert explorer.settings == SETTINGS.replace(p=5.0)
    assert explorer.result.H.shape[0] == 6 + 4
    before = face(explorer)
    drag(explorer.controls.preset, "fails: λ far too large")  # whose dictionaries are the same
    assert face(explorer) == before
    drag(explorer.controls.noise, "rumble")
    drag(explorer.controls.snr, 6.0)
    assert explorer.store.shown.noise == "hiss"
    assert explorer.settings == SETTINGS.replace(p=5.0, snr=6.0)
    assert explorer.controls.noise.value == "rumble"
    explorer.cancel()
    go_on.set()
    explorer.flush()
    assert explorer.controls.noise.value == "hiss"


def test_a_change_from_python_says_so_too_while_it_trains(explorer, monkeypatch):
    said = []
    explorer.status.observe(lambda _: said.append(line_of(explorer)), "value")
    explorer.controls.num_basis_speech.value = 8
    assert said[0].startswith(
        "Training … Until it is done, the earlier state is shown: alice in hiss"
    )
    assert "K 6 + 4" in said[0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", EXPLORERS)
def test_reset_goes_back_to_what_the_explorer_was_opened_with(corpus, kind):
    explorer = kind(corpus, SETTINGS, clip="bob", noise="rumble")
    state, said = explorer.store.shown, repr(explorer)
    assert (state.clip, state.noise, state.settings) == ("bob", "rumble", SETTINGS)
    for name in explorer.names:
        control = getattr(explorer.controls, name)
        options = getattr(control, "_options_full", None)
        drag(getattr(control, "slider", control), options[0][1] if options else 2)
        explorer.flush()
    explorer.controls.reset()
    assert explorer.store.shown == state
    assert repr(explorer) == said
    explorer.close()


@pytest.mark.parametrize(
    ("kind", "name", "moved"),
    [
        (PriorExplorer, "row", 3),
        (FactorisationExplorer, "iteration", 2),
        (SweepExplorer, "rows", "num_basis_noise"),
        (SweepExplorer, "metric", "stoi"),
    ],
)
def test_reset_brings_back_controls_that_no_setting_belongs_to(
    corpus, monkeypatch, kind, name, moved
):
    monkeypatch.setitem(sweeping.ROWS, "num_basis_noise", ("Noise bases K_N", (2, 4)))
    explorer = kind(corpus, SETTINGS)
    control, said = getattr(explorer, name), repr(explorer)
    first = control.value
    control.value = moved
    explorer.controls.reset()
    assert control.value == first
    assert repr(explorer) == said
    explorer.close()


def test_the_lessons_open_their_explorers_with_what_the_text_is_about():
    """What is set behind `reset` would be lost by it."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and "Explorer(" in source:
                assert "controls." not in source, path.name


def test_settings_that_need_no_training_are_shown_at_once(explorer):
    live = Settings.from_dict({**SETTINGS.to_dict(), "p": 3.0, "penalty": 0.315})
    drag(explorer.controls.p, 3.0)
    drag(explorer.controls.penalty.slider, 0.315)
    assert explorer.settings == live
    assert isinstance(explorer.settings, nl.Settings)
