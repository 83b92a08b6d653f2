"""An event loop on a thread of its own, for servers beside the pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from stream.runtime.threads import new_thread

Result = TypeVar("Result")


class LoopThread:
    """Runs coroutines on its thread while the `with` block lasts."""

    def __init__(self, name: str) -> None:
        """Nothing runs before the `with` block.

        Args:
            name: of the thread.
        """
        self._loop = asyncio.new_event_loop()
        self._thread = new_thread(self._loop.run_forever, name)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end and give its result; raises what it raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Cancel what still runs, and end the thread."""
        self.run(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
