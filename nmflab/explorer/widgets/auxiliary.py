"""The auxiliary function in the hand: one activation is dragged over its divergence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike

from nmflab.errors import NmflabError
from nmflab.explorer.engine.scheduling import hear_browser
from nmflab.explorer.face import display_apart
from nmflab.explorer.widgets.modules import linked

HERE = Path(__file__).parent


class AuxiliaryCurve(anywidget.AnyWidget):
    """D(v‖Wh) as one activation moves, and the auxiliary function at its place.

    Parameters
    ----------
    v : array_like, shape (F,)
        One frame.
    W : array_like, shape (F, K)
        Bases.
    h : array_like, shape (K,)
        Activations; the first of them moves.
    reach : float, default 4.0
        Where the horizontal axis ends.
    """

    _esm = linked(HERE / "auxiliary.js")
    _css = (HERE / "predict.css").read_text("utf-8")

    v: Any = traitlets.List(traitlets.Float()).tag(sync=True)
    w: Any = traitlets.List(traitlets.Float()).tag(sync=True)
    rest: Any = traitlets.List(traitlets.Float()).tag(sync=True)
    h = traitlets.Float(1.0).tag(sync=True)
    reach = traitlets.Float(4.0).tag(sync=True)

    def __init__(self, v: ArrayLike, W: ArrayLike, h: ArrayLike, *, reach: float = 4.0) -> None:
        v, W, h = (np.asarray(array, dtype=float) for array in (v, W, h))
        if W.shape != (len(v), len(h)) or not min(v.min(), W[:, 0].sum(), h.min()) > 0:
            raise NmflabError("v and h must be above 0, and W of the shape (len(v), len(h)).")
        rest = W[:, 1:] @ h[1:]
        super().__init__(
            v=v.tolist(), w=W[:, 0].tolist(), rest=rest.tolist(), h=float(h[0]), reach=reach
        )
        hear_browser(self)

    def __repr__(self) -> str:
        return f"AuxiliaryCurve: h = {self.h:.2f}"

    def _ipython_display_(self) -> None:
        bundle: Any = self._repr_mimebundle_() or ({}, {})
        view, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        display_apart(dict(view), dict(metadata), lambda: {"text/plain": repr(self)})
