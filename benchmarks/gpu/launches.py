"""Launches of the Triton form one by one: how fast each is, and what other settings and tiles would give.

Steps of `benchmarks.gpu`; torch and Triton are enough:

python -m benchmarks.gpu.launches launches|sweep [--seconds S]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.network import attempt, median_ms, pictures, say
from benchmarks.gpu.parts import WEIGHTS, network_of
from benchmarks.gpu.work import floor_ms, operations_of

# Settings of the compiler that are tried; None leaves the number of registers to it.
WARPS, STAGES, REGISTERS = (4, 8), (1, 2, 3), (None, 128)
# Other tiles: kernel, module, constant, value.
TILES: tuple[tuple[str, str, str, Any], ...] = (
    ("chain", "blocks", "CHAINS", ((64, 0),)),
    ("attend_many", "blocks", "WINDOWS", 2),
    ("add_local", "blocks", "STRIP_COLUMNS", 32),
    ("convolve", "layers", "CONVOLVED_PX", 64),
    ("draw", "ends", "ROWS", 32),
    ("draw", "ends", "ROWS", 8),
    ("encode", "ends", "ROWS", 32),
    ("encode", "ends", "ROWS", 8),
)


@dataclass(frozen=True)
class Launch:
    """One launch of a kernel with its arguments, to be repeated.

    Attributes:
        name: of the kernel, with its grid.
        start: launches it again, with other options where given.
        options: those of the compiler as the network gives them.
        moved_bytes: of the tensors that it is given, each once.
        operations: multiplications and additions; 0 where not counted.
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
    elif arguments.step == "launches":
        launches()
    else:
        sweep(arguments.seconds)


def launches() -> None:
    """Milliseconds, the floor beside them, operations and bytes a second, in the order of the network."""
    figures: dict[str, Any] = {}
    for kind in WEIGHTS:
        for form in ("today", "fused"):
            rows = figures[f"{kind}, {form}"] = {"launches": []}
            for one in record(kind, form == "fused"):
                taken_ms = median_ms(lambda launch=one: launch.start({}), 20)
                least_ms = floor_ms(one.operations, one.moved_bytes)
                row = {"kernel": one.name, "ms": round(taken_ms, 4), "floor_ms": round(least_ms, 4)}
                row["bytes_per_s"] = one.moved_bytes / taken_ms * 1e3
                if one.operations:
                    row["operations_per_s"] = one.operations / taken_ms * 1e3
                rows["launches"].append(row)
            for key in ("ms", "floor_ms"):
                rows[f"sum_{key}"] = round(sum(row[key] for row in rows["launches"]), 4)
            say(figures)


def sweep(seconds: float) -> None:
    """Launches of both forms under other settings and tiles, the slowest first, until the time is over."""
    end_s = time.monotonic() + seconds
    found = record(WEIGHTS[0], False) + record(WEIGHTS[0], True)
    own_ms = {one.name: median_ms(lambda launch=one: launch.start({}), 10) for one in found}
    distinct = {one.name: one for one in found}.values()
    figures: dict[str, Any] = {}
    for kernel, module, constant, value in TILES:
        with other_tile(module, constant, value):
            again = {one.name: one for one in record(WEIGHTS[0], True) if one.name.startswith(f"{kernel} ")}
        for one in again.values():
            label = f"{one.name} {constant}={value}"
            attempt(figures, label, lambda launch=one: _timed(launch, {}))
    for one in sorted(distinct, key=lambda one: -own_ms[one.name]):
        rows = figures[one.name] = {"now": {"ms": round(own_ms[one.name], 4), **one.options}}
        for warps, stages, registers in product(WARPS, STAGES, REGISTERS):
            if time.monotonic() > end_s:
                figures["ended"] = "the time was over; what is missing was not tried"
                say(figures)
                return
            options = {"num_warps": warps, "num_stages": stages, "maxnreg": registers}
            name = ", ".join(f"{key}={value}" for key, value in options.items() if value is not None)
            attempt(rows, name, lambda launch=one, chosen=options: _timed(launch, chosen))
    say(figures)


def _timed(launch: Launch, options: dict[str, Any]) -> float:
    return round(median_ms(lambda: launch.start(options), 10), 4)


@contextmanager
def other_tile(module: str, constant: str, value: Any) -> Iterator[None]:
    """Let `gifnet.gpu` lay launches out by another constant meanwhile."""
    place = import_module(f"gifnet.gpu.{module}")
    before = getattr(place, constant)
    setattr(place, constant, value)
    try:
        yield
    finally:
        setattr(place, constant, before)


def record(kind: str, fused: bool, device: str = "cuda") -> list[Launch]:
    """Fuse one frame of 640x480 in bfloat16, and keep every launch."""
    from gifnet.gpu import launch
    from gifnet.gpu.form import TritonForm
    from gifnet.gpu.parts import PARTS

    form = TritonForm(network_of(kind, torch.device(device)), torch.bfloat16, PARTS if fused else ())
    visible, thermal = (picture.to(device) for picture in pictures(1, 480, 640))
    found: list[Launch] = []
    original = launch.start

    def start(kernel: Any, grid: tuple[int, ...], *arguments: Any, **options: Any) -> None:
        found.append(_kept(original, kernel, grid, arguments, options))
        original(kernel, grid, *arguments, **options)

    launch.start = start
    try:
        with torch.inference_mode():
            form(visible, thermal)
    finally:
        launch.start = original
    return found


def _kept(start: Any, kernel: Any, grid: Any, arguments: Any, options: dict[str, Any]) -> Launch:
    def again(chosen: dict[str, Any]) -> Any:
        taken = {key: value for key, value in (options | chosen).items() if value is not None}
        return start(kernel, grid, *arguments, **taken)

    name = getattr(kernel, "__name__", str(kernel))
    tensors = {each.data_ptr(): each for each in arguments if isinstance(each, Tensor)}
    moved = sum(each.numel() * each.element_size() for each in tensors.values())
    told = {key: options[key] for key in ("num_warps", "num_stages", "maxnreg") if key in options}
    shape = {key.lower(): options[key] for key in ("BLOCK", "SIDES", "SIDE") if key in options}
    label = " ".join((name, str(list(grid)), *(f"{key}={value}" for key, value in shape.items())))
    return Launch(label, again, told, moved, operations_of(name, arguments, options))


if __name__ == "__main__":
    main()
