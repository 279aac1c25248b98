"""Pictures that are sent together say so, for the browser to paint them together."""

import numpy as np

from nmflab.explorer.widgets.canvas import MatrixCanvas
from nmflab.explorer.widgets.picture import Picture
from nmflab.explorer.widgets.together import painted_together


def test_only_what_is_new_belongs_to_a_batch():
    canvases = [MatrixCanvas(group="a") for _ in range(3)]
    canvases[2].show(np.ones((2, 2)))
    with painted_together([*canvases, Picture()]):
        for canvas in canvases:
            canvas.show(np.ones((2, 2)))
    (name, *first), (other, *second) = (canvas._frame["batch"] for canvas in canvases[:2])
    assert name == other
    assert (first, second) == ([0, 2], [1, 2])
    assert "batch" not in canvases[2]._frame


def test_a_picture_alone_waits_for_no_other():
    canvases = [MatrixCanvas(group="a") for _ in range(2)]
    with painted_together(canvases):
        canvases[0].show(np.ones((2, 2)))
    assert "batch" not in canvases[0]._frame


def test_a_picture_of_a_batch_is_not_sent_again_when_it_is_shown_again():
    canvases = [MatrixCanvas(group="a") for _ in range(2)]
    with painted_together(canvases):
        for canvas in canvases:
            canvas.show(np.ones((2, 2)))
    canvases[0].show(np.ones((2, 2)))
    assert canvases[0].seq == 1
