"""The scores agree with their references, and silence never makes NaN of a ratio."""

import builtins
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from nmflab.checks import as_signal
from nmflab.core.wiener import wiener_gain
from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import Scores, bss_eval, oracle_mask, pesq, score, si_sdr, stoi

RATE = 16000


@pytest.fixture
def speech(rng):
    """One second that rises and falls like syllables, in 16-bit steps."""
    n = np.arange(RATE)
    voice = lfilter([1], [1, -1.6, 0.8], rng.standard_normal(RATE)) * np.sin(n / 900) ** 2
    return as_signal(np.round(10000 * voice / np.abs(voice).max()).astype(np.int16))


@pytest.fixture
def noise(rng, speech):
    noise = lfilter([1], [1, -0.9], rng.standard_normal(RATE))
    return as_signal(noise * np.linalg.norm(speech) / np.linalg.norm(noise))


ESTIMATES = {
    "the mixture": lambda s, n, e: s + n,
    "less noise": lambda s, n, e: s + 0.1 * n,
    "hiss": lambda s, n, e: s + 0.3 * n + 0.002 * e,
    "dull": lambda s, n, e: lfilter([1, 1], [2], s) + 0.2 * n,
    "late": lambda s, n, e: np.roll(s, 40) + 0.2 * np.roll(n, 7),
    "clipped": lambda s, n, e: np.clip(s + n, -0.05, 0.05),
    "mostly noise": lambda s, n, e: 0.01 * s + n + 0.01 * e,
    "unrelated": lambda s, n, e: e,
    "half silent": lambda s, n, e: (s + n) * (np.arange(s.size) < 6000),
}


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_bss_eval_agrees_with_mir_eval(speech, noise, rng, estimate):
    separation = pytest.importorskip("mir_eval.separation")
    s_hat = ESTIMATES[estimate](speech, noise, rng.standard_normal(RATE)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        expected = separation.bss_eval_sources(
            np.stack([speech, noise]).astype(float),
            np.stack([s_hat, noise]).astype(float),
            compute_permutation=False,
        )
    for ours, theirs in zip(bss_eval(speech, noise, s_hat), expected[:3], strict=True):
        assert ours == pytest.approx(theirs[0], abs=0.01) or min(ours, theirs[0]) > 90


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8000, 10000, 15999, 16000, 44100])
@pytest.mark.parametrize("extended", [False, True])
def test_stoi_agrees_with_pystoi(speech, noise, rate, extended):
    peer = pytest.importorskip("pystoi").stoi
    speech, noise = np.tile(speech, 2), np.tile(noise, 2)
    pauses = speech * (np.arange(2 * RATE) % 6000 < 4000)  # frames that both leave out
    for s in (speech, pauses):
        for s_hat in (s + noise, s + 0.1 * noise, np.clip(s + noise, -0.05, 0.05)):
            expected = peer(s.astype(float), s_hat.astype(float), rate, extended=extended)
            assert stoi(s, s_hat, rate, extended=extended) == pytest.approx(expected, abs=1e-6)


def test_bss_eval_reads_off_a_planted_ratio(speech, noise):
    sdr, sir, sar = bss_eval(speech, noise, speech + 0.1 * noise)
    assert sdr == pytest.approx(20, abs=0.3)
    assert sir == pytest.approx(20, abs=0.3)
    assert sar > 90


def test_perfect_estimate_scores_the_best(speech, noise):
    scores = score(speech, noise, speech)
    assert min(scores.sdr, scores.sir, scores.sar, scores.si_sdr) > 90
    assert scores.stoi == pytest.approx(1, abs=1e-6)
    assert scores.estoi == pytest.approx(1, abs=1e-6)


def test_silent_noise_leaves_no_interference(speech, noise):
    sdr, sir, sar = bss_eval(speech, np.zeros(RATE), speech + 0.1 * noise)
    assert sir == math.inf
    assert sdr == sar == pytest.approx(20, abs=0.5)


def test_silent_estimate_scores_the_worst(speech, noise):
    pytest.importorskip("pesq")
    scores = score(speech, noise, np.zeros(RATE))
    assert scores.sdr == scores.sir == scores.sar == scores.si_sdr == -math.inf
    assert scores.stoi == scores.estoi == 0
    assert math.isnan(scores.pesq)


@pytest.mark.parametrize(
    "score_against", [bss_eval, lambda s, n, e: si_sdr(s, e), lambda s, n, e: stoi(s, e)]
)
def test_silent_reference_is_refused(speech, noise, score_against):
    with pytest.raises(NmflabError, match="is silent"):
        score_against(np.zeros(RATE), noise, speech)


def test_a_tone_for_noise_is_no_trouble(speech):
    hum = np.sin(0.3 * np.arange(RATE))
    assert all(map(math.isfinite, bss_eval(speech, hum, speech + 0.1 * hum)))


@pytest.mark.parametrize("n", [1, 2, 100, 3000])
def test_short_clips_have_ratios_but_no_intelligibility(speech, noise, n):
    scores = score(speech[2000:][:n], noise[:n], (speech[2000:] + noise[2000:])[:n])
    assert not any(map(math.isnan, (scores.sdr, scores.sir, scores.sar, scores.si_sdr)))
    assert math.isnan(scores.stoi)
    assert math.isnan(scores.estoi)
    assert math.isnan(scores.pesq)


def test_too_little_speech_has_no_intelligibility_and_no_warning(speech, noise):
    click = np.zeros(RATE)
    click[100] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(stoi(click, click + noise))


