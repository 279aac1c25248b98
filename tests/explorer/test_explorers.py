"""The explorers without a browser: driven from Python, and by the messages a browser sends."""

import asyncio
import io
import json
import shlex
import threading
import time
import types
import wave

import numpy as np
import pytest
from support.corpora import ANOTHER, SETTINGS, make_corpus
from support.hands import drag, held_up, state_of
from support.sounds import film, tone

import nmflab as nl
from nmflab.audio.signals import resample
from nmflab.cli import main as cli
from nmflab.corpus import dictionaries
from nmflab.evaluation import metrics
from nmflab.explorer import sweep as sweeping
from nmflab.explorer import working
from nmflab.explorer.controls import OWN_SETTINGS
from nmflab.explorer.engine.chain import Chain
from nmflab.explorer.engine.scheduling import Background, driven_by_browser
from nmflab.explorer.factorisation import FactorisationExplorer
from nmflab.explorer.penalty import PenaltyExplorer
from nmflab.explorer.plots import quick_png
from nmflab.explorer.presets import PRESETS
from nmflab.explorer.prior import PriorExplorer
from nmflab.explorer.prior_plots import PriorPlot, fits
from nmflab.explorer.saving import command_line
from nmflab.explorer.separation import SeparationExplorer
from nmflab.explorer.stft import StftExplorer
from nmflab.explorer.sweep import SweepExplorer

EXPLORERS = (
    SeparationExplorer,
    StftExplorer,
    FactorisationExplorer,
    PriorExplorer,
    PenaltyExplorer,
    SweepExplorer,
)


@pytest.fixture(scope="module", autouse=True)
def quick_scores():
    """Leave out scores and maps that take their time; test_{chain,sweeping}.py have them.

    A slider in the browser is released by `flush` alone, however long the machine takes.
    """
    with pytest.MonkeyPatch.context() as patch:
        nothing = {"sir": 0.0, "sar": 0.0, "stoi": 0.0, "estoi": 0.0, "pesq": 0.0}

        def score(speech, noise, estimate, *, sampling_rate):
            ratio = metrics.si_sdr(speech, estimate)
            return metrics.Scores(sdr=ratio, si_sdr=ratio, **nothing)

        patch.setattr(metrics, "score", score)
        patch.setattr(sweeping, "PENALTIES", (0.0, 0.1))
        patch.setattr(working, "REST", 60.0)
        yield


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def shared(corpus):
    explorer = SeparationExplorer(corpus, SETTINGS)
    yield explorer
    explorer.close()


@pytest.fixture
def explorer(shared):
    """Give an explorer that is as good as new."""
    for results in shared.chain.results.values():
        results.clear()
    shared.basis = None
    shared.controls.reset()
    shared.chain.runs.clear()
    return shared


# Driven from Python


@pytest.mark.parametrize(
    ("name", "value", "ran", "not_ran"),
    [
        ("p", 5.0, "separation", "activations"),
        ("penalty", 0.3, "activations", "spectrogram"),
        ("nmf_mode", "NMF_g", "activations", "spectrogram"),
        ("update", "mu", "activations", "spectrogram"),
        ("max_iter_test", 9, "activations", "spectrogram"),
        ("snr", 6.0, "mixture", "speech"),
        ("clip", "bob", "mixture", "speech"),
        ("num_basis_speech", 8, "speech", "noise"),
        ("num_basis_noise", 8, "noise", "speech"),
        ("noise", "rumble", "noise", "speech"),
        ("win_size", 512, "spectrogram", "mixture"),
        ("seed", 3, "speech", "mixture"),
    ],
)
def test_a_control_set_from_python_has_its_result_when_the_line_returns(
    explorer, name, value, ran, not_ran
):
    before = explorer.result
    getattr(explorer.controls, name).value = value
    assert explorer.result is not before
    assert explorer.chain.runs[ran] == 1
    assert explorer.chain.runs[not_ran] == 0
    assert explorer.chain.runs["scores"] == 1
    assert explorer.result.settings == explorer.settings
    if name in nl.Settings().to_dict():
        assert getattr(explorer.settings, name) == value
    assert state_of(explorer) == "ready"


def from_scratch(corpus, state):
    """Give what `nmflab.separate` makes of a state, with nothing remembered."""
    settings = state.settings
    model = nl.train_model(corpus.train_speech, [corpus.train_noise[state.noise]], settings)
    clip, noise = corpus.test_speech[state.clip], corpus.test_noise[state.noise]
    return nl.separate(model, nl.mix_at_snr(clip, noise, settings.snr).mixture)


@pytest.mark.parametrize("name", [name for name in ANOTHER if name != "sampling_rate"])
def test_after_any_change_the_result_is_that_of_separate_from_scratch(explorer, corpus, name):
    gamma = explorer.controls.state.replace(nmf_mode="NMF_g")  # the one that reads all settings
    explorer.controls.set(explorer.controls.state if name == "nmf_mode" else gamma)
    before = explorer.result.speech
    explorer.controls.set(explorer.controls.state.replace(**{name: ANOTHER[name]}))
    assert not np.array_equal(explorer.result.speech, before)
    expected = from_scratch(corpus, explorer.controls.state)
    for part in ("speech", "noise", "H", "gain", "divergence", "objective", "mixture"):
        found = getattr(explorer.result, part)
        np.testing.assert_allclose(found, getattr(expected, part), rtol=1e-5, atol=1e-7)
    assert explorer.result.settings == expected.settings


