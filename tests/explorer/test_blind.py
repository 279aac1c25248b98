"""Blind listening: the names are told when they are asked for, not before."""

import numpy as np
import pytest

from nmflab import NmflabError
from nmflab.explorer.blind import OPEN, BlindListening

SOUNDS = {
    name: np.full(1600, level) for name, level in (("one", 0.1), ("two", 0.2), ("three", 0.3))
}


def test_names_and_facts_come_with_the_reveal():
    blind = BlindListening(SOUNDS, 16000, facts={"one": "SDR 1.0 dB"}, seed=3)
    assert "SDR" not in repr(blind)
    assert blind.told.value == ""
    names = blind._names
    assert sorted(names.values()) == sorted(SOUNDS)
    first, second, third = names
    blind.guesses[first].value = names[first]
    blind.guesses[second].value = names[third]
    assert blind.guesses[third].value == OPEN
    blind.reveal()
    assert "SDR 1.0 dB" in blind.told.value
    assert blind.told.value.count("✓") == 1
    assert f"✗ {names[third]}" in blind.told.value
    assert blind.button.disabled


def test_each_letter_plays_its_own_sound():
    blind = BlindListening(SOUNDS, 16000, seed=1)
    peaks = dict(zip(blind._names.values(), blind.player._meta["scales"], strict=True))
    assert sorted(peaks, key=peaks.get) == ["one", "two", "three"]


def test_the_order_is_the_seed_s():
    orders = [
        list(BlindListening(SOUNDS, 16000, seed=seed)._names.values()) for seed in (0, 0, 1, 2)
    ]
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) > 1


def test_one_sound_is_nothing_to_tell_apart():
    with pytest.raises(NmflabError, match="2 to 9"):
        BlindListening({"one": np.ones(10)}, 16000)
