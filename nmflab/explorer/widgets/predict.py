"""Predict first, then look: a question that the reader answers with a guess before the truth shows.

Conventions: the guess is made in the browser, by mouse or by keyboard, and the truth is drawn over
it there when the reader asks for it, also when the kernel is gone. A page that can run nothing
shows the question, and the truth folded behind it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from nmflab.errors import NmflabError
from nmflab.explorer.engine.scheduling import hear_browser
from nmflab.explorer.face import display_apart
from nmflab.explorer.widgets.modules import linked

HERE = Path(__file__).parent


class Prediction(anywidget.AnyWidget):
    """A question with some answers to choose from; "reveal" shows which of them is true.

    Parameters
    ----------
    question : str
        What is asked.
    choices : sequence of str
        Two answers or more.
    truth : str
        The one that is true.
    because : str, default ""
        What is said to the truth.

    Examples
    --------
    >>> Prediction("Is a hiss flat?", ("yes", "no"), truth="yes")
    Predict: Is a hiss flat? (yes / no)
    """

    _esm = linked(HERE / "predict.js")
    _css = (HERE / "predict.css").read_text("utf-8")

    question = traitlets.Unicode("").tag(sync=True)
    because = traitlets.Unicode("").tag(sync=True)
    choices: Any = traitlets.List(traitlets.Unicode()).tag(sync=True)
    guess: Any = traitlets.List(traitlets.Float()).tag(sync=True)
    truth: Any = traitlets.List(traitlets.Float()).tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)
    axes: Any = traitlets.Dict({}).tag(sync=True)

    def __init__(
        self, question: str, choices: Sequence[str], *, truth: str, because: str = ""
    ) -> None:
        if len(choices) < 2 or truth not in choices:
            raise NmflabError(f"A prediction has two choices or more, {truth!r} among them.")
        place = float(list(choices).index(truth))
        super().__init__(question=question, choices=list(choices), truth=[place], because=because)
        hear_browser(self)

    def _asked(self) -> str:
        return f"{self.question} ({' / '.join(self.choices)})"

    def _told(self) -> str:
        told: str = self.choices[round(self.truth[0])]
        return told

    def __repr__(self) -> str:
        return f"Predict: {self._asked()}"

    def _still(self) -> dict[str, Any]:
        """Give the question for a page that can run nothing, and the truth folded behind it."""
        asked, told = (html.escape(text) for text in (self._asked(), self._told()))
        folded = f"<details><summary>Reveal</summary>{told}. {html.escape(self.because)}</details>"
        return {
            "text/html": f"<p><b>Predict.</b> {asked}</p>{folded}",
            "text/plain": repr(self),
        }

    def _ipython_display_(self) -> None:
        bundle = self._repr_mimebundle_() or ({}, {})
        view, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        display_apart(dict(view), dict(metadata), self._still)


class CurvePrediction(Prediction):
    """A curve whose points the reader drags to where they are expected; then the truth over it.

    Parameters
    ----------
    question : str
        What is asked.
    x : sequence of float or str
        Where the points stand, at equal steps.
    truth : sequence of float
        Where they are.
    xlabel, ylabel : str
        What stands at the axes.
    low, high : float
        Ends of the vertical axis.
    because : str, default ""
        What is said to the truth.
    """

    def __init__(
        self,
        question: str,
        x: Sequence[float | str],
        *,
        truth: Sequence[float],
        xlabel: str,
        ylabel: str,
        low: float,
        high: float,
        because: str = "",
    ) -> None:
        names = [f"{place:g}" if isinstance(place, (int, float)) else place for place in x]
        values = [round(float(value), 2) + 0.0 for value in np.asarray(truth)]
        if len(names) != len(values) or len(names) < 2 or not low < high:
            raise NmflabError("A curve has two points or more, a truth for each, and low < high.")
        anywidget.AnyWidget.__init__(
            self,
            question=question,
            guess=[(low + high) / 2] * len(names),
            truth=values,
            because=because,
            axes={"x": names, "xlabel": xlabel, "ylabel": ylabel, "low": low, "high": high},
        )
        hear_browser(self)

    def _asked(self) -> str:
        return f"{self.question} ({self.axes['ylabel']} at {', '.join(self.axes['x'])})"

    def _told(self) -> str:
        pairs = zip(self.axes["x"], self.truth, strict=True)
        return "; ".join(f"{name}: {value:.1f}" for name, value in pairs)


class CurveInput(CurvePrediction):
    """A curve to be dragged, without a question: a filter, for one.

    Parameters
    ----------
    x : sequence of float or str
        Where the points stand, at equal steps.
    xlabel, ylabel : str
        What stands at the axes.
    low, high : float
        Ends of the vertical axis.
    start : float
        Where all points begin.
    """

    def __init__(
        self,
        x: Sequence[float | str],
        *,
        xlabel: str,
        ylabel: str,
        low: float,
        high: float,
        start: float,
    ) -> None:
        truth = [start] * len(x)
        super().__init__("", x, truth=truth, xlabel=xlabel, ylabel=ylabel, low=low, high=high)
        self.guess = truth
