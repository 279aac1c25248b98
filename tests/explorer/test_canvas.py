"""The matrix canvas, as far as it goes without a browser."""

import json
import math
import time

import ipywidgets
import numpy as np
import pytest

from nmflab import NmflabError
from nmflab.explorer.engine.scheduling import driven_by_browser
from nmflab.explorer.widgets.canvas import Geometry, MatrixCanvas
from nmflab.explorer.widgets.codes import MAX_COLUMNS, palette, quantise


@pytest.fixture
def canvas():
    return MatrixCanvas(title="Noisy")


@pytest.fixture
def matrix(rng):
    return rng.uniform(-70, 0, (257, 800)).astype(np.float32)


@pytest.fixture
def sent(canvas, monkeypatch):
    """Give the states that the canvas sends to the browser."""
    states = []
    monkeypatch.setattr(canvas, "_send", lambda message, buffers=None: states.append(message))
    return states


# Quantising


@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantise_rounds_to_the_nearest_code_and_keeps_the_layout(matrix, layout, dtype):
    codes = quantise(layout(matrix.astype(dtype)), -80.0, 20.0)
    assert codes.dtype == np.uint8
    assert codes.flags.f_contiguous == (layout is np.asfortranarray)
    assert np.abs(-80 + codes * (100 / 255) - matrix).max() <= 100 / 255 / 2 * 1.001


def test_quantise_cuts_what_lies_outside_without_a_warning(recwarn):
    values = np.array([-np.inf, -1e30, -81, -80, 20, 21, 1e30, np.inf, np.nan])
    assert quantise(values, -80, 20).tolist() == [0, 0, 0, 0, 255, 255, 255, 255, 0]
    assert len(recwarn) == 0


def test_quantise_changes_nothing_of_the_caller(matrix):
    before = matrix.copy()
    quantise(matrix, -80, 20)
    np.testing.assert_array_equal(matrix, before)


def test_showing_a_spectrogram_is_fast(canvas, matrix):
    durations = []
    for step in range(20):
        shifted = matrix + np.float32(step)
        start = time.process_time()
        canvas.show(shifted, rows=(0, 8), columns=(0, 3.2))
        durations.append(time.process_time() - start)
    assert min(durations) < 5e-3  # some 0.3 ms on a quiet machine


# What is sent


def test_a_picture_is_one_message_with_all_that_belongs_to_it(canvas, matrix, sent):
    canvas.show(matrix, rows=(0, 8), columns=(0, 3.2), low=-50, high=-10)
    (message,) = sent
    frame = message["state"]["_frame"]
    assert set(message["state"]) == {"_frame"}
    assert message["buffer_paths"] == [["_frame", "codes"]]
    json.dumps(frame)  # no numpy number in it
    assert frame["seq"] == canvas.seq == 1
    assert frame["shape"] == [257, 800]
    assert (frame["rows"], frame["columns"]) == ([0, 8], [0, 3.2])
    assert (frame["low"], frame["high"], frame["limits"]) == (-50, -10, [-70, 10])


@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray])
def test_codes_lie_as_the_frame_says(canvas, matrix, layout):
    canvas.show(layout(matrix))
    frame = canvas._frame
    order = "F" if frame["by_columns"] else "C"
    codes = np.frombuffer(frame["codes"], np.uint8).reshape(frame["shape"], order=order)
    np.testing.assert_array_equal(codes, quantise(matrix, -80, 20))


def test_every_new_picture_gets_a_number_and_an_equal_one_is_not_sent(canvas, matrix, sent):
    canvas.show(matrix)
    canvas.show(matrix.copy())
    assert canvas.seq == len(sent) == 1
    canvas.show(matrix + 1)
    canvas.show(matrix + 1, columns=(0, 3.2))
    canvas.show(matrix + 1, columns=(0, 3.2), row_bands=[("speech", 200), ("noise", 57)])
    assert canvas.seq == len(sent) == 4


def test_long_matrices_keep_their_peaks(canvas):
    matrix = np.full((4, 3 * MAX_COLUMNS - 1), -60.0)
    matrix[2, 1000] = 0.0
    canvas.show(matrix, columns=(0, 100))
    frame = canvas._frame
    codes = np.frombuffer(frame["codes"], np.uint8).reshape(frame["shape"])
    assert codes.shape == (4, MAX_COLUMNS)
    assert frame["column_step"] == 3
    assert np.argwhere(codes == codes.max()).tolist() == [[2, 333]]
    assert math.isclose(frame["columns"][1], 100 * 3 * MAX_COLUMNS / (3 * MAX_COLUMNS - 1))
    assert canvas.matrix.shape == (4, 3 * MAX_COLUMNS - 1)


def test_clear(canvas, matrix):
    canvas.show(matrix)
    canvas.clear()
    assert canvas.matrix.shape == (0, 0)
    assert canvas._frame == {"seq": 2}
    canvas.show(matrix)
    assert canvas.seq == 3


# What a static picture needs


def test_matrix_and_geometry_are_kept(canvas, matrix):
    bands = [("speech", 200), ("noise", 57)]
    canvas.show(matrix, rows=(0, 8), columns=(0, 3.2), low=-50, row_bands=bands)
    np.testing.assert_array_equal(canvas.matrix, matrix)
    assert canvas.geometry == Geometry((0, 8), (0, 3.2), -50, 0, tuple(bands))
    with pytest.raises(ValueError, match="read-only"):
        canvas.matrix[0, 0] = 1
    matrix[0, 0] = 1  # the caller's own stays writeable


