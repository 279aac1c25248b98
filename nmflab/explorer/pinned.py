"""Pinned settings: two of them are kept as A and B, to be compared by ear, score and picture.

A pin keeps what was set, the sound that it gave and its scores, and nothing else: the sliders may
move on. Both are heard equally loud, for the louder of two sounds is taken for the better one. Who
wants to know what the ear says without the eye listens blind: A and B are called X and Y in an
order that is drawn, until they are revealed.
"""

from __future__ import annotations

import html
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from nmflab.audio.files import write_audio
from nmflab.core.stft import Stft
from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import SCORES
from nmflab.explorer.comparing import differences, equally_loud, level_difference, reach_of
from nmflab.explorer.engine.state import State
from nmflab.explorer.layout import box, row
from nmflab.explorer.panels import Panel
from nmflab.explorer.widgets.player import Player
from nmflab.names import file_name

NAMES = ("A", "B")
BLIND = ("X", "Y")
COMPARED = ("sdr", "si_sdr", "stoi")
"""The scores that are told of both."""


@dataclass(frozen=True, eq=False)
class Pin:
    """What is kept of settings.

    Parameters
    ----------
    state : State
        The settings, the mixture and the marks.
    speech : ndarray of float32, shape (n,)
        The sound that they gave.
    scores : mapping of str to float or None
        Its scores by name; none of an own recording.
    """

    state: State
    speech: NDArray[np.float32]
    scores: Mapping[str, float | None]


