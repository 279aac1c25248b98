"""A corpus of a few seconds, and settings that train on it in no time."""

import numpy as np

import nmflab as nl
from nmflab.corpus.clips import Clip, ClipList
from nmflab.corpus.folders import Corpus

SETTINGS = nl.Settings(
    num_basis_speech=6, num_basis_noise=4, max_iter_train=4, max_iter_test=5, penalty=0.1
)

ANOTHER = {
    **{"nmf_mode": "NMF_g", "update": "mu", "penalty": 0.3, "penalty_scale": "raw"},
    **{"activation_floor": 0.6, "solver": "accelerated", "epsilon": 1e3, "p": 3.5},
    **{"max_iter_train": 7, "max_iter_test": 9, "seed": 1, "snr": 6.0},
    **{"num_basis_speech": 5, "num_basis_noise": 3, "window": "hann", "win_size": 224},
    **{"num_basis_free": 2, "context": 3, "keep": 12.0},
    **{"overlap": 128, "fft": 1024, "sampling_rate": 8000},
}
"""Another value of every setting than that of `SETTINGS`."""


def make_corpus(path="corpus"):
    """Give a corpus of a few seconds: harmonics that come and go for speech, coloured noise."""
    rng = np.random.default_rng(0)

    def speech(pitch, seconds=1.0):
        t = np.arange(int(16000 * seconds)) / 16000
        tone = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 8))
        return (0.1 * tone * (np.sin(2 * np.pi * 3 * t) > -0.3)).astype(np.float32)

    def noise(smooth, seconds=1.5):
        x = rng.standard_normal(int(16000 * seconds))
        return (0.05 * np.convolve(x, np.ones(smooth) / smooth, "same")).astype(np.float32)

    def clips(**signals):
        return ClipList(Clip(name, x, path) for name, x in signals.items())

    return Corpus(
        train_speech=clips(one=speech(110), two=speech(170)),
        train_noise=clips(hiss=noise(2), rumble=noise(30)),
        test_speech=clips(alice=speech(140), bob=speech(95)),
        test_noise=clips(hiss=noise(2), rumble=noise(30)),
        sampling_rate=16000,
        root=path,
    )
