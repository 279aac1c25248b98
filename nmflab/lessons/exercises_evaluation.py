"""The questions of lesson 07: projections, the parts of an error, floor and ceiling, choosing.

What they ask is small enough to be worked out by hand; where nmflab has a function for it, the
right answer is that function's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmflab.evaluation.metrics import si_sdr
from nmflab.lessons.check import Exercise, Mistake, register

S = np.array([3.0, 4.0])
S_HAT = np.array([7.0, 1.0])
"""A signal of two samples and its estimate; the best α is 1, the error is (4, −3)."""


def _energy(x: NDArray[np.float64]) -> float:
    return float(x @ x)


def _decibels(ratio: float, *, factor: float = 10.0) -> float:
    return float(factor * np.log10(ratio))


register(
    Exercise(
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
)

register(
    Exercise(
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
    Exercise(
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
)

register(
    Exercise(
        name="07.share",
        question=(
            "The noisy recording has an SI-SDR of −3 dB, the enhanced one 6 dB, the oracle mask "
            "reaches 12 dB. What share of the possible gain in dB was reached?"
        ),
        right=lambda: (6 - -3) / (12 - -3),
        because="9 dB of the 15 dB that lie between floor and ceiling.",
        mistakes=(
            Mistake(
                lambda: 0.5, "the floor was forgotten: the noisy recording is at −3 dB, not 0."
            ),
            Mistake(lambda: 9.0, "that is the gain in dB; divide by what was possible."),
            Mistake(
                lambda: 9 / 12, "the floor counts on both sides: the ceiling is 15 dB above it."
            ),
            Mistake(lambda: 6 / 15, "the floor counts on both sides: 6 dB is 9 dB above it."),
            Mistake(
                lambda: (10**0.6 - 10**-0.3) / (10**1.2 - 10**-0.3),
                "those are ratios of power; the share of the decibels is asked for.",
            ),
        ),
    )
)

VALIDATION, TEST = {0.03: 7.1, 0.1: 8.4, 0.3: 8.0}, {0.03: 7.5, 0.1: 7.9, 0.3: 8.8}
"""SDR in dB over λ."""

register(
    Exercise(
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
)
