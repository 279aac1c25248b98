"""Figures: what is drawn, on which axes, and the bytes that are written."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image
from support.transforms import assert_cells_stand_where_they_are, middles, transforms

from nmflab.core.stft import Stft
from nmflab.figures.drawing import paint, paint_small, save_figure
from nmflab.figures.scales import decibels, frequency_edges, time_edges
from nmflab.figures.spectrograms import DYNAMIC_RANGE, spectrogram_figure
from nmflab.settings import Settings

SETTINGS = Settings(nmf_mode="NMF_g")


@pytest.fixture
def tone():
    """One second of 1 kHz."""
    return np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)


def colour_bar(figure):
    return figure.axes[-1]


def test_spectrograms_have_labelled_axes_in_seconds_and_kilohertz(tone):
    figure = spectrogram_figure(tone, tone, tone, SETTINGS)
    panels = figure.axes[:-1]
    assert [p.get_title() for p in panels] == [
        "Noisy mixture",
        "Clean speech",
        "Enhanced speech (NMF_g)",
    ]
    assert {p.get_ylabel() for p in panels} == {"Frequency (kHz)"}
    assert panels[-1].get_xlabel() == "Time (s)"
    assert {p.get_ylim() for p in panels} == {(0, 8)}
    assert panels[0].get_xlim() == pytest.approx((0, 1), abs=0.02)
    assert "dB" in colour_bar(figure).get_ylabel()


def test_a_tone_lies_at_its_frequency(tone):
    image = spectrogram_figure(tone, tone, tone, SETTINGS).axes[0].images[0]
    level = np.asarray(image.get_array())
    bottom, top = image.get_extent()[2:]
    peak = (level[:, 100].argmax() + 0.5) / len(level) * (top - bottom) + bottom
    assert peak == pytest.approx(1.0, abs=0.02)


def test_panels_share_one_colour_range(tone):
    images = [
        p.images[0] for p in spectrogram_figure(tone, tone / 10, tone / 100, SETTINGS).axes[:3]
    ]
    assert {image.get_clim() for image in images} == {(-DYNAMIC_RANGE, 0.0)}
    assert [float(image.get_array().max()) for image in images] == pytest.approx(
        [0, -20, -40], abs=0.1
    )


def test_silence_and_a_very_short_signal_can_be_drawn(tmp_path):
    for length in (1, 100, 16000):
        silence = np.zeros(length, dtype=np.float32)
        save_figure(spectrogram_figure(silence, silence, silence, SETTINGS), tmp_path / "a.png")


def test_labels_do_not_overlap(tone):
    figure = spectrogram_figure(tone, tone, tone, SETTINGS)
    figure.draw_without_rendering()
    boxes = [
        text.get_window_extent()
        for axes in figure.axes
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label)
        if text.get_text()
    ]
    boxes += [axes.get_window_extent() for axes in figure.axes]
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :]]
    assert not any(a.overlaps(b) for a, b in pairs)
    assert all(figure.bbox.x0 <= b.x0 and b.x1 <= figure.bbox.x1 for b in boxes)
    assert all(figure.bbox.y0 <= b.y0 and b.y1 <= figure.bbox.y1 for b in boxes)


def test_equal_figures_give_equal_bytes_and_nothing_else(tone, tmp_path):
    for name in "ab":
        save_figure(spectrogram_figure(tone, tone, tone, SETTINGS), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]
    assert Image.open(tmp_path / "a.png").size[0] >= 1000


def test_an_interrupted_save_leaves_the_old_file(tone, tmp_path, monkeypatch):
    figure = spectrogram_figure(tone, tone, tone, SETTINGS)
    (tmp_path / "a.png").write_bytes(b"old")

    def interrupted(file, **options):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(figure, "savefig", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_figure(figure, tmp_path / "a.png")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize(
    "module",
    ["figures.drawing", "figures.panels", "figures.spectrograms", "lessons.map_separation"],
)
def test_pyplot_is_never_imported(module):
    code = f"import sys, nmflab.{module}; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_explorer_without_plots_is_there_before_matplotlibs_axes():
    code = "import sys; from nmflab.explorer import ListeningExplorer as Explorer; Explorer()"
    code += "; sys.exit('matplotlib.axes' in sys.modules)"
    env = {**os.environ, "NMFLAB_SHORT": "1"}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=env).returncode == 0


def test_levels_are_relative_and_cut_off():
    assert decibels([0, 0.01, 0.1, 1], lowest=-30) == pytest.approx([-30, -30, -20, 0], abs=1e-4)
    assert decibels([1.0], 10.0) == pytest.approx([-20], abs=1e-4)
    assert decibels([0.0]) == pytest.approx([-140], abs=1e-4)
    assert decibels(np.zeros((2, 0))).shape == (2, 0)
    assert decibels(np.ones(3)).dtype == np.float32


@pytest.mark.slow
@given(transforms(), st.integers(1, 50))
def test_each_cell_stands_where_its_bin_and_frame_are(stft, num_frames):
    assert_cells_stand_where_they_are(
        stft, num_frames, time_edges(stft, num_frames), frequency_edges(stft)
    )
    panel = Figure().subplots()
    paint(panel, np.zeros((stft.num_bins, num_frames), np.float32), stft, low=-60)
    left, right, bottom, top = panel.images[0].get_extent()
    assert_cells_stand_where_they_are(stft, num_frames, (left, right), (bottom, top))


@pytest.mark.slow
@given(transforms(), st.integers(1, 8), st.booleans())
def test_a_thinned_picture_stands_where_its_bins_are(stft, num_frames, is_gain):
    panel = Figure().subplots()
    bins = np.arange(stft.num_bins, dtype=np.float32)
    paint_small(panel, np.repeat(bins[:, None], num_frames, 1), stft, is_gain=is_gain)
    image = panel.images[0]
    *_, bottom, top = image.get_extent()
    group = np.asarray(image.get_array())[:, 0]  # the mean of the bins that each row stands for
    shown = middles((bottom, top), len(group))
    khz = stft.sampling_rate / stft.fft / 1000
    whole = slice(None, -1) if len(group) > 1 else slice(None)
    assert shown[whole] == pytest.approx(group[whole] * khz, abs=1e-6 * max(1, shown[-1]))
    assert panel.get_ylim() == (0, stft.sampling_rate / 2000)
    assert top >= stft.frequencies()[-1] / 1000


def test_frames_and_bins_have_their_edges():
    stft = Stft(sampling_rate=8000, fft=8, win_size=8, overlap=4)
    begin, end = time_edges(stft, 3)
    assert end - begin == pytest.approx(3 * 4 / 8000)
    assert frequency_edges(stft) == (-0.5, 4.5)
