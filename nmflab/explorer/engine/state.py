"""All that an explorer can be set to, and what a stage may see of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.corpus.folders import Corpus
from nmflab.errors import NmflabError
from nmflab.names import showable
from nmflab.settings import Settings, parameters

PARTS = ("settings", "clip", "noise", "recording", "marks", "preview")

Stretches = tuple[tuple[float, float], ...]
"""Stretches of time, each from and to in seconds."""

MOVABLE = (*parameters(), *(part for part in PARTS if part not in ("settings", "preview")))
"""All that somebody can let a state differ in."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A user's own noisy recording; two are the same only if they are the same object.

    Parameters
    ----------
    name : str
        What to call it.
    samples : ndarray of float32, shape (n,)
        The samples at the corpus's sampling rate.
    cut : str, default ""
        Which part of the recording they are, in words, if they aren't the whole.
    path : Path, optional
        The file that it comes from; its name alone, if a browser has opened it.
    """

    name: str
    samples: NDArray[np.float32]
    cut: str = ""
    path: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", showable(self.name))


@dataclass(frozen=True, kw_only=True)
class State:
    """All that an explorer can be set to.

    Parameters
    ----------
    settings : Settings
        Every numeric parameter.
    clip : str
        Name of the test speech.
    noise : str
        Name of the noise: the one that is mixed in, and the one whose training part the noise
        dictionary learns.
    recording : Recording, optional
        An own noisy recording, in place of the mixture of `clip` and `noise`.
    marks : tuple of (float, float), default ()
        Stretches that are marked as noise, from and to in seconds, where nobody speaks.
    preview : bool, default False
        Make do with a first look at dictionaries that would have to be trained.
    """

    settings: Settings
    clip: str
    noise: str
    recording: Recording | None = None
    marks: Stretches = ()
    preview: bool = False

    def replace(self, **changes: Any) -> State:
        """Give a copy with some settings or parts changed."""
        own = {name: changes.pop(name) for name in tuple(changes) if name in PARTS}
        state = replace(self, **own)
        return replace(state, settings=state.settings.replace(**changes)) if changes else state

    def read(self, name: str) -> Any:
        """Give one setting or part by its name."""
        return getattr(self if name in PARTS else self.settings, name)


class Store:
    """The one place where an explorer's state lives: controls and panels are fed from it.

    Parameters
    ----------
    first : State
        What the explorer begins with, and goes back to.

    Attributes
    ----------
    wanted : State
        What the controls ask for.
    shown : State
        What the panels show; another one than `wanted` while a dictionary is trained for that,
        or if it can't be.
    """

    def __init__(self, first: State) -> None:
        self.first = self.wanted = self.shown = first


class View:
    """What a stage sees of a state: the settings and parts that it declares, and no others.

    So a stage can't depend on anything that its key doesn't hold.

    Parameters
    ----------
    state : State
        The state.
    corpus : Corpus
        Where clips, noises and training audio come from.
    stage : str
        Name of the stage.
    reads : collection of str
        What it declares.
    """

    def __init__(self, state: State, corpus: Corpus, stage: str, reads: Collection[str]) -> None:
        self.corpus = corpus
        self._state, self._stage, self._reads = state, stage, reads

    @property
    def settings(self) -> Settings:
        """The settings; only those that are declared can be read."""
        if "settings" in self._reads:
            return self._state.settings
        return DeclaredSettings(self._state.settings, self._stage, self._reads)

    @property
    def clip(self) -> str:
        """Name of the test speech."""
        return str(self._read("clip"))

    @property
    def noise(self) -> str:
        """Name of the noise."""
        return str(self._read("noise"))

    @property
    def recording(self) -> Recording | None:
        """An own recording, if there is one."""
        found: Recording | None = self._read("recording")
        return found

    @property
    def marks(self) -> Stretches:
        """The stretches that are marked as noise."""
        found: Stretches = self._read("marks")
        return found

    def _read(self, part: str) -> Any:
        if part not in self._reads:
            raise _undeclared(self._stage, part)
        return getattr(self._state, part)


class DeclaredSettings(Settings):
    """Settings of which a stage can read those that it declares; any other is an error."""

    def __init__(self, settings: Settings, stage: str, reads: Collection[str]) -> None:
        vars(self).update(vars(settings), _stage=stage, _reads=reads)

    def __getattribute__(self, name: str) -> Any:
        get = super().__getattribute__
        if name in parameters() and name not in get("_reads"):
            raise _undeclared(get("_stage"), name)
        return get(name)

    def replace(self, **changes: Any) -> Settings:  # type: ignore[override]
        """Give a whole copy; what isn't declared has to be among the changes."""
        kept = {name: getattr(self, name) for name in parameters() if name not in changes}
        return Settings().replace(**kept, **changes)


def _undeclared(stage: str, part: str) -> NmflabError:
    return NmflabError(f"The stage {stage!r} reads {part!r} but doesn't declare that it does.")
