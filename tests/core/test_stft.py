"""The transform and its inverse are exact, linear, and refuse what has no inverse."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nmflab.core.stft import FRAMES_PER_BLOCK, Stft
from nmflab.errors import NmflabError
from nmflab.settings import Settings
from nmflab.window_functions import COSINES, window_by_name

EXACT = 1e-6  # greatest error relative to the greatest sample, as the design asks

# window, its length, hop, FFT size
TRANSFORMS = [
    ("hamming", 256, 64, 512),  # the defaults
    ("hamming", 1024, 256, 1024),
    ("hamming", 257, 100, 300),
    ("hann", 256, 128, 512),
    ("hann", 400, 160, 512),
    ("hann", 255, 85, 255),
    ("blackman", 256, 64, 256),
    ("blackman", 256, 128, 257),
    ("blackman", 301, 97, 405),
    ("boxcar", 256, 256, 256),
    ("boxcar", 7, 3, 7),
    ("boxcar", 2, 1, 2),
    ("bartlett", 256, 128, 512),
    ("bartlett", 99, 33, 101),
    ("blackmanharris", 256, 64, 512),
    ("blackmanharris", 256, 128, 512),
    ("nuttall", 128, 32, 129),
    ("flattop", 256, 64, 512),
    ("cosine", 256, 128, 256),
    ("triang", 64, 1, 64),
    ("parzen", 256, 100, 511),
    ("bohman", 255, 64, 255),
    ("tukey", 500, 150, 1000),
    ("taylor", 128, 96, 128),
    ("lanczos", 256, 64, 300),
    ("hann", 2048, 512, 2048),
    ("hann", 3, 1, 5),
]


def transform(window, win_size, hop, fft):
    return Stft(fft=fft, window=window, win_size=win_size, overlap=win_size - hop)


def round_trip_error(stft, x):
    y = stft.synthesise(stft.analyse(x), len(x))
    assert y.shape == x.shape
    assert y.dtype == np.float32
    return np.abs(y - x).max() / np.abs(x).max()


@pytest.mark.parametrize(("window", "win_size", "hop", "fft"), TRANSFORMS)
def test_the_inverse_gives_every_sample_back(rng, window, win_size, hop, fft):
    stft = transform(window, win_size, hop, fft)
    x = rng.standard_normal(20 * win_size + 13).astype(np.float32)
    assert round_trip_error(stft, x) <= EXACT


@pytest.mark.parametrize(("window", "win_size", "hop", "fft"), TRANSFORMS)
def test_the_inverse_is_exact_at_the_edges(rng, window, win_size, hop, fft):
    stft = transform(window, win_size, hop, fft)
    for edge in (slice(1), slice(-1, None)):
        x = np.zeros(3 * win_size + 1, dtype=np.float32)
        x[edge] = 1.0
        assert round_trip_error(stft, x) <= EXACT


@pytest.mark.parametrize(("window", "win_size", "hop", "fft"), TRANSFORMS)
@pytest.mark.parametrize("length", ["1", "2", "hop", "hop + 1", "window - 1", "window"])
def test_the_inverse_is_exact_for_short_signals(rng, window, win_size, hop, fft, length):
    length = {"hop": hop, "hop + 1": hop + 1, "window - 1": win_size - 1, "window": win_size}.get(
        length, 1 if length == "1" else 2
    )
    x = 1.0 + rng.random(length).astype(np.float32)
    assert round_trip_error(transform(window, win_size, hop, fft), x) <= EXACT


@settings(max_examples=60)
@given(data=st.data())
def test_the_inverse_is_exact_for_any_sizes(data):
    win_size = data.draw(st.integers(4, 200), "win_size")
    hop = data.draw(st.integers(1, win_size // 2), "hop")
    fft = win_size + data.draw(st.integers(0, 60), "padding")
    window = data.draw(st.sampled_from(["hamming", "hann", "blackman", "boxcar"]), "window")
    length = data.draw(st.integers(1, 1500), "length")
    x = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    assume(np.abs(x).max() > 0.1)
    assert round_trip_error(transform(window, win_size, hop, fft), x) <= EXACT


@pytest.mark.parametrize("level", [1e-20, 1e-4, 1.0, 1e4, 1e20])
def test_the_inverse_is_exact_at_any_level(rng, level):
    x = (level * rng.standard_normal(5000)).astype(np.float32)
    assert round_trip_error(Stft(), x) <= EXACT


def test_the_inverse_is_exact_across_many_blocks_of_frames(rng):
    stft = transform("hann", 32, 8, 32)
    x = rng.standard_normal(8 * (3 * FRAMES_PER_BLOCK + 1)).astype(np.float32)
    assert stft.num_frames(len(x)) > 3 * FRAMES_PER_BLOCK
    assert round_trip_error(stft, x) <= EXACT


@pytest.mark.parametrize("win_size", [64, 256, 1024, 4096])
@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "blackmanharris"])
@pytest.mark.parametrize("share", [0.5, 0.6, 0.7, 0.75, 0.8])
def test_whatever_window_and_hop_are_accepted_invert_exactly(rng, window, win_size, share):
    """Where the windows hardly overlap, the FFT's rounding is divided by a small Σw²."""
    try:
        stft = transform(window, win_size, int(share * win_size), win_size)
    except NmflabError:
        return
    x = np.sign(rng.standard_normal(20 * win_size)).astype(np.float32)
    assert round_trip_error(stft, x) <= EXACT


