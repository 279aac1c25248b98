"""Free bases: learnt on the mixture itself, beside fixed ones, in the same updates as H.

V ≈ [W_S W_f] H: W_S was trained and stays, the few columns of W_f are free. Every column sums to
1, so that ΣWH = ΣH doesn't depend on W. With r = w_fk h_kt / (WH)_ft, the share of basis k in an
entry, the auxiliary function of D + λ Σ φ(H) at [W H] is, up to a constant,

    −Σ v r log(w'_fk h'_kt) + Σ h' + λ Σ φ(h')

(Dempster, Laird and Rubin 1977). In it H' and W' stand apart: both may be updated from one
R = V/WH, and the objective never rises,

    H ← H ∘ WᵀR / (1 + λφ'(H))          w_k ∝ w_k ∘ (R h_kᵀ)

H by the rule of `nmflab.core.nmf`, a free column by its correlate, normalised: that is where
−Σ v r log w' is least among columns that sum to 1. So few bases can't spell speech, and the prior
keeps W_S from imitating noise. More iterations are not better: W_f begins to spell speech.

References
----------
A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum likelihood from incomplete data via the EM
algorithm", J. R. Statist. Soc. B 39(1), 1977.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nmflab import checks
from nmflab.core.nmf import Encoding
from nmflab.core.nmf_encoding import Costs, EncodingBlock, UpdateRule, encoding_start
from nmflab.core.nmf_steps import Matrix
from nmflab.priors.distributions import Prior
from nmflab.system.threads import even_split, map_blocks, one_blas_thread

UNLIKE = 8.0
"""Shape of the gamma noise (mean 1) that the free bases start from: flat, but unlike."""

FREE_FRAMES = 320
"""Frames in a block, at most."""


def free_start(num_rows: int, num_bases: int) -> Matrix:
    """Give free bases (cF, K_f) to start from, which know of no voice."""
    W = np.random.default_rng(0).gamma(UNLIKE, size=(num_rows, num_bases))
    return np.asarray(W / W.sum(axis=0), dtype=np.float32)


def encode_free(
    V: NDArray[np.float32],
    W: NDArray[np.float32],
    W_free: NDArray[np.float32],
    *,
    prior: Prior | None,
    penalty: float,
    n_iter: int,
    update: str = "mm",
    trace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Encoding:
    """Encode V (F, T) on W (F, K) and learn W_f (F, K_f) from where it starts; columns sum to 1."""
    frame_sums = V.sum(axis=0, dtype=np.float64)
    checks.check_scale("V has a mean frame sum", float(frame_sums.mean()))
    level = float(frame_sums.mean()) or 1.0
    rule = UpdateRule.of(np.concatenate([W, W_free], axis=1), prior, penalty, update, level)
    free = slice(W.shape[1], None)
    Ht = encoding_start(frame_sums, rule.Wt.T, "flat", 0)
    blocks = even_split(0, V.shape[1], FREE_FRAMES)
    block = EncodingBlock(rule, max(frames.stop - frames.start for frames in blocks))

    def work(frames: slice) -> tuple[Matrix, Costs | None]:
        block.take(V[:, frames], frame_sums[frames], flat=False)
        H = Ht[frames]
        block.floor(H)
        cost = block.measure(H).sum(axis=1) if trace else None
        if not trace:
            block.divide(H)
        correlate = H[:, free].T @ block.ratio
        block.correlate()
        block.update(H, H)
        block.floor(H)
        return correlate, cost

    def measure(frames: slice) -> Costs:
        block.take(V[:, frames], frame_sums[frames], flat=False)
        return np.asarray(block.measure(Ht[frames]).sum(axis=1))

    again = partial(encode_free, W=W, W_free=W_free, prior=prior, penalty=penalty, n_iter=n_iter)
    costs: list[Costs] = []
    with one_blas_thread():
        for i in range(n_iter):
            correlates, cost = zip(*map_blocks(work, blocks), strict=True)
            rule.replace_bases(free, sum(correlates))
            costs += [np.sum(cost, axis=0)] if trace else []
            if progress is not None:
                progress(i + 1, n_iter)
        if trace:
            costs.append(np.sum([measure(frames) for frames in blocks], axis=0))
    learnt = rule.Wt[free].T.copy()
    if trace:
        return Encoding(Ht.T, (), np.transpose(costs[1:]), learnt)
    return Encoding(Ht.T, V, partial(again, update=update), learnt)
