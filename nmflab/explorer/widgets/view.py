"""How an explorer is seen: frequencies zoomed or on the mel scale, one panel on all of the screen.

All of it happens in the browser; Python hears but of the brush, that it is in the hand.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

from nmflab.explorer.widgets.modules import linked

HERE = Path(__file__).parent


class ViewBar(anywidget.AnyWidget):
    """Buttons for the frequency axes of a group of canvases, for hall mode, and for a brush.

    Parameters
    ----------
    group : str
        The canvases whose frequencies are meant.
    brush : bool
        Whether there is a button for the brush of the group.
    brushing : bool
        Whether somebody has the brush in the hand; set by the browser.
    **options : object
        What every ipywidget takes, `layout` for instance.
    """

    _esm = linked(HERE / "view.js")
    _css = (HERE / "style.css").read_text("utf-8")

    group = traitlets.Unicode("").tag(sync=True)
    brush = traitlets.Bool(False).tag(sync=True)
    brushing = traitlets.Bool(False).tag(sync=True)
