"""Launches of the Triton form one by one: how fast each is, and what other compiler settings would give.

Steps of `benchmarks.gpu`; torch and Triton are enough:

python -m benchmarks.gpu.launches launches|sweep [--seconds S]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

import gifnet
from benchmarks.gpu.network import attempt, median_ms, pictures, say

KERNELS = ("convolve", "attend", "finish", "reduce_moments")
# Settings of the compiler that are tried; None leaves the number of registers to it.
WARPS, STAGES, REGISTERS = (4, 8), (1, 2, 3), (None, 128)


@dataclass(frozen=True)
class Launch:
    """One launch of a kernel with its arguments, to be repeated.

    Attributes:
        name: of the kernel, with its grid.
        start: launches it again, with other options where given.
        options: those of the compiler as the network gives them.
        moved_bytes: of the tensors that it is given, each once.
        operations: multiplications and additions of a convolution, by its shape; 0 where not counted.
    """

    name: str
    start: Callable[[dict[str, Any]], Any]
    options: dict[str, Any]
    moved_bytes: int
    operations: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=50, help="time for the sweep")
    parser.add_argument("step", choices=("launches", "sweep"))
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        say({"not measured": "launches are a GPU's"})
        return
    found = record()
    if arguments.step == "launches":
        launches(found)
    else:
        sweep(found, arguments.seconds)


def launches(found: list[Launch]) -> None:
    """Milliseconds, operations and bytes a second of each, in the order of the network."""
    figures: dict[str, Any] = {"launches": []}
    for one in found:
        taken_ms = median_ms(lambda launch=one: launch.start({}), 30)
        row = {"kernel": one.name, "ms": round(taken_ms, 4), "bytes_per_s": one.moved_bytes / taken_ms * 1e3}
        if one.operations:
            row["operations_per_s"] = one.operations / taken_ms * 1e3
        figures["launches"].append(row)
        figures["sum_ms"] = round(sum(row["ms"] for row in figures["launches"]), 4)
    say(figures)


def sweep(found: list[Launch], seconds: float) -> None:
    """The slowest launches under other numbers of warps, stages and registers, until the time is over.

    A launch whose result differs from that of the network's own options is named and not compared.
    """
    end_s = time.monotonic() + seconds
    own_ms = {one.name: median_ms(lambda launch=one: launch.start({}), 10) for one in found}
    slowest_first = sorted({one.name: one for one in found}.values(), key=lambda one: -own_ms[one.name])
    figures: dict[str, Any] = {}
    for one in slowest_first:
        rows = figures[one.name] = {"now": {"ms": round(own_ms[one.name], 4), **one.options}}
        for warps, stages, registers in product(WARPS, STAGES, REGISTERS):
            if time.monotonic() > end_s:
                figures["ended"] = "the time was over; what is missing was not tried"
                say(figures)
                return
            options = {"num_warps": warps, "num_stages": stages}
            options |= {} if registers is None else {"maxnreg": registers}
            name = ", ".join(f"{key}={value}" for key, value in options.items())
            attempt(rows, name, lambda launch=one, chosen=options: _timed(launch, chosen))
    say(figures)


def _timed(launch: Launch, options: dict[str, Any]) -> float:
    return round(median_ms(lambda: launch.start(options), 10), 4)


def record() -> list[Launch]:
    """Fuse one frame of 640x480 in bfloat16, and keep every launch."""
    from gifnet.gpu import form

    device = torch.device("cuda")
    network = gifnet.load(device=device, precision="bfloat16")
    visible, thermal = (picture.to(device) for picture in pictures(1, 480, 640))
    found: list[Launch] = []
    originals = {name: getattr(form, name) for name in KERNELS}
    with torch.inference_mode():
        network(visible, thermal)
        for name, kernel in originals.items():
            setattr(form, name, _Recorder(name, kernel, found))
        try:
            network(visible, thermal)
        finally:
            for name, kernel in originals.items():
                setattr(form, name, kernel)
    return found


class _Recorder:
    """Stands in for a Triton kernel: launches it, and keeps the launch."""

    def __init__(self, name: str, kernel: Any, found: list[Launch]) -> None:
        self._name, self._kernel, self._found = name, kernel, found

    def __getitem__(self, grid: Any) -> Callable[..., Any]:
        def launch(*arguments: Any, **options: Any) -> Any:
            def again(chosen: dict[str, Any]) -> Any:
                return self._kernel[grid](*arguments, **(options | chosen))

            tensors = {each.data_ptr(): each for each in arguments if isinstance(each, Tensor)}
            moved = sum(each.numel() * each.element_size() for each in tensors.values())
            told = {key: options[key] for key in ("num_warps", "num_stages") if key in options}
            name = f"{self._name} {list(grid)}"
            self._found.append(Launch(name, again, told, moved, self._operations(arguments, options)))
            return again({})

        return launch

    def _operations(self, arguments: tuple[Any, ...], options: dict[str, Any]) -> float:
        """Two for each weight and pixel of a convolution."""
        if self._name != "convolve":
            return 0.0
        source, weight = arguments[0], arguments[2]
        return 2.0 * weight.numel() * source.shape[0] * source.shape[1] * source.shape[2]


if __name__ == "__main__":
    main()
