"""The one place where kernels are started, and what is known of the GPU that runs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Machine:
    """Sizes of a GPU by which launches are laid out.

    Attributes:
        multiprocessors: how many it has.
        shared_bytes: shared memory that a program may use.
    """

    multiprocessors: int = 132
    shared_bytes: int = 227 * 1024

    @classmethod
    def of(cls, device: torch.device) -> Machine:
        """That of a CUDA device; of an H200 where there is none."""
        if device.type != "cuda":
            return cls()
        from triton.runtime import driver

        index = torch.cuda.current_device() if device.index is None else device.index
        # Triton's own numbers, by which it refuses a launch.
        found = driver.active.utils.get_device_properties(index)
        return cls(found["multiprocessor_count"], found["max_shared_mem"])


def start(kernel: Any, grid: tuple[int, ...], *arguments: Any, **options: Any) -> None:
    """Launch a Triton kernel; tests and measurements put their own in its place."""
    kernel[grid](*arguments, **options)
