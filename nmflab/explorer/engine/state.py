"""All that an explorer can be set to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.settings import Settings


@dataclass(frozen=True, eq=False)
class Recording:
    """A user's own noisy recording; two are the same only if they are the same object.

    Parameters
    ----------
    name : str
        What to call it.
    samples : ndarray of float32, shape (n,)
        The samples at the corpus's sampling rate.
    """

    name: str
    samples: NDArray[np.float32]


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
    """

    settings: Settings
    clip: str
    noise: str
    recording: Recording | None = None

    def replace(self, **changes: Any) -> State:
        """Give a copy with some settings, the clip, the noise or the recording changed.

        Parameters
        ----------
        **changes
            Names of settings, or ``clip``, ``noise``, ``recording``, ``settings``.

        Returns
        -------
        State
            The copy.

        Raises
        ------
        NmflabError
            If a setting is unknown or out of range.
        """
        own = {name: changes.pop(name) for name in tuple(changes) if name in _OWN_PARTS}
        state = replace(self, **own)
        return replace(state, settings=state.settings.replace(**changes)) if changes else state

    def read(self, name: str) -> Any:
        """Give one part by its name.

        Parameters
        ----------
        name : str
            A setting, ``clip``, ``noise`` or ``recording``.

        Returns
        -------
        object
            Its value.
        """
        return getattr(self if name in _OWN_PARTS else self.settings, name)


_OWN_PARTS = ("settings", "clip", "noise", "recording")
