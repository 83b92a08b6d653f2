"""Threads that each work off tiles with torch on one core."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import torch

Tile = TypeVar("Tile")


class Crew:
    """As many threads as torch would use for the thread that calls; begun when they are first needed.

    Torch's own threads share each operation and meet after it, hundreds of times a picture. Where another
    program wants a core, each meeting waits for the slowest. Here they meet when all tiles are done.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._size = 0

    def each(self, work: Callable[[Tile], None], tiles: Iterable[Tile]) -> None:
        """Do the work on every tile, in any order; on the caller's thread where one is enough.

        Raises:
            BaseException: what the work raised first.
        """
        todo = list(tiles)
        size = min(torch.get_num_threads(), len(todo))
        if size < 2:
            for tile in todo:
                work(tile)
            return
        self._be(torch.get_num_threads())
        assert self._pool is not None
        inference, rest = torch.is_inference_mode_enabled(), iter(todo)

        def work_off() -> None:
            # Modes belong to threads. An iterator over a list is shared safely.
            with torch.inference_mode(inference), torch.no_grad():
                for tile in rest:
                    work(tile)

        done = [self._pool.submit(work_off) for _ in range(size)]
        wait(done)
        for one in done:
            one.result()

    def _be(self, size: int) -> None:
        if size == self._size:
            return
        if self._pool:
            self._pool.shutdown()
        together = threading.Barrier(size)

        def begin() -> None:
            # A thread takes over torch's number when it first asks for it. What it says then holds for all
            # threads that ask later, so that these ask and say together, before the caller says it again.
            torch.get_num_threads()
            together.wait()
            torch.set_num_threads(1)
            together.wait()

        self._pool, self._size = ThreadPoolExecutor(size, "tiles", begin), size
        wait([self._pool.submit(int) for _ in range(size)])
        torch.set_num_threads(size)
