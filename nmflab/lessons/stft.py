"""Lesson 01: the questions and the figures on frames, windows and overlap-add."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from nmflab.core.stft import Stft
from nmflab.figures.colours import BLUE, GREY, RED
from nmflab.figures.drawing import LEVEL, colour_bar, label, legend, paint, side_by_side
from nmflab.figures.scales import decibels
from nmflab.lessons.check import Mistake, register
from nmflab.settings import Settings

__all__ = ["frame_figure", "overlap_add_figure", "resolution_figure"]

RATE = Settings().sampling_rate


def _overlap_add(power: int, window: str = "hann") -> float:
    """Sum the copies of a window of 256 samples at a hop of 64, to some power."""
    w = Stft(window=window).window.astype(np.float64)
    return float((w.reshape(4, 64) ** power).sum(axis=0).mean())


register(
    name="01.hop",
    question="The hop is 64 samples at 16 kHz. How many seconds is that?",
    right=lambda: Settings().hop / RATE,
    because="64 / 16000 s = 4 ms: 250 frames a second.",
    mistakes=(
        Mistake(lambda: 64, "that is the hop in samples; divide by the sampling rate."),
        Mistake(lambda: 4, "that is the hop in milliseconds; seconds are asked for."),
        Mistake(lambda: 0.016, "that is the length of the window; the hop is the step."),
        Mistake(lambda: 0.012, "that is the overlap; the hop is window − overlap."),
        Mistake(lambda: 250, "that is the number of frames a second: one over the hop."),
    ),
)

register(
    name="01.frames",
    question="How many frames has 1 s at 16 kHz, window 256 and hop 64, edges padded?",
    right=lambda: Stft().num_frames(RATE),
    because="192 zeros lead in, and (192 + 16000) / 64 = 253.",
    mistakes=(
        Mistake(lambda: 250, "that is length / hop; the zeros ahead of the signal count too."),
        Mistake(
            lambda: 247,
            "those are the windows that fit inside the signal; at the edges more are needed "
            "so that every sample lies under four of them.",
        ),
        Mistake(lambda: 251, "that is librosa's count: frames centred on 0, 64, 128 ..."),
        Mistake(lambda: 254, "off by one frame: the last one begins inside the signal."),
        Mistake(lambda: 252, "off by one frame: count the first one too."),
    ),
    tolerance=1e-6,
)

register(
    name="01.window",
    question=(
        "A Hamming window of M samples smears a tone over 4·16000/M Hz. How large must M be "
        "so that harmonics 125 Hz apart just don't overlap?"
    ),
    right=lambda: 4 * RATE / 125,
    because="4·16000/512 = 125 Hz: 32 ms, twice our default window.",
    mistakes=(
        Mistake(lambda: 128, "16000/M alone is one bin; the lobe is four of them wide."),
        Mistake(lambda: 256, "the whole lobe counts, from zero to zero, not half of it."),
        Mistake(lambda: 0.032, "that is the length in seconds; samples are asked for."),
        Mistake(lambda: 32, "that is the length in milliseconds; samples are asked for."),
    ),
)

register(
    name="01.weight",
    question="What is the sum of the shifted w² of a Hann window of 256 at a hop of 64?",
    right=lambda: _overlap_add(2),
    because="the four windows over a sample add up to 3/2 in the square, at every sample.",
    mistakes=(
        Mistake(lambda: _overlap_add(2, "hamming"), "that is Hamming's; Hann's is asked for."),
        Mistake(lambda: _overlap_add(1), "those are the windows themselves; square them."),
        Mistake(lambda: 96.0, "that is Σ w² over one window; sum over the frames instead."),
        Mistake(
            lambda: 0.375, "that is the mean of w²; four windows lie over each sample: add them up."
        ),
    ),
)


def frame_figure(x: ArrayLike, stft: Stft, frame: int) -> Figure:
    """Draw how one column of a spectrogram comes about: signal, window, product, magnitudes.

    Parameters
    ----------
    x : array_like, shape (n,)
    stft : Stft
    frame : int
        Number of the frame, one that lies inside the signal.

    Returns
    -------
    matplotlib.figure.Figure
        The signal under the window, and the magnitudes of the frame.
    """
    x = np.asarray(x, dtype=float)
    M, rate = stft.win_size, stft.sampling_rate
    start = round(stft.times(frame + 1)[frame] * rate - M / 2)
    around = np.arange(max(start - M // 2, 0), min(start + M + M // 2, len(x)))
    inside = np.arange(start, start + M)
    peak = np.abs(x[around]).max()
    magnitude = np.abs(stft.analyse(x)[:, frame])

    figure, (left, right) = side_by_side(2)
    left.plot(around / rate * 1000, x[around] / peak, color=GREY, lw=1, label="signal")
    left.plot(inside / rate * 1000, stft.window, color=RED, lw=2, label="window")
    product = x[inside] * stft.window / peak
    left.plot(inside / rate * 1000, product, color=BLUE, lw=1.5, label="product")
    left.set_ylim(-1.1, 1.75)
    legend(left, loc="upper center", ncols=3)
    label(left, "One frame of the signal", "Time (ms)", "Amplitude, peak = 1")
    levels = decibels(magnitude, lowest=-80.0)
    right.plot(stft.frequencies() / 1000, levels, color=BLUE, lw=1.5)
    label(right, "Its column of |X|", "Frequency (kHz)", LEVEL)
    right.set_xlim(0, rate / 2000)
    return figure


def resolution_figure(x: ArrayLike, transforms: Sequence[Stft], *, highest: float = 2.0) -> Figure:
    """Draw one signal's spectrogram through several windows, side by side.

    Parameters
    ----------
    x : array_like, shape (n,)
    transforms : sequence of Stft
        One for each panel.
    highest : float, default 2.0
        Highest frequency shown, in kHz.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each transform, on one time axis and one colour range each.
    """
    figure, panels = side_by_side(len(transforms), sharey=True)
    for panel, stft in zip(panels, transforms, strict=True):
        levels = decibels(np.abs(stft.analyse(x)), lowest=-50.0)
        paint(panel, levels, stft, low=-50.0)
        ms = 1000 * stft.win_size / stft.sampling_rate
        label(panel, f"{stft.win_size} samples = {ms:.0f} ms", "Time (s)", "")
        panel.set_xlim(0, len(np.asarray(x)) / stft.sampling_rate)
        panel.set_ylim(0, highest)
    panels[0].set_ylabel("Frequency (kHz)")
    colour_bar(panels, beside=LEVEL, fraction=0.03)
    return figure


def overlap_add_figure(window: ArrayLike, hop: int, *, num_frames: int = 8) -> Figure:
    """Draw the shifted squares of a window and their sum, whether it can be inverted or not.

    Parameters
    ----------
    window : array_like, shape (M,)
    hop : int
        Samples from one window to the next.
    num_frames : int, default 8
        Windows to draw.

    Returns
    -------
    matplotlib.figure.Figure
        One curve for each window, and the sum above them; grey where it is complete.
    """
    squared = np.asarray(window, dtype=float) ** 2
    length = (num_frames - 1) * hop + len(squared)
    total = np.zeros(length)
    figure, (panel,) = side_by_side(1)
    for t in range(num_frames):
        at = np.arange(t * hop, t * hop + len(squared))
        total[at] += squared
        name = "w² of each frame" if t == 0 else None
        panel.plot(at, squared, color=BLUE, lw=1.2, label=name, zorder=3)
    panel.plot(total, color=RED, lw=3.5, label="their sum, Σ w²")
    panel.axvspan(len(squared) - hop, num_frames * hop, color=GREY, alpha=0.15)
    panel.set_ylim(0, 1.35 * total.max())
    panel.set_xlim(0, length)
    legend(panel, loc="upper center", ncols=2)
    title = f"Overlap-add: window of {len(squared)} samples, hop {hop}"
    label(panel, title, "Time (samples)", "Weight (greatest w² = 1)")
    return figure
