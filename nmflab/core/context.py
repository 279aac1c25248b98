"""Context: a few neighbouring frames seen together, so that a basis is a short piece of sound.

With a context of c the column t of V is a stack of the c frames around frame t,

    [v_{t−l}; …; v_t; …; v_{t−l+c−1}],      l = (c − 1) // 2,

shape (cF, T), and a basis is c spectra, one after another. A frame stands in c stacks, at another
place in each; its model Ŝ is the mean of what they say of it. A context of 1 is the paper. The
stacks are a view: no magnitude is in memory twice. Beyond the ends lies silence.

The idea is that of convolutive NMF (Smaragdis 2007) with free activations for each place.

References
----------
P. Smaragdis, "Convolutive speech bases and their application to supervised speech separation",
IEEE Trans. ASLP 15(1), 2007, doi:10.1109/TASL.2006.876726.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stacked(V: NDArray[np.float32], context: int) -> NDArray[np.float32]:
    """Give the stacks (cF, T) of magnitudes V (F, T); with a context of 1 it is V itself."""
    if context == 1:
        return V
    F, T = V.shape
    padded, lead = np.zeros((T + context - 1, F), dtype=np.float32), (context - 1) // 2
    padded[lead : lead + T] = V.T
    step, item = padded.strides
    return np.lib.stride_tricks.as_strided(
        padded, (T, context * F), (step, item), writeable=False
    ).T


def summed(M: NDArray[np.float32], context: int) -> NDArray[np.float32]:
    """Add up what stacks (T, cF), frames in rows, say of each frame: shape (T, F).

    Divided by how many they are it is their mean; a ratio of two sums is that of the means.
    """
    if context == 1:
        return M
    T, F = len(M), M.shape[1] // context
    lead = (context - 1) // 2
    total = np.zeros((T + context - 1, F), dtype=np.float32)
    for j in range(context):
        total[j : j + T] += M[:, j * F : (j + 1) * F]
    return total[lead : lead + T]
