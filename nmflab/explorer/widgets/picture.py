"""A PNG picture with an alternative text, which ``ipywidgets.Image`` has no place for."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

from nmflab.explorer.widgets.modules import linked


class Picture(anywidget.AnyWidget):
    """Show a PNG.

    Attributes
    ----------
    value : bytes
        The content of a PNG file.
    alt : str
        What a screen reader says of it.
    """

    _esm = linked(Path(__file__).with_name("picture.js"))

    value = traitlets.Bytes(b"").tag(sync=True)
    alt = traitlets.Unicode("").tag(sync=True)

    def __init__(self) -> None:
        super().__init__()

    def show(self, png: bytes, alt: str) -> None:
        """Show another picture, in one message with its text.

        Parameters
        ----------
        png : bytes
            The content of a PNG file.
        alt : str
            What a screen reader is to say of it.
        """
        with self.hold_sync():
            self.value, self.alt = png, alt
