"""The side of the commands: finds the controller of a fleet on a Ray cluster, and asks it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from stream.cluster.connection import connected
from stream.config.many.fleet import FleetSettings
from stream.errors import ConfigError, GifnetError
from stream.fleet.cluster.controller_actor import NAME as CONTROLLER
from stream.fleet.cluster.controller_actor import ControllerActor, pair_actor_name
from stream.fleet.cluster.examine import examine_node
from stream.fleet.cluster.nodes import Node, living_nodes
from stream.fleet.cluster.spec import PairSpec
from stream.fleet.cluster.state_file import fleet_folder

TOKEN_VARIABLE = "GIFNET_FLEET_TOKEN"
# Longer than Ray takes to make a controller anew on a busy machine.
ANSWER_S = 60.0
EXAMINE_S = 120.0
HEAD = "node:__internal_head__"


class FleetClient:
    """A fleet on a cluster; used inside `open_fleet`."""

    def __init__(self, ray: Any, settings: FleetSettings) -> None:
        """Of a connected Ray.

        Args:
            ray: the module, connected.
            settings: of the fleet file.
        """
        self._ray, self._settings = ray, settings
        self._namespace = f"gifnet-fleet-{settings.name}"
        self.folder = fleet_folder(settings.name, settings.folder)
        self.has_quick_starts = settings.quick_starts

    def nodes(self) -> list[Node]:
        """Nodes that are there."""
        return living_nodes(self._ray.nodes())

    def examine(self, specs: Sequence[PairSpec]) -> None:
        """Ask every node that may get a pair whether it can run it.

        Raises:
            ConfigError: names the nodes that cannot, and why.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        ask = self._ray.remote(num_cpus=0, max_retries=0)(examine_node)
        asked = {}
        for node in self.nodes():
            fitting = [each.as_json() for each in specs if each.placement.fits(node.resources, node.labels)]
            if fitting:
                place = NodeAffinitySchedulingStrategy(node.number, soft=False)
                asked[ask.options(scheduling_strategy=place).remote(fitting)] = node.name
        if not asked:
            return
        answered, silent = self._ray.wait(list(asked), num_returns=len(asked), timeout=EXAMINE_S)
        problems = [f"{asked[task]} does not answer" for task in silent]
        problems += [f"{asked[task]}: {why}" for task in answered for why in self._why(task)]
        if problems:
            raise ConfigError(
                "nodes cannot run their pairs: " + "; ".join(sorted(problems)) + "; make them alike, or "
                "keep pairs off by labels"
            )

    def ensure_controller(self) -> None:
        """Start the controller, where there is none of this version and with these settings.

        Raises:
            ConfigError: it cannot be started.
        """
        page = self._settings.page.model_dump() | {"token": self._token()}
        options = {
            "name": CONTROLLER,
            "namespace": self._namespace,
            "lifetime": "detached",
            "get_if_exists": True,
            "max_restarts": -1,
            "max_task_retries": -1,
            "num_cpus": 0,
            # With the head it would lose its cluster anyway.
            "resources": {HEAD: 0.001},
        }
        actor = self._ray.remote(ControllerActor).options(**options)
        wanted = {"version": version("gifnet-stream"), "page": page}
        for _ in range(2):
            actor.remote(self._settings.name, self._namespace, str(self.folder), page)
            try:
                if self.ask("about") == wanted:
                    return
            except ConfigError:
                self.end_controller()  # so that a later one reads its state anew
                raise
            self.end_controller()

    def ask(self, what: str, *arguments: Any) -> Any:
        """Call a method of the controller.

        Raises:
            ConfigError: there is no controller, it does not answer, or it refuses.
        """
        try:
            controller = self._ray.get_actor(CONTROLLER, namespace=self._namespace)
        except ValueError:
            raise ConfigError(
                f"the fleet {self._settings.name} does not run on this cluster; start it by `gifnet fleet up`"
            ) from None
        return self._get(controller.ask.remote(what, *arguments), "its controller")

    def log(self, pair: str, after: int, most: int) -> tuple[int, list[str]]:
        """Lines of a pair's log on its node, see `RunLog.after`.

        Raises:
            ConfigError: the pair runs nowhere now.
        """
        try:
            actor = self._ray.get_actor(pair_actor_name(pair), namespace=self._namespace)
        except ValueError:
            raise ConfigError(f"the pair {pair} runs nowhere now; see `gifnet fleet status`") from None
        found: tuple[int, list[str]] = self._get(actor.log.remote(after, most), f"the pair {pair}")
        return found

    def wait_until_gone(self, timeout_s: float) -> bool:
        """Wait until all pairs have ended; False if some have not by then."""
        end_s = time.monotonic() + timeout_s
        while self.ask("table")["pairs"]:
            if time.monotonic() > end_s:
                return False
            time.sleep(0.3)
        return True

    def end_controller(self) -> None:
        """End the controller; its counts stay on the disk of the head node."""
        self._ray.kill(self._ray.get_actor(CONTROLLER, namespace=self._namespace))
        while self._is_there():
            time.sleep(0.1)

    def _is_there(self) -> bool:
        try:
            self._ray.get_actor(CONTROLLER, namespace=self._namespace)
        except ValueError:
            return False
        return True

    def _get(self, task: Any, whom: str) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(task, timeout=ANSWER_S)
        except errors.RayTaskError as error:
            if isinstance(error.cause, GifnetError):
                raise ConfigError(str(error.cause)) from None
            raise ConfigError(f"{whom} failed: {str(error).strip().splitlines()[-1]}") from None
        except errors.GetTimeoutError:
            raise ConfigError(f"{whom} did not answer within {ANSWER_S:g} s") from None
        except errors.RayError as error:
            why = str(error).strip().splitlines()[0]
            raise ConfigError(f"{whom} cannot be reached: {type(error).__name__}: {why}") from None

    def _why(self, task: Any) -> list[str]:
        try:
            found: list[str] = self._ray.get(task)
            return found
        except self._ray.exceptions.RayError as error:
            return [f"gifnet-stream does not run there ({str(error).strip().splitlines()[-1]})"]

    def _token(self) -> str:
        from stream.config.outputs import SHORTEST_TOKEN
        from stream.web.address import parse_address

        address = parse_address(self._settings.page.bind, "page.bind")
        token = os.environ.get(TOKEN_VARIABLE, "")
        if not address.is_loopback and len(token) < SHORTEST_TOKEN:
            raise ConfigError(
                f"page.bind {address} is open to others; set {TOKEN_VARIABLE} to a secret of at least "
                f"{SHORTEST_TOKEN} characters, or bind 127.0.0.1"
            )
        return "" if address.is_loopback else token


@contextmanager
def open_fleet(settings: FleetSettings, address: str) -> Iterator[FleetClient]:
    """The fleet, connected inside the block.

    Args:
        settings: of the fleet file.
        address: of the cluster, see `connected`.

    Raises:
        ConfigError: there is no such cluster.
    """
    with connected(address) as ray:
        yield FleetClient(ray, settings)
