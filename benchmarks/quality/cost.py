"""Cost of `--level` and `--steady` for a 640x480 frame on one core, in turn with other versions of them.

    git show COMMIT:gifnet/level.py > level.py
    python -m benchmarks.quality.cost --level level.py

Counts the time of the thread, least and median of many turns. Writes to benchmarks/results.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import click
import cv2
import numpy as np
import torch

import gifnet.level
import stream.fusion.steady
from benchmarks.common import circumstances, save
from stream.runtime.heap import keep_heap

_SIZE = (480, 640)


def module_of(path: Path) -> ModuleType:
    """A Python file as a module."""
    spec = importlib.util.spec_from_file_location(f"other_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def level_of(module: ModuleType) -> Callable[[], object]:
    """Levels of one frame of noise over a gradient."""
    pictures = [torch.rand(1, 1, *_SIZE).mul_(0.2).add_(torch.linspace(0, 0.8, _SIZE[1])) for _ in range(3)]
    return lambda: module.level(*pictures)


def steady_of(module: ModuleType, pan_px: float = 0.0) -> Callable[[], object]:
    """Averaging of one frame after the other, the network left out, of a camera that pans to and fro."""
    scene = cv2.GaussianBlur(np.random.default_rng(1).random(_SIZE, np.float32), (0, 0), 3)
    scene = cv2.normalize(scene, None, 0, 1, cv2.NORM_MINMAX)
    seen = [
        cv2.warpAffine(scene, np.array([[1, 0, at], [0, 1, 0]], np.float32), _SIZE[::-1])
        for at in (0.0, pan_px)
    ]
    frames = [torch.from_numpy(picture)[None, None] for picture in seen]
    network = module.SteadyNetwork(lambda first, second: first.clone(), 0.5)

    def turn() -> object:
        frames.reverse()
        return network(frames[0], frames[0])

    return turn


@torch.inference_mode()
def in_turn(steps: dict[str, Callable[[], object]], turns: int) -> dict[str, dict[str, float]]:
    """Least and median milliseconds of the thread, each step once a turn."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(turns):
        for name, step in steps.items():
            step()  # its memory into the cache
            before = time.thread_time()
            step()
            times[name].append(1000 * (time.thread_time() - before))
    return {
        name: {"least": round(min(taken), 2), "median": round(float(np.median(taken)), 2)}
        for name, taken in times.items()
    }


@click.command()
@click.option(
    "--level", "other_level", type=click.Path(exists=True, path_type=Path), help="Another level.py."
)
@click.option(
    "--steady", "other_steady", type=click.Path(exists=True, path_type=Path), help="Another steady.py."
)
@click.option("--turns", default=100, show_default=True, type=click.IntRange(1))
def main(other_level: Path | None, other_steady: Path | None, turns: int) -> None:
    """Measure, print and save."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    keep_heap()  # as runs do
    started = circumstances()
    steps = {
        "level": level_of(gifnet.level),
        "steady": steady_of(stream.fusion.steady),
        "steady, panning": steady_of(stream.fusion.steady, 2.3),
    }
    if other_level:
        steps["level, other"] = level_of(module_of(other_level))
    if other_steady:
        steps["steady, other"] = steady_of(module_of(other_steady))
    result = in_turn(steps, turns)
    for name, taken in result.items():
        click.echo(f"{name}: {taken['least']} ms at least, {taken['median']} ms in the middle")
    click.echo(f"wrote {save('level_cost', {'circumstances': started, 'core_ms': result})}", err=True)


if __name__ == "__main__":
    main()
