"""What is worked on: the embedded corpus, repeated to any length, and bases trained on it."""

from functools import cache

import numpy as np

import nmflab

STFT = nmflab.Stft()  # 257 bins, 250 frames a second


@cache
def corpus():
    return nmflab.load_corpus()


def repeated(clips, seconds, rng):
    """Join clips to a length, each time with another level (±3 dB)."""
    clips = list(clips)
    length = round(seconds * STFT.sampling_rate)
    parts, total = [], 0
    while total < length:
        clip = clips[len(parts) % len(clips)] * np.float32(10 ** rng.uniform(-0.15, 0.15))
        parts.append(clip)
        total += len(clip)
    return np.concatenate(parts)[:length]


def some_of_each(noises, seconds=4):
    return [noise[: seconds * STFT.sampling_rate] for noise in noises]


def mixture(seconds, seed=0):
    """Test speech in test noise at 0 dB."""
    rng = np.random.default_rng(seed)
    speech = repeated(corpus().test_speech, seconds, rng)
    noise = repeated(some_of_each(corpus().test_noise), seconds, rng)
    return nmflab.mix_at_snr(speech, noise, 0.0).mixture


def spectrogram(x):
    """Give the magnitudes, (F, T), float32, frames one after another in memory."""
    return np.abs(STFT.analyse(x))


@cache
def mixture_spectrogram(seconds):
    return spectrogram(mixture(seconds))


@cache
def training_spectrogram(seconds, source="speech"):
    of_noise = source == "noise"
    clips = some_of_each(corpus().train_noise) if of_noise else corpus().train_speech
    return spectrogram(repeated(clips, seconds, np.random.default_rng(1)))


@cache
def factorisation(source, seconds, n_bases):
    """Train roughly: 20 iterations, enough for bases that look like what they are."""
    return nmflab.train_nmf(training_spectrogram(seconds, source), n_bases, n_iter=20)


def bases(n_bases, seconds):
    """Give W = [W_S W_N]."""
    half = n_bases // 2
    pair = [factorisation(source, seconds, half) for source in ("speech", "noise")]
    return np.concatenate([part.W for part in pair], axis=1)


def activations(n_bases, seconds):
    """Give the H left over from training, those of speech above those of noise."""
    half = n_bases // 2
    pair = [factorisation(source, seconds, half) for source in ("speech", "noise")]
    return np.concatenate([part.H for part in pair])


def flat_start(V, W):
    """Give H where all bases have the same share of each frame."""
    return np.repeat(V.sum(axis=0)[None] / W.sum(), W.shape[1], axis=0)


def random_start(V, n_bases, seed=0):
    """Give W, whose columns sum to 1, and H at the level of V."""
    rng = np.random.default_rng(seed)
    W = rng.random((len(V), n_bases), dtype=np.float32)
    H = rng.random((n_bases, V.shape[1]), dtype=np.float32)
    return W / W.sum(axis=0), H * (2 * V.sum(axis=0).mean() / n_bases)


def divergence(V, W, H, frames=1024, floor=0.0):
    """Compute D(V‖max(WH, floor)) in float64, for everybody in the same way."""
    W = np.asarray(W, dtype=np.float64)
    blocks = [slice(start, start + frames) for start in range(0, V.shape[1], frames)]
    return sum(
        nmflab.kl_divergence(V[:, b], np.maximum(W @ H[:, b].astype(np.float64), floor))
        for b in blocks
    )
