"""A second look at a recording whose noise was learnt on it: its speech once more, the noise held.

Free bases learn some of the voice as well, the more the louder it is, and W_S can't have back what
they have taken: N̂ rises with the voice. What dominates a bin is known better. With the gain
G = Ŝ/(Ŝ + N̂) the energies are E_S = Σ(GV)² and E_N = Σ((1 − G)V)²; the speech has the share s of
them, and outweighs the noise by a,

    s = E_S/(E_S + E_N)            a = max(0, 2s − 1)

The noise's usual magnitude in a bin is the mean over the frames that sound

    q_f = Σ_t (1 − G)² V / Σ_t (1 − G)²

and the loudness of a frame, l_t, is the lower quartile of V/q over the bins that have a noise:
three quarters of them are as loud as that or louder. The median of l is taken over the frames, each
of which counts by the root of its magnitude. A frame of twice that or more is a burst of the noise:

    r_t = l_t/median(l) in a burst, else 1

The greater the share of the speech, the more of it is in what was found of the noise, N̂₁, and the
nearer the noise is held to what is usual. The voice is in r_t as well, which counts the less:

    N̂ = N̂₁^(1−s) (q r^((1−a)²))^s

The more the speech outweighs the noise, the less is there that W_S could imitate. So the prior is
loosened by as much, and the bases follow the voice, which was in no training. With
R = V/(W_S H_S + N̂),

    H_S ← H_S ∘ W_Sᵀ R / (1 + (1 − a)λφ'(H_S))
    w_k ∝ a w_k ∘ (R h_kᵀ) + (1 − a) h̄ w⁰_k

for some iterations from where they were, the first by the rule "mm" of `nmflab.core.nmf`, and with
the gain that follows all is weighed anew. w⁰ is
a basis as it was trained and h̄ the mean of the row sums of H_S: it stands for a training in which
each basis sounded as much as they do on average here. Where the noise is the louder one a is 0 and
W_S stays as it is.

What is held is like a basis whose activations are known: it has its share of each entry in the
auxiliary function of `nmflab.core.nmf_free`, and nothing to update. The second term of w_k is what
a Dirichlet prior adds to it, h̄(1 − a)/a Σ w⁰ log w (Gauvain and Lee 1994 adapt speakers so). So

    D(V‖W_S H_S + N̂) + (1 − a)λ Σ φ(H_S) − h̄(1 − a)/a Σ w⁰ log w

never rises while N̂, a and h̄ stay. See docs/denoise.md for what it is worth.

References
----------
J.-L. Gauvain and C.-H. Lee, "Maximum a posteriori estimation for multivariate Gaussian mixture
observations of Markov chains", IEEE Trans. SAP 2(2), 1994, doi:10.1109/89.279278.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nmflab.checks import steady
from nmflab.core.context import stacked, summed
from nmflab.core.model import SeparationModel, mean_activation
from nmflab.core.nmf import Encoding
from nmflab.core.nmf_encoding import UpdateRule
from nmflab.core.nmf_free import FREE_FRAMES
from nmflab.core.nmf_steps import Matrix, frame_major
from nmflab.core.pipeline import scaled_prior, speech_log_ratio
from nmflab.core.wiener import gain_from_log_ratio, log_ratio
from nmflab.settings import Settings
from nmflab.system.threads import even_split, map_blocks, matmul, one_blas_thread

LOOKS = 3
"""How often the noise is held anew, and all that depends on it."""

AGAIN = 5
"""Iterations for each."""

LEAST = 1e-9
"""Least magnitude of a noise that is held, relative to the loudest of the recording."""

SILENT = 0.01
"""A frame of less than this part of the magnitude of a mean frame is silent. Each counts by it."""

AGREED = 0.25
"""Quantile over the bins that is a frame's loudness."""

HEARD = 0.3
"""A bin whose usual magnitude is less than this part of the mean bin's has no say in a loudness."""

BURST = 2.0
"""How many times as loud as usual a frame is at least in which the noise has a burst."""


def second_log_ratio(
    model: SeparationModel,
    V: NDArray[np.float32],
    encoding: Encoding,
    settings: Settings,
    looks: int = LOOKS,
) -> NDArray[np.float32]:
    """Compute log(Ŝ/N̂) (F, T) of magnitudes V with the noise held; without looks as it was found.

    Beside trained noise bases, which have learnt no voice, it is as it was found too.
    """
    L = speech_log_ratio(model, encoding)
    if not looks or encoding.W_free is None or model.noise.W.shape[1] or not V.any():
        return L
    context, W = model.context, model.speech.W
    H = encoding.H[: W.shape[1]]
    with one_blas_thread():
        found = _modelled(encoding.H[W.shape[1] :].T, encoding.W_free, context).T
        for _ in range(looks):
            G = gain_from_log_ratio(L, p=1.0)
            s = share_of_speech(V, G)
            N = held(V, G, found, s)
            W, H = adapted_beside(model, V, N, outweighing(s), (W, H), settings, AGAIN)
            L = log_ratio(_modelled(H.T, W, context).T, N)
    return L