class Pins:
    """The two pins of an explorer, what is heard of them and what is shown.

    Parameters
    ----------
    player : Player
        Has the versions A and B.
    group : str
        Which panels the picture of the difference is linked with.
    button : callable
        ``button(label, action, tooltip)`` makes a button.
    pin : callable
        ``pin()`` makes a pin of what is shown.
    restore : callable
        ``restore(state)`` goes back to a state.
    load : callable
        ``load()`` puts all sounds into the player.

    Attributes
    ----------
    buttons : tuple of ipywidgets.Button
        They keep what is shown as A and as B.
    widget : ipywidgets.Box
        What there is to do with pins, and how they differ; hidden while there are none.
    picture : ipywidgets.Box
        Where the difference is shown, once there are two.
    """

    def __init__(
        self,
        player: Player,
        group: str,
        *,
        button: Callable[[str, Callable[[], object], str], Any],
        pin: Callable[[], Pin],
        restore: Callable[[State], object],
        load: Callable[[], object],
    ) -> None:
        self._player, self._group = player, group
        self._pin, self._restore, self._load = pin, restore, load
        self._kept: dict[str, Pin] = {}
        self._order = NAMES  # which pin is heard as X, and which as Y
        self._panel: Panel | None = None
        self.is_blind = False
        self.buttons = tuple(
            button(
                f"keep as {name}",
                partial(self.keep, name),
                f"Keep these settings and their sound as {name}, whatever is moved from now on.",
            )
            for name in NAMES
        )
        self._back = {
            name: button(f"back to {name}", partial(self.restore, name), f"Set all back to {name}.")
            for name in NAMES
        }
        tip = "Hear A and B as X and Y, in an order that you don't know."
        self._blind = button("blind", self._toggle_blind, tip)
        self._drop = button("drop A and B", self.drop, "Forget both.")
        self._line = widgets.HTML()
        parts = [*self._back.values(), self._blind, self._drop, self._line]
        self.widget, self.picture = row(parts), box((), "nmflab-difference")
        self.picture.add_class("nmflab-wide")
        self._show()

    def __getitem__(self, name: str) -> Pin:
        """Give a pin by its name, "A" or "B"."""
        if name not in self._kept:
            raise NmflabError(f"Nothing is kept as {name!r}: keep settings with pins.keep('A').")
        return self._kept[name]

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, name: str) -> None:
        """Keep what is shown; what had the name before is forgotten.

        Parameters
        ----------
        name : {"A", "B"}
            What to call it.

        Raises
        ------
        NmflabError
            If there is no such name, or the dictionaries are still being trained.
        """
        if name not in NAMES:
            raise NmflabError(f"A pin is called 'A' or 'B', not {name!r}.")
        pin = self._pin()
        self._unblind()
        self._kept[name] = pin
        self._changed(chosen=name)

    def restore(self, name: str) -> None:
        """Set all controls back to a pin.

        Parameters
        ----------
        name : {"A", "B"}
            Which one.
        """
        self._restore(self[name].state)

    def drop(self) -> None:
        """Forget both."""
        self._unblind()
        self._kept.clear()
        self._changed()

    def hide(self) -> None:
        """Listen blind: A and B become X and Y in an order that is drawn.

        Raises
        ------
        NmflabError
            If there is but one pin.
        """
        if len(self._kept) < len(NAMES):
            raise NmflabError("To listen blind takes two pins: keep other settings, too.")
        if self.is_blind:
            return
        self.is_blind = True
        self._order = secrets.choice((NAMES, NAMES[::-1]))
        with self._player.hold_sync():
            self._player.rename(dict(zip(NAMES, BLIND, strict=True)))
            self._player.source = BLIND[0]  # what was chosen before would tell which it is
            self._load()
        self._show()

    def reveal(self) -> dict[str, str]:
        """Tell which is which; what was heard last goes on under its name.

        Returns
        -------
        dict of str to str
            Which pin was X and which was Y.
        """
        told = dict(zip(BLIND, self._order, strict=True))
        if self.is_blind:
            self._unblind()
            self._load()
            self._show(", ".join(f"{letter} was {name}" for letter, name in told.items()) + ". ")
        return told

    def sounds(self) -> dict[str, NDArray[np.float32]]:
        """Give the sounds of the pins by the names that the player has for them.

        Returns
        -------
        dict of str to ndarray of float32, shape (n,)
            The louder one is turned down to the RMS of the other.
        """
        if not self._kept:
            return {}
        matched = equally_loud({name: pin.speech for name, pin in self._kept.items()})
        if not self.is_blind:
            return matched
        return {letter: matched[name] for letter, name in zip(BLIND, self._order, strict=True)}

    def facts(self) -> dict[str, Any]:
        """Give settings and scores of the pins, as a file holds them.

        Returns
        -------
        dict of str to object
            By the names of the pins.
        """
        return {
            name: {
                "speech": None if (own := pin.state.recording) else pin.state.clip,
                "recording": own.name if own else None,
                "noise": pin.state.noise,
                "marks": [list(mark) for mark in pin.state.marks],
                "settings": pin.state.settings.to_dict(),
                "scores": {key: pin.scores.get(key) for key in COMPARED},
            }
            for name, pin in sorted(self._kept.items())
        }

    def save(self, folder: str | PathLike[str], name: str) -> list[Path]:
        """Write the sound of each pin.

        Parameters
        ----------
        folder : path-like
            Where to.
        name : str
            How the files' names begin.

        Returns
        -------
        list of Path
            A WAV file for each pin.
        """
        files = []
        for letter, pin in sorted(self._kept.items()):
            files.append(Path(folder) / f"{file_name(name)}_{letter}.wav")
            write_audio(files[-1], pin.speech, pin.state.settings.sampling_rate)
        return files

    @property
    def canvases(self) -> tuple[Any, ...]:
        """The picture of the difference, if there is one."""
        is_shown = self._panel is not None and self._panel.widget.matrix.size > 0
        return (self._panel.widget,) if self._panel is not None and is_shown else ()

    def _toggle_blind(self) -> None:
        if self.is_blind:
            self.reveal()
        else:
            self.hide()

    def _unblind(self) -> None:
        """Give the versions their names again; the sounds are still to be loaded."""
        if not self.is_blind:
            return
        self.is_blind = False
        chosen = dict(zip(BLIND, self._order, strict=True)).get(self._player.source)
        self._player.rename(dict(zip(BLIND, NAMES, strict=True)))
        if chosen is not None:
            self._player.source = chosen

    def _changed(self, chosen: str | None = None) -> None:
        with self._player.hold_sync():
            self._load()
            if chosen is not None and chosen in self._player.labels:
                self._player.source = chosen
        self._paint()
        self._show()

    def _show(self, told: str = "") -> None:
        """Show what can be done now, and how the pins differ."""
        self.widget.layout.display = "" if self._kept else "none"
        for name, button in self._back.items():
            is_told = name in self._kept and not self.is_blind  # or it could be told by going back
            button.layout.display = "" if is_told else "none"
        self._blind.layout.display = "" if len(self._kept) == len(NAMES) else "none"
        self._blind.description = "reveal" if self.is_blind else "blind"
        text = told + self.compared()
        self._line.value = f"<span class='nmflab-pins'>{html.escape(text)}</span>"

    def compared(self) -> str:
        """Say in one line in what the pins differ.

        Returns
        -------
        str
            Their settings and scores, A's first; with one pin alone what comes next.
        """
        if len(self._kept) < len(NAMES):
            return "Move something, and keep that, too." if self._kept else ""
        one, other = (self._kept[name] for name in NAMES)
        parts = differences(one.state, other.state) or ["no difference of settings"]
        for name in COMPARED:
            before, after = one.scores.get(name), other.scores.get(name)
            if before is not None and after is not None:
                score = SCORES[name]
                texts = (score.text(before, 2), score.text(after, 2))
                parts.append(f"{score.label} {texts[0]} → {texts[1]} {score.unit}".strip())
        return f"A → B: {', '.join(parts)}"

    def _paint(self) -> None:
        """Show |A| − |B| in dB, where both are of one length."""
        pins = [self._kept.get(name) for name in NAMES]
        if any(pin is None for pin in pins) or len({len(p.speech) for p in pins if p}) > 1:
            if self._panel is not None:
                self._panel.widget.clear()
            self.picture.layout.display = "none"
            return
        if self._panel is None:
            self._panel = Panel(
                "A − B: red where A is louder, blue where B is", self._group, colormap="RdBu_r",
                value_label="A − B", slider=False,
            )  # fmt: skip
            self.picture.children = (self._panel.widget,)
        settings = self._kept[NAMES[0]].state.settings
        stft = Stft.from_settings(settings)
        heard = equally_loud({name: pin.speech for name, pin in self._kept.items()})
        levels = level_difference(heard["A"], heard["B"], stft)
        reach = reach_of(levels)
        self._panel.show_spectrum(levels, stft, low=-reach, high=reach)
        self.picture.layout.display = ""
