"""The loop beside a pair: starts its child, starts it again, asks it how it is, and tells the controller."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from stream.errors import ConfigError
from stream.fleet.cluster.counts import Counts, counts_of_status
from stream.fleet.cluster.node.child import Child, start_child, take_reports
from stream.fleet.cluster.node.node_lock import NodeLock
from stream.fleet.cluster.node.run_log import RunLog
from stream.fleet.cluster.node.warm_start import begin_starter, starter_socket
from stream.fleet.cluster.spec import PairSpec, other_files, unfit
from stream.runtime.backoff import Backoff

EVERY_S, EVERY_STARTING_S = 1.0, 0.2
# Numbers for Prometheus, and the check of files, cost more than a second's worth of news.
SELDOM_S = 5.0
# A controller that is being started again does not hold a pair up.
ANSWER_S = 5.0
# Exit status of a run whose settings, weights or inputs are wrong; it will not be right in a second.
_WRONG = 1

Tell = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class PairRunner:
    """Runs one pair until it is told to end."""

    def __init__(self, fleet: str, spec: PairSpec, node: str, tell: Tell) -> None:
        """Nothing is started before `serve`.

        Args:
            fleet: its name.
            spec: of the pair; the controller may give another one.
            node: number of this node in Ray.
            tell: hands the state to the controller, and gives its answer.
        """
        self._fleet, self._spec, self._tell = fleet, spec, tell
        self._folder = Path(spec.folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self.log = RunLog(self._folder)
        self._starter = starter_socket(node)
        self._lock: NodeLock | None = None
        self._child: Child | None = None
        self._backoff, self._start_at_s = Backoff(random.Random()), 0.0
        self._why, self._ending, self._prepared = "", False, ""
        self._wants_picture, self._seldom_at_s = False, 0.0
        self._unsent: dict[str, Counts] = {}
        self._about = {
            "pair": spec.name,
            "actor": secrets.token_hex(8),
            "node": node,
            "host": socket.gethostname(),
            "actor_process": os.getpid(),
            "niceness": os.nice(0),
        }

    async def serve(self) -> None:
        """Work until the controller says that it is over; a mistake ends the child, and is raised."""
        try:
            while not self._ending:
                await self._look_after_child()
                seen = await self._see()
                await self._report(seen)
                await self._pause(bool(seen.get("ready")))
            if self._child:
                await self._child.end()
                self._account()
            await self._report(self.last_words())
        except Exception:
            for line in traceback.format_exc().splitlines():
                self.log.add(line)
            raise
        finally:
            if self._child:
                await self._child.end()
            if self._lock:
                self._lock.close()
                self._lock = None
            self.log.close()

    def last_words(self) -> dict[str, Any]:
        """The report of a pair that has ended."""
        ended = {run: each.as_json() for run, each in self._unsent.items()}
        return {**self._about, "state": "ended", "why": "", "ended_runs": ended}

    async def _look_after_child(self) -> None:
        child = self._child
        if child and child.status is None and child.digest != self._spec.digest:
            await child.end()
            self._start_at_s = 0.0
            self._backoff.succeeded()
        if child and child.status is not None:
            self._account()
            if child.digest == self._spec.digest:
                wait_s = self._backoff.next_s(refused=child.status == _WRONG)
                self._start_at_s = time.monotonic() + wait_s
                self._why = (
                    f"{_ended(child.status)}: {self.log.last}" if self.log.last else _ended(child.status)
                )
        if self._child is None and time.monotonic() >= self._start_at_s:
            await self._start()

    def _account(self) -> None:
        """Take the final counts of a child that has ended."""
        child, self._child = self._child, None
        if child and (counts := child.own_report()):
            self._unsent[child.run] = counts
        self._unsent |= take_reports(self._folder)

    async def _start(self) -> None:
        if why := await asyncio.to_thread(unfit, self._spec):
            self._why, self._start_at_s = f"refused: {why}", time.monotonic() + 10 * EVERY_S
            return
        try:
            self._lock = self._lock or NodeLock(f"{self._fleet}-{self._spec.name}")
            if holder := self._lock.take():
                self._why = f"waiting: {holder} still runs it here"
                return
            self._unsent |= take_reports(self._folder)
            self._child = await start_child(self._spec, self.log, self._lock.file, self._starter)
            self._lock.write(self._child.process)
            self._why = ""
        except (ConfigError, OSError) as error:
            self._why = f"cannot be started: {error}"
            self._start_at_s = time.monotonic() + self._backoff.next_s(refused=True)

    async def _see(self) -> dict[str, Any]:
        """The state of the pair now."""
        child = self._child
        if child is None:
            waits_s = max(0.0, self._start_at_s - time.monotonic())
            return {"state": "down", "why": self._why, "again_in_s": round(waits_s, 1)}
        seen: dict[str, Any] = {"state": "starting", "why": "", "run": child.run, "process": child.process}
        seen |= {"spec": child.digest, "up_s": round(time.monotonic() - child.began_s, 1)}
        status = await asyncio.to_thread(child.page.status) if child.page else None
        if child.page is None or status is None:
            return seen
        if not status["not_ready"]:
            self._backoff.succeeded()
            await self._prepare_next()
        seen |= {
            "state": "not fusing" if status["not_ready"] else "running",
            "why": status["not_ready"] or status["not_pairing"] or status["too_slow"],
            "ready": not status["not_ready"],
            "counts": counts_of_status(status).as_json(),
            "cameras": {side: camera["state"] for side, camera in status["cameras"].items()},
            "rate": status["recent"]["rate"],
            "age_ms": status["recent"]["age_ms"],
        }
        if time.monotonic() >= self._seldom_at_s:
            self._seldom_at_s = time.monotonic() + SELDOM_S
            seen["other_files"] = await asyncio.to_thread(other_files, self._spec)
            seen["metrics"] = await asyncio.to_thread(child.page.metrics)
        if self._wants_picture:
            seen["picture"] = await asyncio.to_thread(child.page.picture)
        return seen

    async def _prepare_next(self) -> None:
        """See to it that the next start on this node is quick; once for each child."""
        child = self._child
        if child and self._spec.is_quick and not child.is_warm and self._prepared != child.run:
            self._prepared = child.run
            await asyncio.to_thread(begin_starter, self._starter)

    async def _report(self, seen: dict[str, Any]) -> None:
        ended = dict(self._unsent)
        counts = {run: each.as_json() for run, each in ended.items()}
        message = {**self._about, **seen, "ended_runs": counts}
        try:
            answer = await asyncio.wait_for(self._tell(message), ANSWER_S)
        except Exception:  # of Ray or asyncio: the controller is away, and the pair goes on
            return
        for run in ended:
            self._unsent.pop(run, None)
        if self._lock:
            self._lock.heard()
        self._wants_picture = bool(answer.get("picture"))
        self._ending = self._ending or bool(answer.get("end"))
        if answer.get("spec"):
            self._spec = PairSpec.from_json(answer["spec"])

    async def _pause(self, is_ready: bool) -> None:
        """Until the next look, or the child's end."""
        child = self._child
        if child is None:
            until_s = self._start_at_s - time.monotonic()
            await asyncio.sleep(min(EVERY_S, max(EVERY_STARTING_S, until_s)))
        elif await child.wait(EVERY_S if is_ready else EVERY_STARTING_S):
            return


def _ended(status: int) -> str:
    return f"ended by signal {-status}" if status < 0 else f"ended with status {status}"
