"""Lesson 00: the questions on the gain."""

from __future__ import annotations

import numpy as np

from nmflab.core.wiener import wiener_gain
from nmflab.lessons.check import Mistake, register

register(
    name="00.gain",
    question="Ŝ is twice N̂. How large is the gain G with p = 2?",
    right=lambda: float(wiener_gain([2.0], [1.0], p=2)[0]),
    because="G = 2² / (2² + 1²) = 4/5.",
    mistakes=(
        Mistake(lambda: 2 / 3, "that is the gain with p = 1; square both Ŝ and N̂."),
        Mistake(lambda: 4.0, "that is Ŝ²/N̂²; below the line stands the sum Ŝ² + N̂²."),
        Mistake(lambda: 0.2, "that is 1 − G, the gain of the noise."),
        Mistake(lambda: 20 * np.log10(0.8), "that is the gain in dB; G itself is asked for."),
        Mistake(lambda: (2 / 3) ** 2, "the power belongs on Ŝ and N̂ each, not on the ratio."),
    ),
)

register(
    name="00.switch",
    question="Ŝ is twice N̂. What does the gain G become as the power p grows and grows?",
    right=lambda: float(wiener_gain([2.0], [1.0], p=60)[0]),
    because="G = 1 / (1 + (N̂/Ŝ)^p), and (1/2)^p goes to 0: all that is louder passes whole.",
    mistakes=(
        Mistake(lambda: 0.0, "that is the limit where the noise is the louder one."),
        Mistake(lambda: 0.5, "that is the limit where both are equal, or of p towards 0."),
        Mistake(lambda: 2.0, "a gain never exceeds 1: divide by the sum of both."),
    ),
)
