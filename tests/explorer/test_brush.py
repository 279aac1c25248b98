"""Brush and solo: what is painted or picked is heard alone or muted, and seen where it is."""

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus
from support.sounds import alike, heard

from nmflab import NmflabError
from nmflab.core.stft import Stft
from nmflab.core.wiener import wiener_gain
from nmflab.explorer import SeparationExplorer
from nmflab.explorer.brush import region_gain, rows_gain
from nmflab.explorer.widgets.paintable import Region

K_S = SETTINGS.num_basis_speech


@pytest.fixture
def explorer():
    made = SeparationExplorer(make_corpus(), SETTINGS)
    yield made
    made.close()


@pytest.fixture
def stft():
    return Stft.from_settings(SETTINGS)


def painted(canvas, *, regions=(), rows=()):
    """Do to a canvas what a brush in the browser does."""
    content = {"kind": "paint", "regions": [list(region) for region in regions], "rows": list(rows)}
    canvas._message(canvas, content, [])


def test_the_rows_of_speech_alone_are_the_enhanced_sound(explorer):
    painted(explorer.H.widget, rows=range(K_S))
    assert explorer.player.source == "picked"
    assert alike(heard(explorer.player, "picked"), explorer.result.speech) > 0.9999
    explorer.brush.way.value = "muted"
    assert alike(heard(explorer.player, "picked"), explorer.result.noise) > 0.9999


@pytest.mark.parametrize("p", [1.0, 4.0])
def test_a_row_alone_is_its_component_under_the_same_power(explorer, p):
    explorer.controls.p.value = p
    explorer.brush.pick(rows=[2])
    W = np.hstack([explorer.chain.get(s, explorer.store.shown).W for s in ("speech", "noise")])
    H = explorer.result.H
    S = np.outer(W[:, 2], H[2])
    G = wiener_gain(S, np.maximum(W @ H - S, 0), p=p)
    stft = Stft.from_settings(explorer.settings)
    expected = stft.synthesise(G * explorer.result.mixture, len(explorer.result.speech))
    assert alike(heard(explorer.player, "picked"), expected) > 0.999


def test_picked_rows_follow_the_sliders(explorer):
    explorer.brush.pick(rows=[0, 1])
    before = heard(explorer.player, "picked")
    explorer.controls.penalty.value = 1.0
    assert alike(heard(explorer.player, "picked"), before) < 0.9999


@pytest.mark.parametrize("context", [1, 3])
def test_gains_of_all_parts_add_up_where_the_power_is_one(context):
    rng = np.random.default_rng(0)
    W, H = rng.random((context * 9, 5), "f"), rng.random((5, 7), "f")
    gains = [rows_gain(W, H, rows, context=context, p=1.0) for rows in ([0, 3], [1], [2, 4])]
    assert gains[0].shape == (9, 7)
    np.testing.assert_allclose(sum(gains), 1.0, atol=1e-5)


def test_all_rows_are_all_and_rows_that_are_not_there_are_none():
    W, H = np.ones((4, 3), "f"), np.ones((3, 2), "f")
    np.testing.assert_array_equal(rows_gain(W, H, range(3), p=2.0), 1.0)
    np.testing.assert_array_equal(rows_gain(W, H, [7], p=2.0), 0.0)


def test_a_region_is_one_inside_nothing_outside_and_soft_between(stft):
    G = region_gain([Region(0.3, 0.6, 1.0, 3.0)], stft, 250)
    times = (np.arange(250) + 0.5) * stft.hop / 16000
    kHz = stft.frequencies() / 1000
    inside = (kHz > 1.1) & (kHz < 2.9)
    at = int(np.argmin(abs(times - 0.45)))
    np.testing.assert_allclose(G[inside, at], 1.0)
    np.testing.assert_array_equal(G[(kHz < 0.9) | (kHz > 3.1), at], 0.0)
    middle = int(np.argmin(abs(kHz - 2)))
    assert G[middle, times < 0.2].max() == G[middle, times > 0.7].max() == 0.0
    steps = np.abs(np.diff(G[middle]))
    assert 0 < steps.max() < 0.6  # no jump
    assert np.sum((G[middle] > 0.01) & (G[middle] < 0.99)) >= 4


