"""`python -m stream.batch.worker`: a process that has everything loaded, and forks a child for every job.

Jobs come as lines of JSON on standard input, one at a time, each with variables for its environment. Each is
answered by lines on standard output: `{"share": 0.4}` now and then, and `{"outcome": ...}` in the end, also
where the child crashed. The end of standard input stops the child and then the worker.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
from contextlib import suppress

from stream.batch.job import Job, Outcome, failed
from stream.runtime.cpu_threads import wait_passively
from stream.runtime.heap import keep_heap

# A child that was asked to stop and does not is killed; longer than a run's own watchdog waits.
STOP_S = 15.0
_BLOCK = 1 << 16
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve jobs until standard input ends."""
    wait_passively()
    keep_heap()
    # Loaded once here, so that children have it at once; nothing of it has threads or a device yet.
    import stream.batch.execute
    import stream.pipeline.run  # noqa: F401
    from stream.sinks import sink_kinds

    sink_kinds()

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what Ctrl-C means
    _Server().serve()


class _Server:
    """Reads jobs and has them done, one after another."""

    def __init__(self) -> None:
        self._heard = b""
        self._ended = False

    def serve(self) -> None:
        """Serve until standard input ends."""
        while not self._ended:
            line, mark, rest = self._heard.partition(b"\n")
            if mark:
                self._heard = rest
                message = json.loads(line)
                self._do(Job.from_json(message["job"]), message["environment"])
            else:
                self._listen()

    def _listen(self) -> None:
        block = os.read(0, _BLOCK)
        self._heard += block
        self._ended = not block

    def _do(self, job: Job, environment: dict[str, str]) -> None:
        """Do one job in a child, and answer for it where it cannot."""
        reads, writes = os.pipe()
        worker = os.getpid()
        child = os.fork()
        if child == 0:
            os.close(reads)
            os.environ.update(environment)
            _child(job, writes, worker)
        os.close(writes)
        has_outcome = self._pass_on(reads, child)
        os.close(reads)
        _, status = os.waitpid(child, 0)
        if not has_outcome and not self._ended:
            _write(json.dumps({"outcome": _crashed(job, status).as_json()}).encode() + b"\n")

    def _pass_on(self, reads: int, child: int) -> bool:
        """Pass on what a child says until it ends; stop it when standard input ends.

        Returns:
            True when its outcome was among it.
        """
        rest, has_outcome = b"", False
        while True:
            ready, _, _ = select.select([reads, 0], [], [])
            if reads in ready:
                block = os.read(reads, _BLOCK)
                if not block:
                    return has_outcome
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    has_outcome = has_outcome or line.startswith(b'{"outcome"')
                    _write(line + b"\n")
            else:  # the next job may be here already, before this child has gone
                self._listen()
                if self._ended:
                    _stop(child, reads)
                    return has_outcome


def _stop(child: int, reads: int) -> None:
    """Ask a child to end, and end it where it does not."""
    os.kill(child, signal.SIGTERM)
    while select.select([reads], [], [], STOP_S)[0]:
        if not os.read(reads, _BLOCK):
            return
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


def _child(job: Job, writes: int, worker: int) -> None:
    """Do the job and leave without the worker's own clean-up."""
    from stream.batch.execute import execute

    _die_with(worker)
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


def _write(data: bytes) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
