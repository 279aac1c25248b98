"""A second look at a recording whose noise was learnt on it: its speech once more, the noise held.

Free bases learn some of the voice as well, the more the louder it is, and W_S can't have back what
they have taken: N̂ rises with the voice. What dominates a bin is known better. With the gain
G = Ŝ/(Ŝ + N̂) the energies are E_S = Σ(GV)² and E_N = Σ((1 − G)V)², and the noise's usual magnitude
in a bin is the mean

    q_f = Σ_t (1 − G)² V / Σ_t (1 − G)²

The more the speech outweighs the noise, the more of it is in what was found of the noise, and the
nearer the noise is held to what is usual:

    N̂ = N̂₁^(1−a) q^a,        a = max(0, (E_S − E_N)/(E_S + E_N))

N̂₁ is that of the first look; where the noise is the louder one it stays as it is. The speech is
encoded again beside it, from where it was,

    H_S ← H_S ∘ W_Sᵀ R / (1 + λφ'(H_S)),      R = V/(W_S H_S + N̂)

and with the gain that follows the noise is held anew. What is held is like a basis whose
activations are known: it has its share of each entry in the auxiliary function of
`nmflab.core.nmf_free`, and nothing to update. So D(V‖W_S H_S + N̂) + λ Σ φ(H_S) never rises
while N̂ stays. See docs/denoise.md for what it is worth.
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
"""How often the noise is held anew."""

AGAIN = 5
"""Iterations for each."""

LEAST = 1e-9
"""Least magnitude of a noise that is held, relative to the loudest of the recording."""


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
    K, context = model.speech.W.shape[1], model.context
    H = encoding.H[:K]
    with one_blas_thread():
        found = _modelled(encoding.H[K:].T, encoding.W_free, context).T
        for _ in range(looks):
            N = held(V, L, found)
            H = encoded_beside(model, V, N, H, settings, AGAIN)
            L = log_ratio(_modelled(H.T, model.speech.W, context).T, N)
    return L


def held(
    V: NDArray[np.float32], L: NDArray[np.float32], N: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Hold a noise N̂ (F, T): as it was found where it outweighs the speech, else near the usual."""
    G = gain_from_log_ratio(L, p=1.0)
    weights = np.square(1 - G)
    usual = np.vecdot(weights, V) / np.maximum(weights.sum(axis=1), np.finfo(np.float32).tiny)
    E_S, E_N = (float(np.square(part, dtype=np.float64).sum()) for part in (G * V, V - G * V))
    a = np.float32(max(0.0, (E_S - E_N) / (E_S + E_N)))
    least = np.float32(LEAST * V.max())
    held: NDArray[np.float32] = np.maximum(N, least) ** (1 - a)
    held *= np.maximum(usual, least)[:, np.newaxis] ** a
    return held


@steady
def encoded_beside(
    model: SeparationModel,
    V: NDArray[np.float32],
    N: NDArray[np.float32],
    H: NDArray[np.float32],
    settings: Settings,
    n_iter: int,
) -> NDArray[np.float32]:
    """Encode V (F, T) on the bases of speech, beside a noise N̂ (F, T), from H (K_S, T) on."""
    W, context = model.speech.W, model.context
    unit = context * mean_activation(V, W.shape[1] + settings.num_basis_free)
    prior, penalty = scaled_prior(model, settings, unit)
    if prior is not None:
        prior = replace(prior, scale=prior.scale[: len(H)], shape=prior.shape[: len(H)])
    stacks, noises = stacked(V, context), stacked(N, context)
    level = float(stacks.sum(axis=0, dtype=np.float64).mean())
    rule = UpdateRule.of(W, prior, penalty, settings.update, level)
    Ht = np.array(H.T, dtype=np.float32, order="C")

    def work(frames: slice) -> None:
        Vt, Nt = (frame_major(M[:, frames], level) for M in (stacks, noises))
        part, R = Ht[frames], np.empty_like(Vt)
        for _ in range(n_iter):
            matmul(part, rule.Wt, out=R)
            R += Nt
            np.divide(Vt, R, out=R)
            part *= R @ rule.W_over_den
            if rule.offset is not None:
                part += rule.offset
            np.maximum(part, rule.floor, out=part)

    for _ in map_blocks(work, even_split(0, len(Ht), FREE_FRAMES)):
        pass
    return Ht.T


def _modelled(Ht: Matrix, W: NDArray[np.float32], context: int) -> Matrix:
    """Give what activations (T, K) say of each frame, (T, F): the mean over where it stands."""
    places = np.ones((len(Ht), context), dtype=np.float32)
    return summed(Ht @ W.T, context) / summed(places, context)
