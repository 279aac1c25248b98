"""What people could use instead, and the limit that nobody can beat, behind one interface.

``ENCODERS[name](V, W, n_iter)`` and ``TRAINERS[name](V, W, H, n_iter)`` bring the data into the
form that the peer likes best (its dtype, frames in rows or columns), outside the time measured, or,
where the name says so, hand V over as an STFT gives it: float32, the bins of a frame one after
another in memory. They give a function that runs n_iter multiplicative updates and returns (W, H).
All start from the same point. The products give nothing: they compute nothing but the products.
"""

import threading
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np

import nmflab
from benchmarks import data, original, textbook
from nmflab.core.nmf_encoding import encoding_blocks
from nmflab.core.nmf_training import TRAINING_FRAMES, TRAINING_STRIPES
from nmflab.system.threads import aligned, even_split, map_blocks, one_blas_thread

Run = Callable[[], tuple[np.ndarray, np.ndarray] | None]

OURS = "nmflab"
ACCELERATED = "nmflab, accelerated"
PRODUCTS = "products alone"
SKLEARN_32 = "scikit-learn float32"
SKLEARN_64 = "scikit-learn float64"
SKLEARN_BINS = "scikit-learn float32, bins in rows"
SKLEARN_STFT = "scikit-learn float32, bins in rows, V as the STFT gives it"
TORCHNMF = "torchnmf float32"
LIBROSA = "librosa's default"
TEXTBOOK = "textbook float64"
TEXTBOOK_STFT = "textbook float64, V as the STFT gives it"
ORIGINAL = "original's formulas"
NOT_PEERS = (OURS, ACCELERATED, PRODUCTS)
BASES_FIRST = (SKLEARN_BINS, SKLEARN_STFT)  # who takes another path to another objective


def encode_ours(V, W, n_iter, **options) -> Run:
    return lambda: (W, nmflab.encode(V, W, n_iter=n_iter, **options).H)


def encode_products(V, W, n_iter) -> Run:
    """Do the two products of each iteration, in the blocks and threads of `nmflab.encode`."""
    Wt, W = np.ascontiguousarray(W.T), np.ascontiguousarray(W)
    start = data.flat_start(V, W).T
    Ht = aligned(start.shape, start)

    def work(frames: slice) -> None:
        H = Ht[frames]
        R, G = aligned((len(H), len(W))), aligned(H.shape)
        for _ in range(n_iter):
            np.matmul(H, Wt, out=R)
            np.matmul(R, W, out=G)

    blocks = encoding_blocks(len(Ht))
    return lambda: _exhaust(map_blocks(work, blocks))


def encode_sklearn(V, W, n_iter, *, dtype) -> Run:
    from sklearn.decomposition import non_negative_factorization

    X, Wt = np.ascontiguousarray(V.T, dtype=dtype), np.ascontiguousarray(W.T, dtype=dtype)
    options = {"n_components": len(Wt), "update_H": False, **_sklearn_options(n_iter)}
    return lambda: (W, non_negative_factorization(X, H=Wt, **options)[0].T)


def encode_torchnmf(V, W, n_iter) -> Run:
    import torch
    from torchnmf.nmf import NMF

    X, bases, start = map(_tensor, (V.T, W, data.flat_start(V, W).T))

    def run():
        model = NMF(W=bases, H=start, trainable_W=False)
        model.fit(X, beta=1, tol=-np.inf, max_iter=n_iter)
        with torch.no_grad():
            return W, model.H.numpy().T

    return run


def encode_naively(V, W, n_iter, *, encode, convert=True) -> Run:
    """Give it all contiguous in float64, or V as it is: what meets W and H is float64 anyway."""
    H = np.ascontiguousarray(data.flat_start(V, W), dtype=np.float64)
    W = np.ascontiguousarray(W, dtype=np.float64)
    V = np.ascontiguousarray(V, dtype=np.float64) if convert else V
    return lambda: (W, encode(V, W, H, n_iter))


def train_ours(V, W, H, n_iter, **options) -> Run:
    def run():
        found = nmflab.train_nmf(V, W.shape[1], n_iter=n_iter, init=(W, H), trace=False, **options)
        return found.W, found.H

    return run


class _ThreadScratch(threading.local):
    """What the products are written to, each thread's own: nothing new in the time measured."""

    def __init__(self, shapes):
        self.R, self.G, self.product = map(aligned, shapes)


