"""Peak memory of one piece of work in a fresh process: ``python -m benchmarks.memory JOB SECONDS``.

Prints bytes beyond input and output, as JSON: by the operating system's count, which sees BLAS's
buffers, threads and everything, and by tracemalloc's, which sees NumPy's arrays.
"""

import json
import sys
import tracemalloc

import numpy as np

import nmflab
from benchmarks import measure

N_BINS, FRAMES_PER_SECOND = 257, 250
ENCODING_BASES, TRAINING_BASES, N_ITER = 256, 128, 3


def encode(V, rng, **options):
    W = rng.random((N_BINS, ENCODING_BASES), dtype=np.float32)
    return lambda: nmflab.encode(V, W, n_iter=N_ITER, **options)


def encode_accelerated_gamma(V, rng):
    prior = nmflab.GammaPrior.fit(rng.random((ENCODING_BASES, 1000), dtype=np.float32))
    return encode(V, rng, prior=prior, penalty=0.01, solver="accelerated")


def encode_sklearn(V, rng):
    from benchmarks import peers

    W = rng.random((N_BINS, ENCODING_BASES), dtype=np.float32)
    return peers.encode_sklearn(V, W, N_ITER, dtype=np.float32)


def train(V, rng, **options):
    return lambda: nmflab.train_nmf(V, TRAINING_BASES, n_iter=N_ITER, **options)


def train_accelerated(V, rng):
    return train(V, rng, solver="accelerated")


JOBS = {
    "encode": encode,
    "encode, gamma, accelerated": encode_accelerated_gamma,
    "train": train,
    "train, accelerated": train_accelerated,
    "scikit-learn float32, encode": encode_sklearn,
}


def output_bytes(result) -> int:
    if isinstance(result, tuple):
        arrays = result
    else:  # what else it holds is the input
        arrays = [array for name, array in vars(result).items() if not name.startswith("_")]
    return sum(
        array.nbytes
        for array in arrays
        if array is not None and array.shape != (N_BINS, ENCODING_BASES)
    )


def main(job: str, seconds: float) -> dict[str, int]:
    rng = np.random.default_rng(0)
    n_frames = round(seconds * FRAMES_PER_SECOND)
    V = np.resize(rng.random((1000, N_BINS), dtype=np.float32) + 0.1, (n_frames, N_BINS)).T
    run = JOBS[job](V, rng)
    measure.forget_peak()
    before = measure.resident_bytes(peak=False)
    outputs = output_bytes(run())
    system = measure.resident_bytes(peak=True) - before - outputs
    tracemalloc.start()
    run()
    traced = tracemalloc.get_traced_memory()[1] - outputs
    return {"system": system, "traced": traced}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], float(sys.argv[2]))))
