"""NMF as a textbook writes it: the updates of Lee and Seung, in NumPy and float64."""

import numpy as np

TINY = np.finfo(np.float64).eps


def encode(V, W, H, n_iter):
    for _ in range(n_iter):
        H = H * (W.T @ (V / (W @ H + TINY))) / W.sum(axis=0)[:, None]
    return H


def train(V, W, H, n_iter):
    for _ in range(n_iter):
        H = H * (W.T @ (V / (W @ H + TINY))) / W.sum(axis=0)[:, None]
        W = W * ((V / (W @ H + TINY)) @ H.T) / H.sum(axis=1)
    return W, H
