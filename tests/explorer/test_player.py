"""Player and recorder, as far as they go without a browser."""

import numpy as np
import pytest
import traitlets
from support.sounds import heard as version_of

from nmflab import NmflabError
from nmflab.explorer.widgets.player import CEILING, Player
from nmflab.explorer.widgets.recorder import Recorder

RATE = 16000


@pytest.fixture
def player():
    return Player()


@pytest.fixture
def sounds(rng):
    """Give a quiet speech and a loud noise that add up to the mixture."""
    speech, noise = 0.01 * rng.standard_normal(RATE), 0.2 * rng.standard_normal(RATE)
    return {"noisy": speech + noise, "enhanced": speech, "noise removed": noise}


@pytest.fixture
def sent(player, monkeypatch):
    """Give the states that the player sends to the browser."""
    states = []
    monkeypatch.setattr(player, "_send", lambda message, buffers=None: states.append(message))
    return states


def names(message):
    """Give the names of all traitlets in a message, those with bytes too."""
    return {*message["state"], *(path[0] for path in message["buffer_paths"])}


def heard(player):
    """Give what the browser would play, by its labels."""
    return {label: version_of(player, label) for label in player.labels}


def test_one_gain_for_all_versions(player, sounds):
    player.load(sounds, RATE)
    played = heard(player)
    gain = CEILING / max(np.abs(x).max() for x in sounds.values())
    for label, sound in sounds.items():
        np.testing.assert_allclose(
            played[label], gain * sound, atol=gain * np.abs(sound).max() / 60000
        )
    assert max(np.abs(played[label]).max() for label in sounds) == pytest.approx(CEILING)
    np.testing.assert_allclose(
        played["noisy"], played["enhanced"] + played["noise removed"], atol=1e-4
    )


def test_only_what_changed_is_sent_in_one_message(player, sounds, sent):
    player.load(sounds, RATE)
    assert names(sent[0]) == {"_sound_0", "_sound_1", "_sound_2", "_meta"}
    player.load({**sounds, "enhanced": 0.5 * sounds["enhanced"] + 0.001}, RATE)
    assert names(sent[1]) == {"_sound_1", "_meta"}
    player.load({**sounds, "enhanced": 0.5 * sounds["enhanced"] + 0.001}, RATE)
    assert len(sent) == player.seq == 2


def test_level_alone_sends_only_numbers(player, sounds, sent):
    player.load(sounds, RATE)
    player.load({**sounds, "enhanced": 0.5 * sounds["enhanced"]}, RATE)
    assert names(sent[1]) == {"_meta"}


def test_silence_and_nothing(player):
    player.load({"noisy": np.zeros(RATE)}, RATE)
    assert not heard(player)["noisy"].any()
    assert player.duration == 1.0
    player.load({}, RATE)
    assert player.duration == 0.0


@pytest.mark.parametrize("level", [1e-13, 1e-9, 1e-5])
def test_what_is_numerically_silent_is_silent(player, rng, level):
    player.load({"noisy": level * rng.standard_normal(RATE).clip(-1, 1)}, RATE)
    assert not heard(player)["noisy"].any()
    assert player.duration == 1.0
    assert player._meta["scales"][0] == 0.0


def test_what_is_left_of_another_by_rounding_is_silent_and_a_faint_recording_is_not(player, rng):
    loud = rng.standard_normal(RATE)
    player.load({"noisy": loud, "noise removed": 1e-7 * loud}, RATE)
    assert not heard(player)["noise removed"].any()
    player.load({"noisy": 1e-3 * loud, "noise removed": 1e-6 * loud}, RATE)
    assert np.abs(heard(player)["noisy"]).max() == pytest.approx(CEILING)
    np.testing.assert_allclose(
        heard(player)["noise removed"], 1e-3 * heard(player)["noisy"], atol=1e-4
    )


