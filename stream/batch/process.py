"""A worker process from the side of who gives it jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from stream.batch.job import Job, Outcome, failed
from stream.batch.worker import STOP_S

_BLOCK = 1 << 16


class WorkerProcess:
    """Runs `stream.batch.worker`, one job at a time; started with the first one, and again after a crash."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        """Start nothing yet.

        Args:
            environment: variables over those of this process.
        """
        self._environment = os.environ | (environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._rest, self._stopped = b"", False
        self.job: Job | None = None

    def begin(self, job: Job, environment: dict[str, str] | None = None) -> None:
        """Give it a job, and variables that hold for this job alone."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            # A session of its own: Ctrl-C of the terminal reaches the driver alone.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stream.batch.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
            )
        self.job = job
        message = json.dumps({"job": job.as_json(), "environment": environment or {}})
        assert self._process.stdin
        with suppress(BrokenPipeError):  # told by the end of its output
            self._process.stdin.write(message.encode() + b"\n")
            self._process.stdin.flush()

    def fileno(self) -> int:
        """Of its output, to wait for."""
        assert self._process and self._process.stdout
        return self._process.stdout.fileno()

    def hear(self) -> Iterator[float | Outcome]:
        """Read once, waiting if need be: shares of the job that are done, and its outcome."""
        assert self.job
        job, block = self.job, os.read(self.fileno(), _BLOCK)
        if not block:
            self.close()
            self.job = None
            if self._stopped:
                yield Outcome(job.name, "stopped", reason="stopped")
            else:
                yield failed(job, "crash", "its worker process was ended from outside")
            return
        *lines, self._rest = (self._rest + block).split(b"\n")
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            if "outcome" in message:
                self.job = None
                yield Outcome.from_json(message["outcome"])
            else:
                yield float(message["share"])

    def run(self, job: Job, environment: dict[str, str] | None = None) -> Outcome:
        """Do a job, as `begin`, and wait for its end."""
        self.begin(job, environment)
        while True:
            for said in self.hear():
                if isinstance(said, Outcome):
                    return said

    def stop(self) -> None:
        """Ask it to stop what it does and end; `close` waits for it."""
        self._stopped = True
        if self._process and self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def close(self) -> None:
        """End it; may be called twice."""
        process, self._process, self._rest = self._process, None, b""
        if process is None:
            return
        if process.stdin and not process.stdin.closed:
            with suppress(BrokenPipeError):
                process.stdin.close()
        try:
            process.wait(STOP_S + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout
        process.stdout.close()
