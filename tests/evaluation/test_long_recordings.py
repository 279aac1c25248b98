"""Long recordings: the same results in parts, and memory that grows with little but the samples."""

import tracemalloc

import numpy as np
import pytest

import nmflab as nl
from nmflab.audio import signals
from nmflab.evaluation import listeners, mixtures
from nmflab.evaluation.metrics import bss_eval, si_sdr, stoi
from nmflab.figures import spectrograms
from nmflab.recordings import blocks

RATE = 16000


@pytest.fixture
def speech(rng):
    t = np.arange(9 * RATE) / RATE
    tone = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 8))
    return (0.1 * tone * (np.sin(8 * t) > -0.3) + 1e-3 * rng.standard_normal(t.size)).astype("f4")


@pytest.mark.parametrize("part", [1000, 2**14, 9 * RATE - 1])
def test_scores_and_mixtures_in_parts_are_those_of_the_whole(monkeypatch, speech, rng, part):
    noise = rng.standard_normal(speech.size // 2 + 7)
    whole = nl.mix_at_snr(speech, noise, 3.0, offset=11)
    wanted = [*bss_eval(*whole[1:], whole.mixture**3), si_sdr(speech, whole.mixture)]
    monkeypatch.setattr(signals, "PART", part)
    mixed = nl.mix_at_snr(speech, noise, 3.0, offset=11)
    np.testing.assert_allclose(mixed.noise, whole.noise, rtol=1e-6)
    found = [*bss_eval(*whole[1:], whole.mixture**3), si_sdr(speech, whole.mixture)]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_stoi_in_stretches_is_close_to_that_of_the_whole(monkeypatch, speech, rng):
    estimate = speech + 0.05 * rng.standard_normal(speech.size)
    pause = np.full(4 * RATE, 1e-6)
    long, estimate = np.append(speech, pause), np.append(estimate, pause)
    whole = stoi(long, estimate)
    monkeypatch.setattr(listeners, "LONGEST_STOI", 3.0)
    assert stoi(long, estimate) == pytest.approx(whole, abs=0.02)


@pytest.mark.parametrize("mode", ["NMF", "NMF_g", "NMF_e"])
def test_a_long_mixture_is_separated_in_blocks_as_in_one(monkeypatch, speech, rng, mode):
    settings = nl.Settings(
        nmf_mode=mode, num_basis_speech=6, num_basis_noise=4, max_iter_train=4, max_iter_test=5
    )
    noise = 0.1 * rng.standard_normal(speech.size).astype("f4")
    model = nl.train_model([speech], [noise], settings)
    whole = nl.separate(model, speech + noise).speech
    assert (blocks.separate_speech(model, speech + noise) == whole).all()
    monkeypatch.setattr(blocks, "LONG", 1.0)
    monkeypatch.setattr(blocks, "BLOCK", 2.0)
    np.testing.assert_allclose(blocks.separate_speech(model, speech + noise), whole, atol=1e-5)


def test_the_picture_of_a_long_signal_is_that_of_the_whole(monkeypatch, speech):
    settings = nl.Settings()
    axes = spectrograms.spectrogram_figure(speech, speech, speech, settings).axes
    monkeypatch.setattr(spectrograms, "MOST_FRAMES", 500)
    few = spectrograms.spectrogram_figure(speech, speech, speech, settings).axes
    a, b = axes[0].images[0], few[0].images[0]
    assert b.get_array().shape[1] <= 501
    assert a.get_extent() == b.get_extent()
    power, frames = (10 ** (np.asarray(image.get_array()) / 10) for image in (b, a))
    each = -(-frames.shape[1] // 500)
    lead = nl.Stft.from_settings(settings).num_frames(speech.size) - -(-speech.size // 64)
    starts = np.arange(0, frames.shape[1] - lead, each)
    groups = np.add.reduceat(frames[:, lead:], starts, axis=1) / each
    assert np.corrcoef(power.ravel(), groups.ravel())[0, 1] > 0.99


@pytest.mark.slow
def test_scores_of_ten_minutes_take_little_more_than_the_samples(rng):
    noise = 0.1 * rng.standard_normal(30 * RATE).astype("f4")
    long = np.tile(noise, 20)
    tracemalloc.start()
    mixed = nl.mix_at_snr(long, noise[::-1], 0.0)
    bss_eval(*mixed[1:], mixed.mixture)
    si_sdr(mixed.speech, mixed.mixture)
    spectrograms.spectrogram_figure(mixed.mixture, mixed.speech, mixed.speech, nl.Settings())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 7 * long.nbytes


def test_a_sweep_takes_a_long_clip_in_blocks(monkeypatch, speech, rng):
    settings = nl.Settings(num_basis_speech=4, num_basis_noise=4, max_iter_train=3, max_iter_test=3)
    noise = 0.1 * rng.standard_normal(speech.size).astype("f4")
    model = nl.train_model([speech], [noise], settings)
    group = {n: settings.replace(p=p) for n, p in enumerate((1.0, 2.0))}
    task = mixtures.Task(speech, noise, [model])

    def scores():
        return mixtures.scored([group], ["si_sdr"], task, None, lambda: None).scores

    wanted = scores()
    for module in (blocks, mixtures):
        monkeypatch.setattr(module, "LONG", 1.0)
    monkeypatch.setattr(mixtures, "encode_mixture", None)
    found = scores()
    assert found.keys() == {0, 1}
    np.testing.assert_allclose([found[0], found[1]], [wanted[0], wanted[1]], atol=1e-3)
