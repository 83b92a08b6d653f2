"""A fusion step cut at the network, so that the network can be that of several pairs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from torch import Tensor

from stream.device.context import DeviceContext, Work
from stream.fusion.model_choice import Borrowed
from stream.fusion.step import NETWORK, FusionStep, timed_stages

Measure = Callable[[str], AbstractContextManager[None]]


class GivenPicture:
    """Stands for the network in a step whose picture a shared network makes.

    Attributes:
        own_threads: True: nothing is left to help with.
    """

    own_threads = True

    def __init__(self, picture: Tensor) -> None:
        """Give this picture, [1, 1, H, W] float32, as it is at each call."""
        self._picture = picture

    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """The picture."""
        return self._picture


class SplitStep:
    """The work of a frame: the pair's own stages, the shared network, the pair's own stages again.

    On a GPU each of the pair's parts is a captured graph of its own, and the network those of
    `GraphBatches`; on a CPU stages are called and timed one by one.
    """

    def __init__(
        self, step: FusionStep, network: Borrowed, picture: Tensor, context: DeviceContext, measure: Measure
    ) -> None:
        """Capture the pair's parts.

        Args:
            step: with a network that gives `picture`.
            network: shared.
            picture: [1, 1, H, W] float32, where the network's result is put.
            context: of the pair.
            measure: times stages by name, where they run one by one.
        """
        self._network, self._picture, self._measure = network, picture, measure
        self._inputs = step.network_inputs
        self._graphs = [
            graph for part in (step.before_network, step.from_network) if (graph := context.capture(part))
        ]
        self._before: Work
        self._after: Work
        if self._graphs:
            self._before, self._after = (graph.replay for graph in self._graphs)
            return
        before, after = (
            step.stages[:NETWORK],
            [("levels", step.stages[NETWORK][1]), *step.stages[NETWORK + 1 :]],
        )
        self._before, self._after = (timed_stages(part, measure, helped=False) for part in (before, after))

    def replay(self) -> None:
        """Give the work of one frame; on a GPU, without waiting for it."""
        self._before()
        with self._measure("network"):
            self._network.fuse(*self._inputs, self._picture)
        self._after()

    def close(self) -> None:
        """Release the graphs' memory; no replay may be running."""
        for graph in self._graphs:
            graph.close()
