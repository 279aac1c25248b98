"""Brush and solo: what is painted of a spectrogram, or picked of H, is heard alone or muted.

Rows of H make a gain of the picked components against the rest, the Wiener gain of the paper with
another question: which part of the mixture is theirs?

    G = Ŝ^p / (Ŝ^p + N̂^p),        Ŝ = Σ W_k h_k over the picked rows,   N̂ = the others

A region makes the gain 1 inside and 0 outside, with soft edges: hard ones would click and ring.
With both the gains are multiplied, and what is muted keeps 1 − G.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from nmflab.core.context import summed
from nmflab.core.stft import Stft
from nmflab.core.wiener import wiener_gain
from nmflab.errors import NmflabError
from nmflab.explorer.engine.scheduling import hear_browser
from nmflab.explorer.layout import muted as silent
from nmflab.explorer.layout import row
from nmflab.explorer.widgets.canvas import MatrixCanvas
from nmflab.explorer.widgets.paintable import Painted, Region

Matrix = NDArray[np.float32]

PICKED = "picked"
"""What the player calls it."""

SOFT = (0.02, 0.1)
"""How wide the edges of a region are: seconds, kHz."""


class Brush:
    """What is picked of an explorer's pictures, and what it does to a sound.

    Parameters
    ----------
    spectrograms : sequence of MatrixCanvas
        Regions are painted on them, and shown on all; each is of the sound that it plays.
    H : MatrixCanvas
        Its rows are picked.
    changed : callable
        Called as ``changed()`` once something else is picked, from the browser or from Python.

    Attributes
    ----------
    regions, rows : tuple
        What is picked.
    of : str
        The sound that the last region was painted on.
    widget : ipywidgets.Box
        Alone or muted, clear, and what is picked; hidden while nothing is, and the brush rests.
    """

    def __init__(
        self,
        spectrograms: Sequence[MatrixCanvas],
        H: MatrixCanvas,
        changed: Callable[[], object],
    ) -> None:
        self._spectrograms, self._H, self._changed = spectrograms, H, changed
        self.regions: tuple[Region, ...] = ()
        self.rows: tuple[int, ...] = ()
        self.of = spectrograms[0].sound
        self._in_hand = False
        for canvas in spectrograms:
            canvas.paint = "regions"
            canvas.on_paint(partial(self._brushed, canvas))
        H.paint = "rows"
        H.on_paint(partial(self._brushed, H))
        self.way = widgets.ToggleButtons(
            options=["alone", "muted"],
            tooltips=["Hear what is picked alone.", "Hear all but what is picked."],
        )
        self.way.style.button_width = "74px"
        hear_browser(self.way)
        self.way.observe(self._turned, "value")
        clear = widgets.Button(description="clear", tooltip="Pick nothing.")
        clear.on_click(lambda _: self.clear())
        self._said = widgets.Label()
        self.widget = row([self.way, clear, self._said])
        self._show()

    def __bool__(self) -> bool:
        return bool(self.regions or self.rows)

    def pick(
        self,
        *,
        rows: Iterable[int] = (),
        regions: Iterable[tuple[float, float, float, float]] = (),
        of: str | None = None,
        muted: bool = False,
    ) -> None:
        """Pick rows of H, regions, or both, in place of what was picked before.

        Parameters
        ----------
        rows : iterable of int, optional
            Rows of H, from 0 on.
        regions : iterable of (float, float, float, float), optional
            From and to in seconds, from and to in kHz.
        of : str, optional
            The sound that they are of, by its name in the player; by default the noisy one.
        muted : bool, default False
            Hear all but that.

        Raises
        ------
        NmflabError
            If a region isn't one, or there is no picture of that sound.
        """
        found = tuple(Region(*region) for region in regions)
        for region in found:
            if not (region.start < region.stop and region.low < region.high):
                raise NmflabError(f"A region goes from less to more in s and in kHz, not {region}.")
        sounds = [canvas.sound for canvas in self._spectrograms]
        if of is not None and of not in sounds:
            raise NmflabError(f"There is no picture of the sound {of!r}, but of {sounds}.")
        self.regions, self.rows = found, tuple(sorted(set(rows)))
        self.of = of or sounds[0]
        with silent(self.way, self._turned):
            self.way.value = "muted" if muted else "alone"
        self._take()

    def take_up(self, in_hand: bool) -> None:
        """Show what there is to do before something is picked: nothing may jump below the hand.

        Parameters
        ----------
        in_hand : bool
            Whether somebody has the brush in the hand.
        """
        self._in_hand = in_hand
        self._show()

    def clear(self) -> None:
        """Pick nothing."""
        self.pick()

    def sound(
        self, sounds: dict[str, NDArray[np.float32]], stft: Stft, W: Matrix, H: Matrix, p: float
    ) -> NDArray[np.float32]:
        """Give what is heard of a sound.

        Parameters
        ----------
        sounds : dict of str to ndarray of float32, shape (n,)
            The sounds that there are.
        stft : Stft
            The transform.
        W : ndarray of float32, shape (cF, K)
            All bases.
        H : ndarray of float32, shape (K, T)
            All activations.
        p : float
            Power of the gain.

        Returns
        -------
        ndarray of float32, shape (n,)
            What is picked, or what is left without it.
        """
        x = sounds.get(self.of, sounds[self._spectrograms[0].sound])
        X = stft.analyse(x)
        G = np.ones(X.shape, dtype=np.float32)
        if self.rows:
            G *= rows_gain(W, H, self.rows, context=len(W) // len(X), p=p)
        if self.regions:
            G *= region_gain(self.regions, stft, X.shape[1])
        if self.way.value == "muted":
            G = np.float32(1) - G
        return stft.synthesise(G * X, len(x))

    def _turned(self, _: object) -> None:
        self._changed()

    def _brushed(self, canvas: MatrixCanvas, painted: Painted) -> None:
        if canvas is self._H:
            self.rows = painted.rows
        else:
            self.regions, self.of = painted.regions, canvas.sound
        self._take()

    def _take(self) -> None:
        self._show()
        self._changed()

    def _show(self) -> None:
        for canvas in self._spectrograms:
            canvas.show_painted(regions=self.regions)
        self._H.show_painted(rows=self.rows)
        self.widget.layout.display = "" if self or self._in_hand else "none"
        self._said.value = self.words() or "drag over a spectrogram, or click rows of H"

    def words(self) -> str:
        """Say what is picked.

        Returns
        -------
        str
            Regions and rows, counted from 1 as in the picture.
        """
        parts = [
            f"{r.start:.2f}–{r.stop:.2f} s, {r.low:.2f}–{r.high:.2f} kHz" for r in self.regions
        ]
        if self.regions:
            parts[-1] += f" of {self.of}"
        if len(self.rows) > 6:
            parts.append(f"{len(self.rows)} bases")
        elif self.rows:
            numbers = ", ".join(str(k + 1) for k in self.rows)
            parts.append(f"{'basis' if len(self.rows) == 1 else 'bases'} {numbers}")
        return "; ".join(parts)


def rows_gain(W: Matrix, H: Matrix, rows: Iterable[int], *, context: int = 1, p: float) -> Matrix:
    """Compute the gain (F, T) of some components against the rest.

    Parameters
    ----------
    W : ndarray of float32, shape (cF, K)
        All bases, each a piece of `context` frames.
    H : ndarray of float32, shape (K, T)
        All activations.
    rows : iterable of int
        The components; those that H doesn't have are left out.
    context : int, default 1
        Frames that are seen together.
    p : float
        Power of the gain.

    Returns
    -------
    ndarray of float32, shape (F, T)
        From 0 to 1.
    """
    is_picked = np.zeros(len(H), dtype=bool)
    is_picked[[k for k in rows if k < len(H)]] = True
    S, N = (
        summed(H[part].T @ W[:, part].T, context).T if part.any() else None
        for part in (is_picked, ~is_picked)
    )
    if S is None or N is None:
        shape = len(W) // context, H.shape[1]
        return np.full(shape, 0.0 if S is None else 1.0, dtype=np.float32)
    return wiener_gain(S, N, p=p)


def region_gain(regions: Iterable[Region], stft: Stft, num_frames: int) -> Matrix:
    """Compute the gain of regions: 1 inside, 0 outside, a cosine at the edges.

    Parameters
    ----------
    regions : iterable of Region
        The regions.
    stft : Stft
        The transform.
    num_frames : int
        Frames T.

    Returns
    -------
    ndarray of float32, shape (F, T)
        From 0 to 1, ½ where an edge was drawn.
    """
    times, kHz = stft.times(num_frames), stft.frequencies() / 1000
    G = np.zeros((stft.num_bins, num_frames), dtype=np.float32)
    for region in regions:
        in_time = _ramped(times, region.start, region.stop, SOFT[0])
        in_frequency = _ramped(kHz, region.low, region.high, SOFT[1])
        np.maximum(G, np.outer(in_frequency, in_time).astype(np.float32), out=G)
    return G


def _ramped(at: NDArray[np.float64], low: float, high: float, width: float) -> NDArray[np.float64]:
    """Rise from 0 to 1 around `low`, and fall around `high`."""
    inside = np.minimum(at - low, high - at) / width + 0.5
    ramp: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * np.clip(inside, 0, 1))
    return ramp