@settings(max_examples=40)
@given(
    win_size=st.integers(2, 300),
    hop=st.floats(0, 1),
    length=st.integers(1, 3000),
    padding=st.integers(0, 5),
)
def test_every_sample_lies_under_all_windows_that_can_reach_it(win_size, hop, length, padding):
    hop = max(1, round(hop * win_size))
    stft = transform("boxcar", win_size, hop, win_size + padding)
    T = stft.num_frames(length)
    starts = np.round(stft.times(T) * stft.sampling_rate - win_size / 2).astype(int)
    assert (np.diff(starts) == hop).all()
    reached = np.arange(starts[0] - 5 * hop, starts[-1] + win_size + 5 * hop, hop)
    for n in (0, length - 1, length // 2):
        wanted = reached[(reached <= n) & (n < reached + win_size)]
        assert np.isin(wanted, starts).all()


@pytest.mark.parametrize(
    ("window", "win_size", "hop"),
    [
        ("hann", 256, 256),
        ("hann", 256, 255),
        ("blackman", 256, 256),
        ("blackman", 256, 240),
        ("bartlett", 64, 64),
        ("blackmanharris", 256, 250),
        ("hann", 2, 2),
    ],
)
def test_a_window_and_hop_without_inverse_are_refused(window, win_size, hop):
    with pytest.raises(NmflabError) as refused:
        transform(window, win_size, hop, 512)
    message = str(refused.value)
    assert f"The {window} window of {win_size} samples" in message
    assert f"hop of {hop}" in message
    assert "raise the overlap" in message
    assert "\n" not in message


@pytest.mark.parametrize("window", COSINES)
@pytest.mark.parametrize("win_size", [1, 2, 5, 255, 256, 1024])
def test_a_window_made_without_scipy_has_the_bytes_of_scipys(window, win_size):
    from scipy.signal import get_window

    expected = get_window(window, win_size).astype(np.float32)
    assert window_by_name(window, win_size).tobytes() == expected.tobytes()


@pytest.mark.parametrize("window", ["nosuch", "", "Hamming!", "kaiser", "gaussian", "dpss", "nan"])
def test_a_window_that_scipy_cannot_make_from_its_name_is_refused(window):
    with pytest.raises(NmflabError, match=r"^window is ") as refused:
        Stft(window=window)
    assert repr(window) in str(refused.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"overlap": 256}, "^overlap is 256"),
        ({"fft": 128}, "^fft is 128"),
        ({"win_size": 0}, "^win_size "),
        ({"sampling_rate": -1}, "^sampling_rate "),
    ],
)
def test_bad_sizes_are_refused_by_name(parameters, message):
    with pytest.raises(NmflabError, match=message):
        Stft(**parameters)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(0), "^x is empty"),
        (np.zeros((100, 2)), r"^x has the shape \(100, 2\)"),
        (np.float32(1), r"^x has the shape \(\)"),
        ([0.0, np.nan], "^x holds NaN"),
        ([0.0, np.inf], "^x holds NaN or infinity"),
    ],
)
def test_a_signal_that_is_none_is_refused(x, message):
    with pytest.raises(NmflabError, match=message):
        Stft().analyse(x)


