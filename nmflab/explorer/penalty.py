"""`PenaltyExplorer`: the three variants side by side."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from nmflab.core.variants import VARIANTS
from nmflab.explorer.base import Explorer
from nmflab.explorer.engine.state import State
from nmflab.explorer.panels import ActivationPanel, Panel
from nmflab.explorer.plots import CurvePlot, Plot
from nmflab.explorer.widgets.player import Player
from nmflab.figures.scales import decibels


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
        """Make the panels."""
        self.H = [ActivationPanel(f"H of {mode}", self.group) for mode in VARIANTS]
        self.enhanced = [Panel(f"Enhanced by {mode}", self.group) for mode in VARIANTS]
        self.objective = CurvePlot(
            tuple(VARIANTS), title="Objective, change since iteration 1", size=(11.4, 2.8)
        )
        self.objective.widget.add_class("nmflab-whole")
        self.player = Player(labels=("noisy", *VARIANTS, "clean"), group=self.group)
        self.table = widgets.HTML()

    def _above(self) -> Sequence[Any]:
        """List what stands between the controls and the panels."""
        return self.player, self.table

    def _panels(self) -> Sequence[Any]:
        """List the panels."""
        panels = (*self.H, *self.enhanced)
        return [*(panel.widget for panel in panels), self.objective.widget]

    def _plots(self) -> Sequence[Plot]:
        """List the matplotlib plots."""
        return (self.objective,)

    def results(self) -> dict[str, Any]:
        """Give the separation by each variant.

        Returns
        -------
        dict of str to Separation
            By the names of the variants.
        """
        return {mode: self.chain.separation(variant) for mode, variant in _variants(self._shown)}

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
        return {mode: self.chain.si_sdr(variant) or 0.0 for mode, variant in _variants(state)}

    def _paint(self, state: State) -> None:
        """Compute a state and show it."""
        spectrogram = self.chain.spectrogram(state)
        stft, V = spectrogram.stft, spectrogram.V
        bands = (
            ("speech", state.settings.num_basis_speech),
            ("noise", state.settings.num_basis_noise),
        )
        for (_, variant), H, enhanced in zip(_variants(state), self.H, self.enhanced, strict=True):
            H.show(self.chain.activations(variant).encoding.H, stft, bands)
            G = self.chain.gain(variant)
            if enhanced.is_new(G, V):
                enhanced.show_spectrum(decibels(G * V, float(V.max()) or 1.0), stft)

    def _draw(self, state: State) -> None:
        """Show the objectives and the scores."""
        found = [self.chain.activations(variant).encoding for _, variant in _variants(state)]
        self.objective.show([each.objective - each.objective[0] for each in found])
        plain = self.scores(state)["NMF"]
        rows = "".join(
            f"<tr><th scope='row'>{html.escape(mode)}</th><td>{value:.2f}</td>"
            f"<td>{value - plain:+.2f}</td></tr>"
            for mode, value in self.scores(state).items()
        )
        head = "<tr><td></td><th scope='col'>SI-SDR (dB)</th><th scope='col'>beside NMF</th></tr>"
        self.table.value = f"<table class='nmflab-scores'>{head}{rows}</table>"

    def _settle(self, state: State) -> None:
        """Send the sound."""
        with self.chain.lock:
            mixture = self.chain.mixture(state)
            sounds = {"noisy": mixture.mixture, "clean": mixture.speech}
            for mode, variant in _variants(state):
                sounds[mode] = self.chain.separation(variant).speech
            self.player.load(sounds, state.settings.sampling_rate)

    def _summary(self, state: State) -> str:
        """Say in one deterministic line what is shown."""
        s = state.settings
        scores = ", ".join(f"{mode} {v:.2f} dB" for mode, v in self.scores(state).items())
        return (
            f"{state.clip} in {state.noise} at {s.snr:.2f} dB, λ {s.penalty:.3g}, {s.update}, "
            f"{s.max_iter_test} iterations, p {s.p:.2f}: SI-SDR {scores}"
        )


def _variants(state: State) -> list[tuple[str, State]]:
    return [(mode, state.replace(nmf_mode=mode)) for mode in VARIANTS]
