"""The forwarding process: encodes and sends what a sink hands over, and reconnects without end.

    python -c "...; main()" DESCRIPTOR

It ends when its parent says so or is gone. Whatever libav does, it harms this process only: one that is stuck
is ended by an alarm, which works even where libav holds on to the interpreter.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from stream.runtime.backoff import Backoff
from stream.runtime.clock import Clock, SystemClock
from stream.sinks.restream.hls import end_playlist, sweep
from stream.sinks.restream.ipc import Done, Job, Link, Memory, Message, Picture, Slots, State, map_slots
from stream.sinks.restream.output import ERRORS, Output
from stream.sinks.restream.reasons import is_refusal, why

# A failure that took longer than this may be a server that has stopped answering.
AT_ONCE_S = 1.0
# Seconds without progress after which a server counts as dead.
STALL_S = 3.0
# A picture that waited longer than this is left out, so that the next one is fresh.
LATE_S = 0.2
# Seconds after which a connection counts as good, so that the next failure is a first one.
GOOD_AFTER_S = 2.0


class Forwarder:
    """Takes messages until there are none."""

    def __init__(self, link: Link, clock: Clock) -> None:
        self._link, self._clock = link, clock
        self._backoff = Backoff(random.Random())
        self._job: Job | None = None
        self._memory: Memory | None = None
        self._slots: Slots | None = None
        self._output: Output | None = None
        self._works: bool | None = None
        self._since_s = self._retry_s = clock.monotonic_s()

    def run(self) -> None:
        """Forward until the other side has ended, then finish."""
        while (received := self._link.receive()) is not None:
            message, descriptors = received
            match message:
                case Job():
                    self._job = message
                case Memory():
                    self._memory = message
                    self._slots = map_slots(descriptors[0], message.width, message.height)
                    os.close(descriptors[0])
                case Picture():
                    self._take(message)
        with alarm(STALL_S):
            self._finish()

    def _take(self, picture: Picture) -> None:
        assert self._job and self._memory
        late = self._clock.monotonic_s() - picture.sent_s > LATE_S
        forwarded = not (late and not self._job.patient) and self._forward(picture)
        self._tell(Done(self._memory.number, picture.slot, forwarded))

    def _forward(self, picture: Picture) -> bool:
        if self._output is None and self._clock.monotonic_s() < self._retry_s:
            return False
        began_s = self._clock.monotonic_s()
        try:
            with alarm(STALL_S):
                self._send(picture)
        except ERRORS as error:
            self._fail(error, self._clock.monotonic_s() - began_s < AT_ONCE_S)
            return False
        self._succeed()
        return True

    def _send(self, picture: Picture) -> None:
        assert self._job and self._memory and self._slots
        size = self._memory.width, self._memory.height
        if self._output and not self._output.fits(size, picture.time_s):
            self._finish_output()
        if self._output is None:
            self._output = self._open(self._job, size, picture)
        self._output.add(self._slots.pixels[picture.slot], picture.time_s)

    def _open(self, job: Job, size: tuple[int, int], picture: Picture) -> Output:
        assert self._memory
        self._since_s = self._clock.monotonic_s()
        if job.playlist:
            sweep(job.playlist, keep_listed=True)
        return Output(job, size, self._memory.colour, picture.time_s)

    def _succeed(self) -> None:
        """Say that it works: at once in the beginning, after a failure when it has lasted."""
        if self._works is None or (not self._works and self._has_lasted()):
            self._works = True
            self._tell(State())

    def _has_lasted(self) -> bool:
        return self._clock.monotonic_s() - self._since_s > GOOD_AFTER_S

    def _fail(self, error: Exception, at_once: bool) -> None:
        with alarm(STALL_S):
            self._drop_output()
        if self._has_lasted():
            self._backoff.succeeded()
        self._works = False
        self._retry_s = self._clock.monotonic_s() + self._backoff.next_s(is_refusal(error))
        self._tell(State(why(error, at_once)))

    def _tell(self, message: Message) -> None:
        """Send a message to the parent; its end is noticed when its messages stop."""
        with suppress(OSError):
            self._link.send(message)

    def _finish_output(self) -> None:
        output, self._output = self._output, None
        try:
            if output:
                output.finish()
        except ERRORS:
            # A server may refuse the end of a connection without loss; an unfinished playlist is an error.
            if self._job and self._job.playlist:
                raise

    def _drop_output(self) -> None:
        output, self._output = self._output, None
        if output:
            output.drop()

    def _finish(self) -> None:
        try:
            self._finish_output()
            if self._job and self._job.playlist:
                end_playlist(self._job.playlist)
        except ERRORS as error:
            self._tell(State(why(error)))


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """End this process, by the signal's default action, unless the block is over in time."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    """Serve the socket whose descriptor the command line names."""
    # A service manager asks every process to end; this one ends after its parent, whose last frames it has.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as end:
        Forwarder(Link(end), SystemClock()).run()
