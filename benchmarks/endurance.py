"""Memory of a long run: what host and device hold after the first frames, and up to the last.

python -m benchmarks.endurance [--device cuda] [--frames 100000] [--size 640x480]

Generated pairs go through the device as in `gifnet run`, without sources and sinks.
"""

from __future__ import annotations

import argparse
from collections import deque
from itertools import cycle
from pathlib import Path

import torch

from benchmarks.common import circumstances, save
from stream.bench.load import make_load, settings_for
from stream.device.context import open_device
from stream.fusion.fuser import Fuser
from stream.fusion.planner import SLOTS
from stream.fusion.slots import PendingBatch
from stream.runtime.clock import SystemClock
from stream.runtime.stage_times import StageTimes

CHECKS = 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--size", default="640x480", help="width x height in pixels")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    memory = endure(arguments.device, (width, height), arguments.frames)
    for frame, (host, device) in memory.items():
        print(f"{frame:>8} frames: {host:.0f} MB of the process, {device:.0f} MB reserved on the device")
    result = {"what": "memory in MB after so many frames: process, reserved on the device"}
    result |= {"device": arguments.device, "size": arguments.size, "memory_mb": memory}
    print("written:", save("endurance", result | {"circumstances": circumstances()}))


def endure(device: str, size: tuple[int, int], frames: int) -> dict[int, tuple[float, float]]:
    """Megabytes of the process and of the device, at regular places of a run."""
    load, context = make_load(size), open_device(device)
    with settings_for(load, "default", "auto", 1) as settings:
        fuser = Fuser(settings, load.visible, load.thermal, context, StageTimes(SystemClock()))
    pairs, flying, memory = cycle(load.pairs), deque[PendingBatch](), {}
    every = max(1, frames // CHECKS)
    for frame in range(1, frames + 1):
        flying.append(fuser.submit([next(pairs)]))
        if len(flying) == SLOTS:
            flying.popleft().result()
        if frame % every == 0:
            memory[frame] = _host_mb(), _device_mb()
    return memory


def _host_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def _device_mb() -> float:
    return torch.cuda.memory_reserved() / 1e6 if torch.cuda.is_available() else 0.0


if __name__ == "__main__":
    main()
