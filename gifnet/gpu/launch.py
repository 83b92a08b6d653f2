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
        properties = torch.cuda.get_device_properties(device)
        return cls(properties.multi_processor_count, properties.shared_memory_per_block_optin)


def start(kernel: Any, grid: tuple[int, ...], *arguments: Any, **options: Any) -> None:
    """Launch a Triton kernel; tests and measurements put their own in its place."""
    kernel[grid](*arguments, **options)
