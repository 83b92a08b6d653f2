"""`python -m stream.batch.worker FD`: a process that has everything loaded, and forks a child for every job.

Jobs come as lines of JSON on standard input, each with variables for its environment; those that are sent
before others end go on at once. Each is answered by lines on the descriptor FD: `{"job": NAME, "share": 0.4}`
now and then, and `{"job": NAME, "outcome": ...}` in the end, also where the child crashed. The end of
standard input stops the children and then the worker. Standard output is left to libraries that print.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stream.batch.job import Job, Outcome, failed
from stream.runtime.cpu_threads import wait_passively
from stream.runtime.heap import keep_heap

# A child that was asked to stop and does not is killed; longer than a run's own watchdog waits.
STOP_S = 15.0
_JOBS = 0
_BLOCK = 1 << 16
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve jobs until standard input ends."""
    wait_passively()
    keep_heap()
    # The driver decides what Ctrl-C means. A service manager sends SIGTERM to every process of a command:
    # this one goes on, to tell what became of its children, which let it through.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    # Loaded once here, so that children have it at once; nothing of it has threads or a device yet.
    import stream.batch.execute
    import stream.pipeline.run  # noqa: F401
    from stream.monitoring.report import versions
    from stream.sinks import sink_kinds

    sink_kinds()
    versions()
    _Server(int(sys.argv[1])).serve()


@dataclass(slots=True)
class _Child:
    """A process that does a job.

    Attributes:
        pid: of the process.
        job: it.
        rest: beginning of a line whose end has not come.
        has_outcome: it told its outcome.
    """

    pid: int
    job: Job
    rest: bytes = b""
    has_outcome: bool = False


class _Server:
    """Reads jobs, has them done, and passes on what children say.

    It never waits for the driver to read: the driver may be sending a long job just then.
    """

    def __init__(self, answers: int) -> None:
        """Serve nothing yet.

        Args:
            answers: descriptor that answers are written to.
        """
        self._answers, self._unsaid, self._heard = answers, b"", b""
        self._children: dict[int, _Child] = {}
        self._kill_at_s: float | None = None
        self._selector = selectors.DefaultSelector()
        os.set_blocking(answers, False)

    def serve(self) -> None:
        """Serve until standard input has ended, and every child too."""
        self._selector.register(_JOBS, selectors.EVENT_READ)
        while _JOBS in self._selector.get_map() or self._children or self._unsaid:
            for key, _ in self._selector.select(self._patience_s()):
                if key.fd == _JOBS:
                    self._listen()
                elif key.fd in self._children:
                    self._hear(key.fd)
            self._say()
            if self._patience_s() == 0:
                self._signal_all(signal.SIGKILL)
                self._kill_at_s = None

    def _patience_s(self) -> float | None:
        """Seconds until children that were asked to stop are killed; None where none was."""
        return None if self._kill_at_s is None else max(0.0, self._kill_at_s - time.monotonic())

    def _listen(self) -> None:
        """Read what the driver sends, and begin the jobs that are whole."""
        block = os.read(_JOBS, _BLOCK)
        *lines, self._heard = (self._heard + block).split(b"\n")
        for line in lines:
            message = json.loads(line)
            self._begin(Job.from_json(message["job"]), message["environment"])
        if not block:
            self._selector.unregister(_JOBS)
            self._signal_all(signal.SIGTERM)
            self._kill_at_s = time.monotonic() + STOP_S

    def _signal_all(self, number: int) -> None:
        for child in self._children.values():
            with suppress(ProcessLookupError):
                os.kill(child.pid, number)

    def _begin(self, job: Job, environment: dict[str, str]) -> None:
        reads, writes = os.pipe()
        worker = os.getpid()
        child = os.fork()
        if child == 0:
            for other in (*self._children, reads, self._answers):
                os.close(other)
            os.environ.update(environment)
            _child(job, writes, worker)
        os.close(writes)
        self._children[reads] = _Child(child, job)
        self._selector.register(reads, selectors.EVENT_READ)

    def _hear(self, reads: int) -> None:
        """Read once what a child says; its end is an outcome too."""
        child, block = self._children[reads], os.read(reads, _BLOCK)
        *lines, child.rest = (child.rest + block).split(b"\n")
        for line in lines:
            child.has_outcome = child.has_outcome or line.startswith(b'{"outcome"')
            self._answer(child.job, json.loads(line))
        if block:
            return
        self._selector.unregister(reads)
        os.close(reads)
        del self._children[reads]
        _, status = os.waitpid(child.pid, 0)
        if not child.has_outcome:
            stopped = Outcome(child.job.name, "stopped", reason="stopped")
            # Also of a child that was killed, since it did not stop.
            is_stopping = _JOBS not in self._selector.get_map()
            outcome = stopped if is_stopping else _crashed(child.job, status)
            self._answer(child.job, {"outcome": outcome.as_json()})

    def _answer(self, job: Job, message: dict[str, Any]) -> None:
        self._unsaid += json.dumps({"job": job.name, **message}).encode() + b"\n"

    def _say(self) -> None:
        """Write as many answers as the driver has room for, and the rest when there is more."""
        try:
            while self._unsaid:
                self._unsaid = self._unsaid[os.write(self._answers, self._unsaid) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # the driver is gone; the end of standard input tells it too
            self._unsaid = b""
        waits = self._answers in self._selector.get_map()
        if self._unsaid and not waits:
            self._selector.register(self._answers, selectors.EVENT_WRITE)
        elif waits and not self._unsaid:
            self._selector.unregister(self._answers)


def _child(job: Job, writes: int, worker: int) -> None:
    """Do the job and leave without the worker's own clean-up."""
    from stream.batch.execute import execute

    _die_with(worker)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)

    def tell(share: float) -> None:
        os.write(writes, json.dumps({"share": round(share, 4)}).encode() + b"\n")

    try:
        outcome = execute(job, tell)
        with open(writes, "wb", closefd=False) as pipe:
            pipe.write(json.dumps({"outcome": outcome.as_json()}).encode() + b"\n")
    finally:
        os._exit(0)


def _die_with(worker: int) -> None:
    """Let the kernel end this process when the worker is killed, where it can (Linux)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker:
        os._exit(1)


def _crashed(job: Job, status: int) -> Outcome:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name
        kind = "memory" if number == signal.SIGKILL else "crash"
        more = ", as the system does where memory is short" if kind == "memory" else ""
        return failed(job, kind, f"its process was ended by {name}{more}")
    return failed(job, "crash", f"its process ended with status {os.WEXITSTATUS(status)} and said nothing")


if __name__ == "__main__":
    main()
