"""Measure many fused pictures in as many processes as there are cores."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import cv2

from gifnet.eval import measure
from stream.quality.inputs import Sample, read_sample

Task = TypeVar("Task")
Result = TypeVar("Result")
Row = tuple[Sample, dict[str, float]]


def measure_samples(samples: list[Sample], metrics: tuple[str, ...], workers: int) -> Iterator[Row]:
    """Each sample with its metrics, in order.

    Args:
        samples: from `find_samples`.
        metrics: keys of `gifnet.eval.METRICS`; all when empty.
        workers: processes; 0 for one a core.

    Raises:
        SourceError: a picture that cannot be read, or sizes that differ.
    """
    tasks = [(sample, metrics) for sample in samples]
    yield from zip(samples, spread(_measure, tasks, workers), strict=True)


def spread(work: Callable[[Task], Result], tasks: list[Task], workers: int) -> Iterable[Result]:
    """Work tasks off in processes of their own, results in order; in this one where one is enough."""
    count = min(workers or len(os.sched_getaffinity(0)), len(tasks))
    if count < 2:
        yield from map(work, tasks)
        return
    # Spawned, since a forked child may inherit locks of other threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield from pool.map(work, tasks)


def _measure(task: tuple[Sample, tuple[str, ...]]) -> dict[str, float]:
    return measure(*read_sample(task[0]), names=task[1])
