"""`ListeningExplorer`: noisy and enhanced on one player, and three sliders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from nmflab.explorer.base import Explorer
from nmflab.explorer.engine.state import State
from nmflab.explorer.layout import box, panels_box, row
from nmflab.explorer.panels import LEAST_GAIN, Panel
from nmflab.explorer.widgets.player import Player
from nmflab.figures.scales import decibels
from nmflab.settings import Settings

FIRST = ("penalty", "p", "snr")
"""The sliders that are seen; the other controls are folded away."""

SOUNDS = ("noisy", "enhanced", "clean")


class ListeningExplorer(Explorer):
    """The sound first: a player, λ, p and SNR, and all else under "more".

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default ``Settings.framewise()``.
    """

    names = (*FIRST, "noise", "clip", "nmf_mode", "num_basis_speech", "num_basis_noise", "win_size")
    trained = ("speech", "noise")
    noise = "fan"

    def _default_settings(self) -> Settings:
        return Settings.framewise()

    def _build(self) -> None:
        self.player = Player(labels=SOUNDS, group=self.group)
        self.noisy = Panel("Noisy", self.group, sound="noisy")
        self.enhanced = Panel("Enhanced", self.group, sound="enhanced")

    def _panels(self) -> Sequence[Any]:
        return self.noisy.widget, self.enhanced.widget

    def _paint(self, state: State) -> None:
        spectrogram, G = self.chain.get("spectrogram", state), self.chain.get("gain", state)
        stft, V = spectrogram.stft, spectrogram.V
        levels = decibels(V, float(V.max()) or 1.0)
        if self.noisy.is_new(V):
            self.noisy.show_spectrum(levels, stft)
        if self.enhanced.is_new(G, V):
            self.enhanced.show_spectrum(levels + decibels(G, 1.0, lowest=LEAST_GAIN), stft)

    def _settle(self, state: State) -> None:
        with self.chain.lock:
            mixture, separation = (self.chain.get(n, state) for n in ("mixture", "separation"))
            sounds = (mixture.mixture, separation.speech, mixture.speech)
            self.player.load(dict(zip(SOUNDS, sounds, strict=True)), state.settings.sampling_rate)

    def _line(self, state: State) -> str:
        s = state.settings
        return f"{state.clip} in {state.noise} at {s.snr:g} dB, λ {s.penalty:.3g}, p {s.p:.2f}"

    def _summary(self, state: State) -> str:
        before, after = (self.chain.get(n, state) for n in ("scores_before", "scores"))
        return f"{self._line(state)}: SDR {before.sdr:.2f} to {after.sdr:.2f} dB"

    def _arranged(self) -> Any:
        controls = list(self.controls)
        more = widgets.Accordion(
            children=[box([*controls[len(FIRST) :], self.controls.preset], "nmflab-controls")],
            titles=["more"],
            selected_index=None,
        )
        said = row([self.status, self._training_row])
        sliders = box(controls[: len(FIRST)], "nmflab-sliders")
        seen = box([sliders, self.player, self.view], "nmflab-stage")
        parts = [self.page, seen, said, panels_box(self._panels()), more]
        root = widgets.VBox(parts)
        root.add_class("nmflab-explorer")
        return root
