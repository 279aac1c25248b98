"""How well the priors fit one row of H: histogram with densities, and Q-Q plot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nmflab.explorer.plots import Plot, stepped
from nmflab.figures.colours import COLOURS, STYLES
from nmflab.priors.distributions import ExponentialPrior, GammaPrior, floored
from nmflab.priors.families import FAMILIES, fit_families

BINS = 40


PRIORS = FAMILIES[:2]
"""Those that an encoding can use."""


class PriorPlot(Plot):
    """The histogram of one row of H and the densities fitted to it.

    Parameters
    ----------
    names : sequence of str, default PRIORS
        Which of `FAMILIES`.
    """

    def __init__(self, names: Sequence[str] = PRIORS) -> None:
        from matplotlib.ticker import MaxNLocator, NullLocator

        super().__init__("Prior of a basis", "activation h / row's mean", "density")
        self._bars = self.axes.stairs(np.ones(BINS), np.arange(BINS + 1.0), fill=True, alpha=0.35)
        self._bars.set_color("#888888")
        self.lines = [
            self.axes.plot([], [], STYLES[i], color=COLOURS[i], lw=2, label=label)[0]
            for i, label in enumerate(names)
        ]
        self.axes.set_yscale("log")
        self.axes.yaxis.set_minor_locator(NullLocator())
        self.axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        self._shape = 1.0
        self.moving = [self._bars, *self.lines]
        self.add_legend()

    def show(self, h: NDArray[np.floating], *, floor: float, title: str) -> None:
        """Draw a row h (T,); the fits' floor is relative to its mean."""
        scaled = h[None] / (h.mean() or 1.0)
        row = floored(scaled, floor)
        top = float(np.quantile(row, 0.995)) + 1e-9
        counts, edges = np.histogram(row, bins=BINS, range=(0.0, top), density=True)
        least = 0.3 / (row.size * (edges[1] - edges[0]))  # below one activation in a bar
        self._bars.set_data(np.maximum(counts, least), edges, baseline=least)
        x = np.linspace(top / 400, top, 200)
        _, found = fit_families(scaled, floor)
        for line in self.lines:
            line.set_data(x, np.exp(found[str(line.get_label())].logpdf(x[None])[0]))
        self._shape = float(fits(scaled, floor)[1].shape[0])
        self.axes.set_xlim(0, stepped(top))
        highest = 1.2 * max(float(counts.max()), 1.0)
        self.axes.set_ylim(10 ** np.floor(np.log10(least)), 10 ** np.ceil(np.log10(highest)))
        self.axes.title.set_text(title)
        self.draw()

    def describe(self) -> str:
        """Say in one sentence what is to be seen."""
        names = " and the ".join(str(line.get_label()) for line in self.lines)
        return (
            f"{self.axes.get_title()}: histogram of its activations, and the densities of the "
            f"{names} prior fitted to them, "
            f"shape a = {self._shape:.2f}."
        )


class QuantilePlot(Plot):
    """Q-Q plot of one row of H against all four families."""

    def __init__(self) -> None:
        from matplotlib.ticker import MaxNLocator

        super().__init__("Q-Q plot", "quantile of the prior / row's mean", "quantile of h / mean")
        self._diagonal = self.axes.plot([0, 1], [0, 1], color="#888888", lw=1)[0]
        self.lines = [
            self.axes.plot([], [], marker, color=COLOURS[i], ms=4, label=label)[0]
            for i, (label, marker) in enumerate(zip(FAMILIES, "o^sv", strict=True))
        ]
        for axis in (self.axes.xaxis, self.axes.yaxis):
            axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        self.moving = [self._diagonal, *self.lines]
        self.add_legend("lower right")

    def show(self, h: NDArray[np.floating], *, floor: float) -> None:
        """Draw a row h (T,); the fits' floor is relative to its mean."""
        scaled = h[None] / (h.mean() or 1.0)
        row = floored(scaled, floor)
        probability = np.linspace(0.02, 0.99, 60)
        seen = np.quantile(row[0], probability)
        top = float(seen[-1])
        for line, fit in zip(self.lines, fit_families(scaled, floor)[1].values(), strict=True):
            expected = fit.quantile(probability)[0]
            line.set_data(expected, seen)
            top = max(top, float(expected[-1]))
        top = stepped(top or 1.0)
        self._diagonal.set_data([0, top], [0, top])
        self.axes.set_xlim(0, top)
        self.axes.set_ylim(0, top)
        self.draw()

    def describe(self) -> str:
        """Say in one sentence what is to be seen."""
        ends = " and ".join(
            f"{np.asarray(line.get_xdata())[-1]:.1f} for the {line.get_label()}"
            for line in self.lines
        )
        seen = np.asarray(self.lines[0].get_ydata())[-1]
        return (
            "Q-Q plot against all families: points on the diagonal fit. The highest activations "
            f"reach {seen:.1f} times the mean, where the prior says {ends}."
        )


def fits(rows: NDArray[np.floating], floor: float) -> tuple[ExponentialPrior, GammaPrior]:
    """Fit both priors to rows of H (K, T); the floor is relative to a row's mean."""
    return ExponentialPrior.fit(rows), GammaPrior.fit(rows, floor=floor)
