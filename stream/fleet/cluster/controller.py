"""Keeps a fleet as it is wanted: makes and ends actors of pairs, takes their reports, serves the page."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from stream.errors import ConfigError
from stream.fleet.cluster.controller_actor import pair_actor_name
from stream.fleet.cluster.fleet_page import FleetPage
from stream.fleet.cluster.fleet_state import Action
from stream.fleet.cluster.node.warm_start import begin_starter, starter_socket
from stream.fleet.cluster.nodes import Node, living_nodes
from stream.fleet.cluster.pair_actor import PairActor
from stream.fleet.cluster.spec import PairSpec
from stream.fleet.cluster.state_file import StateFile
from stream.fleet.cluster.table import PairRow, rows

EVERY_S = 0.5
# Actors that said nothing for so long are looked up at Ray, which may have given them up.
LOOK_UP_S = 10.0
# An actor on a node that answers no more does not hold the other pairs up for longer.
KILL_S = 10.0
# A starter without runs ends after twice that.
PREPARE_EVERY_S = 300.0

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Controller:
    """The work of `ControllerActor`, on its event loop."""

    def __init__(self, fleet: str, namespace: str, folder: str, page: dict[str, Any]) -> None:
        """Go on with what was saved, and begin to work.

        Args:
            fleet: its name.
            namespace: of its actors in Ray.
            folder: of the fleet on this node.
            page: settings of the page, see `FleetPage`.

        Raises:
            ConfigError: the state cannot be read.
        """
        from stream.cluster.connection import import_ray

        self._ray, self._fleet, self._namespace = import_ray(), fleet, namespace
        self._file = StateFile(Path(folder))
        self._state = self._file.read()
        self._nodes: list[Node] = []
        self._looked_up_s: dict[str, float] = {}
        self._prepared_s: dict[str, float] = {}
        self._page = FleetPage(self.rows, self._picture, self._metrics)
        self._page_settings = page
        self._page_problem = ""
        self._work = asyncio.get_running_loop().create_task(self._serve())

    def report(self, message: dict[str, Any]) -> dict[str, Any]:
        """Take the report of a pair's actor, see `FleetState.report`; `picture` asks for the next picture."""
        answer = self._state.report(message, time.monotonic())
        return answer | {"picture": self._page.is_watched}

    def about(self) -> dict[str, Any]:
        """Version and settings that `up` makes a new controller for where they are others."""
        return {"version": version("gifnet-stream"), "page": self._page_settings}

    def process(self) -> int:
        """Number of its process on the head node."""
        return os.getpid()

    def apply(self, specs: list[dict[str, Any]], prune: bool) -> dict[str, list[str]]:
        """See `FleetState.apply`."""
        return self._changed(lambda: self._state.apply(map(PairSpec.from_json, specs), prune))

    def update(self, spec: dict[str, Any]) -> None:
        """See `FleetState.update`."""
        self._changed(lambda: self._state.update(PairSpec.from_json(spec)))

    def move(self, name: str, label: str) -> None:
        """See `FleetState.move`."""
        self._changed(lambda: self._state.move(name, label))

    def drain(self, name: str, off: bool) -> str:
        """Drain a pair, or a node by its name; says which of them it was.

        Raises:
            ConfigError: there is neither.
        """
        node = next((node for node in self._nodes if name in (node.name, node.number)), None)
        if name in self._state.wanted():
            self._changed(lambda: self._state.drain(name, off))
            return "pair"
        if node is None:
            pairs, nodes = sorted(self._state.wanted()), sorted(node.name for node in self._nodes)
            raise ConfigError(
                f"there is no pair and no node {name}; pairs are {', '.join(pairs) or 'none'}, nodes are "
                f"{', '.join(nodes)}"
            )
        self._changed(lambda: self._state.drain_node(node, off))
        return "node"

    def down(self) -> None:
        """End all pairs."""
        self._changed(self._state.remove_all)

    def table(self) -> dict[str, Any]:
        """All pairs and nodes as plain values."""
        nodes = [
            {"name": node.name, "labels": node.labels, "drained": node.number in self._state.drained_nodes}
            for node in self._nodes
        ]
        return {
            "fleet": self._fleet,
            "page": self._page.address,
            "page_problem": self._page_problem,
            "nodes": nodes,
            "pairs": [row.as_json() for row in self.rows()],
        }

    def specs(self) -> dict[str, dict[str, Any]]:
        """Specs of all pairs as they are wanted, by name."""
        return {name: record.spec.as_json() for name, record in self._state.wanted().items()}

    def rows(self) -> list[PairRow]:
        """All pairs; saved first, so that counts that were told do not go down where this process is lost."""
        self._file.write(self._state)
        return rows(self._state, self._nodes, time.monotonic())

    def _changed(self, change: Callable[[], Result]) -> Result:
        result = change()
        self._file.write(self._state)
        return result

    def _picture(self, name: str) -> bytes:
        record = self._state.wanted().get(name)
        return record.last.get("picture", b"") if record else b""

    def _metrics(self, name: str) -> str:
        record = self._state.wanted().get(name)
        return str(record.last.get("metrics", "")) if record else ""

    async def _serve(self) -> None:
        try:
            await self._page.open(self._page_settings)
        except ConfigError as error:
            self._page_problem = str(error)
        while True:
            try:
                await self._step()
            except Exception:  # of Ray; the next step tries again
                _log.exception("a step of the fleet's controller failed")
            await asyncio.sleep(EVERY_S)

    async def _step(self) -> None:
        self._nodes = living_nodes(await asyncio.to_thread(self._ray.nodes))
        for action in list(self._state.actions(time.monotonic(), self._nodes)):
            await (self._create(action) if action.what == "create" else self._kill(action.pair))
        await self._look_up_silent()
        await self._prepare_spare_nodes()
        self._file.write(self._state)

    async def _create(self, action: Action) -> None:
        record, placement = self._state.pairs[action.pair], action.placement
        assert placement is not None
        labels = dict([placement.label.split("=")]) if placement.label else {}
        if action.avoid:
            labels["ray.io/node-id"] = f"!in({','.join(action.avoid)})"
        options = {
            "name": pair_actor_name(action.pair),
            "namespace": self._namespace,
            "lifetime": "detached",
            "get_if_exists": True,
            "max_restarts": -1,
            "max_task_retries": -1,
            "num_cpus": placement.cpus,
            "num_gpus": placement.gpus,
            "label_selector": labels,
        }
        self._looked_up_s[action.pair] = time.monotonic()
        actor = self._ray.remote(PairActor).options(**options)
        await asyncio.to_thread(actor.remote, self._fleet, self._namespace, record.run_spec.as_json())

    async def _kill(self, name: str) -> None:
        with suppress(TimeoutError):  # the next step asks again
            async with asyncio.timeout(KILL_S):
                if (actor := await self._find(name)) is not None:
                    await asyncio.to_thread(self._ray.kill, actor)
                    while await self._find(name) is not None:
                        await asyncio.sleep(0.1)
                self._state.killed(name)

    async def _look_up_silent(self) -> None:
        now_s = time.monotonic()
        for name, record in self._state.pairs.items():
            newest_s = max(record.heard_s, self._looked_up_s.get(name, 0.0))
            if record.placed is not None and now_s - newest_s > LOOK_UP_S:
                self._looked_up_s[name] = now_s
                if await self._find(name) is None:
                    record.gone()

    async def _prepare_spare_nodes(self) -> None:
        """Begin starters on nodes that have no pair yet, so that pairs of a lost node start at once there."""
        now_s = time.monotonic()
        for node in self._state.spare_nodes(self._nodes):
            if now_s - self._prepared_s.get(node.number, -PREPARE_EVERY_S) >= PREPARE_EVERY_S:
                self._prepared_s[node.number] = now_s
                options = {"num_cpus": 0, "max_retries": 0, "label_selector": {"ray.io/node-id": node.number}}
                task = self._ray.remote(begin_starter).options(**options)
                await asyncio.to_thread(task.remote, starter_socket(node.number))

    async def _find(self, name: str) -> Any:
        try:
            return await asyncio.to_thread(
                self._ray.get_actor, pair_actor_name(name), namespace=self._namespace
            )
        except ValueError:
            return None
