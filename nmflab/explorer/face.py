"""What an explorer leaves in a notebook: the live view, and a picture for pages without a kernel.

JupyterLab shows the live view of an output that has one, and an error in its place once the
kernel is gone, whatever else the output holds. So view and picture are two outputs, with a third
between them that marks them: where the view lives, page.css hides the picture; where it is dead,
the style below hides the error. A page that knows no widgets shows the picture alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

Bundle = dict[str, Any]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

MARK = """<style class="nmflab-face">
.jp-OutputArea-child:has(.nmflab-face),
.jp-OutputArea-child:has(+ * .nmflab-face):has(> .jupyter-widgets):not(
  :has(> .jupyter-widgets > *)
) {
  display: none;
}
</style>"""


def display_apart(view: Bundle, metadata: Bundle, still: Callable[[], Bundle]) -> None:
    """Display the view, the mark, and what pages show that can run nothing, once that is made."""
    from IPython import display

    publish: Callable[..., None] = display.publish_display_data
    if WIDGET_VIEW in view:
        publish({WIDGET_VIEW: view[WIDGET_VIEW]}, metadata)
        publish({"text/html": MARK})
    publish(still())


def in_notebook() -> bool:
    """Say whether a kernel runs this, which displays what a cell ends with."""
    ipython = sys.modules.get("IPython")
    return hasattr(ipython.get_ipython() if ipython else None, "kernel")
