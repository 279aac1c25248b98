"""Blocks of frames on all cores: threads that each hold BLAS to one thread.

BLAS's own threads collapse when a neighbour is busy; Python threads over blocks of frames don't,
and ``np.matmul`` releases the interpreter while it works. Results never depend on the number of
workers: the blocks are the same, and they are added up in their order. `matmul` is NumPy's, or what
is faster than it where NumPy has no BLAS.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.system.cores import usable_cores

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Block = TypeVar("Block")
Result = TypeVar("Result")

CACHE_LINE = 16  # of so many numbers in float32

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_limit: object = None
_users = 0


def matmul_without_blas(
    A: NDArray[np.float32], B: NDArray[np.float32], *, out: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Multiply matrices by einsum, whose loops beat matmul's own where there is no BLAS."""
    product: NDArray[np.float32] = np.einsum("ij,jk->ik", A, B, out=out)
    return product


def fastest_matmul(platform: str) -> Callable[..., NDArray[np.float32]]:
    """Choose how matrices are multiplied: in a browser numpy has no BLAS."""
    return matmul_without_blas if platform == "emscripten" else np.matmul


matmul = fastest_matmul(sys.platform)


def num_workers() -> int:
    """Count the threads that share the blocks: the cores that this process may use.

    They are fewer if ``OMP_NUM_THREADS`` says so, as it does in the workers of Dask and joblib:
    no machine is oversubscribed. See `nmflab.system.cores` for quotas.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(usable_cores(), int(asked) if asked.isdigit() else 64))


def map_blocks(work: Callable[[Block], Result], blocks: Sequence[Block]) -> Iterator[Result]:
    """Apply a function to each block, in threads, and give the results in the order of the blocks.

    The function may write into arrays, each block into its own part.
    """
    with one_blas_thread():
        if num_workers() == 1 or len(blocks) == 1:
            yield from map(work, blocks)
            return
        futures: list[Future[Result]] = []
        try:
            futures.extend(_submit(work, block) for block in blocks)
            for future in futures:
                yield future.result()
        finally:
            _finish(futures)


def even_split(start: int, stop: int, most: int) -> list[slice]:
    """Split a range into parts of nearly one size, each of `most` at most.

    There is one part, or an even number of them. They depend on the range alone, never on the
    machine.
    """
    count = -(-(stop - start) // most)
    count = min(count + (count > 1 and count % 2), stop - start)
    edges = [start + (stop - start) * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]


def aligned(shape: tuple[int, ...], values: ArrayLike | None = None) -> NDArray[np.float32]:
    """Give an array that starts on a cache line, where NumPy multiplies in half the time.

    It holds `values`, spread to its shape, or by default anything.
    """
    size = math.prod(shape)
    room = np.empty(size + CACHE_LINE, dtype=np.float32)
    start = -(room.__array_interface__["data"][0] // room.itemsize) % CACHE_LINE
    array = room[start : start + size].reshape(shape)
    if values is not None:
        array[...] = values
    return array


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread until the last of those who asked for it is done."""
    _enter_limit()
    try:
        yield
    finally:
        _leave_limit()


def blas_kernels() -> list[str]:
    """Name NumPy's BLAS with its version and the processor that it works for.

    SciPy's own, which may be loaded or not, has no say: nothing here is multiplied by it.
    """
    controller = _controller(scipy_too="scipy.linalg" in sys.modules)
    found = controller.select(user_api="blas").info() if controller else []
    own = [i for i in found if "scipy.libs" not in PurePath(i["filepath"]).parts]
    return sorted({f"{i['internal_api']} {i['version']} {i.get('architecture')}" for i in own})


def _enter_limit() -> None:
    global _limit, _users
    with _lock:
        _users += 1
        if _users == 1:
            controller = _controller(scipy_too="scipy.linalg" in sys.modules)
            if controller is not None:
                _take_control()
                _limit = controller.limit(limits=1, user_api="blas")


def _leave_limit() -> None:
    global _limit, _users
    with _lock:
        _users -= 1
        if _users == 0 and _limit is not None:
            _take_control()
            _limit.restore_original_limits()  # type: ignore[attr-defined]
            _take_control()
            _limit = None


@cache
def _controller(scipy_too: bool) -> ThreadpoolController | None:
    """Find the BLAS libraries: NumPy's, and SciPy's own once its linear algebra is there.

    None without threadpoolctl, as in a browser, where there is no BLAS that could be held back.
    """
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()


def _take_control() -> None:
    """Let this thread set OpenBLAS's limit, which threadpoolctl ≥ 3.7 leaves to its first user."""
    from threadpoolctl import OpenBLASController

    clear = getattr(OpenBLASController, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)


def _submit(work: Callable[[Block], Result], block: Block) -> Future[Result]:
    """Hand a block to a thread, or do it here where no thread can start (Pyodide)."""
    global _pool
    try:
        with _lock:
            _pool = _pool or ThreadPoolExecutor(num_workers(), thread_name_prefix="nmflab")
        return _pool.submit(work, block)
    except RuntimeError:
        done: Future[Result] = Future()
        done.set_result(work(block))
        return done


def _finish(futures: Sequence[Future[Result]]) -> None:
    """After an error or an interrupt: start no further block, and wait for those that run."""
    running = [future for future in futures if not future.cancel()]  # all, before any is waited for
    for future in running:
        future.exception()


def _forget() -> None:
    """In a forked child: its parent's threads and limits aren't there."""
    global _lock, _pool, _limit, _users
    _lock, _pool, _limit, _users = threading.Lock(), None, None, 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
