"""The Ray actor of a pair: a thin shell around `PairRunner`; imports Ray only inside the cluster."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from contextlib import suppress
from typing import Any

from stream.fleet.cluster.controller_actor import NAME as CONTROLLER
from stream.fleet.cluster.node.pair_runner import PairRunner
from stream.fleet.cluster.spec import PairSpec


class PairActor:
    """Runs a pair on the node where Ray has put it; Ray makes a new one where this one is lost."""

    def __init__(self, fleet: str, namespace: str, spec: dict[str, Any]) -> None:
        """Begin at once: nobody calls this actor when Ray starts it again.

        Args:
            fleet: its name.
            namespace: of its actors in Ray.
            spec: of the pair.
        """
        from stream.cluster.connection import import_ray

        self._ray, self._namespace = import_ray(), namespace
        self._controller: Any = None
        node = self._ray.get_runtime_context().get_node_id()
        self._runner = PairRunner(fleet, PairSpec.from_json(spec), node, self._tell)
        self._work = asyncio.get_running_loop().create_task(self._serve())

    async def log(self, after: int, most: int) -> tuple[int, list[str]]:
        """Lines of the pair's log, see `RunLog.after`."""
        return self._runner.log.after(after, most)

    async def _serve(self) -> None:
        try:
            await self._runner.serve()
        except Exception:
            # Without its loop it would only look alive; Ray starts an actor anew whose process ends.
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        while True:  # the controller ends this actor, and asks for its state until then
            await asyncio.sleep(1)
            with suppress(Exception):
                await self._tell(self._runner.last_words())

    async def _tell(self, message: dict[str, Any]) -> dict[str, Any]:
        if self._controller is None:
            self._controller = await asyncio.to_thread(
                self._ray.get_actor, CONTROLLER, namespace=self._namespace
            )
        try:
            answer: dict[str, Any] = await self._controller.report.remote(message)
        except self._ray.exceptions.RayActorError:
            self._controller = None  # perhaps made anew under its name
            raise
        return answer
