"""Pinned settings: A and B are kept, heard equally loud, blind if wanted, and compared."""

import gc
import json
import weakref

import numpy as np
import pytest
import soundfile
from support.corpora import SETTINGS, make_corpus
from support.sounds import alike, heard

from nmflab import NmflabError
from nmflab.explorer import SeparationExplorer
from nmflab.explorer.comparing import differences, equally_loud


@pytest.fixture
def explorer():
    made = SeparationExplorer(make_corpus(), SETTINGS)
    yield made
    made.close()


@pytest.fixture
def both(explorer):
    """Give an explorer with two pins, which has moved on since."""
    explorer.pins.keep("A")
    explorer.controls.penalty.value = 1.0
    explorer.pins.keep("B")
    explorer.controls.p.value = 5.0
    return explorer


def rms(x):
    return np.sqrt(np.mean(x**2))


def test_nothing_is_computed_or_shown_before_somebody_pins(explorer, monkeypatch):
    monkeypatch.setattr("nmflab.explorer.pinned.level_difference", pytest.fail)
    explorer.controls.penalty.value = 0.3
    assert explorer.pins.picture.children == ()
    assert explorer.pins.widget.layout.display == "none"
    assert len(explorer.pins) == 0
    assert [explorer.player._sound_4, explorer.player._sound_5] == [b"", b""]


def test_a_pin_keeps_its_sound_and_settings_when_sliders_move(both):
    A, B = both.pins["A"], both.pins["B"]
    assert (A.state.settings.penalty, B.state.settings.penalty) == (SETTINGS.penalty, 1.0)
    assert both.settings.p == 5.0
    before = heard(both.player, "A")
    both.controls.penalty.value = 0.0
    np.testing.assert_array_equal(heard(both.player, "A"), before)
    assert alike(heard(both.player, "A"), A.speech) > 0.9999
    assert alike(heard(both.player, "enhanced"), both.result.speech) > 0.9999


def test_both_are_heard_equally_loud(both):
    levels = [rms(both.pins[name].speech) for name in "AB"]
    assert abs(levels[0] / levels[1] - 1) > 0.02
    assert rms(heard(both.player, "A")) == pytest.approx(rms(heard(both.player, "B")), rel=1e-3)


def test_the_louder_one_is_turned_down_and_silence_stays():
    loud, quiet, none = np.full(9, 0.5, "f"), np.full(9, 0.1, "f"), np.zeros(9, "f")
    matched = equally_loud({"loud": loud, "quiet": quiet, "none": none})
    np.testing.assert_allclose(matched["loud"], quiet, rtol=1e-6)
    np.testing.assert_array_equal(matched["none"], none)


@pytest.mark.parametrize("order", [("A", "B"), ("B", "A")])
def test_blind_hides_which_is_which_until_it_is_revealed(both, monkeypatch, order):
    sounds = {name: heard(both.player, name) for name in "AB"}
    monkeypatch.setattr("nmflab.explorer.pinned.secrets.choice", lambda orders: order)
    both.player.source = "B"
    both.pins.hide()
    assert both.player.labels[4:6] == ("X", "Y")
    assert both.player.source == "X"  # not what B has become: that would tell
    for letter, name in zip("XY", order, strict=True):
        np.testing.assert_array_equal(heard(both.player, letter), sounds[name])
    assert "was" not in both.pins._line.value
    both.player.source = "Y"
    assert both.pins.reveal() == dict(zip("XY", order, strict=True))
    assert both.player.labels[4:6] == ("A", "B")
    assert both.player.source == order[1]  # what was heard goes on
    np.testing.assert_array_equal(heard(both.player, "A"), sounds["A"])
    assert f"X was {order[0]}, Y was {order[1]}" in both.pins._line.value


def test_the_order_is_drawn(both):
    drawn = set()
    for _ in range(40):
        both.pins.hide()
        drawn.add(both.pins.reveal()["X"])
    assert drawn == {"A", "B"}


def test_blind_listening_goes_on_while_sliders_move(both):
    both.pins.hide()
    both.player.source = "Y"
    before = heard(both.player, "X"), heard(both.player, "Y")
    both.controls.penalty.value = 0.5
    assert both.player.source == "Y"
    np.testing.assert_array_equal(heard(both.player, "X"), before[0])
    np.testing.assert_array_equal(heard(both.player, "Y"), before[1])


def test_a_pin_is_restored_with_its_mixture(both):
    both.controls.noise.value = "rumble"
    both.pins.restore("A")
    assert both.settings == SETTINGS
    assert both.store.shown.noise == both.pins["A"].state.noise
    assert both.controls.penalty.value == SETTINGS.penalty
    np.testing.assert_allclose(both.result.speech, both.pins["A"].speech, atol=1e-6)


