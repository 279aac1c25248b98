"""Recordings whose noise nobody has trained: any rate, channels, length; what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nmflab as nl
from nmflab.audio.channels import read_channels, write_channels
from nmflab.audio.signals import resample
from nmflab.core.stft import Stft
from nmflab.evaluation import metrics
from nmflab.recordings.blocks import crossfaded, cut
from nmflab.recordings.denoise import denoise
from nmflab.recordings.denoise_files import denoise_file
from nmflab.recordings.own_bins import OwnBins
from nmflab.recordings.voice import of_band, speech_dictionary

OWN = nl.Settings.own()
QUICK = OWN.replace(max_iter_test=3)


@pytest.fixture(scope="module")
def mixture():
    """Mix a voice that the dictionary doesn't know, in a noise that nobody has trained."""
    corpus = nl.load_corpus()
    speech = corpus.test_speech[0][:40000]
    return nl.mix_at_snr(speech, corpus.test_noise["fan"], 0.0)


@pytest.mark.slow
def test_a_noise_that_nobody_has_trained_goes(mixture):
    found = denoise(mixture.mixture, 16000)
    gain = metrics.si_sdr(mixture.speech, found.speech) - metrics.si_sdr(
        mixture.speech, mixture.mixture
    )
    assert gain > 4.0


@pytest.mark.slow
def test_marking_the_noise_helps_or_harms_little(mixture):
    lead = resample(mixture.noise[:16000], 16000, 16000)
    marked = denoise(np.concatenate([lead, mixture.mixture]), 16000, noise=(0, 1))
    blind = denoise(np.concatenate([lead, mixture.mixture]), 16000)
    scores = [metrics.si_sdr(mixture.speech, x.speech[16000:]) for x in (marked, blind)]
    assert scores[0] > scores[1] - 0.5
    assert not np.array_equal(marked.speech, blind.speech)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [None, 1, 2, 3])
def test_rate_channels_and_length_are_kept_and_the_parts_add_up(mixture, rate, channels):
    x = resample(mixture.mixture[:9000], 16000, rate)
    if channels is not None:
        x = np.stack([x * (c + 1) / channels for c in range(channels)], axis=1)
    found = denoise(x, rate, settings=QUICK.replace(max_iter_test=1))
    assert found.speech.shape == found.noise.shape == x.shape
    assert found.speech.dtype == np.float32
    np.testing.assert_allclose(found.speech + found.noise, x, atol=2e-7)
    assert found.gain.shape[1] == found.H.shape[1] == found.mixture.shape[1]


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_another_rate_gives_the_same_sound(mixture, rate):
    inner = denoise(mixture.mixture, 16000, settings=QUICK).speech
    x = resample(mixture.mixture, 16000, rate)
    other = resample(denoise(x, rate, settings=QUICK).speech, rate, 16000)[: len(inner)]
    assert metrics.si_sdr(inner[: len(other)], other) > 20.0


