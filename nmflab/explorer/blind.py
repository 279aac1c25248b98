"""`BlindListening`: sounds without their names, for the ear to tell apart."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import ArrayLike

from nmflab.errors import NmflabError
from nmflab.explorer.engine.scheduling import hear_browser
from nmflab.explorer.face import display_apart
from nmflab.explorer.tables import table
from nmflab.explorer.widgets.page import Page
from nmflab.explorer.widgets.player import Player

LETTERS = "ABCDEFGHI"
OPEN = "which is it?"


class BlindListening:
    """Some sounds as A, B, C, …: listen, say which is which, then reveal.

    Parameters
    ----------
    sounds : mapping of str to array_like, shape (n,)
        Two sounds or more, at most nine, by their names.
    sampling_rate : int
        In Hz.
    facts : mapping of str to str, optional
        What is told of each sound when it is revealed, its score for one.
    seed : int, default 0
        Draws the order.

    Attributes
    ----------
    widget : ipywidgets.VBox
        What is shown.
    revealed : bool
        Whether the names were told.
    """

    def __init__(
        self,
        sounds: Mapping[str, ArrayLike],
        sampling_rate: int,
        *,
        facts: Mapping[str, str] | None = None,
        seed: int = 0,
    ) -> None:
        if not 2 <= len(sounds) <= len(LETTERS):
            raise NmflabError(f"Blind listening takes 2 to {len(LETTERS)} sounds.")
        drawn = np.random.default_rng(seed).permutation(list(sounds))
        self._names = dict(zip(LETTERS, map(str, drawn), strict=False))
        self._facts, self.revealed = facts or {}, False
        self.player = Player(labels=tuple(self._names), group=uuid.uuid4().hex)
        self.player.load({a: sounds[name] for a, name in self._names.items()}, sampling_rate)
        self.guesses = {
            letter: widgets.Dropdown(
                options=[OPEN, *sounds], description=letter, tooltip=f"What is sound {letter}?"
            )
            for letter in self._names
        }
        self.button = widgets.Button(description="reveal", tooltip="Tell the names.")
        self.button.on_click(lambda _: self.reveal())
        self.told = widgets.HTML()
        parts = [self.player, *self.guesses.values(), self.button, self.told]
        for control in self.guesses.values():
            hear_browser(control)
        self.widget = widgets.VBox([Page(), *parts])
        self.widget.add_class("nmflab-explorer")

    def reveal(self) -> None:
        """Tell which sound is which, and which of them were recognised."""
        self.revealed = True
        rows = {}
        for letter, name in self._names.items():
            guess = self.guesses[letter].value
            said = "–" if guess == OPEN else "✓" if guess == name else f"✗ {guess}"
            rows[letter] = (name, said, self._facts.get(name, ""))
        self.told.value = table(("it is", "your guess", ""), rows)
        for control in (*self.guesses.values(), self.button):
            control.disabled = True

    def __repr__(self) -> str:
        return f"BlindListening: {len(self._names)} sounds, {', '.join(self._names)}"

    def _ipython_display_(self) -> None:
        bundle: Any = self.widget._repr_mimebundle_() or {}
        display_apart(dict(bundle), {}, lambda: {"text/plain": repr(self)})
