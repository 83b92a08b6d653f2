"""Threads of the libraries that compute on the CPU: few of them, shared, and asleep while they wait.

Torch and OpenCV each bring a pool of threads, which by default spin while they wait for work and each other.
On a machine that is busy with decoders and encoders, that takes the cores away from those who have work.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

# OpenMP by GNU and by Intel and LLVM: sleep at once in place of spinning.
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}


def wait_passively() -> None:
    """Let OpenMP's threads sleep while they wait; to be called before torch is loaded.

    What the environment says already is left as it is.
    """
    for name, value in PASSIVE.items():
        os.environ.setdefault(name, value)


def cores() -> int:
    """Cores that this process may use: those that it is bound to, and no more than OMP_NUM_THREADS."""
    try:
        found = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        found = os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return min(found, int(asked)) if asked.isdigit() and int(asked) else found


class OneThreadEach:
    """Inside the block, torch and OpenCV compute on the thread that calls them, but for `all_cores`.

    The stages of a run have threads of their own, so that the cores are in use without pools.
    """

    def __enter__(self) -> Self:
        """Keep what was set."""
        import cv2
        import torch

        self._before = torch.get_num_threads(), cv2.getNumThreads()
        _set_threads(1, 1)
        return self

    def __exit__(self, *error: object) -> None:
        """Set it again."""
        _set_threads(*self._before)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """As before the block, for other people's code on this thread."""
        _set_threads(*self._before)
        try:
            yield
        finally:
            _set_threads(1, 1)


@contextmanager
def all_cores() -> Iterator[None]:
    """Inside the block, torch computes with all cores for the thread that calls it: for networks."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(cores())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _set_threads(of_torch: int, of_opencv: int) -> None:
    import cv2
    import torch

    torch.set_num_threads(of_torch)
    cv2.setNumThreads(of_opencv)
