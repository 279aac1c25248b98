"""Every legal STFT, and where its cells have to stand."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from nmflab.core.stft import Stft
from nmflab.errors import NmflabError


@st.composite
def transforms(draw):
    """Draw any STFT that can be inverted, of few enough bins to be drawn."""
    win_size = draw(st.integers(2, 600))
    fft = draw(st.integers(win_size, 3000))
    overlap = draw(st.integers(0, win_size - 1))
    window = draw(st.sampled_from(["boxcar", "hamming", "hann"]))
    rate = draw(st.sampled_from([3000, 8000, 11025, 16000, 44100]))
    try:
        return Stft(fft=fft, window=window, win_size=win_size, overlap=overlap, sampling_rate=rate)
    except NmflabError:
        hypothesis.reject()


def middles(edges, count):
    """Give the centres of cells of one size between two edges."""
    return edges[0] + (np.arange(count) + 0.5) * (edges[1] - edges[0]) / count


def assert_cells_stand_where_they_are(stft, num_frames, columns, rows):
    assert middles(columns, num_frames) == pytest.approx(stft.times(num_frames), abs=1e-9)
    assert middles(rows, stft.num_bins) == pytest.approx(stft.frequencies() / 1000, abs=1e-9)
