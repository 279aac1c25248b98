"""`PenaltyExplorer`: the three variants side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from nmflab.explorer.base import Explorer
from nmflab.explorer.engine.state import State
from nmflab.explorer.panels import ActivationPanel, Panel, bands
from nmflab.explorer.plots import CurvePlot, Plot
from nmflab.explorer.tables import table
from nmflab.explorer.widgets.player import Player
from nmflab.figures.scales import decibels
from nmflab.priors.variants import VARIANTS


class PenaltyExplorer(Explorer):
    """The three variants from the same start: objective, H and score side by side.

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default ``Settings()``.
    """

    names = ("penalty", "update", "max_iter_test", "p", "clip", "noise", "snr")
    trained = ("speech", "noise")

    def _build(self) -> None:
        self.H = [ActivationPanel(f"H of {mode}", self.group) for mode in VARIANTS]
        self.enhanced = [Panel(f"Enhanced by {mode}", self.group, sound=mode) for mode in VARIANTS]
        self.objective = CurvePlot(
            tuple(VARIANTS), title="Objective since iteration 1", size=(4.2, 4.4)
        )
        self.objective.widget.add_class("nmflab-tall")
        self.player = Player(labels=("noisy", *VARIANTS, "clean"), group=self.group)
        self.table = widgets.HTML()

    def _above(self) -> Sequence[Any]:
        return self.player, self.table

    def _panels(self) -> Sequence[Any]:
        H, enhanced = ([panel.widget for panel in row] for row in (self.H, self.enhanced))
        return [*H, self.objective.widget, *enhanced]

    def _plots(self) -> Sequence[Plot]:
        return (self.objective,)

    def results(self) -> dict[str, Any]:
        """Give the separation by each variant.

        Returns
        -------
        dict of str to Separation
            By the names of the variants.
        """
        return {
            mode: self.chain.get("separation", variant)
            for mode, variant in _variants(self.store.shown)
        }

    def scores(self, state: State) -> dict[str, float]:
        """Give the SI-SDR of each variant in dB.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        dict of str to float
            By the names of the variants.
        """
        return {
            mode: self.chain.get("si_sdr", variant) or 0.0 for mode, variant in _variants(state)
        }

    def _paint(self, state: State) -> None:
        spectrogram = self.chain.get("spectrogram", state)
        stft, V = spectrogram.stft, spectrogram.V
        for (_, variant), H, enhanced in zip(_variants(state), self.H, self.enhanced, strict=True):
            H.show(self.chain.get("activations", variant).encoding.H, stft, bands(state.settings))
            G = self.chain.get("gain", variant)
            if enhanced.is_new(G, V):
                enhanced.show_spectrum(decibels(G * V, float(V.max()) or 1.0), stft)

    def _draw(self, state: State) -> None:
        found = [self.chain.get("activations", variant).encoding for _, variant in _variants(state)]
        self.objective.show([each.objective - each.objective[0] for each in found])
        scores = self.scores(state)
        rows = {mode: (f"{x:.2f}", f"{x - scores['NMF']:+.2f}") for mode, x in scores.items()}
        self.table.value = table(("SI-SDR (dB)", "beside NMF"), rows)

    def _settle(self, state: State) -> None:
        with self.chain.lock:
            mixture = self.chain.get("mixture", state)
            sounds = {"noisy": mixture.mixture, "clean": mixture.speech}
            for mode, variant in _variants(state):
                sounds[mode] = self.chain.get("separation", variant).speech
            self.player.load(sounds, state.settings.sampling_rate)

    def _summary(self, state: State) -> str:
        s = state.settings
        scores = ", ".join(f"{mode} {v:.2f} dB" for mode, v in self.scores(state).items())
        return (
            f"{state.clip} in {state.noise} at {s.snr:.2f} dB, λ {s.penalty:.3g}, {s.update}, "
            f"{s.max_iter_test} iterations, p {s.p:.2f}: SI-SDR {scores}"
        )


def _variants(state: State) -> list[tuple[str, State]]:
    return [(mode, state.replace(nmf_mode=mode)) for mode in VARIANTS]
