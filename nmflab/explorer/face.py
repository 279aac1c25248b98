"""What an explorer leaves in a notebook: the live view, and a picture for pages without a kernel.

JupyterLab shows the live view of an output that has one, and an error in its place once the
kernel is gone, whatever else the output holds. So view and picture are two outputs, with a third
between them that marks them: where the view lives, page.css hides the picture; where it is dead,
the style below hides the error. A page that knows no widgets shows the picture alone.
"""

from __future__ import annotations

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


def display_apart(bundle: Bundle, metadata: Bundle) -> None:
    """Display the view and the rest of a bundle as two outputs with the mark between them."""
    from IPython import display

    publish: Callable[..., None] = display.publish_display_data
    still = {mime: content for mime, content in bundle.items() if mime != WIDGET_VIEW}
    if WIDGET_VIEW in bundle:
        publish({WIDGET_VIEW: bundle[WIDGET_VIEW]}, metadata)
        publish({"text/html": MARK})
    publish(still)
