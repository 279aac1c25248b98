"""Each pixel of an explorer's panels stands where its bin and frame are, for every legal STFT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.corpora import SETTINGS, make_corpus
from support.transforms import assert_cells_stand_where_they_are, middles, transforms

from nmflab.core.stft import Stft
from nmflab.explorer.factorisation import FactorisationExplorer
from nmflab.explorer.panels import ActivationPanel, Panel
from nmflab.figures.panels import panels_figure


@given(transforms(), st.integers(1, 50))
@settings(max_examples=40)
def test_panels_and_their_static_picture(stft, num_frames):
    panel, H = Panel("V", ""), ActivationPanel("H", "")
    panel.show_spectrum(np.zeros((stft.num_bins, num_frames), np.float32), stft)
    H.show(np.ones((3, num_frames), np.float32), stft, ())
    shown = panel.widget.geometry
    assert_cells_stand_where_they_are(stft, num_frames, shown.columns, shown.rows)
    assert H.widget.geometry.columns == shown.columns
    figure = panels_figure([panel.widget], [], title="")
    left, right, bottom, top = figure.axes[0].images[0].get_extent()
    assert_cells_stand_where_they_are(stft, num_frames, (left, right), (bottom, top))


def test_a_group_of_few_rows_is_not_named_where_its_name_has_no_room():
    stft, H = Stft(), ActivationPanel("H", "")
    H.show(np.ones((100, 30), np.float32), stft, (("speech", 96), ("learnt", 4)))
    panel = panels_figure([H.widget], [], title="").axes[0]
    assert {text.get_text() for text in panel.texts} == {"speech"}


@given(transforms(), st.integers(8193, 30000))
@settings(max_examples=20)
def test_a_long_recording_whose_columns_are_pooled(stft, num_frames):
    H = ActivationPanel("H", "")
    H.show(np.ones((2, num_frames), np.float32), stft, ())
    frame = H.widget._frame
    step, count = frame["column_step"], frame["shape"][1]
    times = stft.times(num_frames + step)
    expected = [times[i : i + step].mean() for i in range(0, num_frames, step)]
    assert middles(frame["columns"], count) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("fft", [257, 511, 512])
def test_the_bases_of_a_factorisation(tmp_path, fft):
    explorer = FactorisationExplorer(make_corpus(tmp_path), SETTINGS.replace(fft=fft))
    stft = Stft.from_settings(explorer.settings)
    for panel in (explorer.V, explorer.model, explorer.W):
        rows = panel.widget.geometry.rows
        assert middles(rows, stft.num_bins) == pytest.approx(stft.frequencies() / 1000)