def test_one_line_says_how_settings_and_scores_differ(both):
    scores = [both.pins[name].scores["si_sdr"] for name in "AB"]
    line = both.pins.compared()
    assert line.startswith("A → B: penalty λ 0.1 → 1, SDR ")
    assert "SI-SDR {:.2f} → {:.2f} dB".format(*scores) in line
    assert "power" not in line


def test_hop_and_mixture_are_told_as_people_know_them(explorer):
    state = explorer.store.shown
    other = state.replace(overlap=128, clip="bob")
    assert differences(state, other) == [
        f"{state.clip} in {state.noise} → bob in {state.noise}",
        f"hop {state.settings.hop} → {other.settings.hop}",
    ]
    assert differences(state, state) == []


def test_the_difference_is_that_of_levels_as_they_are_heard(both):
    (canvas,) = both.pins.canvases
    D = canvas.matrix
    high = canvas.geometry.high
    assert canvas.geometry.low == -high
    assert np.mean(np.abs(D) > high) <= 0.01
    assert canvas.colormap == "RdBu_r"
    stft = both.chain.get("spectrogram", both.store.shown).stft
    A, B = (np.abs(stft.analyse(heard(both.player, name))) for name in "AB")
    loud = (0.01 * A.max() < A) & (0.01 * A.max() < B)  # far above what is cut off
    np.testing.assert_allclose(D[loud], 20 * np.log10(A[loud] / B[loud]), atol=0.1)
    assert both._pictured()[-1] is canvas
    assert both.png()


def test_recordings_of_two_lengths_have_no_difference_picture(both):
    both.open(np.sin(np.arange(4000) / 9), 16000)
    both.pins.keep("B")
    assert both.pins.canvases == ()
    assert "alice in" in both.pins.compared()


def test_nothing_that_tells_the_order_can_be_pressed_while_blind(both):
    def offered():
        parts = both.pins.widget.children
        return [part.description for part in parts[:-1] if part.layout.display != "none"]

    assert offered() == ["back to A", "back to B", "blind", "drop A and B"]
    both.pins.hide()
    assert offered() == ["reveal", "drop A and B"]
    both.pins.reveal()
    assert offered() == ["back to A", "back to B", "blind", "drop A and B"]


@pytest.mark.parametrize("chosen", ["A", "picked"])
def test_an_own_recording_is_heard_itself_and_not_what_was_kept_or_picked_of_another(both, chosen):
    both.brush.pick(rows=[1])
    both.player.source = chosen
    both.open(0.1 * np.random.default_rng(0).standard_normal(8000), 8000, name="talk")
    assert both.player.source == "enhanced"
    assert not both.brush
    assert len(both.pins) == 2


def test_pinned_sounds_and_settings_are_handed_out(both, tmp_path):
    *_, A, B = files = both.save(tmp_path)
    assert len(files) == 6
    np.testing.assert_allclose(soundfile.read(A)[0], both.pins["A"].speech, atol=1e-4)
    assert B.name.endswith("_B.wav")
    facts = json.loads(next(f for f in files if f.suffix == ".json").read_text("utf-8"))
    assert facts["pinned"]["B"]["settings"]["penalty"] == 1.0
    assert facts["pinned"]["A"]["scores"]["sdr"] == pytest.approx(both.pins["A"].scores["sdr"])


def test_without_pins_nothing_of_them_is_handed_out(explorer, tmp_path):
    files = explorer.save(tmp_path)
    assert len(files) == 4
    assert "pinned" not in json.loads(files[3].read_text("utf-8"))


def test_dropping_forgets_both(both):
    both.pins.hide()
    both.pins.drop()
    assert len(both.pins) == 0
    assert both.player.labels[4:6] == ("A", "B")
    assert both.player.source == "noisy"
    assert both.pins.canvases == ()
    assert both.pins.widget.layout.display == "none"


def test_closing_frees_the_pins(both):
    speech = weakref.ref(both.pins["A"].speech)
    both.close()
    gc.collect()
    assert speech() is None


def test_what_cannot_be_is_a_sentence(explorer):
    with pytest.raises(NmflabError, match="'A' or 'B'"):
        explorer.pins.keep("C")
    with pytest.raises(NmflabError, match="Nothing is kept as 'A'"):
        explorer.pins.restore("A")
    with pytest.raises(NmflabError, match="two pins"):
        explorer.pins.hide()
