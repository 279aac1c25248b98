"""`PriorExplorer`: one row of H and the priors fitted to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from nmflab.explorer.base import Explorer
from nmflab.explorer.engine.state import State
from nmflab.explorer.layout import muted
from nmflab.explorer.plots import Plot
from nmflab.explorer.prior_plots import PriorPlot, QuantilePlot
from nmflab.explorer.tables import table
from nmflab.priors.families import FAMILIES, log_likelihoods
from nmflab.settings import Settings

FLOORS = (1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3)
"""Floors that the slider offers, relative to the mean of a row."""


class PriorExplorer(Explorer):
    """One row of H from training: how it is distributed, and which family fits it, by the floor.

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
        self.prior, self.quantiles = PriorPlot(FAMILIES), QuantilePlot()
        self.row = widgets.IntSlider(
            1,
            min=1,
            max=self.store.wanted.settings.num_basis_speech,
            description="row of H",
            tooltip="Which basis' activations to look at.",
            style={"description_width": "88px"},
        )
        self.controls.add(self.row, self._changed)
        first = self.store.wanted.settings.activation_floor
        self.floor = widgets.SelectionSlider(
            options=[(f"{floor:g}", floor) for floor in sorted({*FLOORS, first})],
            value=first,
            description="floor",
            tooltip="What lies below this share of the row's mean is raised to it.",
            style={"description_width": "88px"},
        )
        self.controls.add(self.floor, self._changed)
        self.table = widgets.HTML()

    def _above(self) -> Sequence[Any]:
        return self.row, self.floor, self.table

    def _panels(self) -> Sequence[Any]:
        return [plot.widget for plot in self._plots()]

    def _plots(self) -> Sequence[Plot]:
        return self.prior, self.quantiles

    def likelihoods(self) -> dict[str, tuple[float, float]]:
        """Give the mean log-likelihood under each family, in nats an activation.

        Returns
        -------
        dict of str to (float, float)
            Of this row, and of all rows; the higher, the better the fit.
        """
        return self._fit(self.store.shown)

    def _fit(self, state: State) -> dict[str, tuple[float, float]]:
        found = log_likelihoods(self.chain.get("speech", state).H, self.floor.value)
        row = min(self.row.value, state.settings.num_basis_speech) - 1
        return {name: (float(rows[row]), float(rows.mean())) for name, rows in found.items()}

    def _paint(self, state: State) -> None:
        K, floor = state.settings.num_basis_speech, self.floor.value
        with muted(self.row, self._changed):  # fewer rows may move it: that is no change
            self.row.max = K
        row = min(self.row.value, K)
        h = self.chain.get("speech", state).H[row - 1]
        self.prior.show(h, floor=floor, title=f"Row {row} of {K}")
        self.quantiles.show(h, floor=floor)
        found = self._fit(state)
        best = [max(each[i] for each in found.values()) for i in (0, 1)]
        rows = {
            name: [f"{x:.2f}{' ★' if x == top else ''}" for x, top in zip(each, best, strict=True)]
            for name, each in found.items()
        }
        self.table.value = table(("log-likelihood: this row", "all rows"), rows)

    def _summary(self, state: State) -> str:
        found = self._fit(state)
        said = ", ".join(f"{name} {each[0]:.2f}" for name, each in found.items())
        best = max(found, key=lambda name: found[name][1])
        return (
            f"row {self.row.value} of {state.settings.num_basis_speech}, floor "
            f"{self.floor.value:g}: mean log-likelihood {said}; best of all rows: {best}"
        )