def test_a_penalty_of_nothing_is_plain_nmf(explorer):
    explorer.controls.penalty.value = 0
    assert explorer.controls.penalty.off.value
    with_prior = explorer.result.H
    explorer.controls.nmf_mode.value = "NMF"
    np.testing.assert_array_equal(explorer.result.H, with_prior)
    drag(explorer.controls.penalty.off, False)
    explorer.flush()
    assert explorer.settings.penalty == explorer.controls.penalty.slider.value > 0


def test_the_result_is_what_the_panels_and_the_player_show(explorer):
    result, gain = explorer.result, explorer.gain.widget
    np.testing.assert_array_equal(gain.matrix, result.gain)
    np.testing.assert_array_equal(explorer.H.widget.matrix.shape, result.H.shape)
    assert explorer.H.widget.geometry.row_bands == (("speech", 6), ("noise", 4))
    assert explorer.noisy.widget.geometry == explorer.enhanced.widget.geometry
    assert explorer.player.duration == pytest.approx(len(result.speech) / 16000)


def test_only_the_panels_that_changed_are_painted_again(explorer):
    def sequence():
        panels = ("noisy", "enhanced", "reference", "gain", "H")
        return {name: getattr(explorer, name).widget.seq for name in panels}

    before, objective = sequence(), explorer.objective.widget.value
    explorer.controls.p.value = 7.0
    after = sequence()
    assert {name for name in after if after[name] != before[name]} == {"gain", "enhanced"}
    assert explorer.objective.widget.value == objective
    explorer.controls.penalty.value = 1.0
    assert explorer.objective.widget.value != objective
    assert sequence()["noisy"] == before["noisy"]


def test_going_back_to_a_basis_count_does_not_train_again(explorer):
    for count in (8, 16, 8, 16):
        explorer.controls.num_basis_speech.value = count
    assert explorer.chain.runs["speech"] == 2


def test_an_error_is_raised_from_python_and_the_last_result_stays(explorer):
    result = explorer.result
    with pytest.raises(nl.NmflabError, match="frames"):
        explorer.controls.set(explorer.controls.state.replace(num_basis_speech=5000))
    assert explorer.result is result
    assert state_of(explorer) == "error"
    explorer.controls.reset()
    assert state_of(explorer) == "ready"


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_all_controls_with_one_change(explorer, monkeypatch, name):
    changes = []
    monkeypatch.setattr(
        explorer.controls, "_on_change", lambda whole: changes.append(explorer.store.wanted)
    )
    explorer.controls.preset.value = name
    assert [state.settings for state in changes] == [PRESETS[name]]
    for control in set(explorer.names) - {"clip", "noise"}:
        value = getattr(explorer.controls, control).value
        assert value == pytest.approx(getattr(PRESETS[name], control))
    explorer.controls.p.value = 3.3
    assert explorer.controls.preset.value == OWN_SETTINGS
    explorer.controls.p.value = PRESETS[name].p
    assert explorer.controls.preset.value == name


def test_a_preset_runs_the_chain_once_and_reset_goes_back(explorer):
    first = explorer.result
    explorer.controls.preset.value = "fails: too few bases"
    runs = explorer.chain.runs
    assert runs["separation"] == runs["activations"] == runs["speech"] == runs["noise"] == 1
    explorer.controls.reset()
    assert explorer.result is first
    assert explorer.settings == SETTINGS


def test_an_unknown_control_is_named(explorer):
    with pytest.raises(AttributeError, match="no control called 'lambda_'; there are: nmf_mode"):
        explorer.controls.lambda_  # noqa: B018


# Driven by a browser


def test_a_slider_in_the_browser_shows_at_once_and_scores_on_release(explorer):
    assert not driven_by_browser()
    before, sound = explorer.result, explorer.player.seq
    drag(explorer.controls.p, 4.0)
    assert explorer.result is not before
    assert state_of(explorer) == "live"
    assert (explorer.chain.runs["scores"], explorer.player.seq) == (0, sound)
    explorer.flush()
    assert state_of(explorer) == "ready"
    assert (explorer.chain.runs["scores"], explorer.player.seq) == (1, sound + 1)


def test_a_drag_sends_sound_and_scores_once(explorer):
    for p in (2.1, 2.2, 2.3, 2.4):
        drag(explorer.controls.p, p)
    explorer.flush()
    assert explorer.chain.runs["gain"] == 4
    assert explorer.chain.runs["scores"] == 1
    assert explorer.settings.p == 2.4


