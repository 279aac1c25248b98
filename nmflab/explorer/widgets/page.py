"""What an explorer needs of the page it is on: labels for slider handles, theme, clipboard."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

from nmflab.explorer.engine.scheduling import hear_browser
from nmflab.explorer.widgets.modules import linked

HERE = Path(__file__).parent


class Page(anywidget.AnyWidget):
    """An invisible widget that looks after the explorer around it.

    It names the handles of ipywidgets' sliders and says their values as they are read (they have
    no label of their own, and announce a place in a list), and carries the style.

    Attributes
    ----------
    dark : bool
        Whether the page has a dark theme; set by the browser.
    alone : bool
        Whether the page is a dashboard: its links to other notebooks lead nowhere, and become text.
    """

    # As text: anywidget watches files, and keeps every widget of a class that has them.
    _esm = linked(HERE / "page.js")
    _css = (HERE / "page.css").read_text("utf-8")

    dark = traitlets.Bool(False).tag(sync=True)
    alone = traitlets.Bool(False).tag(sync=True)

    def __init__(self, *, alone: bool = False) -> None:
        super().__init__(alone=alone)
        hear_browser(self)

    def copy(self, text: str) -> None:
        """Put a text on the clipboard, where the browser allows it.

        Parameters
        ----------
        text : str
            The text.
        """
        self.send({"copy": text})

    def download(self, name: str, content: bytes) -> None:
        """Hand a file to the browser, as a download.

        Parameters
        ----------
        name : str
            What the browser is to call it.
        content : bytes
            All that is in it.
        """
        self.send({"download": name}, [content])
