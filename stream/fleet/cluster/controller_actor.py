"""The Ray actor on the head node that keeps a fleet as it is wanted; one a fleet.

A shell around `Controller`, which loads only where it runs: Ray loads this module beside every pair, which
has a handle of it. Ray starts it again where it is lost; pairs go on meanwhile.
"""

from __future__ import annotations

from typing import Any

from stream.errors import ConfigError

NAME = "controller"


def pair_actor_name(pair: str) -> str:
    """The name of a pair's actor; no pair's is that of the controller."""
    return f"pair-{pair}"


class ControllerActor:
    """Answers the actors of pairs, and the commands."""

    def __init__(self, fleet: str, namespace: str, folder: str, page: dict[str, Any]) -> None:
        """Begin to work, see `Controller`; where that cannot be, every question is told why."""
        from stream.fleet.cluster.controller import Controller

        self._controller: Any = None
        try:
            self._controller = Controller(fleet, namespace, folder, page)
        except ConfigError as error:
            self._problem = str(error)

    async def report(self, message: dict[str, Any]) -> dict[str, Any]:
        """Take the report of a pair's actor, see `Controller.report`."""
        answer: dict[str, Any] = self._of("report")(message)
        return answer

    async def ask(self, what: str, *arguments: Any) -> Any:
        """Call a method of `Controller` by its name."""
        return self._of(what)(*arguments)

    def _of(self, what: str) -> Any:
        if self._controller is None:
            raise ConfigError(self._problem)
        return getattr(self._controller, what)
