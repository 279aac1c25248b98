"""`PriorExplorer`: one row of H and the priors fitted to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from nmflab.explorer.base import Explorer, muted
from nmflab.explorer.engine.scheduling import hear_browser
from nmflab.explorer.engine.state import State
from nmflab.explorer.plots import Plot, PriorPlot, QuantilePlot, fits
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
