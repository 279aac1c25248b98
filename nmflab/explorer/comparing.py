"""How two settings differ: in words, and in the level of what they gave; see pinned.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.core.stft import Stft
from nmflab.explorer.controls import CALLED
from nmflab.explorer.engine.state import State
from nmflab.explorer.panels import LOWEST
from nmflab.figures.scales import decibels
from nmflab.settings import parameters

STEP, LARGEST = 5.0, 30.0  # dB


def equally_loud(sounds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Turn the louder of some sounds down to the RMS of the quietest; silence stays silence."""
    levels = {name: float(np.sqrt(np.mean(np.square(x)))) for name, x in sounds.items()}
    least = min((level for level in levels.values() if level > 0), default=0.0)
    return {
        name: x * np.float32(least / levels[name] if levels[name] else 1.0)
        for name, x in sounds.items()
    }


def level_difference(
    one: NDArray[np.float32], other: NDArray[np.float32], stft: Stft
) -> NDArray[np.float32]:
    """Give |A| − |B| in dB, shape (F, T); what can't be seen in the other panels is no difference.

    Both levels end where those panels' colours begin, below the loudest point of both.
    """
    A, B = (np.abs(stft.analyse(x)) for x in (one, other))
    loudest = float(max(A.max(), B.max())) or 1.0
    levels = (decibels(X, loudest, lowest=LOWEST) for X in (A, B))
    found: NDArray[np.float32] = np.subtract(*levels)
    return found


def reach_of(levels: NDArray[np.float32]) -> float:
    """Give the decibels at which the colours end: a hundredth of the levels is beyond."""
    high = float(np.percentile(np.abs(levels), 99))
    return float(np.clip(STEP * np.ceil(high / STEP), STEP, LARGEST))


def differences(one: State, other: State) -> list[str]:
    """Say in what two states differ: "penalty λ 0.1 → 0.3".

    Parameters
    ----------
    one, other : State
        The states.

    Returns
    -------
    list of str
        A text for each setting that differs, and for the mixture.
    """
    found = []
    sources = [s.recording.name if s.recording else f"{s.clip} in {s.noise}" for s in (one, other)]
    if sources[0] != sources[1]:
        found.append(f"{sources[0]} → {sources[1]}")
    for name, parameter in parameters().items():
        before, after = (_value(name, state) for state in (one, other))
        if before != after:
            label = parameter.control.label if parameter.control else name
            found.append(f"{label} {_text(before)} → {_text(after)}")
    if one.marks != other.marks:
        found.append("other marks")
    return found


def _value(name: str, state: State) -> Any:
    return state.settings.hop if CALLED.get(name) == "hop" else state.read(name)


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
