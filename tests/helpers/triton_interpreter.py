"""Triton's interpreter, mended for NumPy 2.4, and watched: what each program of a launch reads and writes.

Import before a kernel is started, with TRITON_INTERPRET=1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from triton.runtime import interpreter

from gifnet.gpu import launch

Addresses = NDArray[np.uint64]
_patch = interpreter._patch_lang_tensor
_builder = interpreter.interpreter_builder


def _patch_lang_tensor(tensor: Any, scope: Any) -> None:
    """NumPy makes no number of an array of one element any more; loops to a tensor's value need one."""
    _patch(tensor, scope)
    scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.item()))


interpreter._patch_lang_tensor = _patch_lang_tensor


class Watch:
    """Accesses of one launch, by program.

    Attributes:
        allowed: first byte and the byte behind the last one of each tensor that the kernel was given.
        reads: addresses with the number of the program.
        writes: the same.
    """

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.name = name
        tensors = [each for each in arguments if isinstance(each, torch.Tensor)]
        self.allowed = [
            (one.data_ptr(), one.data_ptr() + one.numel() * one.element_size()) for one in tensors
        ]
        self.reads: list[tuple[Addresses, int]] = []
        self.writes: list[tuple[Addresses, int]] = []

    def note(self, kept: list[tuple[Addresses, int]], pointers: Any, mask: Any) -> None:
        """Keep the addresses that a load or store really touches; each must lie in a tensor."""
        places = np.broadcast_to(pointers.data, mask.data.shape)[mask.data]
        inside = np.zeros(places.shape, bool)
        for first, end in self.allowed:
            inside |= (places >= first) & (places < end)
        assert inside.all(), f"{self.name} leaves its tensors at {places[~inside][:3]}"
        column, row, layer = _builder.grid_idx
        kept.append((np.unique(places), (layer * 4096 + row) * 65536 + column))

    def check_races(self) -> None:
        """No program may touch what another one writes."""
        writers: dict[int, int] = {}
        for places, program in self.writes:
            for place in places.tolist():
                assert writers.setdefault(place, program) == program, f"two programs of {self.name} write"
        written = np.fromiter(writers, np.uint64, len(writers))
        for places, program in self.reads:
            for place in places[np.isin(places, written)].tolist():
                assert writers[place] == program, f"{self.name} reads what another program writes"


@contextmanager
def watched() -> Iterator[None]:
    """Hold every launch to its own tensors, and its programs apart.

    Raises:
        AssertionError: a kernel reads or writes beside its tensors, or one program what another one writes.
    """
    watch: list[Watch] = []
    load, store, started = _builder.create_masked_load, _builder.create_masked_store, launch.start

    def watched_load(pointers: Any, mask: Any, *more: Any) -> Any:
        watch[-1].note(watch[-1].reads, pointers, mask)
        return load(pointers, mask, *more)

    def watched_store(pointers: Any, value: Any, mask: Any, *more: Any) -> Any:
        watch[-1].note(watch[-1].writes, pointers, mask)
        return store(pointers, value, mask, *more)

    def start(kernel: Any, grid: tuple[int, ...], *arguments: Any, **options: Any) -> None:
        watch.append(Watch(kernel.fn.__name__, arguments))
        started(kernel, grid, *arguments, **options)
        watch.pop().check_races()

    _builder.create_masked_load, _builder.create_masked_store, launch.start = (
        watched_load,
        watched_store,
        start,
    )
    try:
        yield
    finally:
        _builder.create_masked_load, _builder.create_masked_store, launch.start = load, store, started
