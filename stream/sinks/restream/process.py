"""The parent's side of forwarding: a process that is fed without waiting, watched, and restarted."""

from __future__ import annotations

import logging
import os
import random
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np

from stream.frame import Colour, Pixels
from stream.runtime.backoff import Backoff
from stream.runtime.clock import Clock
from stream.sinks.restream.ipc import Done, Job, Link, Memory, Picture, Slots, State, make_slots

# `-P`: a module of the working directory must not come before ours. The path of this package comes last.
_CODE = "import sys; sys.path.append(sys.argv[2]); from stream.sinks.restream.worker import main; main()"
_PLACE = Path(__file__).parents[3]
# Seconds after which a process counts as good, so that its end is a first failure.
GOOD_AFTER_S = 10.0

_log = logging.getLogger(__name__)


class ForwardingProcess:
    """Feeds pictures to a forwarding process; used by one thread.

    Attributes:
        forwarded: pictures that are on their way or were sent.
        lost: pictures handed over that were not sent after all.
        why: why the output does not work, empty while it does.
        pid: of the process, None while there is none.
    """

    def __init__(self, job: Job, name: str, clock: Clock) -> None:
        """Start the process.

        Args:
            job: what it does.
            name: of the output in messages, without its password.
            clock: for waiting times.
        """
        self.forwarded = self.lost = 0
        self.why = ""
        self._job, self._name, self._clock = job, name, clock
        self._backoff = Backoff(random.Random())
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._link: Link | None = None
        self._slots: Slots | None = None
        self._memory = Memory(0, 0, 0, Colour())
        self._under_way = 0
        self._works = False
        self._began_s = self._retry_s = clock.monotonic_s()
        self._start()

    @property
    def pid(self) -> int | None:
        """Of the process; None while there is none."""
        return self._process.pid if self._process else None

    def offer(self, pixels: Pixels, time_s: Fraction, colour: Colour) -> bool:
        """Hand a picture over if there is room for it; never waits.

        Args:
            pixels: [H, W, 3] uint8 RGB.
            time_s: its capture time.
            colour: tags for pictures of this size.

        Returns:
            Whether it was handed over.
        """
        self._tend()
        if self._link is None:
            return False
        try:
            if not self._has_room(pixels, colour):
                return False
            self._hand_over(pixels, time_s)
        except OSError:  # it does not read, or is gone, which is found out next time
            return False
        return True

    def wait(self, seconds: float) -> None:
        """Wait for a message of the process, with a time limit."""
        select.select([self._socket] if self._socket else [], [], [], seconds)

    def close(self, patience_s: float) -> None:
        """Let it finish its work, and end it after some seconds; may be called twice."""
        if self._link is None:
            return
        try:
            self._link.end()
            give_up_s = self._clock.monotonic_s() + patience_s
            while self._listen() and (left_s := give_up_s - self._clock.monotonic_s()) > 0:
                self.wait(left_s)
            with suppress(subprocess.TimeoutExpired):
                assert self._process
                self._process.wait(max(0.0, give_up_s - self._clock.monotonic_s()))
        except OSError:
            pass  # it is gone already
        finally:
            self._end()

    def _start(self) -> None:
        own, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own.setblocking(False)
        with its:
            # A session of its own: Ctrl-C in the terminal is for the parent, which then lets it finish.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _CODE, str(its.fileno()), str(_PLACE)],
                pass_fds=[its.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._socket, self._link = own, Link(own)
        self._slots, self._under_way = None, 0
        self._began_s = self._clock.monotonic_s()
        # The job goes over the socket: command lines can be read by everybody, and its URL holds a password.
        self._link.send(self._job)

    def _tend(self) -> None:
        """Read its messages; start another process when it has ended."""
        now_s = self._clock.monotonic_s()
        if self._link and not self._listen():
            if now_s - self._began_s > GOOD_AFTER_S:
                self._backoff.succeeded()
            self._retry_s = now_s + self._backoff.next_s()
            self._say(_why_ended(self._end()))
        if self._link is None and now_s >= self._retry_s:
            self._start()

    def _listen(self) -> bool:
        """Take every message; False when the process has closed its end."""
        assert self._link
        while True:
            try:
                received = self._link.receive()
            except BlockingIOError:
                return True
            match received:
                case None:
                    return False
                case (Done() as done, _):
                    self._release(done)
                case (State() as state, _):
                    self._say(state.why)

    def _release(self, done: Done) -> None:
        self._under_way -= 1
        if self._slots and done.memory == self._memory.number:
            self._slots.free.append(done.slot)
        if not done.forwarded:
            self._lose(1)

    def _lose(self, count: int) -> None:
        self.lost += count
        self.forwarded -= count

    def _has_room(self, pixels: Pixels, colour: Colour) -> bool:
        """True when a slot is free; for a new size once all pictures of the old one have left."""
        height, width = pixels.shape[:2]
        fits = self._slots is not None and (width, height) == (self._memory.width, self._memory.height)
        if not fits and self._under_way == 0:
            self._renew_memory(width, height, colour)
        elif not fits:
            return False
        return bool(self._slots and self._slots.free)

    def _renew_memory(self, width: int, height: int, colour: Colour) -> None:
        assert self._link
        memory = Memory(self._memory.number + 1, width, height, colour)
        slots, descriptor = make_slots(width, height)
        try:
            self._link.send(memory, descriptor)
        finally:
            os.close(descriptor)
        self._memory, self._slots = memory, slots

    def _hand_over(self, pixels: Pixels, time_s: Fraction) -> None:
        assert self._link and self._slots
        slot = self._slots.free[-1]
        np.copyto(self._slots.pixels[slot], pixels)
        self._link.send(Picture(slot, time_s, self._clock.monotonic_s()))
        self._slots.free.pop()
        self._under_way += 1
        self.forwarded += 1

    def _say(self, why: str) -> None:
        """Log a change, once."""
        if not why:
            _log.log(logging.WARNING if self.why else logging.INFO, "%s: it takes frames", self._name)
        elif why != self.why:
            _log.warning("%s: %s; trying again until it works", self._name, why)
        self.why = why

    def _end(self) -> int:
        """End the process by force; its pictures are lost.

        Returns:
            Its exit status.
        """
        assert self._process and self._link
        self._process.kill()
        status = self._process.wait()
        self._link.close()
        self._lose(self._under_way)
        self._process = self._socket = self._link = self._slots = None
        self._under_way = 0
        return status


def _why_ended(status: int) -> str:
    if status == -signal.SIGALRM:
        return "the server took nothing for some seconds"
    return f"the process that sends frames has ended (status {status})"
