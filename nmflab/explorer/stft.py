"""`StftExplorer`: window, hop and FFT size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from nmflab.audio.signals import Mixture
from nmflab.core.stft import Stft
from nmflab.explorer.base import Explorer
from nmflab.explorer.engine.scheduling import browser_drives
from nmflab.explorer.engine.stages import Stage
from nmflab.explorer.engine.state import State, View
from nmflab.explorer.layout import muted
from nmflab.explorer.panels import Panel
from nmflab.explorer.plots import Plot
from nmflab.explorer.widgets.player import Player
from nmflab.figures.colours import BLUE, GREY, RED
from nmflab.figures.scales import decibels, time_edges
from nmflab.settings import settings_of

SEEN = 2.0
"""Highest frequency of close-up and spectrum, in kHz: the harmonics of a voice are there."""

NEAR = 0.7
"""Seconds of the close-up."""


class StftExplorer(Explorer):
    """Window, length, hop and FFT size, frame by frame: one is dragged over the signal.

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default ``Settings()``.
    """

    names = ("window", "win_size", "hop", "fft", "clip")
    pinned = ("win_size",)

    def _build(self) -> None:
        self.near, self._first = Panel("Close up", "", pick=True), 0
        self.near.widget.add_class("nmflab-wide")
        self.near.widget.on_pick(lambda row, column: self._picked(row, self._first + column))
        self.spectrogram = Panel("All of it: click", self.group, pick=True)
        self.window = Plot("The frame", "time from its beginning (ms)", "signal, peak = 1")
        self._lines = [
            self.window.axes.plot([], [], style, color=colour, lw=2, label=name)[0]
            for style, colour, name in (
                ("-", GREY, "signal"),
                ("--", RED, "window"),
                ("-", BLUE, "product"),
            )
        ]
        self.window.axes.set_ylim(-1.15, 2.4)  # room for the legend
        self.window.moving = list(self._lines)
        self.window.add_legend()
        self.spectrum = Plot("Its column of |X|", "frequency (kHz)", "level (dB, loudest = 0)")
        self.spectrum.axes.set_ylim(-60, 3)
        self.spectrum.axes.set_xlim(0, SEEN)
        self._column = self.spectrum.axes.plot([], [], color=BLUE, lw=2)[0]
        self.spectrum.moving = [self._column]
        self.frame = widgets.IntSlider(
            0,
            min=0,
            max=1,
            description="frame",
            tooltip="Move the window over the signal.",
            style={"description_width": "88px"},
        )
        self._at = 0.27  # of the signal, where the frame is, whatever the hop
        self.controls.add(self.frame, self._moved_frame)
        self.spectrogram.widget.on_pick(self._picked)
        self.player = Player(labels=("original", "reconstructed"), group=self.group)
        self.chain.add(
            Stage("reconstruction", _reconstruct, settings_of("spectrogram"), needs=("mixture",))
        )

    def _above(self) -> Sequence[Any]:
        return self.player, self.frame

    def _panels(self) -> Sequence[Any]:
        return self.near.widget, self.window.widget, self.spectrum.widget, self.spectrogram.widget

    def _plots(self) -> Sequence[Plot]:
        return self.window, self.spectrum

    @property
    def error(self) -> float:
        """Greatest error of the reconstruction, relative to the peak of the signal."""
        return self._errors(self.store.shown)

    def _errors(self, state: State) -> float:
        x, back = self.chain.get("mixture", state).speech, self.chain.get("reconstruction", state)
        return float(np.abs(x - back).max() / np.abs(x).max())

    def _paint(self, state: State) -> None:
        stft = Stft.from_settings(state.settings)
        V = self.chain.get("clean", state)
        if self.spectrogram.is_new(V):
            self.spectrogram.show_spectrum(decibels(V, float(V.max()) or 1.0), stft)
        last = V.shape[1] - 1
        with muted(self.frame, self._moved_frame):  # another hop has other frames at its place
            self.frame.max = max(last, self.frame.value)
            self.frame.value = min(round(self._at * last), last)
            self.frame.max = last
        self.spectrogram.widget.highlight(column=self.frame.value)
        self._show_near(V, stft)

    def _show_near(self, V: NDArray[np.float32], stft: Stft) -> None:
        """Show what is around the frame, and what one frame can't tell apart: a box."""
        (start, stop), T = time_edges(stft, V.shape[1]), V.shape[1]
        count = min(max(round(NEAR * T / (stop - start)), 1), T)
        self._first = first = min(max(self.frame.value - count // 2, 0), T - count)
        levels = decibels(V, float(V.max()) or 1.0)
        F = int(np.searchsorted(stft.frequencies(), SEEN * 1000))
        bin_width = stft.frequencies()[1] / 1000
        step, t = (stop - start) / T, self.frame.value - first
        near = levels[:F, first : first + count]
        if self.near.is_new(V, first):
            columns = start + first * step, start + (first + count) * step
            rows = -0.5 * bin_width, (F - 0.5) * bin_width
            self.near.widget.show(near, rows=rows, columns=columns)
        width, height = stft.win_size / stft.sampling_rate, _lobe_width(stft)
        self.near.widget.title = (
            f"Δt {1000 * width:.0f} ms × Δf {height:.0f} Hz = {width * height:.1f}"
        )
        loudest = int(near[1:, t].argmax()) + 1
        at = start + (self.frame.value + 0.5) * step, loudest * bin_width
        self.near.widget.show_extent(width, height / 1000, at=at)
        self.near.widget.highlight(column=t)

    def _draw(self, state: State) -> None:
        stft, t = Stft.from_settings(state.settings), self.frame.value
        x, V = self.chain.get("mixture", state).speech, self.chain.get("clean", state)
        if not self.window.is_new(V, t):
            return
        M, rate = stft.win_size, stft.sampling_rate
        start = round(float(stft.times(t + 1)[t]) * rate - M / 2)
        padded = np.concatenate([np.zeros(M), x, np.zeros(M)])
        signal = padded[max(start + M, 0) :][:M]
        signal = np.pad(signal, (0, M - len(signal)))
        signal = signal / (np.abs(signal).max() or 1.0)
        ms = np.arange(M) / rate * 1000
        for line, y in zip(self._lines, (signal, stft.window, signal * stft.window), strict=True):
            line.set_data(ms, y)
        self.window.axes.set_xlim(0, M / rate * 1000)
        levels = decibels(V[:, t], float(V[:, t].max()) or 1.0, lowest=-60.0)
        self._column.set_data(stft.frequencies() / 1000, levels)
        self.window.draw()
        self.spectrum.draw()

    def _moved_frame(self, *_: object) -> None:
        self._at = self.frame.value / max(self.frame.max, 1)
        self._changed()

    def _picked(self, _: int, column: int) -> None:
        with browser_drives(), self.telling():
            self.frame.value = column

    def _settle(self, state: State) -> None:
        with self.chain.lock:
            x, back = (
                self.chain.get("mixture", state).speech,
                self.chain.get("reconstruction", state),
            )
            sounds = {"original": x, "reconstructed": back}
            self.player.load(sounds, state.settings.sampling_rate)

    def _summary(self, state: State) -> str:
        s = state.settings
        F, T = self.chain.get("clean", state).shape
        exact = "below 1e-6" if self._errors(state) < 1e-6 else f"{self._errors(state):.0e}"
        ms = 1000 / s.sampling_rate
        return (
            f"{state.clip}, {s.window} window of {s.win_size} samples ({s.win_size * ms:.2f} ms), "
            f"hop {s.hop} ({s.hop * ms:.2f} ms), FFT {s.fft}: {F} bins x {T} frames, "
            f"a tone is {_lobe_width(Stft.from_settings(s)):.0f} Hz wide; "
            f"reconstruction error {exact}"
        )


def _lobe_width(stft: Stft) -> float:
    """Give the width of one tone's hill in Hz, from zero to zero, Δf of lesson 1."""
    finer = 16  # places a bin of the window's own
    W = np.abs(np.fft.rfft(stft.window.astype(np.float64), finer * stft.win_size))
    first = int(np.flatnonzero(np.diff(W) > 0)[0])
    return 2 * first / finer * stft.sampling_rate / stft.win_size


def _reconstruct(view: View, mixture: Mixture) -> NDArray[np.float32]:
    stft = Stft.from_settings(view.settings)
    return stft.synthesise(stft.analyse(mixture.speech), len(mixture.speech))
