"""Work of the GPU captured once and replayed, so that launching it costs the host next to nothing."""

from __future__ import annotations

from collections.abc import Callable

import torch


class CapturedGraph:
    """A CUDA graph of some work in memory that stays in place: change the inputs, replay, read the results.

    The work runs a few times before it is captured, so that compilation, plans of libraries and lazily loaded
    modules stay out of the graph; its intermediate results get memory of the graph's own. Other threads may
    use the GPU meanwhile, as a decoder does: only what this thread does is captured.
    """

    def __init__(self, work: Callable[[], None], device: torch.device, warm_ups: int = 3) -> None:
        """Warm up and capture; the work's own inputs and results are touched.

        Args:
            work: launches kernels and copies on the current stream, always in the same memory; neither waits
                for the device nor decides by what is in it.
            device: a CUDA device.
            warm_ups: how often the work runs before.

        Raises:
            RuntimeError: the work does what cannot be captured, or the device fails.
        """
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(device):
            stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch has no types here
            stream.wait_stream(torch.cuda.current_stream(device))
            with torch.cuda.stream(stream):
                for _ in range(warm_ups):
                    work()
            stream.synchronize()
            with torch.cuda.graph(self._graph, stream=stream, capture_error_mode="thread_local"):
                work()

    def replay(self) -> None:
        """Do the work once more, in the current stream; does not wait for it."""
        self._graph.replay()

    def close(self) -> None:
        """Give the graph's memory back; no replay may be under way."""
        self._graph.reset()
