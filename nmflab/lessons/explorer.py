"""Lesson 08: the questions on what depends on what, and on levels."""

from __future__ import annotations

from nmflab.lessons.check import Mistake, register

register(
    name="08.upstream",
    question="Which control leaves H exactly as it is: window size, K_N, penalty or power?",
    right=lambda: "power",
    because="the gain is computed from H, so p comes after it; all others come before.",
    mistakes=(
        Mistake(lambda: "window size", "another window gives another V, and so another H."),
        Mistake(lambda: "K_N", "H has K_S + K_N rows, and W_N other columns than before."),
        Mistake(lambda: "penalty", "λ stands in the update of H."),
    ),
)

register(
    name="08.snr",
    question=(
        "The SNR falls from 0 dB to −10 dB. By which factor does the noise's amplitude grow, "
        "beside the speech's?"
    ),
    right=lambda: 10 ** (10 / 20),
    because="10 dB are a factor of 10 in energy, and of √10 = 3.16 in amplitude.",
    mistakes=(
        Mistake(
            lambda: 10.0,
            "dB of power against amplitude: 10 is the factor of the energy; take its root.",
        ),
        Mistake(lambda: 10 ** (-10 / 20), "upside down: a lower SNR is a louder noise."),
        Mistake(lambda: 0.1, "that is the SNR as a ratio of energies, signal over noise."),
        Mistake(lambda: -10.0, "that is the SNR in dB; a factor is asked for."),
    ),
)
