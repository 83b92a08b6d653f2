"""The Ray actor on the head node that keeps a fleet as it is wanted; one a fleet.

A shell around `Controller`, which loads only where it runs: Ray loads this module beside every pair, which
has a handle of it. Ray starts it again where it is lost; pairs go on meanwhile.
"""

from __future__ import annotations

from typing import Any

NAME = "controller"


class ControllerActor:
    """Answers the actors of pairs, and the commands."""

    def __init__(self, fleet: str, namespace: str, folder: str, page: dict[str, Any]) -> None:
        """Begin to work, see `Controller`."""
        from stream.fleet.cluster.controller import Controller

        self._controller = Controller(fleet, namespace, folder, page)

    async def report(self, message: dict[str, Any]) -> dict[str, Any]:
        """Take the report of a pair's actor, see `Controller.report`."""
        return self._controller.report(message)

    async def ask(self, what: str, *arguments: Any) -> Any:
        """Call a method of `Controller` by its name."""
        return getattr(self._controller, what)(*arguments)
