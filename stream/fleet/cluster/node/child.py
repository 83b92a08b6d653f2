"""The `gifnet run` of a pair as a child process: start, end, and its account."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from stream.fleet.cluster.counts import Counts, counts_of_status
from stream.fleet.cluster.node import exec_child
from stream.fleet.cluster.node.child_page import ChildPage, own_token, page_in
from stream.fleet.cluster.node.run_log import RunLog
from stream.fleet.cluster.node.warm_start import WarmProcess, start_warm
from stream.fleet.cluster.spec import PairSpec

# A run finishes its outputs within eight seconds of SIGTERM, or its watchdog ends it.
LONGEST_END_S = 12.0
REPORTS = "reports"
# A token of the user is in the environment or in the configuration.
_WITH_TOKEN = "with your token"


Process = asyncio.subprocess.Process | WarmProcess


class Child:
    """One process of a pair.

    Attributes:
        run: its name; of later processes it sorts behind.
        digest: of the spec that it runs.
        process: its number.
        page: once it has said where it is.
        began_s: on the monotonic clock.
    """

    def __init__(self, spec: PairSpec, process: Process, run: str, log: RunLog) -> None:
        """Listen to a process that was started."""
        self._spec, self._process, self._log = spec, process, log
        self.run, self.digest, self.process = run, spec.digest, process.pid
        self.page: ChildPage | None = None
        self.began_s = time.monotonic()
        self._listener = asyncio.create_task(self._listen())

    @property
    def is_warm(self) -> bool:
        """True for a run that the node's starter began."""
        return isinstance(self._process, WarmProcess)

    @property
    def status(self) -> int | None:
        """Exit status; None while it runs."""
        return self._process.returncode

    async def wait(self, timeout_s: float) -> bool:
        """Wait for its end; False if it did not come in time."""
        try:
            await asyncio.wait_for(self._process.wait(), timeout_s)
        except TimeoutError:
            return False
        await asyncio.wait({self._listener}, timeout=1.0)  # a grandchild may hold its output
        return True

    async def end(self) -> None:
        """Let it finish its outputs, and end it if it does not."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        if not await self.wait(LONGEST_END_S):
            with suppress(ProcessLookupError):
                self._process.kill()
            await self.wait(LONGEST_END_S)

    def own_report(self) -> Counts | None:
        """Counts of a report that the pair's own settings name, once it has ended; None without one."""
        if not self._spec.report:
            return None
        path = Path(self._spec.folder) / self._spec.report
        try:
            is_mine = path.stat().st_mtime_ns >= int(self.run)
            return counts_of_status(json.loads(path.read_text(encoding="utf-8"))) if is_mine else None
        except (OSError, ValueError, KeyError):
            return None

    async def _listen(self) -> None:
        assert self._process.stdout
        while line := await _line(self._process.stdout):
            self._log.add(line.rstrip("\n"))
            if self.page is None and (page := page_in(line)):
                if _WITH_TOKEN in line:
                    token = os.environ.get("GIFNET_PREVIEW_TOKEN", "")
                    token = token or await asyncio.to_thread(own_token, self._spec.words)
                    page = ChildPage(page.address, token)
                self.page = page


async def _line(stream: asyncio.StreamReader) -> str:
    while True:
        try:
            return (await stream.readline()).decode("utf-8", "replace")
        except ValueError:  # longer than the buffer, whose part it drops
            continue


async def start_child(spec: PairSpec, log: RunLog, lock: int, starter: Path) -> Child:
    """Start the process of a pair.

    Args:
        spec: of the pair.
        log: takes what it writes.
        lock: file of the node's lock, which it holds as long as it lives.
        starter: socket of the node's starter, which need not be there.

    Raises:
        OSError: it cannot be started.
    """
    folder = Path(spec.folder)
    reports = folder / REPORTS
    reports.mkdir(parents=True, exist_ok=True)
    run = f"{time.time_ns():020d}"
    words = list(spec.words)
    if not spec.report:
        words.append(f"--report={reports / run}.json")
    process: Process | None = None
    if spec.is_quick:
        process = await start_warm(starter, words, folder, lock)
    if process is not None:
        return Child(spec, process, run, log)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", exec_child.__file__, str(os.getpid())),
        *(sys.executable, "-m", "stream", *words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        pass_fds=(lock,),
        start_new_session=True,
    )
    return Child(spec, process, run, log)


def take_reports(folder: Path, running: str = "") -> dict[str, Counts]:
    """Final reports that ended processes left on this node, by process; each is given once.

    Args:
        folder: of the pair.
        running: the process that is not over.
    """
    found = {}
    for path in sorted((folder / REPORTS).glob("*.json")):
        if path.stem == running:
            continue
        with suppress(OSError, ValueError, KeyError):
            report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            found[path.stem] = counts_of_status(report)
        with suppress(OSError):
            path.unlink()
    return found