def test_in_a_fast_drag_pictures_follow_each_move_and_the_rest_now_and_then(explorer, monkeypatch):
    monkeypatch.setattr(working, "FOLLOWING", 60.0)
    drag(explorer.controls.p, 2.1)
    said, plotted = explorer.status.value, explorer.objective.widget.value
    for penalty in (0.2, 0.315, 0.5):
        drag(explorer.controls.penalty.slider, penalty)
        gain = explorer.chain.get("gain", explorer.store.wanted)
        assert np.shares_memory(explorer.gain.widget.matrix, gain)
        assert explorer.settings.penalty == penalty
    assert (explorer.status.value, explorer.objective.widget.value) == (said, plotted)
    explorer.flush()
    assert state_of(explorer) == "ready"
    assert "λ 0.5" in explorer.status.value
    assert explorer.objective.widget.value != plotted
    drag(explorer.controls.p, 3.0)  # "ready" must not stand there of something else
    assert state_of(explorer) == "live"


def test_training_in_the_background_leaves_the_sliders_free(explorer, monkeypatch):
    started, go_on = held_up(monkeypatch)
    drag(explorer.controls.num_basis_speech, 8)
    assert started.wait(20)
    assert state_of(explorer) == "training"
    drag(explorer.controls.p, 6.0)  # shown with the first look at the dictionary
    assert explorer.result.settings.p == 6.0
    assert explorer.store.shown.preview
    assert state_of(explorer) == "training"
    go_on.set()
    explorer.flush()
    assert explorer.result.H.shape[0] == 8 + 4
    assert explorer.settings.p == 6.0
    assert explorer.chain.runs["speech"] == 1
    assert state_of(explorer) == "ready"


def test_one_store_holds_what_is_wanted_and_what_is_shown(explorer, monkeypatch):
    store = explorer.store
    assert explorer.controls.state is store.wanted is store.shown
    started, go_on = held_up(monkeypatch)
    drag(explorer.controls.num_basis_speech, 8)
    assert started.wait(20)
    assert explorer.controls.state is store.wanted
    assert store.shown == store.wanted.replace(preview=True)
    go_on.set()
    explorer.flush()
    assert store.shown is store.wanted


def test_the_newest_basis_count_wins(explorer, monkeypatch):
    started, go_on = held_up(monkeypatch)
    drag(explorer.controls.num_basis_speech, 8)
    assert started.wait(20)
    for count in (16, 24, 2):
        drag(explorer.controls.num_basis_speech, count)
    go_on.set()
    explorer.flush()
    assert explorer.settings.num_basis_speech == 2
    assert explorer.chain.runs["speech"] == 1  # 8 was given up, 16 and 24 never began


def test_a_training_can_be_cancelled(explorer, monkeypatch):
    started, go_on = held_up(monkeypatch)
    result = explorer.result
    drag(explorer.controls.num_basis_speech, 8)
    assert started.wait(20)
    explorer.cancel()
    go_on.set()
    explorer.flush()
    assert explorer.result.H is result.H
    assert explorer.controls.num_basis_speech.value == 6
    assert "cancelled" in explorer.status.value
    explorer.controls.num_basis_speech.value = 8
    assert explorer.settings.num_basis_speech == 8


def test_python_does_not_wait_for_a_training_that_nobody_wants_any_more(explorer, monkeypatch):
    started, go_on = held_up(monkeypatch)
    drag(explorer.controls.num_basis_speech, 8)
    assert started.wait(20)
    wait = explorer._background.wait
    monkeypatch.setattr(explorer._background, "wait", lambda: (go_on.set(), wait()))
    explorer.controls.num_basis_speech.value = 2
    assert explorer.result.H.shape[0] == 2 + 4
    assert explorer.chain.runs["speech"] == 1


def test_a_training_from_python_can_be_cancelled(explorer, monkeypatch):
    def pressed(*_, progress, **__):
        explorer.cancel()
        progress("speech", 1, 4)

    monkeypatch.setattr(dictionaries, "train_dictionary", pressed)
    result = explorer.result
    with pytest.raises(nl.NmflabError, match="The training was cancelled"):
        explorer.controls.num_basis_speech.value = 8
    assert explorer.result is result
    assert explorer.controls.num_basis_speech.value == 6
    assert "cancelled" in explorer.status.value
    explorer.controls.p.value = 5.0
    assert explorer.settings.p == 5.0


def test_a_training_from_python_gives_way_to_what_the_browser_wants(explorer, monkeypatch):
    train = dictionaries.train_dictionary

    def overtaken(*_, progress, **__):
        monkeypatch.setattr(dictionaries, "train_dictionary", train)
        drag(explorer.controls.num_basis_speech, 2)
        progress("speech", 1, 4)

    monkeypatch.setattr(dictionaries, "train_dictionary", overtaken)
    explorer.controls.num_basis_speech.value = 8
    assert explorer.settings.num_basis_speech == explorer.controls.num_basis_speech.value == 2
    assert explorer.result.H.shape[0] == 2 + 4
    assert state_of(explorer) == "ready"