def test_the_version_that_is_chosen_is_one_that_is_there(player, sounds):
    player.load({**sounds, "clean": sounds["enhanced"]}, RATE)
    player.source = "clean"
    player.load(sounds, RATE)
    assert player.source == "noisy"
    player.source = "noise removed"
    player.load(sounds, RATE)
    assert player.source == "noise removed"


def test_to_play_is_said_to_the_browser_after_the_sounds(player, sounds, sent):
    player.load(sounds, RATE)
    player.play()
    player.play()
    assert [names(message) for message in sent[1:]] == [{"_starts"}] * 2


def test_caller_keeps_its_arrays(player, sounds):
    before = {label: x.copy() for label, x in sounds.items()}
    player.load(sounds, RATE)
    for label, sound in sounds.items():
        np.testing.assert_array_equal(sound, before[label])


def test_text_is_deterministic(player, sounds):
    player.load(sounds, RATE)
    assert repr(player) == "Player('noisy', 'enhanced', 'noise removed', 'clean', 1.00 s)"
    assert player._repr_mimebundle_()[0]["text/plain"] == repr(player)


@pytest.mark.parametrize(
    ("sounds", "rate", "what"),
    [
        ({"other": np.zeros(4)}, RATE, "other"),
        ({"noisy": np.zeros((2, 4))}, RATE, "1-D"),
        ({"noisy": np.array([0.0, np.nan])}, RATE, "finite"),
        ({"noisy": np.zeros(4)}, 100, "sampling_rate"),
    ],
)
def test_bad_sounds_are_refused_and_the_last_stay(player, sounds, rate, what):
    player.load({"noisy": np.ones(RATE)}, RATE)
    with pytest.raises(NmflabError, match=what):
        player.load(sounds, rate)
    assert player.seq == 1
    assert player.duration == 1.0


@pytest.mark.parametrize("labels", [(), ("a", "a"), tuple("abcdefghij")])
def test_labels_are_one_to_nine_and_different(labels):
    with pytest.raises(NmflabError, match="labels"):
        Player(labels=labels)


def test_source_is_one_of_the_labels(player):
    assert player.source == "noisy"
    assert Player(source="clean").source == "clean"
    player.source = "enhanced"
    with pytest.raises(NmflabError, match="source"):
        player.source = "loud"
    assert player.source == "enhanced"


def test_players_do_not_share_traits():
    one, two = Player(labels=("a",)), Player(labels=("a", "b"))
    assert not one.has_trait("_sound_1")
    assert two.has_trait("_sound_1")


def test_recording_arrives_as_floats():
    recorder, got = Recorder(), []
    recorder.on_recording(lambda sound, rate: got.append((sound, rate)))
    pcm = np.array([0, 16384, -32768], "<i2")
    recorder._handle_custom_msg({"kind": "recording", "rate": 48000}, [memoryview(pcm.tobytes())])
    ((sound, rate),) = got
    assert (sound.dtype, rate) == (np.float32, 48000.0)
    np.testing.assert_array_equal(sound, [0, 0.5, -1])
    np.testing.assert_array_equal(recorder.recording, sound)


def test_recorder_limits_its_length():
    with pytest.raises(traitlets.TraitError):
        Recorder(max_seconds=1000)
    assert repr(Recorder()) == "Recorder(max_seconds=30)"


def test_a_renamed_version_keeps_its_sound_and_stays_chosen(player):
    player.load({"enhanced": np.ones(RATE)}, RATE)
    player.rename({"enhanced": "X"})
    assert player.labels[1] == player.source == "X"
    assert player._sound_1
    with pytest.raises(NmflabError, match="labels"):
        player.rename({"X": "noisy"})


def test_further_versions_and_a_pair_are_told_to_the_browser():
    player = Player(labels=("noisy",), more=("A", "B"), pair=("A", "B"))
    assert (player.labels, player._shy, player._pair) == (("noisy", "A", "B"), 1, [1, 2])
    with pytest.raises(NmflabError, match="labels"):
        Player(labels=("A",), more=("A",))