def test_a_spectrogram_of_another_shape_is_refused(rng):
    stft = Stft()
    X = stft.analyse(rng.standard_normal(1000))
    for wrong, length in [(X, 2000), (X[:-1], 1000), (X.T, 1000), (X[:, 0], 1000)]:
        with pytest.raises(NmflabError, match=r"^X has the shape .* has \(257, "):
            stft.synthesise(wrong, length)


def test_the_spectrogram_has_the_shape_that_num_frames_says():
    stft = Stft()
    for length in (1, 63, 64, 65, 16000):
        X = stft.analyse(np.ones(length))
        assert X.shape == (257, stft.num_frames(length))
        assert X.dtype == np.complex64
        assert X.T.flags.c_contiguous  # frames one after another, as NMF wants them


def test_the_transform_is_the_windowed_dft_of_the_definition(rng):
    stft = transform("hamming", 20, 6, 27)
    x = rng.standard_normal(100)
    X = stft.analyse(x)
    n = np.arange(20)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * n / 20)  # periodic
    starts = np.round(stft.times(X.shape[1]) * 16000 - 10).astype(int)
    for t, start in enumerate(starts):
        inside = (start + n >= 0) & (start + n < 100)
        frame = np.where(inside, x[np.clip(start + n, 0, 99)], 0.0) * window
        np.testing.assert_allclose(X[:, t], np.fft.rfft(frame, 27), atol=1e-5)


@settings(max_examples=30)
@given(a=st.floats(-100, 100), b=st.floats(-100, 100), seed=st.integers(0, 99))
def test_analysis_and_synthesis_are_linear(a, b, seed):
    rng = np.random.default_rng(seed)
    stft = transform("hann", 64, 16, 64)
    x, y = rng.standard_normal((2, 300))
    X, Y = stft.analyse(x), stft.analyse(y)
    scale = abs(a) + abs(b) + 1e-9
    np.testing.assert_allclose(
        stft.analyse(a * x + b * y), a * X + b * Y, atol=1e-4 * scale, rtol=0
    )
    mask = rng.random(X.shape)
    np.testing.assert_allclose(
        stft.synthesise(a * mask * X + b * Y, 300),
        a * stft.synthesise(mask * X, 300) + b * stft.synthesise(Y, 300),
        atol=1e-5 * scale,
        rtol=0,
    )


def test_synthesis_is_the_least_squares_estimate(rng):
    """Of all signals, synthesise's has the spectrogram nearest to X (Griffin and Lim 1984)."""
    stft = transform("hann", 16, 6, 16)
    X = stft.analyse(rng.standard_normal(40)) * rng.random((9, stft.num_frames(40)))
    basis = np.stack([stft.analyse(e).ravel() for e in np.eye(40)], axis=1)
    both_sides = np.repeat([1.0, 2.0, 1.0], [1, 7, 1])  # bins that stand for ±k count twice
    weight = np.sqrt(np.repeat(both_sides, X.shape[1]))[:, None]
    A, b = basis * weight, X.ravel() * weight[:, 0]
    nearest, *_ = np.linalg.lstsq(
        np.concatenate([A.real, A.imag]), np.concatenate([b.real, b.imag]), rcond=None
    )
    np.testing.assert_allclose(stft.synthesise(X, 40), nearest, atol=1e-5)