@given(gain=st.floats(1e-6, 1e6), sign=st.sampled_from([-1, 1]), seed=st.integers(0, 99))
def test_si_sdr_is_level_invariant(gain, sign, seed):
    reference, estimate = np.random.default_rng(seed).standard_normal((2, 50))
    expected = si_sdr(reference, estimate)
    assert si_sdr(reference, sign * gain * estimate) == pytest.approx(expected, abs=1e-3)
    assert si_sdr(gain * reference, estimate) == pytest.approx(expected, abs=1e-3)


def test_si_sdr_of_orthogonal_errors_is_their_ratio():
    assert si_sdr([1.0, 0.0], [1.0, 0.1]) == pytest.approx(20, abs=1e-5)
    assert si_sdr([1.0, 0.0], [0.0, 1.0]) == -math.inf
    assert si_sdr([1.0, 0.0], [3.0, 0.0]) == math.inf


def test_si_sdr_keeps_the_mean():
    assert si_sdr([1.0, 1.0], [1.5, 0.5]) == pytest.approx(10 * math.log10(4), abs=1e-5)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_scores_do_not_depend_on_the_level_of_the_estimate(speech, noise, rate):
    loud, quiet = (
        score(speech, noise, level * (speech + 0.3 * noise), sampling_rate=rate).to_dict()
        for level in (1, 0.25)
    )
    assert loud == pytest.approx(quiet, rel=1e-3, nan_ok=True)


def test_scores_rise_as_the_noise_falls(speech, noise):
    noisy, cleaner = (score(speech, noise, speech + gain * noise).to_dict() for gain in (1, 0.1))
    rising = [name for name in noisy if name != "sar" and not math.isnan(noisy[name])]
    assert all(cleaner[name] > noisy[name] for name in rising)


def test_estimate_with_digital_silence_scores_the_same_each_time(speech, noise):
    estimate = np.where(np.arange(RATE) < 6000, speech + noise, 0)
    first, second = (stoi(speech, estimate, extended=True) for _ in range(2))
    assert first == pytest.approx(second, abs=1e-6)


def test_pesq_is_nan_where_it_is_not_installed(monkeypatch, speech):
    original = builtins.__import__

    def importing(name, *args, **kwargs):
        if name == "pesq":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", importing)
    assert math.isnan(pesq(speech, speech))


@pytest.mark.parametrize(("rate", "best"), [(16000, 4.64), (8000, 4.55), (48000, 4.64)])
def test_pesq_of_a_perfect_estimate_is_its_best(speech, rate, best):
    pytest.importorskip("pesq")
    assert pesq(np.tile(speech, 2), np.tile(speech, 2), rate) == pytest.approx(best, abs=0.01)


@pytest.mark.slow
def test_pesq_of_a_long_recording_is_the_mean_over_its_stretches(speech, noise):
    pytest.importorskip("pesq")
    long, noisy = (np.tile(signal, 36) for signal in (speech, speech + noise))  # 36 s
    halves = [pesq(long[part], noisy[part]) for part in (slice(18 * RATE), slice(18 * RATE, None))]
    assert pesq(long, noisy) == pytest.approx(np.mean(halves))
    long[: 18 * RATE] = 0
    assert pesq(long, noisy) == pytest.approx(halves[1])


@pytest.mark.slow
def test_pesq_survives_more_utterances_than_its_reference_implementation(rng):
    pytest.importorskip("pesq")
    spoken = np.arange(60 * RATE) % int(0.5 * RATE) < 0.22 * RATE
    speech = np.where(spoken, 0.1 * rng.standard_normal(spoken.size), 0.0).astype(np.float32)
    assert 1 <= pesq(speech, speech + 0.01 * rng.standard_normal(spoken.size)) <= 4.65


def test_different_lengths_are_named(speech, noise):
    with pytest.raises(NmflabError, match="speech 16000, noise 16000, speech_estimate 15000"):
        score(speech, noise, speech[:15000])


@pytest.mark.parametrize("culprit", ["speech", "noise", "speech_estimate"])
def test_unusable_signals_are_named(speech, noise, culprit):
    signals = {"speech": speech, "noise": noise, "speech_estimate": speech}
    signals[culprit] = np.full(RATE, np.nan)
    with pytest.raises(NmflabError, match=f"^{culprit} holds NaN"):
        score(**signals)


def test_unusable_rate_is_named(speech, noise):
    with pytest.raises(NmflabError, match="sampling_rate is"):
        score(speech, noise, speech, sampling_rate=0)


def test_scores_are_a_plain_dictionary():
    scores = Scores(sdr=1.0, sir=2.0, sar=3.0, si_sdr=4.0, stoi=0.5, estoi=0.6, pesq=2.5)
    assert scores.to_dict() == {
        "sdr": 1.0,
        "sir": 2.0,
        "sar": 3.0,
        "si_sdr": 4.0,
        "stoi": 0.5,
        "estoi": 0.6,
        "pesq": 2.5,
    }


def test_oracle_mask_is_the_wiener_gain_of_the_true_sources(rng):
    S, N = rng.standard_normal((2, 5, 4)) * 1j
    S[0, 0] = N[0, 0] = 0
    mask = oracle_mask(S, N, p=3)
    assert mask[0, 0] == 0.5
    np.testing.assert_array_equal(mask, wiener_gain(np.abs(S), np.abs(N), p=3))