def share_of_speech(V: NDArray[np.float32], G: NDArray[np.float32]) -> float:
    """Compute s, the share of the speech in the energy, from the gain G (F, T)."""
    E_S, E_N = (float(np.square(part, dtype=np.float64).sum()) for part in (G * V, V - G * V))
    return E_S / (E_S + E_N)


def outweighing(s: float) -> float:
    """Give a, by how much a speech of share s outweighs the noise: from 0, where it doesn't."""
    return max(0.0, 2 * s - 1)


def held(
    V: NDArray[np.float32], G: NDArray[np.float32], N: NDArray[np.float32], s: float
) -> NDArray[np.float32]:
    """Hold a noise N̂ (F, T): from a share of 0 as it was found to one of 1 at what is usual."""
    frame_sums, least = V.sum(axis=0, dtype=np.float64), np.float32(LEAST * V.max())
    weights = np.square(1 - G)
    weights[:, frame_sums < SILENT * np.average(frame_sums, weights=frame_sums)] = 0
    q = np.vecdot(weights, V) / np.maximum(weights.sum(axis=1), np.finfo(np.float32).tiny)
    heard = q > max(HEARD * q.mean(), least)
    if not heard.any():
        heard[:] = True
    ratios = (V[heard] / np.maximum(q[heard], least)[:, np.newaxis]).T
    place = int(AGREED * (ratios.shape[1] - 1))
    loudness = np.partition(ratios, place, axis=1)[:, place]
    r = loudness / (_median(loudness, np.sqrt(frame_sums)) or np.inf)
    r[r < BURST] = 1
    N_held: NDArray[np.float32] = np.maximum(N, least) ** np.float32(1 - s)
    N_held *= np.maximum(q, least)[:, np.newaxis] ** np.float32(s)
    N_held *= r ** np.float32(s * (1 - outweighing(s)) ** 2)
    return N_held


def _median(x: NDArray[np.floating], weights: NDArray[np.floating]) -> float:
    """Give the median of values that count by their weights."""
    order = np.argsort(x)
    below = np.cumsum(weights[order])
    return float(x[order][np.searchsorted(below, below[-1] / 2)])


@steady
def adapted_beside(
    model: SeparationModel,
    V: NDArray[np.float32],
    N: NDArray[np.float32],
    a: float,
    start: tuple[Matrix, Matrix],
    settings: Settings,
    n_iter: int,
) -> tuple[Matrix, Matrix]:
    """Encode V (F, T) beside a noise N̂ (F, T) and adapt the bases of speech, from W_S and H_S on.

    `start` is W_S (cF, K_S) and H_S (K_S, T); so is what comes back. With a = 0 W_S stays.
    """
    (W, H), context, K = start, model.context, len(start[1])
    unit = context * mean_activation(V, K + settings.num_basis_free)
    prior, penalty = scaled_prior(model, settings, unit)
    if prior is not None:
        prior = replace(prior, scale=prior.scale[:K], shape=prior.shape[:K])
    stacks, noises = stacked(V, context), stacked(N, context)
    level = float(stacks.sum(axis=0, dtype=np.float64).mean())
    rule = UpdateRule.of(W, prior, (1 - a) * penalty, "mm", level)
    Ht = np.array(H.T, dtype=np.float32, order="C")
    trained = (1 - a) * float(H.sum(dtype=np.float64)) / K * model.speech.W.T
    blocks = even_split(0, len(Ht), FREE_FRAMES)
    mixtures = [
        tuple(frame_major(M[:, frames], level) for M in (stacks, noises)) for frames in blocks
    ]

    def work(block: tuple[slice, tuple[Matrix, ...]]) -> Matrix:
        frames, (Vt, Nt) = block
        part = Ht[frames]
        R = matmul(part, rule.Wt, out=np.empty_like(Vt))
        R += Nt
        np.divide(Vt, R, out=R)
        correlates = part.T @ R if a else part[:0]  # nothing is asked of it
        part *= R @ rule.W_over_den
        if rule.offset is not None:
            part += rule.offset
        np.maximum(part, rule.floor, out=part)
        return correlates

    for _ in range(n_iter):
        correlates = list(map_blocks(work, list(zip(blocks, mixtures, strict=True))))
        if a:
            rule.replace_bases(slice(None), a * sum(correlates) + trained / rule.Wt)
    return rule.Wt.T, Ht.T


def _modelled(Ht: Matrix, W: NDArray[np.float32], context: int) -> Matrix:
    """Give what activations (T, K) say of each frame, (T, F): the mean over where it stands."""
    places = np.ones((len(Ht), context), dtype=np.float32)
    return summed(Ht @ W.T, context) / summed(places, context)