def test_flush_raises_what_went_wrong_in_the_background(explorer, monkeypatch):
    def fail(*_, **__):
        raise nl.NmflabError("The training speech is too quiet.")

    monkeypatch.setattr(dictionaries, "train_dictionary", fail)
    result = explorer.result
    drag(explorer.controls.num_basis_speech, 8)
    with pytest.raises(nl.NmflabError, match="too quiet"):
        explorer.flush()
    assert "too quiet" in explorer.status.value
    assert explorer.result.H is result.H
    explorer.flush()  # once only


def test_an_error_in_the_browser_is_one_sentence(explorer, monkeypatch, capsys):
    def fail(*_):
        raise nl.NmflabError("Something <odd> happened.")

    monkeypatch.setattr(explorer, "_paint", fail)
    drag(explorer.controls.p, 4.0)
    assert state_of(explorer) == "error"
    assert "Something &lt;odd&gt; happened." in explorer.status.value


def fail(*_):
    raise nl.NmflabError("Something odd happened.")


def test_an_error_after_a_good_move_stays(explorer, monkeypatch):
    drag(explorer.controls.p, 4.0)  # its release is still to come
    monkeypatch.setattr(explorer, "_paint", fail)
    drag(explorer.controls.p, 5.0)
    explorer.flush()
    assert state_of(explorer) == "error"
    assert "Something odd happened." in explorer.status.value
    assert explorer.settings.p == 4.0


def test_an_error_on_release_is_shown_and_raised_by_flush(explorer, monkeypatch):
    monkeypatch.setattr(explorer, "_settle", fail)
    drag(explorer.controls.p, 4.0)
    with pytest.raises(nl.NmflabError, match="odd"):
        explorer.flush()
    assert state_of(explorer) == "error"
    assert "Something odd happened." in explorer.status.value


def test_the_scores_of_another_mixture_are_not_shown(explorer):
    def noisy():
        line = explorer.score.value.split("noisy</th>")[1].split("</tr>")[0]
        return set(line.replace("</td>", "").split("<td>")[1:])

    scored = noisy()
    assert "–" not in scored
    drag(explorer.controls.p, 4.0)
    assert noisy() == scored
    drag(explorer.controls.snr, 6.0)
    assert noisy() == {"–"}
    explorer.flush()
    assert "–" not in noisy()
    assert noisy() != scored