def test_a_gain_of_one_gives_the_recording_at_every_rate():
    rng = np.random.default_rng(0)
    for rate in (16000, 22050, 44100, 48000):
        x = rng.normal(size=(rate // 4, 2)).astype(np.float32)
        T = Stft.from_settings(OWN).num_frames(4000)
        gain = np.ones((OWN.num_bins, T), np.float32)
        np.testing.assert_allclose(OwnBins(OWN, rate).apply(x, gain), x, atol=2e-5)


def test_a_gain_stands_at_its_time_and_frequency_at_every_rate():
    """A tone in a half that is let through passes; beyond the dictionary's band the top counts."""
    T = Stft.from_settings(OWN).num_frames(32000)
    gain = np.zeros((OWN.num_bins, T), np.float32)
    gain[: OWN.num_bins // 2, : T // 2] = 1.0  # below 4 kHz, in the first second
    for rate in (16000, 44100, 48000):
        t = np.arange(2 * rate) / rate
        bins = OwnBins(OWN, rate)
        for pitch, passes in ((1000, True), (6000, False), (7900, False)):
            tone = np.sin(2 * np.pi * pitch * t).astype(np.float32)[:, np.newaxis]
            left = np.square(bins.apply(tone, gain)[:, 0])
            first, last = left[: int(0.9 * rate)].mean(), left[int(1.1 * rate) :].mean()
            assert (first > 0.4) == passes
            assert last < 1e-6


def test_seconds_of_silence_and_a_voice_beyond_full_scale_are_survived(mixture):
    x = np.concatenate([np.zeros(20000, np.float32), 3 * mixture.mixture[:20000]])
    found = denoise(x, 16000, settings=QUICK)
    assert np.isfinite(found.speech).all()
    assert not found.speech[:15000].any()


@pytest.mark.parametrize("samples", [1, 2, 100, 1023])
def test_what_is_shorter_than_a_window_is_taken(samples):
    x = np.random.default_rng(0).normal(0, 0.1, samples)
    found = denoise(x, 44100, settings=QUICK)
    np.testing.assert_allclose(found.speech + found.noise, x, atol=1e-6)


def test_silence_gives_silence():
    found = denoise(np.zeros((8000, 2)), 16000, settings=QUICK)
    assert not found.speech.any()
    assert not found.noise.any()


def test_channels_that_cancel_each_other_are_not_lost(mixture):
    x = mixture.mixture[:20000]
    alone = denoise(x, 16000, settings=QUICK).speech
    both = denoise(np.stack([x, -x], axis=1), 16000, settings=QUICK).speech
    np.testing.assert_allclose(both[:, 0], alone, atol=1e-6)
    np.testing.assert_allclose(both[:, 1], -alone, atol=1e-6)


def test_a_seed_gives_the_same_bytes(mixture):
    one, two = (denoise(mixture.mixture[:20000], 16000, settings=QUICK) for _ in range(2))
    assert one.speech.tobytes() == two.speech.tobytes()


def test_noise_is_kept_at_the_level_that_is_asked_for(mixture):
    x = mixture.mixture[:20000]
    clean = denoise(x, 16000, settings=QUICK.replace(keep=100.0)).speech
    some = denoise(x, 16000, settings=QUICK.replace(keep=20.0)).speech
    np.testing.assert_allclose(some, 0.9 * clean + 0.1 * x, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"samples": np.zeros((2, 3, 4))}, r"has the shape \(2, 3, 4\)"),
        ({"samples": []}, "at least one sample"),
        ({"samples": [0.0, np.nan]}, "NaN or infinity"),
        ({"sampling_rate": 0}, "sampling_rate is 0"),
        ({"noise": (2, 1)}, "marked from 2 to 1 s"),
        ({"noise": (0, 9)}, "of a recording of 1 s"),
        ({"noise": "now"}, "a pair of seconds"),
        ({"noise": (0.0, 0.0001)}, "has . frames that sound, but 4 bases"),
        ({"settings": nl.Settings()}, "num_basis_noise must be 0"),
        ({"progress": 3}, "progress is 3"),
    ],
)
def test_what_can_not_be_used_is_refused_in_a_sentence(wrong, message):
    silent_at_first = np.concatenate([np.zeros(8000), np.ones(8000)])
    good = {"samples": silent_at_first, "sampling_rate": 16000, "settings": QUICK}
    with pytest.raises(nl.NmflabError, match=message):
        denoise(**good | wrong)


@given(
    length=st.integers(1, 4000),
    block=st.integers(1, 1500),
    fade=st.integers(0, 90),
    context=st.integers(1, 4),
)
@settings(max_examples=60, deadline=None)
def test_pieces_cross_faded_are_the_whole(length, block, fade, context):
    stft = Stft(fft=64, win_size=64, overlap=48)
    x = np.arange(1, length + 1, dtype=np.float32)[:, np.newaxis]
    pieces = list(cut(length, stft, max(block, 2 * fade + 16), context, fade))
    parts = [x[piece.around][piece.inside].copy() for piece in pieces]
    joined = np.concatenate(list(crossfaded(iter(parts), fade)))
    np.testing.assert_allclose(joined, x, rtol=1e-6)
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    frames = sum(piece.frames.stop - piece.frames.start for piece in pieces)
    assert frames == stft.num_frames(length)