@pytest.mark.parametrize(("window", "win_size", "hop"), [("hamming", 256, 64), ("hann", 400, 100)])
def test_frames_agree_with_librosa(rng, window, win_size, hop):
    librosa = pytest.importorskip("librosa")
    x = rng.standard_normal(4000).astype(np.float32)
    fft = 512
    X = transform(window, win_size, hop, fft).analyse(x)
    shift = (fft - win_size) // 2  # librosa has the window in the middle of the FFT, not ahead
    theirs = librosa.stft(
        np.pad(x, (shift, 0)),
        n_fft=fft,
        hop_length=hop,
        win_length=win_size,
        window=window,
        center=False,
    )
    theirs = theirs * np.exp(2j * np.pi * shift / fft * np.arange(257))[:, None]
    lead = -(-win_size // hop) - 1  # frames of ours ahead of the first sample
    inner = theirs.shape[1]
    np.testing.assert_allclose(X[:, lead : lead + inner], theirs, atol=1e-4)


def test_times_are_the_centres_of_the_frames():
    stft = Stft(win_size=256, overlap=192, sampling_rate=8000)
    x = np.zeros(8000)
    x[4000] = 1.0
    energy = (np.abs(stft.analyse(x)) ** 2).sum(axis=0)
    times = stft.times(len(energy))
    assert np.allclose(np.diff(times), 64 / 8000)
    assert times[energy.argmax()] == pytest.approx(0.5, abs=32.01 / 8000)
    assert (times * energy).sum() / energy.sum() == pytest.approx(0.5, abs=1e-4)


def test_frequencies_are_those_of_the_bins():
    stft = Stft(fft=400, win_size=400, overlap=300, sampling_rate=8000)
    frequencies = stft.frequencies()
    assert frequencies[[0, 1, -1]].tolist() == [0.0, 20.0, 4000.0]
    tone = np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000)
    assert frequencies[np.abs(stft.analyse(tone)[:, 20]).argmax()] == 1000.0


def test_frequencies_of_an_odd_fft_end_below_half_the_rate():
    assert Stft(fft=257, sampling_rate=16000).frequencies()[-1] == pytest.approx(128 * 16000 / 257)


def test_the_settings_describe_the_same_transform(rng):
    parameters = {"fft": 300, "window": "hann", "win_size": 200, "overlap": 150}
    ours = Stft.from_settings(Settings(sampling_rate=8000, **parameters))
    x = rng.standard_normal(1000)
    assert np.array_equal(ours.analyse(x), Stft(sampling_rate=8000, **parameters).analyse(x))
    assert ours.sampling_rate == 8000


def test_nothing_that_is_passed_is_changed(rng):
    stft = Stft()
    x = rng.standard_normal(2000).astype(np.float32)
    X = stft.analyse(x)
    x_before, X_before = x.copy(), X.copy()
    stft.analyse(x)
    stft.synthesise(X, 2000)
    x.flags.writeable = X.flags.writeable = False
    stft.synthesise(stft.analyse(x), 2000)
    assert np.array_equal(x, x_before)
    assert np.array_equal(X, X_before)


def test_the_dtype_of_the_signal_changes_no_bit(rng):
    x = rng.standard_normal(2000).astype(np.float32)
    X = Stft().analyse(x)
    assert np.array_equal(X, Stft().analyse(x.astype(np.float64)))
    assert np.array_equal(X, Stft().analyse(x.tolist()))
    assert np.array_equal(X, Stft().analyse(np.stack([x, x], axis=1)[:, 0]))


def test_silence_stays_silence():
    stft = Stft()
    X = stft.analyse(np.zeros(1000))
    assert not X.any()
    assert not stft.synthesise(X, 1000).any()


@pytest.mark.parametrize("window", ["boxcar", "hamming"])
def test_many_windows_over_a_sample_add_no_error(window, rng):
    stft = Stft(fft=128, window=window, win_size=109, overlap=108)
    for x in (np.float32([1.0, -0.7]), rng.normal(size=300).astype(np.float32)):
        error = np.abs(stft.synthesise(stft.analyse(x), len(x)) - x).max()
        assert error <= 5e-7 * np.abs(x).max()


def test_even_windows_are_transformed_in_single_precision_and_others_in_double():
    x = np.ones(2000, np.float32)
    assert Stft().analyse(x).dtype == np.complex64
    assert Stft().window.dtype == np.float32
    assert Stft(window="hann", win_size=255, overlap=254).window.dtype == np.float64
