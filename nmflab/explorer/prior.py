"""`PriorExplorer`: one row of H and the priors fitted to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from nmflab.explorer.base import Explorer
from nmflab.explorer.engine.state import State
from nmflab.explorer.layout import muted
from nmflab.explorer.plots import Plot
from nmflab.explorer.prior_plots import PriorPlot, QuantilePlot, fits
from nmflab.explorer.tables import table
from nmflab.settings import Settings


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
        return Settings(num_basis_speech=32)

    def _build(self) -> None:
        self.prior, self.quantiles = PriorPlot(), QuantilePlot()
        self.row = widgets.IntSlider(
            1,
            min=1,
            max=self.store.wanted.settings.num_basis_speech,
            description="row of H",
            tooltip="Which basis' activations to look at.",
            style={"description_width": "88px"},
        )
        self.controls.add(self.row, self._changed)
        self.table = widgets.HTML()

    def _above(self) -> Sequence[Any]:
        return self.row, self.table

    def _panels(self) -> Sequence[Any]:
        return [plot.widget for plot in self._plots()]

    def _plots(self) -> Sequence[Plot]:
        return self.prior, self.quantiles

    def likelihoods(self) -> tuple[float, float]:
        """Give the mean log-likelihood of the row under both fits, in nats an activation.

        Returns
        -------
        exponential, gamma : float
            The higher, the better the fit.
        """
        return self._fit(self.store.shown)[:2]

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
        K, floor = state.settings.num_basis_speech, state.settings.activation_floor
        with muted(self.row, self._changed):  # fewer rows may move it: that is no change
            self.row.max = K
        row = min(self.row.value, K)
        h = self.chain.get("speech", state).H[row - 1]
        self.prior.show(h, floor=floor, title=f"Row {row} of {K}")
        self.quantiles.show(h, floor=floor)
        first, second, shape = self._fit(state)
        rows = {
            "exponential": (f"{first:.2f}", ""),
            "gamma": (f"{second:.2f}", f"shape a = {shape:.2f}"),
        }
        self.table.value = table(("log-likelihood", ""), rows)

    def _summary(self, state: State) -> str:
        first, second, shape = self._fit(state)
        better = "gamma" if second > first else "exponential"
        return (
            f"row {self.row.value} of {state.settings.num_basis_speech}: mean log-likelihood "
            f"exponential {first:.2f}, gamma {second:.2f} (a = {shape:.2f}); {better} fits better"
        )
