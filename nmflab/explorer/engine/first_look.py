"""A first look at dictionaries while they are trained: a quick training on a part of the audio.

Where a dictionary is known that differs in its number of bases or its iterations alone, its bases
are where the quick training begins, the busiest first; all others begin as frames of the audio,
drawn by the seed. On the embedded corpus, with one basis count changed, four iterations from there
on 2500 frames are as near to the trained dictionary's gain as another seed of it; without such
a neighbour it takes ten, and the scores are within some 1 dB.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.core.model import Dictionary, dictionary_from, training_spectrogram
from nmflab.core.nmf import train_nmf
from nmflab.settings import Settings

Matrix = NDArray[np.float32]

FRAMES = 2500  # at 257 bins; of larger spectra fewer, so that the work stays the same
BINS = 257
LEAST = 4  # frames for each basis
PIECE = 0.25  # s of audio in one piece, or more if that isn't eight windows
WINDOWS = 8
NEAR, FAR = 4, 10  # iterations from a dictionary that is known, and from frames
GROUND = 1e-3  # of V's mean, added to frames: what is 0 would stay 0


def first_look(
    signals: Sequence[ArrayLike], source: str, settings: Settings, *, near: Dictionary | None = None
) -> Dictionary:
    """Train the bases of a source quickly, from a dictionary near to it if there is one."""
    num_bases = getattr(settings, f"num_basis_{source}")
    V = training_spectrogram(_pieces(signals, num_bases, settings), settings, source)
    known = np.empty((len(V), 0), np.float32)
    if near is not None:
        known = near.W[:, np.sort(np.argsort(-near.row_means)[:num_bases])]
    W = np.concatenate([known, _frames(V, num_bases - known.shape[1], settings.seed)], axis=1)
    H = np.broadcast_to(V.sum(axis=0) / num_bases, (num_bases, V.shape[1]))
    found = train_nmf(
        V,
        num_bases,
        n_iter=FAR if near is None else NEAR,
        solver="accelerated",
        init=(W, H),
        trace=False,
    )
    return dictionary_from(found, V)


def _pieces(signals: Sequence[ArrayLike], num_bases: int, settings: Settings) -> list[ArrayLike]:
    """Take short pieces of the signals, evenly spread over all of them."""
    frames = max(LEAST * num_bases, FRAMES * BINS // settings.num_bins)
    size = max(int(PIECE * settings.sampling_rate), WINDOWS * settings.win_size)
    arrays = [np.asarray(signal) for signal in signals]
    every = sum(len(x) for x in arrays) // (frames * settings.hop)
    pieces = [x[start : start + size] for x in arrays for start in range(0, len(x), size)]
    return [piece for piece in pieces[:: max(1, every)] if piece.any()] or list(signals)


def _frames(V: Matrix, count: int, seed: int) -> Matrix:
    """Draw so many frames of V (F, T) that aren't among its quietest third, each to sum to 1."""
    loud = np.argsort(V.sum(axis=0))[V.shape[1] // 3 :]
    drawn = np.random.default_rng(seed).choice(loud, max(0, count), replace=count > len(loud))
    frames: Matrix = V[:, np.sort(drawn)] + np.float32(GROUND * V.mean())
    frames /= frames.sum(axis=0)
    return frames
