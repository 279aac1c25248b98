"""The smaller explorers of the lessons, made of the same stages, panels and plots."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from nmflab.explorer.base import Explorer, muted
from nmflab.explorer.chain import STFT, Stage, State
from nmflab.explorer.panels import ActivationPanel, Panel, decibels
from nmflab.explorer.player import Player
from nmflab.explorer.plots import CurvePlot, Plot, PriorPlot, QuantilePlot, fits
from nmflab.explorer.scheduling import hear_browser
from nmflab.nmf import Factorisation, train_nmf
from nmflab.settings import NMF_MODES, Settings
from nmflab.stft import Stft

SNAPSHOTS = 100
"""Iterations of the factorisation that the scrubber runs over."""


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
        """Make the panels."""
        self.spectrogram = Panel("Clean speech", self.group)
        self.window = Plot("Window", "sample", "w")
        self._curve = self.window.axes.plot([], [], lw=2)[0]
        self.window.moving = [self._curve]
        self.player = Player(labels=("original", "reconstructed"), group=self.group)
        self.chain.add(
            Stage("reconstruction", _reconstruct, reads=STFT, needs=(self.chain.stages["mixture"],))
        )

    def _above(self) -> Sequence[Any]:
        """List what stands between the controls and the panels."""
        return (self.player,)

    def _panels(self) -> Sequence[Any]:
        """List the panels."""
        return self.spectrogram.widget, self.window.widget

    def _plots(self) -> Sequence[Plot]:
        """List the matplotlib plots."""
        return (self.window,)

    @property
    def error(self) -> float:
        """Greatest error of the reconstruction, relative to the peak of the signal."""
        return self._errors(self._shown)

    def _errors(self, state: State) -> float:
        x, back = self.chain.mixture(state).speech, self.chain.get("reconstruction", state)
        return float(np.abs(x - back).max() / np.abs(x).max())

    def _paint(self, state: State) -> None:
        """Compute a state and show it."""
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
        """Send the sound."""
        with self.chain.lock:
            x, back = self.chain.mixture(state).speech, self.chain.get("reconstruction", state)
            sounds = {"original": x, "reconstructed": back}
            self.player.load(sounds, state.settings.sampling_rate)

    def _summary(self, state: State) -> str:
        """Say in one deterministic line what is shown."""
        s = state.settings
        F, T = self.chain.get("clean", state).shape
        exact = "below 1e-6" if self._errors(state) < 1e-6 else f"{self._errors(state):.0e}"
        ms = 1000 / s.sampling_rate
        return (
            f"{state.clip}, {s.window} window of {s.win_size} samples ({s.win_size * ms:.2f} ms), "
            f"hop {s.hop} ({s.hop * ms:.2f} ms), FFT {s.fft}: {F} bins x {T} frames, "
            f"{s.sampling_rate / s.win_size:.2f} Hz a window; reconstruction error {exact}"
        )


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
    words = MappingProxyType(
        {
            "num_basis_speech": ("bases K", "How many spectra V is taken apart into."),
            "clip": ("clip", "Which sound is taken apart."),
        }
    )

    def _default_settings(self) -> Settings:
        """Give the settings to begin with."""
        return Settings(num_basis_speech=8)

    def _build(self) -> None:
        """Make the panels."""
        self.V = Panel("V", self.group)
        self.model = Panel("WH", self.group)
        axis = {"columns_label": "Basis", "columns_unit": "", "pick": True}
        self.W = Panel("W: click a basis", self.group, low=-50.0, **axis)
        self.H = ActivationPanel("H: click a basis", self.group, pick=True)
        self.H.widget.add_class("nmflab-wide")
        self.divergence = CurvePlot(title="Divergence", ylabel="D(V‖WH)")
        self.player = Player(labels=("all", "basis alone"), group=self.group)
        self.iteration = widgets.IntSlider(
            SNAPSHOTS,
            min=1,
            max=SNAPSHOTS,
            description="iteration",
            tooltip="Go back to how W and H were after that many updates.",
            style={"description_width": "88px"},
        )
        hear_browser(self.iteration)
        self.iteration.observe(self._scrubbed, "value")
        self.basis: int | None = None
        self.W.widget.on_pick(lambda _, column: self.pick(column))
        self.H.widget.on_pick(lambda row, _: self.pick(row))
        self.chain.add(
            Stage(
                "factorisation",
                _factorise,
                reads=("num_basis_speech", "seed"),
                needs=(self.chain.stages["clean"],),
            )
        )

    def _above(self) -> Sequence[Any]:
        """List what stands between the controls and the panels."""
        return self.iteration, self.player

    def _panels(self) -> Sequence[Any]:
        """List the panels."""
        panels = (self.V, self.model, self.W, self.H)
        return [*(panel.widget for panel in panels), self.divergence.widget]

    def _plots(self) -> Sequence[Plot]:
        """List the matplotlib plots."""
        return (self.divergence,)

    @property
    def result(self) -> Factorisation:
        """The factorisation after all iterations."""
        return self._parts(self._shown).final

    def pick(self, basis: int | None) -> None:
        """Hear one basis alone, w_k h_k with the phase of the clip.

        Parameters
        ----------
        basis : int or None
            Its number from 0 on; None for all of them.
        """
        with self.chain.lock:
            self.basis = basis
            self._paint(self._shown)
            self._settle(self._shown)
            self._tell("ready")
        self.player.source = "all" if basis is None else "basis alone"

    def _parts(self, state: State) -> Parts:
        parts: Parts = self.chain.get("factorisation", state)
        return parts

    def _scrubbed(self, _: object) -> None:
        self._changed(self._wanted)

    def _paint(self, state: State) -> None:
        """Compute a state and show it."""
        stft, V = Stft.from_settings(state.settings), self.chain.get("clean", state)
        parts = self._parts(state)
        i = self.iteration.value - 1
        W, H, loudest = parts.W[i], parts.H[i], float(V.max()) or 1.0
        K = W.shape[1]
        self.basis = None if self.basis is None or self.basis >= K else self.basis
        chosen = slice(None) if self.basis is None else slice(self.basis, self.basis + 1)
        if self.V.is_new(V):
            self.V.show_spectrum(decibels(V, loudest), stft)
        self.model.show_spectrum(decibels(W[:, chosen] @ H[chosen], loudest), stft)
        if self.W.is_new(W):
            khz = stft.sampling_rate / 2000
            half = khz / (stft.num_bins - 1) / 2
            self.W.widget.show(decibels(W, float(W.max())), rows=(-half, khz + half))
        self.H.show(H, stft, ())
        self.W.widget.highlight(column=self.basis)
        self.H.widget.highlight(row=self.basis)

    def _draw(self, state: State) -> None:
        """Show how far the iterations have come."""
        self.divergence.show([self._parts(state).final.divergence], mark=self.iteration.value)

    def _settle(self, state: State) -> None:
        """Send the sound."""
        with self.chain.lock:
            stft, parts = Stft.from_settings(state.settings), self._parts(state)
            x, i = self.chain.mixture(state).speech, self.iteration.value - 1
            X, W, H = stft.analyse(x), parts.W[i], parts.H[i]
            V_hat = W @ H + np.float32(1e-12)
            sounds = {"all": stft.synthesise(V_hat * np.exp(1j * np.angle(X)), len(x))}
            if self.basis is not None:
                k = self.basis
                gain = np.outer(W[:, k], H[k]) / V_hat
                sounds["basis alone"] = stft.synthesise(gain * X, len(x))
            self.player.load(sounds, state.settings.sampling_rate)

    def _summary(self, state: State) -> str:
        """Say in one deterministic line what is shown."""
        i = self.iteration.value
        D = self._parts(state).final.divergence
        heard = "" if self.basis is None else f", basis {self.basis + 1} alone"
        return (
            f"{state.clip}, K {state.settings.num_basis_speech}, iteration {i}: "
            f"divergence {D[i - 1] / D[0]:.2f} of the first{heard}"
        )


class PriorExplorer(Explorer):
    """One row of H from training: how it is distributed, and which prior fits it.

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default ``Settings()`` with 32 speech bases.
    """

    names = ("num_basis_speech", "seed")
    trained = ("speech",)

    def _default_settings(self) -> Settings:
        """Give the settings to begin with."""
        return Settings(num_basis_speech=32)

    def _build(self) -> None:
        """Make the panels."""
        self.prior, self.quantiles = PriorPlot(), QuantilePlot()
        self.row = widgets.IntSlider(
            1,
            min=1,
            max=self._wanted.settings.num_basis_speech,
            description="row of H",
            tooltip="Which basis' activations to look at.",
            style={"description_width": "88px"},
        )
        hear_browser(self.row)
        self.row.observe(self._row_moved, "value")
        self.table = widgets.HTML()

    def _above(self) -> Sequence[Any]:
        """List what stands between the controls and the panels."""
        return self.row, self.table

    def _panels(self) -> Sequence[Any]:
        """List the panels."""
        return [plot.widget for plot in self._plots()]

    def _plots(self) -> Sequence[Plot]:
        """List the matplotlib plots."""
        return self.prior, self.quantiles

    def likelihoods(self) -> tuple[float, float]:
        """Give the mean log-likelihood of the row under both fits, in nats an activation.

        Returns
        -------
        exponential, gamma : float
            The higher, the better the fit.
        """
        return self._fit(self._shown)[:2]

    def _row_moved(self, _: object) -> None:
        self._changed(self._wanted)

    def _fit(self, state: State) -> tuple[float, float, float]:
        """Both log-likelihoods, of h relative to its mean, and the shape of the gamma."""
        H = self.chain.get("speech", state).H[self.row.value - 1][None]
        floor = state.settings.activation_floor
        exponential, gamma = fits(H / (H.mean() or 1.0), floor)
        h = H / (H.mean() or 1.0)
        first, second = (
            float(fit.log_likelihood(h, floor=floor)[0]) for fit in (exponential, gamma)
        )
        return first, second, float(gamma.shape[0])

    def _paint(self, state: State) -> None:
        """Compute a state and show it."""
        K, floor = state.settings.num_basis_speech, state.settings.activation_floor
        with muted(self.row, self._row_moved):  # fewer rows may move it: that is no change
            self.row.max = K
        row = min(self.row.value, K)
        h = self.chain.get("speech", state).H[row - 1]
        self.prior.show(h, floor=floor, title=f"Row {row} of {K}")
        self.quantiles.show(h, floor=floor)
        first, second, shape = self._fit(state)
        rows = (("exponential", first, ""), ("gamma", second, f"shape a = {shape:.2f}"))
        cells = "".join(
            f"<tr><th scope='row'>{name}</th><td>{value:.2f}</td><td>{note}</td></tr>"
            for name, value, note in rows
        )
        head = "<tr><td></td><th scope='col'>log-likelihood</th><td></td></tr>"
        self.table.value = f"<table class='nmflab-scores'>{head}{cells}</table>"

    def _summary(self, state: State) -> str:
        """Say in one deterministic line what is shown."""
        first, second, shape = self._fit(state)
        better = "gamma" if second > first else "exponential"
        return (
            f"row {self.row.value} of {state.settings.num_basis_speech}: mean log-likelihood "
            f"exponential {first:.2f}, gamma {second:.2f} (a = {shape:.2f}); {better} fits better"
        )


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
        self.H = [ActivationPanel(f"H of {mode}", self.group) for mode in NMF_MODES]
        self.enhanced = [Panel(f"Enhanced by {mode}", self.group) for mode in NMF_MODES]
        self.objective = CurvePlot(
            NMF_MODES, title="Objective, change since iteration 1", size=(11.4, 2.8)
        )
        self.objective.widget.add_class("nmflab-whole")
        self.player = Player(labels=("noisy", *NMF_MODES, "clean"), group=self.group)
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
    return [(mode, state.replace(nmf_mode=mode)) for mode in NMF_MODES]


def _reconstruct(state: State, mixture: Any) -> NDArray[np.float32]:
    stft = Stft.from_settings(state.settings)
    return stft.synthesise(stft.analyse(mixture.speech), len(mixture.speech))


def _factorise(state: State, V: NDArray[np.float32]) -> Parts:
    """Factorise one iteration at a time, keeping all of them."""
    settings = state.settings
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
