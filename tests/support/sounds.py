"""Sounds that many tests use."""

import numpy as np
import soundfile

RATE = 16000


def tone(rate=RATE, seconds=0.5, frequency=440.0, level=0.5):
    """Give a sine."""
    t = np.arange(int(rate * seconds)) / rate
    return (level * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def write(path, samples, rate=RATE, **options):
    """Write a file of any format that libsndfile knows, and the folders it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)
