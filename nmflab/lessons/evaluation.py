"""Lesson 07: the questions and the figures on projections, the parts of an error and choosing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.signals import Mixture
from nmflab.core.stft import Stft
from nmflab.evaluation.metrics import SCORES, si_sdr
from nmflab.evaluation.sweep import Sweep
from nmflab.figures.colours import COLOURS, GREY
from nmflab.figures.drawing import LESSON, SHADES, colour_bar, grid, label, paint_small
from nmflab.figures.scales import decibels
from nmflab.lessons.check import Mistake, register
from nmflab.settings import Settings

__all__ = ["damages", "maps_figure", "parts_figure", "projection_figure"]

S = np.array([3.0, 4.0])
S_HAT = np.array([7.0, 1.0])
"""A signal of two samples and its estimate; the best α is 1, the error is (4, −3)."""


def _energy(x: NDArray[np.float64]) -> float:
    return float(x @ x)


def _decibels(ratio: float, *, factor: float = 10.0) -> float:
    return float(factor * np.log10(ratio))


register(
    name="07.scale",
    question="s = (3, 4), ŝ = (1, 7). Which α makes αs the projection of ŝ onto s?",
    right=lambda: float(np.array([1.0, 7.0]) @ S / _energy(S)),
    because="α = ⟨ŝ, s⟩ / ‖s‖² = 31/25.",
    mistakes=(
        Mistake(
            lambda: 31 / 50,
            "reference and estimate are swapped: divide by the energy of s, not of ŝ.",
        ),
        Mistake(lambda: 31 / 5, "that is ⟨ŝ, s⟩ / ‖s‖, a length; divide by ‖s‖ once more."),
        Mistake(lambda: 31.0, "that is ⟨ŝ, s⟩; it has to be divided by the energy of s."),
        Mistake(
            lambda: 31 / (5 * np.sqrt(50)),
            "that is the cosine of the angle between the two; α also has the ratio of lengths.",
        ),
        Mistake(
            lambda: float(np.sqrt(2)),
            "that makes αs as loud as ŝ; the projection leaves the error out.",
        ),
        Mistake(lambda: 25 / 31, "upside down: that is the factor that ŝ needs, 1/α."),
    ),
)

register(
    name="07.si-sdr",
    question="s = (3, 4), ŝ = 2 · (7, 1). What is the SI-SDR in dB?",
    right=lambda: si_sdr(S, 2 * S_HAT),
    because="α = 2, the target (6, 8) and the error (8, −6) have one energy: 0 dB.",
    mistakes=(
        Mistake(
            lambda: _decibels(_energy(S) / _energy(S - 2 * S_HAT)),
            "the scale was forgotten: s itself was compared with ŝ. Multiply s by α first.",
        ),
        Mistake(
            lambda: _decibels(_energy(S) / _energy(2 * S - 2 * S_HAT)),
            "the target above the line needs its α too: ‖αs‖², not ‖s‖².",
        ),
        Mistake(
            lambda: _decibels(_energy(2 * S_HAT) / _energy(2 * S - 2 * S_HAT)),
            "above the line stands the target αs, not the whole estimate ŝ.",
        ),
        Mistake(
            lambda: _decibels(_energy(2 * S_HAT) / _energy(2 * S - 2 * S_HAT), factor=20.0),
            "above the line stands αs, and ‖·‖² is a power already: take 10 log₁₀.",
        ),
        Mistake(lambda: 1.0, "that is the ratio of energies; it is asked for in dB."),
    ),
)

PARTS = np.array([100.0, 10.0, 1.0])
"""Energies of s_target, e_interf and e_artif."""


def _ratios(*, factor: float = 10.0) -> NDArray[np.float64]:
    """Give SDR, SIR and SAR."""
    target, interference, artefacts = PARTS
    ratios = (
        target / (interference + artefacts),
        target / interference,
        (target + interference) / artefacts,
    )
    return factor * np.log10(ratios)


register(
    name="07.ratios",
    question=(
        "The energies of s_target, e_interf and e_artif are 100, 10 and 1. "
        "What are SDR, SIR and SAR in dB, in this order?"
    ),
    right=_ratios,
    because="100/11, 100/10 and 110/1 in dB: everything, the noise left over, the damage done.",
    mistakes=(
        Mistake(
            lambda: _ratios(factor=20.0),
            "dB of amplitude against power: these are energies, so take 10 log₁₀.",
        ),
        Mistake(
            lambda: [_ratios()[0], _ratios()[1], 20.0],
            "SAR asks whether the sound is made of the two sources, whichever: "
            "s_target + e_interf stand above its line.",
        ),
        Mistake(
            lambda: [10.0, 10.0, _ratios()[2]],
            "SDR counts both kinds of error: e_interf + e_artif stand below its line.",
        ),
        Mistake(
            lambda: 10.0 * np.log10([100 / (np.sqrt(10) + 1) ** 2, 10, 110]),
            "energies of parts that are orthogonal add up; amplitudes don't.",
        ),
        Mistake(lambda: _ratios()[[0, 2, 1]], "SIR and SAR are exchanged."),
        Mistake(lambda: 10 ** (_ratios() / 10), "those are the ratios; they are asked in dB."),
    ),
)

register(
    name="07.share",
    question=(
        "The noisy recording has an SI-SDR of −3 dB, the enhanced one 6 dB, the oracle mask "
        "reaches 12 dB. What share of the possible gain in dB was reached?"
    ),
    right=lambda: (6 - -3) / (12 - -3),
    because="9 dB of the 15 dB that lie between floor and ceiling.",
    mistakes=(
        Mistake(lambda: 0.5, "the floor was forgotten: the noisy recording is at −3 dB, not 0."),
        Mistake(lambda: 9.0, "that is the gain in dB; divide by what was possible."),
        Mistake(lambda: 9 / 12, "the floor counts on both sides: the ceiling is 15 dB above it."),
        Mistake(lambda: 6 / 15, "the floor counts on both sides: 6 dB is 9 dB above it."),
        Mistake(
            lambda: (10**0.6 - 10**-0.3) / (10**1.2 - 10**-0.3),
            "those are ratios of power; the share of the decibels is asked for.",
        ),
    ),
)

VALIDATION, TEST = {0.03: 7.1, 0.1: 8.4, 0.3: 8.0}, {0.03: 7.5, 0.1: 7.9, 0.3: 8.8}
"""SDR in dB over λ."""

register(
    name="07.report",
    question=(
        "λ = 0.03, 0.1, 0.3 give 7.1, 8.4, 8.0 dB on the validation data and 7.5, 7.9, 8.8 dB "
        "on the test data. Which figure may be reported?"
    ),
    right=lambda: TEST[max(VALIDATION, key=lambda penalty: VALIDATION[penalty])],
    because="λ = 0.1 is chosen on the validation data, and the test data say 7.9 dB of it.",
    mistakes=(
        Mistake(
            lambda: max(TEST.values()),
            "that λ was chosen on the test data: nobody could have known it beforehand.",
        ),
        Mistake(
            lambda: max(VALIDATION.values()),
            "the choice was made for this very figure, so it flatters; ask the test data.",
        ),
        Mistake(
            lambda: float(np.mean(list(TEST.values()))),
            "one λ has to be chosen, on the validation data; its test score is reported.",
        ),
        Mistake(lambda: 0.1, "that is the λ to choose; its score is asked for."),
        Mistake(lambda: 8.0, "that is a validation score, and not even of the chosen λ."),
    ),
    tolerance=0.005,
)

INK = "#222222"
AXES = {"p": "power p", "penalty": "penalty λ"}
MAP_DEPTH = {"dB": 6.0, "": 0.2}
"""Scores that are further below the best than this have the darkest colour."""


def damages(mix: Mixture, settings: Settings) -> dict[str, NDArray[np.float32]]:
    """Spoil the speech of a mixture in seven ways, each of which a score may or may not hear.

    Parameters
    ----------
    mix : Mixture
        Speech and noise.
    settings : Settings
        The STFT, and the sampling rate.

    Returns
    -------
    dict of str to ndarray of float32, shape (n,)
        The spoilt sounds by what was done to them.
    """
    from scipy.signal import butter, sosfilt

    s, n, stft = mix.speech, mix.noise, Stft.from_settings(settings)
    S = stft.analyse(s)
    kept = np.random.default_rng(0).random(S.shape) > 0.3
    low = butter(4, 1000, fs=settings.sampling_rate, output="sos")
    most = 0.1 * float(np.abs(s).max())
    sounds: dict[str, Any] = {
        "half as loud": 0.5 * s,
        "1 ms late": np.concatenate([np.zeros(16), s[:-16]]),
        "low-pass at 1 kHz": sosfilt(low, s),
        "noise, 10 dB below": s + 10**-0.5 * n,
        "noise, as loud": s + n,
        "3 of 10 points gone": stft.synthesise(kept * S, len(s)),
        "clipped at a tenth": np.clip(s, -most, most),
    }
    return {name: sound.astype(np.float32) for name, sound in sounds.items()}


def projection_figure(s: ArrayLike, s_hat: ArrayLike) -> Figure:
    """Draw a signal of two samples, its estimate, and what the projection makes of them.

    Parameters
    ----------
    s, s_hat : array_like, shape (2,)
        The signal and its estimate.

    Returns
    -------
    matplotlib.figure.Figure
        One panel with equal scales.
    """
    s, s_hat = np.asarray(s, dtype=float), np.asarray(s_hat, dtype=float)
    target = (s_hat @ s) / (s @ s) * s
    figure, (panel,) = grid(1, 1, (7.0, 5.0))
    origin = np.zeros(2)
    for name, start, end, colour, side in (
        ("αs", origin, target, COLOURS[2], "left"),
        ("s", origin, s, COLOURS[0], "right"),
        ("ŝ", origin, s_hat, INK, "right"),
        ("e = ŝ − αs", target, s_hat, COLOURS[1], "left"),
        ("ŝ − s", s, s_hat, GREY, "right"),
    ):
        dashed = {"lw": 1.6, "ls": "--"} if colour == GREY else {"lw": 2.6}
        style = {"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0, **dashed}
        panel.annotate("", xy=tuple(end), xytext=tuple(start), arrowprops=style)
        x, y = end if start is origin else (start + end) / 2
        shift = 0.12 if side == "left" else -0.12
        panel.text(
            x + shift, y, name, color=colour, fontsize=LESSON.title + 2, ha=side, va="bottom"
        )
    corners = np.stack([origin, s, s_hat, target])
    low, high = corners.min(axis=0), corners.max(axis=0)
    panel.set_xlim(low[0] - 0.3, high[0] + 1.2)
    panel.set_ylim(low[1] - 0.3, high[1] + 0.6)
    panel.set_aspect("equal")
    panel.grid(alpha=0.3)
    label(panel, "The error e stands at a right angle to s", "sample 1", "sample 2")
    return figure


def parts_figure(parts: Mapping[str, ArrayLike], settings: Settings) -> Figure:
    """Draw the spectrograms of sounds on one range of colours, so that levels can be compared.

    Parameters
    ----------
    parts : mapping of str to array_like, each of shape (n,)
        Sounds by their titles, an even number of them.
    settings : Settings
        The STFT to look through.

    Returns
    -------
    matplotlib.figure.Figure
    """
    stft, rows = Stft.from_settings(settings), len(parts) // 2
    spectra = [np.abs(stft.analyse(np.asarray(sound))) for sound in parts.values()]
    loudest = max(float(V.max()) for V in spectra) or 1.0
    figure, panels = grid(rows, 2, (9.5, 2.7 * rows + 0.4))
    for i, (panel, title, V) in enumerate(zip(panels, parts, spectra, strict=True)):
        paint_small(panel, decibels(V, loudest, lowest=-60.0), stft)
        below = "Time (s)" if i >= len(parts) - 2 else ""
        label(panel, title, below, "" if i % 2 else "Frequency (kHz)")
    return figure


def maps_figure(found: Sweep) -> Figure:
    """Draw the score maps of a sweep of two settings beside each other, each best cell starred.

    Parameters
    ----------
    found : Sweep
        The sweep; its first setting goes up, its second to the right.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each score, each with its own range of colours.
    """
    figure, panels = grid(1, len(found.metrics), (4.6 * len(found.metrics), 3.4))
    (row_name, rows), (column_name, columns) = found.axes.items()
    for panel, metric in zip(panels, found.metrics, strict=True):
        scores, declared = found.mean(metric), SCORES[metric]
        top = float(scores.max())
        panel.imshow(
            scores,
            cmap=colormaps["viridis"].resampled(SHADES),
            vmin=top - MAP_DEPTH[declared.unit],
            vmax=top,
            origin="lower",
            aspect="auto",
        )
        _write_scores(panel, scores, declared.decimals)
        panel.set_xticks(range(len(columns)), [f"{x:g}" for x in columns])
        panel.set_yticks(range(len(rows)), [f"{y:g}" for y in rows])
        colour_bar([panel], above=declared.unit, pad=0.02, extend="min")
        ylabel = AXES.get(row_name, row_name) if panel is panels[0] else ""
        label(panel, declared.label, AXES.get(column_name, column_name), ylabel)
    return figure


def _write_scores(panel: Axes, scores: NDArray[np.floating], decimals: int) -> None:
    """Write each score into its cell."""
    best = np.unravel_index(int(np.argmax(scores)), scores.shape)
    for place, value in np.ndenumerate(scores):
        star = " ★" if place == best else ""
        text = panel.text(
            place[1], place[0], f"{value:.{decimals}f}{star}",
            ha="center", va="center", color="white", fontsize=LESSON.title - 4,
        )  # fmt: skip
        text.set_path_effects([withStroke(linewidth=2.5, foreground="black")])