def test_a_region_of_the_noisy_sound_has_its_energy_there(explorer, stft):
    painted(explorer.noisy.widget, regions=[(0.2, 0.6, 0.5, 2.0)])
    kHz = stft.frequencies() / 1000
    V = np.abs(stft.analyse(heard(explorer.player, "picked"))) ** 2
    inside = (kHz > 0.3) & (kHz < 2.2)
    assert V[inside].sum() > 0.98 * V.sum()
    x = heard(explorer.player, "picked")
    assert np.abs(x[: int(0.15 * 16000)]).max() < 0.01 * np.abs(x).max()
    alone = x
    explorer.brush.way.value = "muted"
    noisy = heard(explorer.player, "noisy")
    np.testing.assert_allclose(
        alone + heard(explorer.player, "picked"), noisy, atol=1e-3 * np.abs(noisy).max()
    )


def test_a_region_is_of_the_sound_whose_picture_it_was_painted_on(explorer):
    whole = (-1.0, 9.0, -1.0, 9.0)
    for panel, sound in ((explorer.enhanced, "enhanced"), (explorer.reference, "clean")):
        painted(panel.widget, regions=[whole])
        assert explorer.brush.of == sound
        assert alike(heard(explorer.player, "picked"), heard(explorer.player, sound)) > 0.9999


def test_a_region_and_rows_are_heard_where_both_are(explorer, stft):
    painted(explorer.noisy.widget, regions=[(0.0, 1.0, 0.0, 1.0)])
    painted(explorer.H.widget, rows=[0, 1])
    V = np.abs(stft.analyse(heard(explorer.player, "picked"))) ** 2
    assert V[stft.frequencies() > 1200].sum() < 0.02 * V.sum()
    assert explorer.brush.words() == "0.00–1.00 s, 0.00–1.00 kHz of noisy; bases 1, 2"


def test_what_is_picked_is_seen_on_all_spectrograms_and_can_be_cleared(explorer):
    painted(explorer.enhanced.widget, regions=[(0.1, 0.2, 1.0, 2.0)])
    for panel in (explorer.noisy, explorer.enhanced, explorer.reference):
        assert panel.widget.painted.regions == (Region(0.1, 0.2, 1.0, 2.0),)
    painted(explorer.H.widget, rows=[3])
    assert explorer.H.widget.painted.rows == (3,)
    assert explorer.brush.widget.layout.display == ""
    explorer.brush.clear()
    assert explorer.noisy.widget.painted == explorer.H.widget.painted == ((), ())
    assert explorer.brush.widget.layout.display == "none"
    assert explorer.player._sound_6 == b""
    assert explorer.player.source != "picked"


def test_what_to_do_is_said_while_the_brush_is_in_the_hand(explorer):
    explorer.view.brushing = True
    assert explorer.brush.widget.layout.display == ""
    assert "click rows of H" in explorer.brush._said.value
    explorer.view.brushing = False
    assert explorer.brush.widget.layout.display == "none"


def test_nothing_is_computed_while_nothing_is_picked(explorer, monkeypatch):
    monkeypatch.setattr(explorer.brush, "sound", pytest.fail)
    explorer.controls.penalty.value = 0.5


def test_fewer_bases_leave_picked_rows_that_are_gone_silent(explorer):
    explorer.brush.pick(rows=[9])
    explorer.controls.num_basis_noise.value = 2
    assert np.abs(heard(explorer.player, "picked")).max() == 0


def test_what_cannot_be_picked_is_a_sentence(explorer):
    with pytest.raises(NmflabError, match="from less to more"):
        explorer.brush.pick(regions=[(1.0, 0.5, 0, 1)])
    with pytest.raises(NmflabError, match="no picture of the sound 'loud'"):
        explorer.brush.pick(rows=[1], of="loud")
