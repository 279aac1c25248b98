"""`FactorisationExplorer`: V ≈ WH of one clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from nmflab.core.nmf import Factorisation, train_nmf
from nmflab.core.stft import Stft
from nmflab.explorer.base import Explorer
from nmflab.explorer.engine.scheduling import browser_drives, hear_browser
from nmflab.explorer.engine.stages import Stage
from nmflab.explorer.engine.state import State, View
from nmflab.explorer.layout import muted
from nmflab.explorer.panels import ActivationPanel, Panel
from nmflab.explorer.plots import CurvePlot, Plot
from nmflab.explorer.widgets.player import Player
from nmflab.figures.scales import decibels, frequency_edges
from nmflab.settings import Settings

ALL, ALONE = "all", "basis alone"
"""The two sounds: what is seen of WH is what is heard."""

SNAPSHOTS = 100
"""Iterations of the factorisation that the scrubber runs over."""


@dataclass(frozen=True, eq=False)
class Parts:
    """A factorisation of one clip, and H and W as they were on the way.

    Parameters
    ----------
    final : Factorisation
        W, H and the divergence.
    W, H : list of ndarray, shapes (F, K) and (K, T)
        After each iteration.
    """

    final: Factorisation
    W: list[NDArray[np.float32]]
    H: list[NDArray[np.float32]]


class FactorisationExplorer(Explorer):
    """V ≈ WH of one clip: K, the iterations one by one, and every basis for the ear.

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default ``Settings()`` with 8 bases; K is its `num_basis_speech`.
    """

    names = ("num_basis_speech", "clip", "seed")
    pinned = ("num_basis_speech",)
    words = MappingProxyType(
        {
            "num_basis_speech": ("bases K", "How many spectra V is taken apart into."),
            "clip": ("clip", "Which sound is taken apart."),
        }
    )

    def _default_settings(self) -> Settings:
        return Settings(num_basis_speech=8)

    def _build(self) -> None:
        self.V = Panel("V", self.group)
        self.model = Panel("WH", self.group)
        axis = {"columns_label": "Basis", "columns_unit": "", "pick": True}
        self.W = Panel("W: click a basis", self.group, low=-50.0, **axis)
        self.H = ActivationPanel("H: click a basis", self.group, pick=True)
        self.H.widget.add_class("nmflab-wide")
        self.divergence = CurvePlot(title="Divergence", ylabel="D(V‖WH)")
        self.player = Player(labels=(ALL, ALONE), group=self.group)
        hear_browser(self.player)
        self.player.observe(self._heard_another, "source")
        self.iteration = widgets.IntSlider(
            SNAPSHOTS,
            min=1,
            max=SNAPSHOTS,
            description="iteration",
            tooltip="Go back to how W and H were after that many updates.",
            style={"description_width": "88px"},
        )
        self.controls.add(self.iteration, self._changed)
        self.basis: int | None = None
        self.W.widget.on_pick(lambda _, column: self._picked(column))
        self.H.widget.on_pick(lambda row, _: self._picked(row))
        self.chain.add(
            Stage(
                "factorisation",
                _factorise,
                reads=("num_basis_speech", "seed"),
                needs=("clean",),
            )
        )

    def _above(self) -> Sequence[Any]:
        return self.iteration, self.player

    def _panels(self) -> Sequence[Any]:
        panels = (self.V, self.model, self.W, self.H)
        return [*(panel.widget for panel in panels), self.divergence.widget]

    def _plots(self) -> Sequence[Plot]:
        return (self.divergence,)

    @property
    def result(self) -> Factorisation:
        """The factorisation after all iterations."""
        return self._parts(self.store.shown).final

    def pick(self, basis: int | None) -> None:
        """Hear one basis alone, w_k h_k with the phase of the clip.

        Parameters
        ----------
        basis : int or None
            Its number from 0 on; None for all of them.
        """
        with self.chain.lock:
            self.basis = basis
            self._settle(self.store.shown)
            self.player.source = ALL if basis is None else ALONE
            self._heard_another()

    @property
    def heard(self) -> int | None:
        """The basis that is heard, and seen in WH, alone; None for all of them."""
        return self.basis if self.player.source == ALONE else None

    def _picked(self, basis: int) -> None:
        """Play a basis that was clicked."""
        with browser_drives(), self.telling():
            self.pick(basis)
            self.player.play()

    def _heard_another(self, *_: object) -> None:
        """Let picture and status line follow the player."""
        with self.telling(), self.chain.lock:
            self._paint(self.store.shown)
            self._tell("ready")

    def _parts(self, state: State) -> Parts:
        parts: Parts = self.chain.get("factorisation", state)
        return parts

    def _paint(self, state: State) -> None:
        stft, V = Stft.from_settings(state.settings), self.chain.get("clean", state)
        parts = self._parts(state)
        i = self.iteration.value - 1
        W, H, loudest = parts.W[i], parts.H[i], float(V.max()) or 1.0
        K = W.shape[1]
        if self.basis is not None and self.basis >= K:  # it is there no more
            self.basis = None
        if self.basis is None and self.player.source == ALONE:
            with muted(self.player, self._heard_another, "source"):
                self.player.source = ALL
        chosen = slice(None) if self.heard is None else slice(self.heard, self.heard + 1)
        if self.V.is_new(V):
            self.V.show_spectrum(decibels(V, loudest), stft)
        self.model.show_spectrum(decibels(W[:, chosen] @ H[chosen], loudest), stft)
        if self.W.is_new(W):
            self.W.widget.show(decibels(W), rows=frequency_edges(stft))
        self.H.show(H, stft, ())
        self.W.widget.highlight(column=self.basis)
        self.H.widget.highlight(row=self.basis)

    def _draw(self, state: State) -> None:
        self.divergence.show([self._parts(state).final.divergence], mark=self.iteration.value)

    def _settle(self, state: State) -> None:
        with self.chain.lock:
            stft, parts = Stft.from_settings(state.settings), self._parts(state)
            x, i = self.chain.get("mixture", state).speech, self.iteration.value - 1
            X, W, H = stft.analyse(x), parts.W[i], parts.H[i]
            V_hat = W @ H + np.float32(1e-12)
            sounds = {ALL: stft.synthesise(V_hat * np.exp(1j * np.angle(X)), len(x))}
            if self.basis is not None:
                k = self.basis
                gain = np.outer(W[:, k], H[k]) / V_hat
                sounds[ALONE] = stft.synthesise(gain * X, len(x))
            self.player.load(sounds, state.settings.sampling_rate)

    def _summary(self, state: State) -> str:
        i = self.iteration.value
        D = self._parts(state).final.divergence
        heard = "" if self.heard is None else f", basis {self.heard + 1} alone"
        return (
            f"{state.clip}, K {state.settings.num_basis_speech}, iteration {i}: "
            f"divergence {D[i - 1] / D[0]:.2f} of the first{heard}"
        )


def _factorise(view: View, V: NDArray[np.float32]) -> Parts:
    """Factorise one iteration at a time, keeping all of them."""
    settings = view.settings
    W: list[NDArray[np.float32]] = []
    H: list[NDArray[np.float32]] = []
    divergence: list[float] = []
    for _ in range(SNAPSHOTS):
        start = (W[-1], H[-1]) if W else None
        step = train_nmf(V, settings.num_basis_speech, n_iter=1, init=start, seed=settings.seed)
        W.append(step.W)
        H.append(step.H)
        divergence.append(float(step.divergence[-1]))
    return Parts(Factorisation(W[-1], H[-1], np.array(divergence)), W, H)
