"""Speech and noise are mixed at the SNR that was asked for; what can't be used is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sounds import RATE, tone

from nmflab.audio.signals import audible_energy, mix_at_snr, resample
from nmflab.errors import NmflabError


@pytest.mark.parametrize("rate", [0, -1, 0.5, np.nan, "16000", None, True])
def test_unusable_rates_are_named(rate):
    with pytest.raises(NmflabError, match="sampling_rate is"):
        resample(tone(), RATE, rate)


def test_too_short_to_resample_is_said():
    with pytest.raises(NmflabError, match="1 samples at 48000 Hz is too short"):
        resample([0.5], 48000, RATE)


@given(
    snr=st.floats(-60, 60),
    level=st.floats(-6, 3),
    n_noise=st.integers(1, 300),
    offset=st.integers(0, 1000),
    seed=st.integers(0, 99),
)
def test_mixture_has_the_snr_and_is_the_sum_of_its_parts(snr, level, n_noise, offset, seed):
    generator = np.random.default_rng(seed)
    speech = generator.standard_normal(100).astype(np.float32)
    noise = 10**level * generator.standard_normal(n_noise)
    mixed = mix_at_snr(speech, noise, snr, offset=offset)
    reached = 10 * np.log10(audible_energy(mixed.speech) / audible_energy(mixed.noise))
    assert reached == pytest.approx(snr, abs=1e-4)
    np.testing.assert_array_equal(mixed.mixture, mixed.speech + mixed.noise)
    np.testing.assert_array_equal(mixed.speech, speech)
    assert mixed.mixture.dtype == mixed.noise.dtype == np.float32


def test_noise_is_a_loop_entered_at_the_offset():
    noise = mix_at_snr(np.ones(7), [1.0, 2.0, 3.0], 0, offset=2).noise
    np.testing.assert_allclose(noise / noise[1], [3, 1, 2, 3, 1, 2, 3], rtol=1e-6)


def test_long_noise_is_cut_from_its_start(rng):
    long = rng.standard_normal(1000)
    first = mix_at_snr(tone()[:100], long[:100], 5).noise
    np.testing.assert_array_equal(mix_at_snr(tone()[:100], long, 5).noise, first)


def test_mixing_changes_nothing_it_is_given(rng):
    speech, noise = rng.standard_normal((2, 50)).astype(np.float32)
    copies = speech.copy(), noise.copy()
    mix_at_snr(speech, noise, 5)
    np.testing.assert_array_equal((speech, noise), copies)


@pytest.mark.parametrize("silent", ["speech", "noise"])
def test_silence_can_not_be_mixed(silent):
    signals = {"speech": np.ones(5), "noise": np.ones(5)} | {silent: np.zeros(5)}
    with pytest.raises(NmflabError, match=f"{silent} is silent"):
        mix_at_snr(**signals, snr=0)


@pytest.mark.parametrize("snr", [np.nan, np.inf, 101, "0", None])
def test_unusable_snr_is_named(snr):
    with pytest.raises(NmflabError, match="snr is"):
        mix_at_snr(np.ones(5), np.ones(5), snr)


@pytest.mark.parametrize("offset", [-1, 0.5, None])
def test_unusable_offset_is_named(offset):
    with pytest.raises(NmflabError, match="offset is"):
        mix_at_snr(np.ones(5), np.ones(5), 0, offset=offset)


def test_mixture_beyond_float32_is_refused():
    with pytest.raises(NmflabError, match="speech is so loud"):
        mix_at_snr(np.full(5, 1e38), np.ones(5), -100)
