"""The questions of lessons 04 to 06 and 08: the gain, the priors, the penalised update, all of it.

What they ask is small enough to be worked out by hand; the right answers are nmflab's own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmflab.core.nmf import encode
from nmflab.core.priors import ExponentialPrior, GammaPrior
from nmflab.core.wiener import wiener_gain
from nmflab.lessons.check import Exercise, Mistake, register

# 04_separation

W_S = np.array([[0.5, 0.0], [0.5, 0.2], [0.0, 0.8]])
W_N = np.array([[0.5], [0.3], [0.2]])
H_S = np.array([[4.0, 1.0], [1.0, 5.0]])
H_N = np.array([[2.0, 10.0]])
"""A dictionary of two speech bases and one noise basis on three bins, and two frames."""


def _gain(p: float = 2.0) -> NDArray[np.float64]:
    return wiener_gain(W_S @ H_S, W_N @ H_N, p=p).astype(np.float64)


def _gain_in_dB(ratio: float, *, factor: float = 20.0) -> float:
    """Give the gain, in dB, of speech that is stronger than the noise by a ratio, for p = 1."""
    return float(factor * np.log10(wiener_gain([ratio], [1.0], p=1)[0]))


register(
    Exercise(
        name="04.gain",
        question=(
            "W_S = [[0.5, 0], [0.5, 0.2], [0, 0.8]], W_N = [[0.5], [0.3], [0.2]], "
            "H_S = [[4, 1], [1, 5]], H_N = [[2, 10]]. What is the Wiener gain for p = 2?"
        ),
        right=_gain,
        because="Ŝ = W_S H_S and N̂ = W_N H_N are both 3 × 2, and so is G.",
        mistakes=(
            Mistake(lambda: _gain().T, "the right gain, transposed: G has a row for each bin."),
            Mistake(lambda: 1 - _gain(), "that is 1 − G, the gain of the noise."),
            Mistake(lambda: _gain(1.0), "that is the gain with p = 1; square Ŝ and N̂ first."),
            Mistake(lambda: _gain(1.0) ** 2, "square Ŝ and N̂ each, not the finished ratio."),
            Mistake(
                lambda: (W_S @ H_S / (W_N @ H_N)) ** 2,
                "the normalisation is missing: below the line stands the sum Ŝ² + N̂².",
            ),
            Mistake(lambda: W_S @ H_S, "that is Ŝ; the gain compares it with N̂."),
            Mistake(lambda: 20 * np.log10(_gain()), "that is the gain in dB; G itself is asked."),
        ),
    )
)

register(
    Exercise(
        name="04.decibel",
        question=(
            "In one bin Ŝ is 6 dB above N̂. By how many dB does the Wiener gain (p = 2) change "
            "that bin?"
        ),
        right=lambda: _gain_in_dB(10**0.6),
        because="Ŝ²/N̂² = 10^0.6 = 3.98, G = 3.98/4.98 = 0.80, and 20 log₁₀ 0.80 = −1.95 dB.",
        mistakes=(
            Mistake(
                lambda: _gain_in_dB(10**0.6, factor=10.0),
                "dB of power against amplitude: G multiplies an amplitude, so take 20 log₁₀ G.",
            ),
            Mistake(
                lambda: _gain_in_dB(10**0.3),
                "that is p = 1: with p = 2 the ratio of powers counts, 10^(6/10), not 10^(6/20).",
            ),
            Mistake(lambda: -_gain_in_dB(10**0.6), "the sign: a gain below 1 turns down."),
            Mistake(
                lambda: float(wiener_gain([10**0.3], [1.0], p=2)[0]),
                "that is G itself; it is asked for in dB.",
            ),
            Mistake(
                lambda: _gain_in_dB(10**-0.6), "that is what the gain 1 − G does, the noise's."
            ),
        ),
        tolerance=0.02,
    )
)

# 05_priors

ROW = np.array([1.0, 2.0, 4.0, 1.0, 8.0, 2.0])
"""A row of H of six frames; its mean is 3."""


def _log_gap(row: NDArray[np.float64] = ROW) -> float:
    """Compute s = log mean(h) − mean(log h)."""
    return float(np.log(row.mean()) - np.log(row).mean())


def _shape() -> float:
    return float(GammaPrior.fit(ROW[None]).shape[0])


register(
    Exercise(
        name="05.slope",
        question=(
            "A row of H is 0, 1, 2, 9. What is the slope φ′(h) of the penalty that its "
            "exponential prior gives?"
        ),
        right=lambda: float(ExponentialPrior.fit([[0.0, 1.0, 2.0, 9.0]]).derivative([[1.0]])[0, 0]),
        because="φ(h) = h/μ, so φ′ = 1/μ, and μ is the mean of the row, 3.",
        mistakes=(
            Mistake(lambda: 3.0, "that is μ, the mean; the slope is one over it."),
            Mistake(lambda: 1 / 1.5, "that is one over the median; the likelihood wants the mean."),
            Mistake(lambda: 1 / 12, "the normalisation is missing: the mean, not the sum."),
            Mistake(lambda: 1 / 4, "the zero counts too: divide by all four frames."),
            Mistake(lambda: -1 / 3, "that is the slope of log p; the penalty is −log p."),
        ),
    )
)

register(
    Exercise(
        name="05.shape",
        question="A row of H is 1, 2, 4, 1, 8, 2. What is the shape a of its gamma prior?",
        right=_shape,
        because=f"s = log 3 − mean(log h) = {_log_gap():.2f}, and log a − ψ(a) = s.",
        mistakes=(
            Mistake(_log_gap, "that is s; solve log a − ψ(a) = s for a."),
            Mistake(lambda: 0.5 / _log_gap(), "1/(2s) holds for large a alone: go on with Newton."),
            Mistake(
                lambda: float(ROW.mean() ** 2 / ROW.var()),
                "that is the method of moments, mean²/variance; the likelihood wants the logs.",
            ),
            Mistake(lambda: 3.0 / _shape(), "that is the scale b = mean/a."),
            Mistake(lambda: 1.0, "that is the exponential, the gamma of shape 1."),
        ),
        tolerance=0.02,
    )
)

# 06_map_separation

V = np.array([[6.0, 2.0], [2.0, 4.0]])
W = np.array([[0.25, 0.75], [0.75, 0.25]])
H = np.full((2, 2), 4.0)
RATES = np.array([1.0, 3.0])
PENALTY = 0.5
"""Two bins, two bases, two frames; the rates c_k of the two bases, and λ."""


def _raised() -> NDArray[np.float64]:
    """Give H ∘ Wᵀ(V/WH), the update before its division."""
    raised: NDArray[np.float64] = H * (W.T @ (V / (W @ H)))
    return raised


def _updated(rates: NDArray[np.float64] = RATES, *, one: float = 1.0) -> NDArray[np.float64]:
    return _raised() / (one + PENALTY * rates)[:, None]


def _right_update() -> NDArray[np.float32]:
    prior = ExponentialPrior(scale=1 / RATES, shape=np.ones(2))
    return encode(V, W, prior=prior, penalty=PENALTY, n_iter=1, init=H).H


register(
    Exercise(
        name="06.update",
        question=(
            "V = [[6, 2], [2, 4]], W = [[0.25, 0.75], [0.75, 0.25]], all entries of H are 4, "
            "λ = 0.5, c = [1, 3]. What is H after one exponential update?"
        ),
        right=_right_update,
        because="rows of H ∘ Wᵀ(V/WH) divided by 1 + λc: 1.5 and 2.5.",
        mistakes=(
            Mistake(_raised, "that is the plain update: the penalty adds λc below the line."),
            Mistake(
                lambda: _right_update().T, "the right matrix, transposed: a row for each basis."
            ),
            Mistake(lambda: _updated(1 / RATES), "that is 1 + λ/c: c is a rate, 1/μ, already."),
            Mistake(lambda: _updated(one=0.0), "the normalisation Wᵀ1 = 1 is missing: 1 + λc."),
            Mistake(
                lambda: _raised() - (PENALTY * RATES)[:, None],
                "the penalty is subtracted above the line; its slope belongs below it.",
            ),
            Mistake(
                lambda: _raised() / (1 + PENALTY * RATES)[None, :],
                "c was spread over the frames; it has one entry for each basis, a row of H.",
            ),
        ),
    )
)

register(
    Exercise(
        name="06.level",
        question=(
            "All training audio is made 20 dB louder; the mixture stays. By which factor must a "
            "raw λ change for the same gain of NMF_e?"
        ),
        right=lambda: float(ExponentialPrior.fit(10 * ROW[None]).scale[0] / ROW.mean()),
        because="every μ_k grows tenfold, and λ/μ_k has to stay what it was.",
        mistakes=(
            Mistake(lambda: 1.0, "that is the relative λ, which is free of the level."),
            Mistake(lambda: 0.1, "upside down: μ grows, so λ must grow with it."),
            Mistake(
                lambda: 100.0,
                "dB of power against amplitude: magnitudes grow by 10^(20/20), 10-fold.",
            ),
            Mistake(lambda: 20.0, "20 is the level in dB; the factor is asked for."),
        ),
    )
)

# 08_explorer

register(
    Exercise(
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
)

register(
    Exercise(
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
)
