"""V ≈ WH in the hand: tiles of two by two, changed entry by entry or by an update."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike

from nmflab.core.nmf import kl_divergence
from nmflab.errors import NmflabError
from nmflab.explorer.engine.scheduling import hear_browser
from nmflab.explorer.face import display_apart
from nmflab.explorer.widgets.modules import linked

HERE = Path(__file__).parent


class FactorTiles(anywidget.AnyWidget):
    """W and H to be changed by hand or by an update; WH and D(V‖WH) follow, in the browser.

    Parameters
    ----------
    V, W, H : array_like, shape (2, 2)
        What is met, and what W and H begin with; nothing is negative, nothing in V is 0.
    """

    _esm = linked(HERE / "tiles.js")
    _css = (HERE / "predict.css").read_text("utf-8")

    V: Any = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    W: Any = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    H: Any = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)

    def __init__(self, V: ArrayLike, W: ArrayLike, H: ArrayLike) -> None:
        V, W, H = (np.asarray(matrix, dtype=float) for matrix in (V, W, H))
        if not all(each.shape == (2, 2) and each.min() >= 0 for each in (V, W, H)) or V.min() == 0:
            raise NmflabError("V, W and H are 2 × 2 and not negative, and V has no 0.")
        super().__init__(V=V.tolist(), W=W.tolist(), H=H.tolist())
        hear_browser(self)

    @property
    def divergence(self) -> float:
        """D(V‖WH) as it stands."""
        return float(kl_divergence(np.array(self.V), np.array(self.W) @ np.array(self.H)))

    def __repr__(self) -> str:
        return f"FactorTiles: D(V‖WH) = {self.divergence:.2f}"

    def _ipython_display_(self) -> None:
        bundle: Any = self._repr_mimebundle_() or ({}, {})
        view, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        display_apart(dict(view), dict(metadata), lambda: {"text/plain": repr(self)})
