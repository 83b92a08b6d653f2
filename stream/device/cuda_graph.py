"""Work of the GPU captured once and replayed, so that launching it costs the host next to nothing."""

from __future__ import annotations

from collections.abc import Callable

import torch


class CapturedGraph:
    """A CUDA graph of some work in memory that stays in place: change the inputs, replay, read the results.

    The work runs a few times before it is captured, so that compilation, plans of libraries and lazily loaded
    modules stay out of the graph; its intermediate results get memory of the graph's own. Other threads may
    use the GPU meanwhile, as a decoder does: only what this thread does is captured.

    A graph knows addresses, not tensors. So it keeps the work, and the work must hold everything that it
    reads and writes: as attributes of the object whose method it is, or in its closure.
    """

    def __init__(self, work: Callable[[], None], stream: torch.cuda.Stream, warm_ups: int = 3) -> None:
        """Warm up and capture, behind what the current stream has been given.

        The work's own inputs and results are touched.

        Args:
            work: launches kernels and copies on the current stream, always in the same memory; neither waits
                for the device nor decides by what is in it.
            stream: where it is warmed up and captured; no other thread may launch on it meanwhile.
            warm_ups: how often the work runs before.

        Raises:
            OutOfMemoryError: the device has too little memory for it.
            RuntimeError: the work does what cannot be captured, or the device fails.
        """
        self._work: Callable[[], None] | None = work
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(stream.device):
            before = torch.cuda.current_stream(stream.device)
            stream.wait_stream(before)
            with torch.cuda.stream(stream):
                for _ in range(warm_ups):
                    work()
                stream.synchronize()
                self._capture(work, stream)
            before.wait_stream(stream)

    def replay(self) -> None:
        """Do the work once more, in the current stream; does not wait for it."""
        self._graph.replay()

    def close(self) -> None:
        """Release the memory; no replay may be running."""
        self._graph.reset()
        self._work = None

    def _capture(self, work: Callable[[], None], stream: torch.cuda.Stream) -> None:
        try:
            with torch.cuda.graph(self._graph, stream=stream, capture_error_mode="thread_local"):
                work()
        except RuntimeError as error:
            # To end a capture that broke off fails as well, which would hide that memory was short.
            if isinstance(error.__context__, torch.OutOfMemoryError):
                raise error.__context__ from None
            raise