def test_everything_runs_in_line_where_no_thread_can_start(explorer, monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    drag(explorer.controls.num_basis_speech, 8)
    assert explorer.result.H.shape[0] == 8 + 4
    assert state_of(explorer) == "ready"


def test_where_no_thread_can_start_the_event_loop_waits_for_the_slider_to_rest(monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    async def move():
        background.later(lambda: done.append("the first"), 0.01)
        background.later(lambda: done.append("the last"), 0.01)
        assert done == []
        await asyncio.sleep(0.05)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    background, done = Background(), []
    asyncio.run(move())
    assert done == ["the last"]


def test_what_a_browser_sends_back_changes_nothing(explorer):
    for control in explorer.controls:
        part = getattr(control, "slider", control)
        drag(part, part.value)
    assert explorer.chain.runs == {}


def test_background_work_reports_a_timeout():
    background, go_on = Background(), threading.Event()
    background.start(lambda: go_on.wait(10) and None)
    with pytest.raises(nl.NmflabError, match=r"not done after 0\.05 s"):
        background.flush(0.05)
    go_on.set()
    background.flush(10)
    assert not background.busy


# Own recordings


def wav(samples, rate=16000):
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return content.getvalue()


def upload(explorer, name, content):
    """Do what a file does that the browser can't decode."""
    explorer.upload.receive({"kind": "file", "name": name}, [memoryview(content)])
    explorer.flush()


def test_an_uploaded_file_takes_the_place_of_the_mixture(explorer, rng):
    samples = 0.1 * rng.standard_normal(8000)
    upload(explorer, "C:\\fakepath\\my street.wav", wav(samples, 8000))
    assert len(explorer.result.speech) == 16000  # resampled
    assert explorer.scores is None
    assert explorer.controls.clip.value == "own: my street"
    assert explorer.reference.widget.title == "Noise removed"
    assert "my street" in repr(explorer)
    explorer.controls.clip.value = "alice"
    assert explorer.scores is not None


def test_what_the_browser_cannot_decode_is_uploaded_and_decoded_here(explorer, rng):
    upload(explorer, "call.amr", film(tone(8000, 1.0), 8000, "libopencore_amrnb", "amr"))
    assert len(explorer.result.speech) == pytest.approx(16000, abs=600)
    assert explorer.controls.clip.value == "own: call"
    explorer.controls.clip.value = "own: my street"
    assert explorer.scores is None


@pytest.mark.parametrize("content", [b"", b"not a sound at all"])
def test_a_bad_upload_is_one_sentence(explorer, content):
    result = explorer.result
    upload(explorer, "song.wav", content)
    assert explorer.result is result
    assert state_of(explorer) == "error"
    assert "song.wav" in explorer.status.value
    assert "/" not in explorer.status.value.split(">", 1)[1].removesuffix("</div>")


def sound(explorer, samples, *, seconds=None, rate=16000, name="talk.m4a", **facts):
    """Do what a file does that the browser has decoded."""
    content = {"kind": "sound", "name": name, "rate": rate, "seconds": seconds or 1.0, **facts}
    explorer.upload.receive(content, [memoryview(samples.astype("<f4").tobytes())])
    explorer.flush()


def test_a_file_that_the_browser_decodes_is_taken_and_again(explorer, rng):
    samples = 0.1 * rng.standard_normal(48000).astype(np.float32)
    for _ in range(2):
        sound(explorer, samples, rate=48000)
        assert explorer.controls.clip.value == "own: talk"
        np.testing.assert_allclose(
            explorer.store.shown.recording.samples, resample(samples, 48000, 16000), atol=1e-6
        )
        explorer.controls.clip.value = "alice"
    kept = explorer.upload.get_state()
    assert not any(isinstance(value, bytes | memoryview) for value in kept.values())


def test_what_is_cut_off_is_said(explorer, rng):
    samples = 0.1 * rng.standard_normal(45 * 16000).astype(np.float32)
    said = "talk (the first 30 s of 45 s; the copied command cleans all of it)"
    sound(explorer, samples[: 30 * 16000], seconds=45.0)
    assert len(explorer.result.speech) == 30 * 16000
    assert said in explorer.status.value
    assert said in repr(explorer)
    explorer.controls.clip.value = "alice"
    assert "first" not in explorer.status.value
    explorer.open(samples, name="talk")
    assert said in explorer.status.value
    explorer.open(samples[: 30 * 16000 + 500], name="talk")
    assert "first" not in explorer.status.value


def test_of_a_small_file_that_holds_an_hour_the_beginning_is_used_and_that_is_said(explorer):
    call, head = film(tone(8000, 1.0), 8000, "libopencore_amrnb", "amr"), len(b"#!AMR\n")
    upload(explorer, "hour.amr", call[:head] + 3600 * call[head:])
    assert len(explorer.result.speech) == 30 * 16000
    assert "hour (the first 30 s of 36" in explorer.status.value


def test_a_rate_that_would_make_hours_of_a_message_makes_half_a_minute(explorer):
    sound(explorer, np.ones(100_000, np.float32) / 2, rate=1000, seconds=100.0)
    assert len(explorer.result.speech) == 30 * 16000


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"kind": "sound", "rate": 1, "seconds": 1.0}, "sampling rate of talk.aac"),
        ({"kind": "refused", "size": 61e6}, "61 MB are too much"),
        ({"kind": "sound", "rate": 16000, "seconds": 1.0, "left": 1e-9}, "cancel each other"),
        ({"kind": "sound", "rate": 16000, "seconds": 1.0}, "NaN"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(explorer, content, sentence):
    result = explorer.result
    buffers = [np.full(100, np.nan, "<f4").tobytes()]
    explorer.upload.receive({"name": "talk.aac", **content}, buffers)
    explorer.flush()
    assert state_of(explorer) == "error"
    assert sentence in explorer.status.value
    assert "talk.aac" in explorer.status.value
    assert explorer.result is result


def test_a_recording_from_the_microphone_is_taken(explorer, rng):
    pcm = (3000 * rng.standard_normal(24000)).astype("<i2")
    explorer.recorder.receive(pcm.tobytes(), 48000)
    explorer.flush()
    assert len(explorer.result.speech) == 8000
    assert "microphone" in repr(explorer)


def test_samples_and_files_can_be_opened_from_python(explorer, tmp_path, rng):
    samples = (0.1 * rng.standard_normal(16000)).astype(np.float32)
    explorer.open(samples, name="array")
    assert explorer.controls.snr.disabled  # nothing is mixed
    np.testing.assert_allclose(explorer.result.speech + explorer.result.noise, samples, atol=1e-5)
    explorer.open(nl.write_audio(tmp_path / "file.wav", samples))
    assert explorer.controls.clip.value == "own: file"
    with pytest.raises(nl.NmflabError, match="no audio file"):
        explorer.open(tmp_path / "missing.wav")


# What is handed out


@pytest.mark.parametrize("settings", [*PRESETS.values(), SETTINGS, nl.Settings(snr=-5, p=0.7)])
def test_the_command_line_gives_back_the_settings(settings):
    line = command_line(settings, "a folder")
    program, *words = shlex.split(line)
    assert program == "nmflab"
    arguments = cli.parse(words)
    assert arguments.settings == settings
    assert arguments.data == "a folder"


def test_copy_as_command_shows_what_differs_from_the_defaults(explorer):
    explorer.controls.preset.value = "original script"
    explorer.controls.penalty.value = 0.1
    explorer.copy_command()
    assert (
        explorer.command.value
        == f"nmflab enhance --data {explorer.chain.corpus.root} --penalty 0.1"
    )


def test_save_writes_sound_picture_and_settings(explorer, tmp_path):
    sound, noise, picture, text = explorer.save(tmp_path / "new")
    assert sorted((tmp_path / "new").iterdir()) == sorted([sound, noise, picture, text])
    np.testing.assert_allclose(nl.read_audio(sound), explorer.result.speech, atol=1e-4)
    np.testing.assert_allclose(nl.read_audio(noise), explorer.result.noise, atol=1e-4)
    assert picture.read_bytes()[:4] == b"\x89PNG"
    facts = json.loads(text.read_text("utf-8"))
    assert nl.Settings.from_dict(facts["settings"]) == explorer.settings
    assert facts["scores"]["si_sdr"] == pytest.approx(explorer.scores.si_sdr)
    assert (facts["speech"], facts["noise"]) == ("alice", "hiss")


def test_a_folder_that_cannot_be_written_is_one_sentence(explorer, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(nl.NmflabError, match="can't be written"):
        explorer.save(blocked)


# All explorers


@pytest.fixture(scope="module", params=EXPLORERS, ids=lambda kind: kind.__name__)
def any_explorer(request, corpus):
    return request.param(corpus, SETTINGS)


@pytest.mark.slow
def test_the_static_face_is_deterministic(any_explorer, corpus):
    bundle, metadata = any_explorer._repr_mimebundle_()
    again, _ = type(any_explorer)(corpus, SETTINGS)._repr_mimebundle_()
    assert metadata == {}
    assert set(bundle) == {
        "application/vnd.jupyter.widget-view+json",
        "image/png",
        "text/plain",
    }
    assert bundle["text/plain"] == again["text/plain"] == repr(any_explorer)
    assert bundle["image/png"] == again["image/png"]
    assert len(bundle["image/png"]) < 300_000


def test_every_control_says_what_it_does(any_explorer):
    for control in [*any_explorer.controls, any_explorer.controls.preset]:
        part = getattr(control, "slider", control)
        assert part.description
        assert part.tooltip.endswith(".")


def test_every_explorer_follows_python_and_browser(any_explorer):
    for name in any_explorer.names:
        control = getattr(any_explorer.controls, name)
        options = getattr(control, "_options_full", None)
        drag(getattr(control, "slider", control), options[0][1] if options else 2)
        any_explorer.flush()
        assert state_of(any_explorer) in {"ready", "error"}
    any_explorer.controls.reset()
    assert any_explorer.settings == SETTINGS


def test_buttons_for_frequencies_are_shown_where_a_panel_has_some(any_explorer):
    units = {getattr(panel, "rows_unit", "") for panel in any_explorer._pictured()}
    hidden = "nmflab-no-frequencies" in any_explorer.widget._dom_classes
    assert hidden == ("kHz" not in units)
    assert hidden == isinstance(any_explorer, PriorExplorer)


def test_a_frame_keeps_its_place_when_the_window_changes(corpus):
    explorer = StftExplorer(corpus, SETTINGS.replace(win_size=256, overlap=192, fft=512))
    explorer.frame.value = explorer.frame.max // 2
    before = explorer._column.get_ydata()
    explorer.frame.value += 1
    assert not np.array_equal(before, explorer._column.get_ydata())
    explorer.controls.win_size.value = 512
    assert abs(explorer.frame.value - explorer.frame.max // 2) <= 1
    signal, window, product = (line.get_ydata() for line in explorer._lines)
    np.testing.assert_allclose(product, signal * window, atol=1e-6)
    assert len(window) == 512
    explorer.spectrogram.widget.pick_cell(3, 2)
    assert explorer.frame.value == 2


def test_the_box_in_the_close_up_keeps_its_area_and_stands_at_the_frame(corpus):
    explorer = StftExplorer(corpus, SETTINGS.replace(win_size=256, overlap=192, fft=2048))
    near = explorer.near.widget
    for M in (256, 512, 1024):
        explorer.controls.win_size.value = M
        (width, height), (t, f) = near._extent["size"], near._extent["at"]
        assert width == pytest.approx(M / 16000)
        assert width * height * 1000 == pytest.approx(4, rel=0.02)  # a Hamming window's
        start = float(nl.Stft.from_settings(explorer.settings).times(explorer.frame.value + 1)[-1])
        assert t == pytest.approx(start)
        assert near.geometry.columns[0] <= t <= near.geometry.columns[1]
        assert 0 < f < 2
    first = explorer._first
    near.pick_cell(3, 2)
    assert explorer.frame.value == first + 2


def test_a_hop_longer_than_the_window_is_told_in_words(corpus):
    explorer = StftExplorer(corpus, SETTINGS.replace(win_size=256, overlap=192, fft=512))
    assert "a tone is 250 Hz wide" in repr(explorer)  # as lesson 1 says
    with pytest.raises(nl.NmflabError, match="A hop of 512 is longer than the window of 256"):
        explorer.controls.hop.value = 512
    assert explorer.settings.hop == 64


def test_the_stft_explorer_refuses_gaps_and_keeps_the_picture(corpus):
    explorer = StftExplorer(corpus, SETTINGS)
    assert explorer.error < 1e-6
    explorer.controls.win_size.value = 1024
    assert explorer.settings.hop == 256 == explorer.controls.hop.value
    shown = explorer.spectrogram.widget.seq
    with pytest.raises(nl.NmflabError, match="overlap"):
        explorer.controls.hop.value = 1024
    assert explorer.spectrogram.widget.seq == shown
    assert state_of(explorer) == "error"


def test_a_window_that_is_refused_in_the_browser_ends_in_its_sentence(corpus):
    explorer = StftExplorer(corpus, SETTINGS.replace(window="hann"))
    drag(explorer.controls.hop, 128)
    drag(explorer.controls.hop, 256)
    explorer.flush()
    assert state_of(explorer) == "error"
    assert "overlap" in explorer.status.value
    assert explorer.settings.hop == 128


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (PriorExplorer, lambda explorer: setattr(explorer.row, "value", 3)),
        (FactorisationExplorer, lambda explorer: setattr(explorer.iteration, "value", 2)),
        (FactorisationExplorer, lambda explorer: explorer.pick(1)),
        (SweepExplorer, lambda explorer: setattr(explorer.metric, "value", "stoi")),
        (SeparationExplorer, lambda explorer: explorer.H.widget.pick_cell(7, 2)),
    ],
    ids=["row", "iteration", "basis alone", "metric", "basis"],
)
@pytest.mark.slow
def test_the_static_picture_follows_what_no_setting_changes(corpus, kind, change):
    explorer = kind(corpus, SETTINGS)
    before = explorer.png()
    assert explorer.png() is before
    change(explorer)
    assert explorer.png() != before


def test_the_factorisation_explorer_goes_through_the_iterations(corpus):
    explorer = FactorisationExplorer(corpus, SETTINGS)
    D = explorer.result.divergence
    V = explorer.chain.get("clean", explorer.chain.state(SETTINGS))
    whole = nl.train_nmf(V, 6, n_iter=len(D))
    np.testing.assert_allclose(D, whole.divergence, rtol=1e-3)
    assert (np.diff(D) <= 1e-6 * D[0]).all()
    shown = explorer.model.widget.seq
    explorer.iteration.value = 1
    assert explorer.model.widget.seq == shown + 1
    explorer.W.widget.pick_cell(10, 2)
    assert "basis 3 alone" in repr(explorer)
    assert explorer.player.source == "basis alone"
    explorer.pick(None)
    assert "alone" not in repr(explorer)


def told(explorer):
    """Say what the factorisation explorer shows: picture, sound, line."""
    basis, parts = explorer.basis, explorer._parts(explorer.store.shown)
    levels, (W, H) = explorer.model.widget.matrix, (parts.W[-1], parts.H[-1])
    alone = basis is not None and is_of(levels, np.outer(W[:, basis], H[basis]))
    assert alone != is_of(levels, W @ H)
    has = [bool(getattr(explorer.player, f"_sound_{i}")) for i in range(2)]
    assert has[explorer.player.labels.index(explorer.player.source)]
    said = "alone" in repr(explorer), "alone" in explorer.status.value
    return "one" if alone else "all", explorer.player.source, *said


def is_of(levels, V):
    """Tell whether levels are those of a matrix, but for a constant."""
    there = V.max() / 100 < V
    return np.std((levels - 20 * np.log10(np.maximum(V, 1e-9)))[there]) < 0.01


ONE, WHOLE = ("one", "basis alone", True, True), ("all", "all", False, False)


def test_picture_sound_and_line_of_a_basis_agree_whatever_is_pressed(corpus):
    explorer = FactorisationExplorer(corpus, SETTINGS)
    assert told(explorer) == WHOLE
    explorer.W.widget.pick_cell(10, 2)
    assert told(explorer) == ONE
    explorer.player.set_state({"source": "all"})  # key 1
    assert told(explorer) == WHOLE
    assert explorer.basis == 2
    explorer.player.set_state({"source": "basis alone"})  # key 2
    assert told(explorer) == ONE
    explorer.controls.num_basis_speech.value = 4
    assert told(explorer) == ONE
    drag(explorer.controls.num_basis_speech, 2)  # there is no third basis any more
    assert explorer.player.source == "all"
    explorer.flush()
    assert told(explorer) == WHOLE
    explorer.pick(1)
    explorer.pick(None)
    assert told(explorer) == WHOLE
    explorer.close()


def test_a_click_on_a_basis_plays_it_and_python_plays_nothing(corpus):
    explorer = FactorisationExplorer(corpus, SETTINGS)
    explorer.pick(1)
    assert explorer.player._starts == 0
    explorer.W.widget.pick_cell(10, 2)
    explorer.H.widget.pick_cell(3, 5)
    explorer.H.widget.pick_cell(3, 7)
    assert explorer.player._starts == 3
    explorer.close()


def test_each_picture_of_a_sound_plays_that_sound(explorer):
    labels = set(explorer.player.labels)
    panels = explorer.noisy, explorer.enhanced, explorer.reference
    assert [panel.widget.sound for panel in panels] == ["noisy", "enhanced", "clean"]
    explorer.open(np.sin(np.arange(8000)))
    assert explorer.reference.widget.sound == "noise removed"
    assert {panel.widget.sound for panel in panels} < labels
    explorer.controls.clip.value = "alice"
    assert explorer.reference.widget.sound == "clean"


def test_the_prior_explorer_compares_both_fits(corpus):
    explorer = PriorExplorer(corpus, SETTINGS)
    explorer.row.value = 4
    h = explorer.chain.get("speech", explorer.chain.state(SETTINGS)).H[3][None]
    expected = [fit.log_likelihood(h / h.mean())[0] for fit in fits(h / h.mean(), 0.1)]
    found = [explorer.likelihoods()[name][0] for name in ("exponential", "gamma")]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    seq = explorer._seq
    explorer.controls.num_basis_speech.value = 2
    assert explorer.row.value == 2
    assert explorer._seq == seq + 2  # training, shown; the row that moved was no change of its own
    explorer.row.value = 1
    assert explorer._seq == seq + 3


def test_the_penalty_explorer_starts_all_variants_alike(corpus):
    explorer = PenaltyExplorer(corpus, SETTINGS)
    results = explorer.results()
    assert list(results) == ["NMF", "NMF_g", "NMF_e"]
    explorer.controls.penalty.value = 0
    same = explorer.results()
    np.testing.assert_array_equal(same["NMF"].H, same["NMF_e"].H)
    np.testing.assert_array_equal(same["NMF"].H, results["NMF"].H)


def test_flush_waits_for_a_late_job_that_has_begun():
    background, begun, done = Background(), threading.Event(), threading.Event()

    def job():
        begun.set()
        time.sleep(0.2)
        done.set()

    background.later(job, 0.0)
    assert begun.wait(20)
    background.flush()
    assert done.is_set()


@pytest.mark.parametrize("value", [0.75, 1 / 3, 50.0])
def test_a_value_between_two_steps_or_beyond_them_stays(explorer, value):
    slider = explorer.controls.p
    slider.value = value
    assert explorer.settings.p == slider.value == float(slider.label) == value
    drag(slider, value)  # what a browser sends by itself
    assert explorer.settings.p == value
    drag(slider, 0.3)  # somebody has moved it
    assert explorer.settings.p == 0.3


def test_the_penalty_slider_shows_any_value_exactly(explorer):
    control = explorer.controls.penalty
    for value in (0.005, 0.1, 0.0123, 3.0):
        control.value = value
        assert control.slider.value == explorer.settings.penalty == value
        assert float(control.slider.label) == value
        drag(control.slider, value)  # what a browser sends by itself
        assert explorer.settings.penalty == value


def test_the_pictures_of_matrices_are_sent_before_plots_and_scores(explorer):
    order = []
    for widget in (explorer.enhanced.widget, explorer.gain.widget, explorer.H.widget):
        widget.observe(lambda _: order.append("canvas"), "_frame")
    for widget in (explorer.objective.widget, explorer.prior.widget, explorer.status):
        widget.observe(lambda change: order.append(change["owner"]), "value")
    try:
        drag(explorer.controls.num_basis_speech, 8)
        explorer.flush()
    finally:
        for panel in (explorer.enhanced, explorer.gain, explorer.H):
            panel.widget.unobserve_all("_frame")
        for widget in (explorer.objective.widget, explorer.prior.widget, explorer.status):
            widget.unobserve_all("value")
    trained = order[order.index("canvas") :]
    assert trained[:3] == ["canvas"] * 3
    plots = [explorer.objective.widget, explorer.prior.widget]
    assert [widget for widget in trained if widget in plots] == 2 * plots  # a first look, and then
    assert trained[5] is explorer.status


def test_every_plot_says_in_words_what_it_shows(any_explorer):
    for plot in any_explorer._plots():
        assert plot.widget.alt == plot.describe()
        assert plot.widget.alt.startswith(plot.axes.get_title())
        assert plot.widget.alt.endswith(".")


def test_a_plot_draws_its_frame_once_for_each_range(monkeypatch):
    plot, frames = PriorPlot(), []
    draw = plot._canvas.draw
    monkeypatch.setattr(plot._canvas, "draw", lambda: (frames.append(1), draw()))
    rng = np.random.default_rng(0)
    for k in range(10):
        plot.show(rng.gamma(0.5, size=2000), floor=0.1, title=f"Row {k}")
    assert len(frames) <= 3
    picture = plot.picture()
    again = PriorPlot()
    again.show(np.random.default_rng(0).gamma(0.5, size=(10, 2000))[9], floor=0.1, title="Row 9")
    np.testing.assert_array_equal(picture, again.picture())


def test_a_quick_png_is_the_picture():
    from PIL import Image

    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 4), dtype=np.uint8)
    np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(quick_png(picture)))), picture)


def test_the_factorisation_explorer_takes_any_sound(corpus):
    controls = FactorisationExplorer(corpus, SETTINGS).controls
    assert controls.num_basis_speech.description == "bases K"
    assert controls.clip.description == "clip"
    assert "speech" not in controls.num_basis_speech.tooltip


def test_the_explorer_begins_with_a_noise_that_goes_away():
    corpus = nl.load_corpus()
    kind = types.SimpleNamespace(noise=SeparationExplorer.noise)
    state = SeparationExplorer._first_state(kind, Chain(corpus), nl.Settings())
    assert state.noise == "siren"
