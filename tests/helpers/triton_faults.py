"""Kernels with faults, on which the watch over Triton's interpreter is tried; prints what it says of each."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from gifnet.gpu import launch
from tests.helpers.triton_interpreter import watched


@triton.jit
def shifted(numbers: Any, shift: Any) -> None:
    """Write four numbers, `shift` behind where they belong."""
    tl.store(numbers + shift + tl.arange(0, 4), 1.0)


@triton.jit
def overlapping(numbers: Any, stride: Any) -> None:
    """Write four numbers a program, `stride` behind those of the program before."""
    tl.store(numbers + tl.program_id(0) * stride + tl.arange(0, 4), 1.0)


def main() -> None:
    memory = torch.zeros(16)
    launches = ((shifted, (1,), 4), (shifted, (1,), 5), (overlapping, (2,), 4), (overlapping, (2,), 3))
    for kernel, grid, number in launches:
        try:
            with watched():
                launch.start(kernel, grid, memory[:8], number)
        except Exception as error:
            print(error)
        else:
            print("nothing")


if __name__ == "__main__":
    main()
