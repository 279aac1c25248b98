"""`FilterExplorer`: a filter dragged over clean speech, and what the scores forgive."""

from __future__ import annotations

import uuid
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from nmflab.audio.signals import Mixture
from nmflab.evaluation import metrics
from nmflab.explorer.face import display_apart
from nmflab.explorer.tables import table
from nmflab.explorer.widgets.page import Page
from nmflab.explorer.widgets.player import Player
from nmflab.explorer.widgets.predict import CurveInput

BANDS = (125, 250, 500, 1000, 2000, 4000, 8000)
"""Frequencies in Hz whose gains are dragged."""

TAPS = 255
"""Of the filter; BSS Eval forgives any with 512."""

DEEPEST = -60.0
SHOWN = ("sdr", "si_sdr", "stoi")


class FilterExplorer:
    """Drag the gains of a filter over clean speech: no noise is added, nothing is separated.

    Parameters
    ----------
    mixture : Mixture
        Its speech is filtered; its noise is what SDR looks for.
    sampling_rate : int
        In Hz.

    Attributes
    ----------
    widget : ipywidgets.VBox
        What is shown.
    """

    def __init__(self, mixture: Mixture, sampling_rate: int) -> None:
        self._mixture, self._rate = mixture, sampling_rate
        names = [f"{f:g}" if f < 1000 else f"{f / 1000:g}k" for f in BANDS]
        self.curve = CurveInput(
            names, xlabel="frequency (Hz)", ylabel="gain (dB)", low=DEEPEST, high=0.0, start=0.0
        )
        self.player = Player(labels=("clean", "filtered"), group=uuid.uuid4().hex)
        self.table = widgets.HTML()
        self.curve.observe(self._filtered, "guess")
        self.widget = widgets.VBox([Page(), self.curve, self.table, self.player])
        self.widget.add_class("nmflab-explorer")
        self._filtered()

    def filtered(self) -> NDArray[np.float32]:
        """Give the speech behind the filter, of minimum phase: it delays as little as one can."""
        from scipy.signal import fftconvolve, firwin2, minimum_phase

        half = self._rate / 2
        places = [0.0, *(min(f / half, 1.0) for f in BANDS if f < half), 1.0]
        decibels = [g for f, g in zip(BANDS, self.curve.guess, strict=True) if f < half]
        last = self.curve.guess[len(decibels)] if len(decibels) < len(BANDS) else decibels[-1]
        gains = 10 ** (np.array([decibels[0], *decibels, last]) / 20)
        speech = self._mixture.speech
        taps = minimum_phase(firwin2(TAPS, places, gains), half=False)
        return np.asarray(fftconvolve(speech, taps)[: len(speech)], dtype=np.float32)

    def scores(self) -> dict[str, float]:
        """Give SDR and SI-SDR in dB (99 at most) and STOI of the filtered speech.

        Returns
        -------
        dict of str to float
            By the names of the scores.
        """
        speech, noise = self._mixture.speech, self._mixture.noise
        sound = self.filtered()
        return {
            "sdr": min(metrics.bss_eval(speech, noise, sound)[0], 99.0),
            "si_sdr": min(metrics.si_sdr(speech, sound), 99.0),
            "stoi": metrics.stoi(speech, sound),
        }

    def _filtered(self, *_: object) -> None:
        found = self.scores()
        heads = [metrics.SCORES[name].label for name in SHOWN]
        rows = {"filtered": [metrics.SCORES[name].text(found[name], 2) for name in SHOWN]}
        self.table.value = table(heads, rows)
        sounds = {"clean": self._mixture.speech, "filtered": self.filtered()}
        self.player.load(sounds, self._rate)

    def __repr__(self) -> str:
        found = self.scores()
        gains = ", ".join(f"{gain:.0f}" for gain in self.curve.guess)
        sdr = "above 60" if found["sdr"] > 60 else f"{found['sdr']:.1f}"  # beyond is rounding
        return (
            f"FilterExplorer: gains {gains} dB: SDR {sdr} dB, "
            f"SI-SDR {found['si_sdr']:.1f} dB, STOI {found['stoi']:.2f}"
        )

    def _ipython_display_(self) -> None:
        bundle: Any = self.widget._repr_mimebundle_() or {}
        display_apart(dict(bundle), {}, lambda: {"text/plain": repr(self)})
