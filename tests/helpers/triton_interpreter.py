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
NOBODY, SEVERAL = -1, -2
_patch = interpreter._patch_lang_tensor
_builder = interpreter.interpreter_builder


def _patch_lang_tensor(tensor: Any, scope: Any) -> None:
    """NumPy makes no number of an array of one element any more; loops to a tensor's value need one."""
    _patch(tensor, scope)
    scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.item()))


interpreter._patch_lang_tensor = _patch_lang_tensor


class Memory:
    """A tensor's memory, and which programs of a launch have touched each of its elements.

    Attributes:
        first: address of the first byte.
        end: address behind the last one.
    """

    def __init__(self, tensor: torch.Tensor) -> None:
        storage, self._step = tensor.untyped_storage(), tensor.element_size()
        self.first, self.end = storage.data_ptr(), storage.data_ptr() + storage.nbytes()
        count = storage.nbytes() // self._step
        self._writers, self._readers = np.full(count, NOBODY), np.full(count, NOBODY)

    def read(self, places: Addresses, program: int) -> bool:
        """Note a read; False where another program writes."""
        index = self._index(places)
        writers, readers = self._writers[index], self._readers[index]
        self._readers[index] = np.where((readers == NOBODY) | (readers == program), program, SEVERAL)
        return bool(((writers == NOBODY) | (writers == program)).all())

    def write(self, places: Addresses, program: int) -> bool:
        """Note a write; False where another program reads or writes."""
        index = self._index(places)
        before = np.stack([self._writers[index], self._readers[index]])
        self._writers[index] = program
        return bool(((before == NOBODY) | (before == program)).all())

    def _index(self, places: Addresses) -> NDArray[np.int64]:
        return (places.astype(np.int64) - self.first) // self._step


class Watch:
    """Accesses of one launch: each in a tensor that the kernel was given, and apart from other programs'."""

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        self._name = name
        tensors = [each for each in arguments if isinstance(each, torch.Tensor)]
        self._given = [(one.data_ptr(), one.data_ptr() + one.numel() * one.element_size()) for one in tensors]
        self._memory = list({one.untyped_storage().data_ptr(): Memory(one) for one in tensors}.values())

    def note(self, pointers: Any, mask: Any, is_write: bool) -> None:
        """Check the addresses that a load or store really touches."""
        places = np.broadcast_to(pointers.data, mask.data.shape)[mask.data]
        if not places.size:
            return
        least, most = int(places.min()), int(places.max())
        assert any(first <= least and most < end for first, end in self._given), (
            f"{self._name} leaves its tensors"
        )
        column, row, layer = _builder.grid_idx
        program = (layer * 4096 + row) * 65536 + column
        memory = next(one for one in self._memory if one.first <= least < one.end)
        apart = memory.write(places, program) if is_write else memory.read(places, program)
        assert apart, f"two programs of {self._name} touch what one of them writes"


@contextmanager
def watched() -> Iterator[None]:
    """Hold every launch to its own tensors, and its programs apart.

    Raises:
        AssertionError: a kernel reads or writes beside its tensors, or one program what another one writes.
    """
    watch: list[Watch] = []
    load, store, started = _builder.create_masked_load, _builder.create_masked_store, launch.start

    def watched_load(pointers: Any, mask: Any, *more: Any) -> Any:
        watch[-1].note(pointers, mask, is_write=False)
        return load(pointers, mask, *more)

    def watched_store(pointers: Any, value: Any, mask: Any, *more: Any) -> Any:
        watch[-1].note(pointers, mask, is_write=True)
        return store(pointers, value, mask, *more)

    def start(kernel: Any, grid: tuple[int, ...], *arguments: Any, **options: Any) -> None:
        watch.append(Watch(kernel.fn.__name__, arguments))
        started(kernel, grid, *arguments, **options)
        watch.pop()

    _builder.create_masked_load, _builder.create_masked_store, launch.start = (
        watched_load,
        watched_store,
        start,
    )
    try:
        yield
    finally:
        _builder.create_masked_load, _builder.create_masked_store, launch.start = load, store, started