def test_rows_and_columns_are_counted_from_one_by_default(canvas):
    canvas.show(np.zeros((5, 7)))
    assert canvas.geometry.rows == (0.5, 5.5)
    assert canvas.geometry.columns == (0.5, 7.5)


def test_low_and_high_stay_until_they_change(canvas, matrix):
    canvas.show(matrix, low=-40, high=10)
    canvas.show(matrix + 1)
    assert (canvas.geometry.low, canvas.geometry.high) == (-40, 10)
    assert canvas.limits == (-60, 30)


def test_limits():
    assert MatrixCanvas(low=-60, high=0).limits == (-80, 20)
    assert MatrixCanvas(low=0, high=1, value_unit="").limits == (0, 1)
    assert MatrixCanvas(low=-60, high=0, limits=(-90, 0)).limits == (-90, 0)


def test_text_is_deterministic(canvas, matrix):
    assert repr(canvas) == "MatrixCanvas('Noisy', 0 rows, 0 columns)"
    canvas.show(matrix)
    assert repr(canvas) == "MatrixCanvas('Noisy', 257 rows, 800 columns)"
    assert canvas._repr_mimebundle_()[0]["text/plain"] == repr(canvas)


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((0, 5)), np.zeros((2, 2, 2)), 3.0])
def test_what_is_no_matrix_is_refused(canvas, bad):
    with pytest.raises(NmflabError, match="matrix"):
        canvas.show(bad)


@pytest.mark.parametrize(
    "options", [{"rows": (8, 0)}, {"columns": (0, math.nan)}, {"low": 5, "high": 5}]
)
def test_empty_ranges_are_refused_and_the_last_picture_stays(canvas, matrix, options):
    canvas.show(matrix)
    with pytest.raises(NmflabError, match="rising"):
        canvas.show(matrix + 1, **options)
    assert canvas.seq == 1
    np.testing.assert_array_equal(canvas.matrix, matrix)


# Colours


@pytest.mark.parametrize("colormap", ["magma", "viridis", "cividis", "RdBu_r"])
def test_palette_has_256_colours(colormap):
    colours = np.frombuffer(palette(colormap), np.uint8).reshape(256, 3)
    assert len(np.unique(colours, axis=0)) > 200


def test_colour_map_may_change_and_must_exist(canvas):
    canvas.colormap = "viridis"
    assert canvas._palette == palette("viridis")
    with pytest.raises(NmflabError, match="no colour map 'rainbows'"):
        MatrixCanvas(colormap="rainbows")


# Picking


def test_pick_calls_back_with_row_and_column(canvas):
    picked = []
    canvas.on_pick(lambda row, column: picked.append((row, column)))
    canvas.pick_cell(3, 4)
    canvas._handle_custom_msg({"kind": "pick", "row": 5, "column": 6}, [])
    canvas._handle_custom_msg({"kind": "something else"}, [])
    assert picked == [(3, 4), (5, 6)]


def test_pick_raises_what_goes_wrong_and_forgets_who_left(canvas):
    def fail(row, column):
        raise ValueError("no such basis")

    canvas.on_pick(fail)
    with pytest.raises(ValueError, match="no such basis"):
        canvas.pick_cell(0, 0)
    canvas.on_pick(fail, remove=True)
    canvas.pick_cell(0, 0)


def test_highlight(canvas):
    canvas.highlight(row=3)
    assert canvas._highlight == {"row": 3, "column": None}
    canvas.highlight()
    assert canvas._highlight == {"row": None, "column": None}


def test_a_row_and_a_column_frame_one_cell(canvas):
    canvas.highlight(row=3)
    assert canvas.framed_cell is None
    canvas.highlight(row=3, column=0)
    assert canvas.framed_cell == (3, 0)
    canvas.highlight()
    assert canvas.framed_cell is None


def test_names_and_texts_travel_with_the_matrix(canvas):
    texts = [["1", "2", "3"], ["4", "5 ★", "6"]]
    canvas.show(np.zeros((2, 3)), row_names=["a", "b"], column_names="xyz", cell_texts=texts)
    frame, shown = canvas._frame, canvas.geometry
    assert frame["row_names"] == ["a", "b"] == list(shown.row_names)
    assert frame["column_names"] == ["x", "y", "z"] == list(shown.column_names)
    assert frame["cell_texts"] == texts
    canvas.show(np.zeros((2, 3)))
    assert canvas.geometry.row_names == canvas.geometry.cell_texts == ()


def test_without_a_slider_nothing_lies_beyond_the_colour_bar():
    assert MatrixCanvas(low=-8, high=3, slider=False).limits == (-8, 3)
    assert MatrixCanvas(low=-8, high=3).limits == (-28, 23)


def test_a_pick_in_the_browser_is_known_as_one(canvas):
    told = []
    canvas.on_pick(lambda row, column: told.append(driven_by_browser()))
    canvas._handle_custom_msg({"kind": "pick", "row": 5, "column": 6}, [])
    canvas.pick_cell(5, 6)
    assert told == [True, False]


def test_fits_into_boxes(canvas):
    assert ipywidgets.HBox([canvas, MatrixCanvas()]).children[0] is canvas
