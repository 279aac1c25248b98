"""The formulas of the public script that inspired the project, written anew.

Its ways are kept, for they are what its users pay: everything in float64; Wᵀ1 as a product with a
matrix of ones; WH once more for the cost, in each iteration; `scipy.stats.gamma.fit` with its
free location for each row; three powers for the gain; the phase put back by a complex exponential.
What it computes wrongly (one Euclidean training for both sources) isn't compared with anything.
"""

import numpy as np

TINY = np.finfo(np.float64).eps


def encode(V, W, H, n_iter, epsilon=0.0):
    ones = np.ones(V.shape)
    for _ in range(n_iter):
        numerator = H * (W.T @ (V / (W @ H + TINY)))
        H = numerator / (W.T @ ones)
        V_hat = W @ H
        cost = np.linalg.norm(V * np.log(V / V_hat) - V + V_hat)
        if cost < epsilon:
            break
    return H


def fit_gamma(H):
    from scipy.stats import gamma

    return np.array([gamma.fit(row) for row in H])  # shape, location, scale


def gain(S, N, p):
    return np.power(S, p) / (np.power(S, p) + np.power(N, p))


def move_p(S, N, p, magnitude, phase, **stft):
    """Give the speech for a new p, with Ŝ = W_S H_S and N̂ = W_N H_N at hand."""
    import librosa

    return librosa.istft(gain(S, N, p) * magnitude * np.exp(1j * phase), **stft)
