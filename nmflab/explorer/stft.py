"""`StftExplorer`: window, hop and FFT size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmflab.audio.signals import Mixture
from nmflab.core.stft import Stft
from nmflab.explorer.base import Explorer
from nmflab.explorer.engine.stages import Stage
from nmflab.explorer.engine.state import State, View
from nmflab.explorer.panels import Panel
from nmflab.explorer.plots import Plot
from nmflab.explorer.widgets.player import Player
from nmflab.figures.scales import decibels
from nmflab.settings import settings_of


class StftExplorer(Explorer):
    """Window, length, hop and FFT size: what they do to the picture, and what comes back.

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default ``Settings()``.
    """

    names = ("window", "win_size", "hop", "fft", "clip")

    def _build(self) -> None:
        self.spectrogram = Panel("Clean speech", self.group)
        self.window = Plot("Window", "sample", "w")
        self._curve = self.window.axes.plot([], [], lw=2)[0]
        self.window.moving = [self._curve]
        self.player = Player(labels=("original", "reconstructed"), group=self.group)
        self.chain.add(
            Stage("reconstruction", _reconstruct, settings_of("spectrogram"), needs=("mixture",))
        )

    def _above(self) -> Sequence[Any]:
        return (self.player,)

    def _panels(self) -> Sequence[Any]:
        return self.spectrogram.widget, self.window.widget

    def _plots(self) -> Sequence[Plot]:
        return (self.window,)

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
            w = np.concatenate([stft.window, np.zeros(stft.fft - stft.win_size)])
            self._curve.set_data(np.arange(len(w)), w)
            self.window.axes.set_xlim(0, len(w))
            self.window.axes.set_ylim(min(0.0, float(w.min())) - 0.02, 1.05)
            self.window.draw()

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
