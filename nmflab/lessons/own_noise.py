"""Lesson 09: the questions and the figure on noise bases that are learnt on the mixture itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.signals import Mixture
from nmflab.core.model import SeparationModel
from nmflab.core.pipeline import separate
from nmflab.evaluation.metrics import bss_eval
from nmflab.figures.drawing import LESSON, grid, label
from nmflab.lessons.check import Mistake, register

__all__ = ["free_step", "hill", "hill_figure"]

W_FREE = np.array([0.5, 0.25, 0.25])
RATIO = np.array([[2.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
H_FREE = np.array([1.0, 2.0])
"""One free basis on three bins, V/WH and its activations in two frames."""


def free_step(
    V: ArrayLike, W_S: ArrayLike, W_f: ArrayLike, H: ArrayLike, rates: ArrayLike | float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Do one joint update of H and of the free bases, as plainly as it can be written.

    H ← H ∘ WᵀR / (1 + λc) and w_f ∝ w_f ∘ (R h_fᵀ), both from one R = V/WH. It is the update of
    `nmflab.core.nmf_free`, after Dempster, Laird and Rubin (1977), whose text derives it.

    Parameters
    ----------
    V : array_like, shape (F, T)
        Magnitudes of the mixture, above 0.
    W_S : array_like, shape (F, K_S)
        Bases of speech; each column sums to 1. They stay.
    W_f : array_like, shape (F, K_f)
        Free bases; each column sums to 1.
    H : array_like, shape (K_S + K_f, T)
        Activations, those of the free bases last.
    rates : array_like, shape (K_S + K_f, 1), or float, default 0.0
        λc, what each row pays.

    Returns
    -------
    W_f : ndarray of float64, shape (F, K_f)
        The free bases after the update.
    H : ndarray of float64, shape (K_S + K_f, T)
        The activations after the update.
    """
    V, W_S, W_f, H = (np.asarray(X, dtype=np.float64) for X in (V, W_S, W_f, H))
    W = np.hstack([W_S, W_f])
    R = V / (W @ H)
    correlates = W_f * (R @ H[W_S.shape[1] :].T)
    return correlates / correlates.sum(axis=0), H * (W.T @ R) / (1 + np.asarray(rates))


def hill(
    model: SeparationModel, mixture: Mixture, counts: Sequence[int], iterations: Sequence[int]
) -> NDArray[np.float64]:
    """Compute the SDR over how many bases are free, and how long they learn.

    Parameters
    ----------
    model : SeparationModel
        A dictionary of speech, and no bases of noise.
    mixture : Mixture
        What is separated.
    counts, iterations : sequence of int
        K_f, and the iterations after which the learning stops.

    Returns
    -------
    ndarray, shape (len(counts), len(iterations))
        SDR in dB (`nmflab.evaluation.metrics.bss_eval`).
    """
    found = np.empty((len(counts), len(iterations)))
    for i, K in enumerate(counts):
        for j, n in enumerate(iterations):
            settings = model.settings.replace(num_basis_free=K, max_iter_test=n)
            speech = separate(model, mixture.mixture, settings).speech
            found[i, j] = bss_eval(mixture.speech, mixture.noise, speech)[0]
    return found


def hill_figure(scores: ArrayLike, counts: Sequence[int], iterations: Sequence[int]) -> Figure:
    """Draw scores as a map with its numbers, the best one framed.

    Parameters
    ----------
    scores : array_like, shape (len(counts), len(iterations))
        As `hill` gives them, in dB.
    counts, iterations : sequence of int
        What stands at the axes.

    Returns
    -------
    matplotlib.figure.Figure
    """
    scores = np.asarray(scores)
    figure, (panel,) = grid(1, 1, (8.0, 4.4))
    panel.imshow(scores, cmap="cividis", aspect="auto", origin="lower")
    middle = (scores.min() + scores.max()) / 2
    for (i, j), value in np.ndenumerate(scores):
        colour = "white" if value < middle else "black"
        style: dict[str, Any] = {
            "color": colour,
            "ha": "center",
            "va": "center",
            "fontsize": LESSON.ticks,
        }
        panel.text(j, i, f"{value:.1f}", **style)
    i, j = np.unravel_index(scores.argmax(), scores.shape)
    best = Rectangle((j - 0.48, i - 0.48), 0.96, 0.96, fill=False, ec="white", lw=3)
    panel.add_patch(best)
    panel.set_xticks(range(len(iterations)), [str(n) for n in iterations])
    panel.set_yticks(range(len(counts)), [str(K) for K in counts])
    label(panel, "SDR (dB); the best one framed", "Iterations", "Free bases K_f")
    return figure


def _learnt() -> NDArray[np.float64]:
    correlate = W_FREE * (RATIO @ H_FREE)
    return np.asarray(correlate / correlate.sum())


register(
    name="09.step",
    question=(
        "A free basis is w = [0.5, 0.25, 0.25], its activations in two frames are h = [1, 2], and "
        "V/WH = R = [[2, 1], [1, 0], [0, 1]]. What is w after one update?"
    ),
    right=_learnt,
    because="R hᵀ = [4, 1, 2], times w [2, 0.25, 0.5], and that divided by its sum, 2.75.",
    mistakes=(
        Mistake(
            lambda: W_FREE * (RATIO @ H_FREE),
            "divide by the sum: the columns of W always sum to 1.",
        ),
        Mistake(
            lambda: RATIO @ H_FREE / (RATIO @ H_FREE).sum(),
            "that is R hᵀ alone, normalised: it multiplies w, and doesn't replace it.",
        ),
        Mistake(
            lambda: W_FREE * RATIO.sum(axis=1) / (W_FREE * RATIO.sum(axis=1)).sum(),
            "the frames count as loud as the basis sounds in them: R hᵀ, not R's row sums.",
        ),
        Mistake(
            lambda: W_FREE * (RATIO @ H_FREE) / H_FREE.sum(),
            "that is Lee and Seung's 1 hᵀ below the line; here the column is normed to 1.",
        ),
    ),
)

register(
    name="09.tax",
    question=(
        "64 bases of speech and 4 free ones share the mixture: both sources are taken for equally "
        "loud, and c_k goes with one over a row's mean. How many times as much does the average "
        "basis of speech pay for a unit of activation as a free one?"
    ),
    right=lambda: 64 / 4,
    because="a free row is expected to sound 64/4 = 16 times as much, so its c is a sixteenth.",
    mistakes=(
        Mistake(lambda: 4 / 64, "upside down: the many quiet rows pay more, not less."),
        Mistake(lambda: 64.0, "the free bases are 4: they share the noise's loudness."),
        Mistake(
            lambda: 4.0,
            "each of the 4 carries a quarter of the noise, each of the 64 a 64th of the speech.",
        ),
        Mistake(lambda: 1.0, "equally loud as sources, but one has 64 rows and the other 4."),
    ),
)
