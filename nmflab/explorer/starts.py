"""`StartsExplorer`: one mixture from many starts, under both priors; where each ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from nmflab.core.model import SeparationModel, mean_activation
from nmflab.core.nmf import encode
from nmflab.core.pipeline import scaled_prior
from nmflab.core.wiener import wiener_gain
from nmflab.evaluation.metrics import bss_eval
from nmflab.explorer.base import Explorer
from nmflab.explorer.engine.state import State
from nmflab.explorer.panels import ActivationPanel, bands
from nmflab.explorer.plots import Plot
from nmflab.explorer.tables import table
from nmflab.explorer.widgets.player import Player
from nmflab.figures.colours import COLOURS
from nmflab.settings import Settings

MODES = ("NMF_g", "NMF_e")
ITERATIONS = 60
WILD = (0.0, 1.0, 2.0, 3.0)
"""Standard deviations of the logarithm of a start; at 0 all bases have the same share."""


@dataclass(frozen=True, eq=False)
class End:
    """Where one start ended: H, the objective over Σ V, the speech, its SDR, the share at ε."""

    H: NDArray[np.float32]
    objective: float
    speech: NDArray[np.float32]
    sdr: float
    silent: float


class EndsPlot(Plot):
    """Objective and SDR of each end, beside those of the first start."""

    def __init__(self) -> None:
        from matplotlib.ticker import MaxNLocator

        super().__init__("Where the starts end", "objective beside start 1", "SDR (dB)")
        self.lines = [
            self.axes.plot([], [], marker, color=COLOURS[i], ms=8, label=mode)[0]
            for i, (mode, marker) in enumerate(zip(MODES, "o^", strict=True))
        ]
        for axis in (self.axes.xaxis, self.axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
        self.moving = list(self.lines)
        self.add_legend("lower right")

    def show(self, ends: Sequence[dict[str, End]]) -> None:
        """Draw the ends of all starts."""
        for mode, line in zip(MODES, self.lines, strict=True):
            objective = np.array([end[mode].objective for end in ends])
            line.set_data(objective - objective[0], [end[mode].sdr for end in ends])
        x = np.concatenate([np.asarray(line.get_xdata()) for line in self.lines])
        y = np.concatenate([np.asarray(line.get_ydata()) for line in self.lines])
        reach = max(0.01, float(np.ceil(np.abs(x).max() * 50) / 50))
        self.axes.set_xlim(-1.1 * reach, 1.1 * reach)
        self.axes.set_ylim(np.floor(y.min()) - 0.5, np.ceil(y.max()) + 0.5)
        self.draw()


class StartsExplorer(Explorer):
    """A button draws a start: the objective falls, rows lock at ε, and the scores differ.

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default ``Settings.framewise()`` after 30 iterations of training.
    """

    names = ("noise", "clip", "penalty")
    trained = ("speech", "noise")
    noise = "babble"

    def _default_settings(self) -> Settings:
        return Settings.framewise().replace(max_iter_train=30)

    def _build(self) -> None:
        self.starts: list[float] = [0.0]
        self._ends: list[dict[str, End]] = []
        self._of: State | None = None
        self.wildness = widgets.SelectionSlider(
            options=[(f"{value:g}", value) for value in WILD],
            value=WILD[-1],
            description="wildness",
            tooltip="How unequal the bases of a new start are; 0: all alike.",
            style={"description_width": "88px"},
        )
        self.draw_button = self.button("draw a start", self.draw, "Begin from other activations.")
        self.H = [ActivationPanel(f"H of {mode}, last start", self.group) for mode in MODES]
        self.plot = EndsPlot()
        self.player = Player(labels=("noisy", *MODES, "clean"), group=self.group)
        self.table = widgets.HTML()

    def _above(self) -> Sequence[Any]:
        return widgets.HBox([self.draw_button, self.wildness]), self.player, self.table

    def _panels(self) -> Sequence[Any]:
        return [*(panel.widget for panel in self.H), self.plot.widget]

    def _plots(self) -> Sequence[Plot]:
        return (self.plot,)

    def draw(self) -> None:
        """Draw another start and encode from it, under both priors."""
        self.starts.append(float(self.wildness.value))
        self._changed()

    def ends(self) -> list[dict[str, End]]:
        """Give where each start ended.

        Returns
        -------
        list of dict of str to End
            For each start, by the names of the variants.
        """
        return self._ends

    def _paint(self, state: State) -> None:
        if state != self._of:  # another mixture or another λ: begin anew
            self.starts, self._ends, self._of = self.starts[:1], [], state
        for seed in range(len(self._ends), len(self.starts)):
            self._ends.append(self._encoded(state, seed, self.starts[seed]))
        stft = self.chain.get("spectrogram", state).stft
        for mode, panel in zip(MODES, self.H, strict=True):
            panel.show(self._ends[-1][mode].H, stft, bands(state.settings))
        rows = {
            f"{mode}, {word}": (f"{end.objective:.3f}", f"{end.sdr:.1f}", f"{end.silent:.0%}")
            for word, at in (("start 1", 0), (f"start {len(self._ends)}", -1))
            for mode, end in self._ends[at].items()
        }
        self.table.value = table(("C / Σ V", "SDR (dB)", "rows at ε"), rows)

    def _encoded(self, state: State, seed: int, wildness: float) -> dict[str, End]:
        spectrogram, mixture = (self.chain.get(n, state) for n in ("spectrogram", "mixture"))
        V, settings = spectrogram.V, state.settings
        speech_bases, noise_bases = (self.chain.get(name, state) for name in self.trained)
        model = SeparationModel(speech_bases, noise_bases, settings)
        K, K_S = model.W.shape[1], settings.num_basis_speech
        unit = mean_activation(V, K)
        drawn = np.random.default_rng(seed).standard_normal((K, V.shape[1]))
        start = (V.sum(axis=0) / K * np.exp(wildness * drawn)).astype(np.float32)
        ends = {}
        for mode in MODES:
            prior, penalty = scaled_prior(model, settings.replace(nmf_mode=mode), unit)
            found = encode(V, model.W, prior=prior, penalty=penalty, n_iter=ITERATIONS, init=start)
            S_hat, N_hat = model.W[:, :K_S] @ found.H[:K_S], model.W[:, K_S:] @ found.H[K_S:]
            G = wiener_gain(S_hat, N_hat, p=settings.p)
            speech = spectrogram.stft.synthesise(G * spectrogram.X, len(mixture.mixture))
            ends[mode] = End(
                found.H,
                float(found.objective[-1] / V.sum()),
                speech,
                bss_eval(mixture.speech, mixture.noise, speech)[0],
                float(np.mean(found.H[:K_S] < 1e-6 * unit)),
            )
        return ends

    def _draw(self, state: State) -> None:
        self.plot.show(self._ends)

    def _settle(self, state: State) -> None:
        with self.chain.lock:
            mixture = self.chain.get("mixture", state)
            sounds = {"noisy": mixture.mixture, "clean": mixture.speech}
            sounds |= {mode: end.speech for mode, end in self._ends[-1].items()}
            self.player.load(sounds, state.settings.sampling_rate)

    def _summary(self, state: State) -> str:
        said = ", ".join(
            f"{mode} C {end.objective:.2f}, SDR {end.sdr:.1f} dB"
            for mode, end in self._ends[-1].items()
        )
        return f"{state.clip} in {state.noise}, λ {state.settings.penalty:.3g}, " + (
            f"start {len(self._ends)}: {said}"
        )