def train_products(V, W, H, n_iter) -> Run:
    """Do the four products of each iteration, in the blocks and threads of `train_nmf`."""
    W, Wt, Ht = (aligned(A.shape, A) for A in (W, W.T, H.T))
    size = -(-len(Ht) // TRAINING_STRIPES)
    scratch = _ThreadScratch([(TRAINING_FRAMES, len(W)), (TRAINING_FRAMES, len(Wt)), Wt.shape])

    def work(stripe: slice) -> None:
        for frames in even_split(stripe.start, stripe.stop, TRAINING_FRAMES):
            H = Ht[frames]
            R, G, product = scratch.R[: len(H)], scratch.G[: len(H)], scratch.product
            np.matmul(H, Wt, out=R)
            np.matmul(R, W, out=G)
            np.matmul(H, Wt, out=R)
            np.matmul(H.T, R, out=product)

    stripes = even_split(0, len(Ht), size)

    def run():
        with one_blas_thread():
            for _ in range(n_iter):
                _exhaust(map_blocks(work, stripes))

    return run


def train_sklearn(V, W, H, n_iter, *, dtype, frames_in_rows=True, convert=True) -> Run:
    """Give it V.T, as its documentation has it, or V, for it is faster on that at times.

    V.T is contiguous as the STFT gives it. V itself is not, and is copied to be so or isn't. On
    V it updates the bases first, and so takes another path.
    """
    from sklearn.decomposition import non_negative_factorization

    factors = (V.T, H.T, W.T) if frames_in_rows else (V, W, H)
    X, left, right = (np.ascontiguousarray(A, dtype=dtype) for A in factors)
    X = X if convert else factors[0]
    options = {"n_components": W.shape[1], "init": "custom", **_sklearn_options(n_iter)}

    def run():
        found = non_negative_factorization(X, W=left.copy(), H=right.copy(), **options)
        return (found[1].T, found[0].T) if frames_in_rows else found[:2]

    return run


def train_torchnmf(V, W, H, n_iter) -> Run:
    """Swap the roles of W and H, so that the activations are updated first, as by us."""
    import torch
    from torchnmf.nmf import NMF

    X, bases, start = map(_tensor, (V, W, H.T))

    def run():
        model = NMF(W=start, H=bases)
        model.fit(X, beta=1, tol=-np.inf, max_iter=n_iter)
        with torch.no_grad():
            return model.H.numpy(), model.W.numpy().T

    return run


def train_librosa(V, W) -> Run:
    """Run librosa as it comes: Euclidean, coordinate descent, its own start and its own end."""
    import librosa
    from sklearn.exceptions import ConvergenceWarning

    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return librosa.decompose.decompose(V, n_components=W.shape[1])

    return run


def train_naively(V, W, H, n_iter, *, convert=True) -> Run:
    W, H = (np.ascontiguousarray(A, dtype=np.float64) for A in (W, H))
    V = np.ascontiguousarray(V, dtype=np.float64) if convert else V
    return lambda: textbook.train(V, W, H, n_iter)


def installed(*modules: str) -> bool:
    return all(find_spec(module) is not None for module in modules)


def versions() -> dict[str, str | None]:
    """Give the versions of the peers, None where one isn't installed."""
    modules = {"scikit-learn": "sklearn", "torchnmf": "torchnmf", "torch": "torch"}
    modules["librosa"] = "librosa"
    return {name: version(name) if installed(m) else None for name, m in modules.items()}


def _sklearn_options(n_iter):
    return {"solver": "mu", "beta_loss": "kullback-leibler", "tol": 0, "max_iter": n_iter}


def _tensor(A):
    import torch

    return torch.from_numpy(np.ascontiguousarray(A, dtype=np.float32))


def _exhaust(results) -> None:
    for _ in results:
        pass


ENCODERS: dict[str, Callable[..., Run]] = {
    OURS: encode_ours,
    PRODUCTS: encode_products,
    TEXTBOOK: partial(encode_naively, encode=textbook.encode),
    TEXTBOOK_STFT: partial(encode_naively, encode=textbook.encode, convert=False),
    ORIGINAL: partial(encode_naively, encode=original.encode),
}
TRAINERS: dict[str, Callable[..., Run]] = {
    OURS: train_ours,
    PRODUCTS: train_products,
    TEXTBOOK: train_naively,
    TEXTBOOK_STFT: partial(train_naively, convert=False),
}
if installed("sklearn"):
    ENCODERS[SKLEARN_32] = partial(encode_sklearn, dtype=np.float32)
    ENCODERS[SKLEARN_64] = partial(encode_sklearn, dtype=np.float64)
    TRAINERS[SKLEARN_32] = partial(train_sklearn, dtype=np.float32)
    TRAINERS[SKLEARN_BINS] = partial(train_sklearn, dtype=np.float32, frames_in_rows=False)
    TRAINERS[SKLEARN_STFT] = partial(TRAINERS[SKLEARN_BINS], convert=False)
    TRAINERS[SKLEARN_64] = partial(train_sklearn, dtype=np.float64)
if installed("torch", "torchnmf"):
    ENCODERS[TORCHNMF] = encode_torchnmf
    TRAINERS[TORCHNMF] = train_torchnmf
