"""Padding with digital silence and a constant offset change nothing elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.doors import SMALL, hiss, small_model, voice

from nmflab.audio.files import write_audio
from nmflab.audio.signals import mix_at_snr
from nmflab.checks import without_offset
from nmflab.core.nmf import encode, train_nmf
from nmflab.core.pipeline import separate
from nmflab.core.stft import Stft
from nmflab.corpus.dictionaries import train_model
from nmflab.corpus.folders import load_corpus
from nmflab.priors.distributions import ExponentialPrior, GammaPrior
from nmflab.priors.variants import VARIANTS
from nmflab.recordings.blocks import separate_blocks

HOP = SMALL.hop
modes = st.sampled_from(list(VARIANTS))
updates = st.sampled_from(["mm", "mu"])
solvers = st.sampled_from(["plain", "accelerated"])


def padded(x, before, after):
    return np.concatenate([np.zeros(before, x.dtype), x, np.zeros(after, x.dtype)])


@settings(max_examples=40)
@given(
    before=st.integers(0, 600), after=st.integers(0, 20000), mode=modes, update=updates,
    solver=solvers, scale=st.sampled_from(["relative", "raw"]), n=st.integers(500, 4000),
)  # fmt: skip
def test_silence_around_a_mixture_changes_no_bit_of_it(
    before, after, mode, update, solver, scale, n
):
    """Before it are whole hops of silence, which leave its frames as they are."""
    override = SMALL.replace(
        nmf_mode=mode, update=update, solver=solver, penalty_scale=scale, max_iter_test=12
    )
    x = voice(3, n) + hiss(4, n)
    found = separate(small_model(), x, override)
    long = separate(small_model(), padded(x, before * HOP, after), override)
    frames, samples = (
        slice(before, before + found.H.shape[1]),
        slice(before * HOP, before * HOP + n),
    )
    assert np.array_equal(long.H[:, frames], found.H)
    assert np.array_equal(long.gain[:, frames], found.gain)
    for name in ("speech", "noise"):
        np.testing.assert_allclose(
            getattr(long, name)[samples], getattr(found, name), atol=1e-7, rtol=0
        )
        reach = slice(
            max(samples.start - SMALL.win_size, 0),
            min(samples.stop + SMALL.win_size, len(long.speech)),
        )
        assert not np.delete(getattr(long, name), np.r_[reach]).any()


@settings(max_examples=15)
@given(before=st.integers(0, 3000), after=st.integers(0, 3000), mode=modes)
def test_any_number_of_zeros_before_a_mixture_hardly_changes_it(before, after, mode):
    """The frames lie elsewhere then, and see it through shifted windows."""
    x, override = voice(3) + hiss(4), SMALL.replace(nmf_mode=mode)
    found = separate(small_model(), x, override).speech
    long = separate(small_model(), padded(x, before, after), override).speech
    error = long[before : before + len(x)] - found
    assert np.sqrt(np.mean(error**2)) < 0.1 * np.sqrt(np.mean(found**2))


@settings(max_examples=15)
@given(
    leads=st.lists(st.integers(0, 40), min_size=3, max_size=3),
    after=st.integers(0, 5000), solver=solvers, epsilon=st.sampled_from([0.0, 0.5]),
)  # fmt: skip
def test_silence_in_the_training_audio_changes_no_bit_of_the_model(leads, after, solver, epsilon):
    small = SMALL.replace(solver=solver, epsilon=epsilon)
    clips = voice(0), voice(1), hiss(2)
    model = train_model(clips[:2], clips[2:], small)
    long = [padded(x, n * HOP, after) for x, n in zip(clips, leads, strict=True)]
    other = train_model([*long[:2], np.zeros(900)], long[2:], small)
    for name in ("speech", "noise"):
        a, b = getattr(model, name), getattr(other, name)
        assert a.rms == b.rms
        for part in ("W", "H", "divergence", "row_means"):
            assert np.array_equal(getattr(a, part), getattr(b, part)), part
        for mode in ("NMF_g", "NMF_e"):
            assert np.array_equal(a.prior(mode).scale, b.prior(mode).scale)
            assert np.array_equal(a.prior(mode).shape, b.prior(mode).shape)


def spread_out(A, places, total):
    """Put the columns of A at some places among columns of zeros."""
    whole = np.zeros((A.shape[0], total), A.dtype)
    whole[:, places] = A
    return whole


@settings(max_examples=40)
@given(
    seed=st.integers(0, 99), silent=st.integers(1, 900), frames=st.integers(1, 300),
    shape=st.sampled_from([None, 0.3, 1.0, 3.0]), update=updates, solver=solvers,
    init=st.sampled_from([None, "random", "array"]),
)  # fmt: skip
def test_silent_frames_of_v_change_no_bit_of_the_others(
    seed, silent, frames, shape, update, solver, init
):
    rng = np.random.default_rng(seed)
    V, W = rng.gamma(0.3, 1.0, (9, frames)) + 1e-3, rng.gamma(0.3, 1.0, (9, 4)) + 1e-3
    places = np.sort(rng.permutation(frames + silent)[:frames])
    long = spread_out(V, places, frames + silent)
    starts = init, init
    if init == "array":
        H = rng.random((4, frames + silent))
        starts = H[:, places], H
    prior = shape and GammaPrior(shape=np.full(4, shape), scale=rng.uniform(0.5, 2, 4))
    options = {"update": update, "solver": solver, "prior": prior or None, "penalty": 0.2}
    found, other = (
        encode(A, W, init=H, n_iter=9, **options) for A, H in zip((V, long), starts, strict=True)
    )
    assert np.array_equal(other.H[:, places], found.H)
    assert np.isfinite(other.objective).all()
    least = 0.2 * (shape - 1) / (W.sum(axis=0) + 0.2 / prior.scale) if shape == 3.0 else 0.0 * W[0]
    expected = least if update == "mm" else np.zeros(4)
    np.testing.assert_allclose(
        np.delete(other.H, places, axis=1), np.repeat(expected[:, None], silent, axis=1),
        rtol=1e-5, atol=1e-9,
    )  # fmt: skip
    trained, again = (
        train_nmf(
            A, 1, n_iter=5, solver=solver, init=None if init != "array" else (W[:, :1], H[:1])
        )
        for A, H in zip((V, long), starts, strict=True)
    )
    assert np.array_equal(trained.W, again.W)
    assert np.array_equal(trained.H, again.H[:, places])
    assert np.array_equal(trained.divergence, again.divergence)


@pytest.mark.parametrize("mode", VARIANTS)
def test_the_silent_answer_is_where_the_updates_lead(mode):
    """A frame of 1e-18 of the others is no digital silence, and is iterated on."""
    rng = np.random.default_rng(0)
    V, W = rng.gamma(0.3, 1.0, (9, 20)), rng.gamma(0.3, 1.0, (9, 4)) + 1e-3
    prior = {
        "NMF": None,
        "NMF_g": GammaPrior(shape=np.array([0.2, 0.9, 1.5, 4.0]), scale=np.ones(4)),
        "NMF_e": ExponentialPrior(shape=np.ones(4), scale=np.ones(4)),
    }[mode]
    answers = []
    for least in (0.0, 1e-18):
        V[:, 7] = least
        answers.append(encode(V, W, prior=prior, penalty=0.3, n_iter=30).H)
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-5, atol=1e-9)


# A constant offset


@settings(max_examples=60)
@given(
    offset=st.floats(-0.9, 0.9), which=st.sampled_from(["speech", "noise", "both"]),
    snr=st.floats(-20, 20), seed=st.integers(0, 99),
)  # fmt: skip
def test_an_offset_doesn_t_change_how_loud_the_noise_sounds(offset, which, snr, seed):
    """An offset below a tenth of the RMS is left in the energy: 0.05 dB."""
    speech, noise = voice(seed), np.float32(0.1) * hiss(seed + 1)
    speech, noise = speech - speech.mean(), noise - noise.mean()
    plain = mix_at_snr(speech, noise, snr)
    a, b = (np.float32(offset) * (which in (name, "both")) for name in ("speech", "noise"))
    mixed = mix_at_snr(speech + a, noise + b, snr)
    heard = [x.noise.astype(float) - x.noise.mean(dtype=float) for x in (plain, mixed)]
    ratio = 20 * np.log10(np.std(heard[1]) / np.std(heard[0]))
    assert abs(ratio) < 0.05
    np.testing.assert_array_equal(mixed.mixture, mixed.speech + mixed.noise)
    np.testing.assert_array_equal(mixed.speech, speech + a)


offsets = st.sampled_from([-0.9, -0.2, 0.05, 0.9, 30.0])


@settings(max_examples=25)
@given(
    offset=offsets, mode=modes, update=updates, solver=solvers, after=st.integers(0, 3000),
    scale=st.sampled_from(["relative", "raw"]),
)  # fmt: skip
def test_an_offset_in_a_mixture_goes_to_the_noise_and_changes_nothing_else(
    offset, mode, update, solver, after, scale
):
    """Silence that was put behind has none, and stays silence."""
    override = SMALL.replace(nmf_mode=mode, update=update, solver=solver, penalty_scale=scale)
    x = voice(3) + hiss(4)
    x -= x.mean(dtype=np.float64)
    found = separate(small_model(), x, override)
    shifted = padded(x + np.float32(offset), 0, after)
    other = separate(small_model(), shifted, override)
    fine = {"atol": 1e-3, "rtol": 1e-3}
    T = found.H.shape[1]
    np.testing.assert_allclose(other.gain[:, :T], found.gain, **fine)
    np.testing.assert_allclose(other.speech[: len(x)], found.speech, **fine)
    np.testing.assert_allclose(other.speech + other.noise, shifted, atol=1e-5)
    assert not other.speech[len(x) + SMALL.win_size :].any()


@settings(max_examples=15)
@given(offset=offsets, solver=solvers)
def test_an_offset_in_the_training_audio_changes_nothing(offset, solver):
    small = SMALL.replace(solver=solver)
    clips = [x - x.mean(dtype=np.float64) for x in (voice(0), voice(1), hiss(2))]
    model = train_model(clips[:2], clips[2:], small)
    shifted = [x + np.float32(offset) for x in clips]
    other = train_model(shifted[:2], shifted[2:], small)
    for name in ("speech", "noise"):
        a, b = getattr(model, name), getattr(other, name)
        assert b.rms == pytest.approx(a.rms, rel=1e-3)
        np.testing.assert_allclose(b.W, a.W, atol=1e-3)
        np.testing.assert_allclose(b.H, a.H, atol=1e-3 * a.H.max())


def test_an_offset_of_a_long_recording_is_taken_from_all_of_its_blocks():
    """The second half is quiet: by itself its mean would be another."""
    x = np.concatenate([voice(3, 9000), 0.01 * voice(5, 9000)]) + hiss(4, 18000)
    x = np.concatenate([np.zeros(700), x - x.mean() + 0.5, np.zeros(5000)]).astype(np.float32)
    whole = separate(small_model(), x)
    parts = separate_blocks(small_model(), x.__getitem__, len(x), SMALL, block=0.2)
    speech, noise = map(np.concatenate, zip(*parts, strict=True))
    np.testing.assert_allclose(speech, whole.speech, atol=1e-5)
    np.testing.assert_allclose(noise, whole.noise, atol=1e-5)
    np.testing.assert_allclose(speech + noise, x, atol=1e-6)


def test_what_is_nothing_but_an_offset_or_a_click_stays_as_it_is():
    click = np.zeros(900, np.float32)
    click[400] = 0.5
    for x in (np.full(900, 0.3, np.float32), click, np.zeros(900, np.float32), click[400:401]):
        assert without_offset(x) is x


def test_the_embedded_recordings_have_no_offset_to_speak_of():
    corpus = load_corpus()
    for part in (corpus.train_speech, corpus.train_noise, corpus.test_speech, corpus.test_noise):
        for x in part:
            assert without_offset(x) is x


def test_a_corpus_is_read_without_the_offsets_of_its_recorders(tmp_path):
    for i, part in enumerate(("train/speech", "train/noise", "test/speech", "test/noise")):
        write_audio(tmp_path / part / "a.wav", voice(i) + np.float32(0.3))
    corpus = load_corpus(tmp_path)
    for part in (corpus.train_speech, corpus.train_noise, corpus.test_speech, corpus.test_noise):
        assert abs(part[0].mean()) < 1e-4


def test_an_offset_in_a_noise_doesn_t_hide_it():
    """At 0 dB it once sounded like at 20."""
    speech, noise = voice(0), np.float32(0.1) * hiss(1)
    mixed = mix_at_snr(speech, noise + np.float32(0.1), 0.0)
    assert np.std(mixed.noise) == pytest.approx(np.std(speech), rel=1e-3)


@given(offset=st.floats(-1, 1), window=st.sampled_from(["hamming", "hann", "blackman", "boxcar"]))
def test_an_offset_changes_a_spectrogram_at_0_hz_alone(offset, window):
    stft = Stft(fft=256, win_size=256, overlap=192, window=window)
    x = voice(0, 4000)
    inside = slice(4, -4)  # the ends are a step
    change = np.abs(stft.analyse(x + np.float32(offset)) - stft.analyse(x))[:, inside]
    assert change[3:].max(initial=0.0) < 1e-4
