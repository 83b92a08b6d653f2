"""A lock that keeps two processes of one pair from running on one machine.

Actor and child hold it together: it is free when both are gone. Its file names both, and its time of change
says when the actor last heard of its controller.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from stream.runtime.own_folder import runtime_folder

# An actor that has not heard of its controller for so long belongs to a cluster that is gone.
ABANDONED_S = 10.0
# A child whose actor is gone got SIGTERM; one that is still there after so long hangs.
LONGEST_END_S = 12.0


class NodeLock:
    """The lock of a pair on this machine."""

    def __init__(self, name: str) -> None:
        """Open its file, without the lock.

        Args:
            name: of fleet and pair.

        Raises:
            ConfigError: the folder of running processes cannot be made.
        """
        self.path: Path = runtime_folder() / f"fleet-{name}.lock"
        self.file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._since_s = time.monotonic()

    def take(self) -> str:
        """Try to get the lock; ends what an earlier cluster left behind.

        Returns:
            Empty with the lock, else who holds it.
        """
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._held()
        self.write()
        return ""

    def write(self, child: int = 0) -> None:
        """Note who holds it."""
        data = json.dumps({"actor": os.getpid(), "child": child}).encode()
        os.ftruncate(self.file, 0)
        os.pwrite(self.file, data, 0)

    def heard(self) -> None:
        """Note that the controller answered."""
        os.utime(self.file)

    def close(self) -> None:
        """Give it up, unless the child still runs."""
        os.close(self.file)

    def _held(self) -> str:
        try:
            holders = json.loads(os.pread(self.file, 4096, 0))
            actor, child = int(holders["actor"]), int(holders["child"])
        except (ValueError, KeyError, TypeError):  # it is just being written
            return "another process"
        if actor and _lives(actor):
            silent_s = time.time() - os.fstat(self.file).st_mtime
            if silent_s > ABANDONED_S:
                _kill(actor)
                return f"process {actor} of a cluster that is gone"
            return f"process {actor} of another cluster, which is ended once it has lost its controller"
        if child and _lives(child) and time.monotonic() - self._since_s > LONGEST_END_S:
            _kill(child)
        return f"the earlier process {child}, which is ending"


def _lives(process: int) -> bool:
    """True for a process that is there and no zombie."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return fields.rpartition(")")[2].split()[0] != "Z"


def _kill(process: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(process, signal.SIGKILL)
