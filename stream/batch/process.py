"""The worker process from the side of who gives it jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from stream.batch.job import Job, Outcome, failed
from stream.batch.worker import STOP_S

_BLOCK = 1 << 16


class WorkerProcess:
    """Runs `stream.batch.worker`, which does jobs side by side; begun again after a crash.

    Attributes:
        jobs: that go on, by name.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Start nothing yet.

        Args:
            environment: variables over those of this process.
        """
        self._environment = dict(environment or {})
        self.jobs: dict[str, Job] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._answers, self._rest, self._stopped = -1, b"", False

    def start(self) -> None:
        """Start it, so that it is ready for the first job sooner; nothing where it runs."""
        if self._process is not None:
            return
        self._answers, writes = os.pipe()
        try:
            # A session of its own: Ctrl-C of the terminal reaches the driver alone.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stream.batch.worker", str(writes)],
                stdin=subprocess.PIPE,
                pass_fds=(writes,),
                env=os.environ | self._environment,
                start_new_session=True,
            )
        finally:
            os.close(writes)

    def begin(self, job: Job, environment: Mapping[str, str] | None = None) -> None:
        """Give it a job, and variables that hold for this job alone."""
        if not self.jobs and self._process is not None and self._process.poll() is not None:
            self.close()
        self.start()
        self.jobs[job.name] = job
        message = json.dumps({"job": job.as_json(), "environment": dict(environment or {})})
        assert self._process and self._process.stdin
        with suppress(BrokenPipeError):  # told by the end of its answers
            self._process.stdin.write(message.encode() + b"\n")
            self._process.stdin.flush()

    def fileno(self) -> int:
        """Of its answers, to wait for."""
        return self._answers

    def hear(self) -> Iterator[tuple[str, float | Outcome]]:
        """Read once, waiting if need be: by names of jobs, the share that is done, or the outcome."""
        block = os.read(self._answers, _BLOCK)
        if not block:
            self.close()
            jobs, self.jobs = self.jobs, {}
            for name, job in jobs.items():
                yield name, self._lost(job)
            return
        *lines, self._rest = (self._rest + block).split(b"\n")
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            name = message["job"]
            if "outcome" in message:
                del self.jobs[name]
                yield name, Outcome.from_json(message["outcome"])
            else:
                yield name, float(message["share"])

    def _lost(self, job: Job) -> Outcome:
        if self._stopped:
            return Outcome(job.name, "stopped", reason="stopped")
        return failed(job, "crash", "its worker process was ended from outside")

    def run(self, job: Job, environment: Mapping[str, str] | None = None) -> Outcome:
        """Do a job, as `begin`, and wait for its end."""
        self.begin(job, environment)
        while True:
            for _, said in self.hear():
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
        assert process.stdin
        with suppress(BrokenPipeError):
            process.stdin.close()
        os.close(self._answers)
        if not self.jobs:  # it may still be loading
            process.kill()
        try:
            process.wait(STOP_S + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