def test_the_shipped_dictionary_is_that_of_its_settings():
    found = speech_dictionary(OWN)
    assert found.W.shape == (OWN.context * OWN.num_bins, OWN.num_basis_speech)
    np.testing.assert_allclose(found.W.sum(axis=0), 1.0, rtol=1e-5)
    assert found.H.min() >= 0


def test_a_narrower_band_keeps_what_lies_in_it():
    whole = speech_dictionary(OWN)
    narrow = of_band(whole, OWN.num_bins, 200)
    np.testing.assert_allclose(narrow.W.sum(axis=0), 1.0, rtol=1e-5)
    assert narrow.W.shape[0] == 200 * OWN.context
    inside = whole.W.reshape(OWN.context, OWN.num_bins, -1)[:, :200].sum(axis=(0, 1))
    heard = inside > 0.02
    np.testing.assert_allclose(narrow.row_means, (whole.row_means * inside)[heard], rtol=1e-4)


# From file to file


def test_files_are_denoised_as_samples_are_whatever_their_length(mixture, tmp_path, monkeypatch):
    monkeypatch.setattr("nmflab.recordings.denoise.BLOCK", 1.5)
    x = np.stack([np.tile(mixture.mixture, 2), 0.5 * np.tile(mixture.mixture, 2)], axis=1)
    x = np.round(x * 2**20) / 2**23
    write_channels(tmp_path / "in.wav", x, 16000, "FLOAT")
    names = [tmp_path / "speech.wav", tmp_path / "noise.wav"]
    denoise_file(tmp_path / "in.wav", *names, settings=QUICK)
    found = denoise(x, 16000, settings=QUICK)
    for name, samples in zip(names, (found.speech, found.noise), strict=True):
        read = read_channels(name)
        assert (read.rate, read.samples.shape) == (16000, x.shape)
        np.testing.assert_allclose(read.samples, samples, atol=1e-6)


def test_no_seam_is_heard_between_blocks(mixture, monkeypatch):
    x = np.tile(mixture.mixture, 2)
    monkeypatch.setattr("nmflab.recordings.denoise.BLOCK", 1.5)
    found = denoise(x, 16000, settings=QUICK)
    steps = np.abs(np.diff(found.speech))
    for start in range(24000, len(x) - 24000, 24000):
        around = steps[start - 16000 : start + 800]
        assert steps[start - 16100 : start + 100].max() <= 1.5 * max(around.max(), steps.max() / 4)


def test_a_stretch_that_is_marked_in_a_file_is_that_of_the_samples(mixture, tmp_path):
    write_channels(tmp_path / "in.wav", mixture.mixture, 16000, "FLOAT")
    names = [tmp_path / "speech.wav", tmp_path / "noise.wav"]
    marks = [(0.1, 0.5), (1.0, 1.4)]
    denoise_file(tmp_path / "in.wav", *names, marks=marks, settings=QUICK)
    found = denoise(mixture.mixture, 16000, noise=marks, settings=QUICK)
    np.testing.assert_allclose(read_channels(names[0]).samples[:, 0], found.speech, atol=1e-6)


def test_a_result_never_replaces_the_recording(mixture, tmp_path):
    path = nl.write_audio(tmp_path / "in.wav", mixture.mixture)
    before = path.read_bytes()
    with pytest.raises(nl.NmflabError, match="would replace the recording"):
        denoise_file(path, path, tmp_path / "noise.wav", settings=QUICK)
    with pytest.raises(nl.NmflabError, match="name of its own"):
        denoise_file(path, tmp_path / "a.wav", tmp_path / "a.wav", settings=QUICK)
    assert path.read_bytes() == before


def test_an_offset_of_a_channel_goes_to_the_noise_and_changes_nothing_else(mixture):
    both = np.stack([mixture.mixture, 0.5 * mixture.mixture], axis=1)
    both -= both.mean(axis=0)
    shifted = both + np.array([0.4, -0.2], np.float32)
    found, other = (denoise(x, 16000, noise=(0.0, 0.5), settings=QUICK) for x in (both, shifted))
    np.testing.assert_allclose(other.speech, found.speech, atol=1e-3)
    np.testing.assert_allclose(other.speech + other.noise, shifted, atol=1e-6)
