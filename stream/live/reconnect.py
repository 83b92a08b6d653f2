"""One live camera: opened, read and closed by a thread of its own, and reconnected without limit.

One of three files that start threads. A thread that is stuck inside a library is left to
itself, since nothing can be done to it, and another one takes its place; it ends when the library lets go.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable
from contextvars import copy_context

from stream.errors import GifnetError, PasswordError, RefusedError, SourceError
from stream.frame import Frame, Side
from stream.live.camera_stats import CameraStats
from stream.runtime.backoff import Backoff
from stream.runtime.clock import Clock
from stream.sources.base import Source, SourceInfo
from stream.uri import mask

# Gives the source, and waits in place of it: `wait(seconds)` is True when the camera is to be closed.
Wait = Callable[[float], bool]
Open = Callable[[Wait], Source]
Post = Callable[[Frame], None]

# Stuck threads that may be left behind beside the one in charge; with one more, the camera is lost.
MOST_STUCK = 3
# Opening takes longer than a frame does.
OPEN_TIMES = 2.0
# Seconds after which a connection counts as good, so that the next failure is a first one.
GOOD_AFTER_S = 2.0
JOIN_S = 1.0

_log = logging.getLogger(__name__)


class ReconnectingCamera:
    """Posts the frames of one camera as they arrive.

    Whoever consumes the frames calls `check_stalled` now and then: it finds that the camera is silent.

    Attributes:
        account: what happened so far.
        info: what is known of the camera; None before its first connection.
        refusal: why it cannot be opened, where trying again is of no use.
    """

    def __init__(
        self,
        side: Side,
        uri: str,
        timeout_s: float,
        open_source: Open,
        post: Post,
        clock: Clock,
        waits: bool = True,
        opening_s: float | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            side: which camera it is.
            uri: where it is, for messages; passwords are masked.
            timeout_s: silence after which it is reconnected.
            open_source: opens one connection; called on the camera's thread.
            post: takes a frame; called on the camera's thread.
            clock: for waiting and arrival.
            waits: for a camera that is not there at first; else that is a refusal.
            opening_s: longest time to a connection's first frame; by default twice `timeout_s`.
        """
        self._waits = waits
        self._opening_s = OPEN_TIMES * timeout_s if opening_s is None else opening_s
        self.account = CameraStats()
        self.info: SourceInfo | None = None
        self.refusal: GifnetError | None = None
        self._side, self._uri, self._name = side, mask(uri), f"{side} camera {mask(uri)}"
        self._timeout_s, self._open, self._post, self._clock = timeout_s, open_source, post, clock
        self._backoff = Backoff(random.Random())
        self._lock = threading.Lock()
        self._reader: _Reader | None = None
        self._left: list[_Reader] = []
        self._last_frame_s: float | None = None
        self._said = ""
        # True while the largest allowed number of connections is stuck.
        self._is_full = False

    def start(self) -> None:
        """Begin to connect."""
        self._take_over()

    def _take_over(self) -> None:
        """A new reader; known before it runs, so that its first frame is not taken for a stranger's."""
        self._is_full = False
        self._reader = _Reader(self)
        self._reader.start()

    def check_stalled(self) -> None:
        """Replace a reader that has been silent for too long, or has been left behind without another."""
        reader, now_s = self._reader, self._clock.monotonic_s()
        if reader is None:
            self._replace_left()
            return
        if reader.heard_s is None:
            return
        allowed_s = self._timeout_s if reader.streams else self._opening_s
        if now_s - reader.heard_s <= allowed_s:
            return
        why = f"no {'frame' if reader.streams else 'answer'} for {allowed_s:g} s"
        with self._lock:
            self._reader = None
        reader.leave()
        self._left.append(reader)
        self.account.stuck += 1
        if not self._waits and not self.account.connects:
            self._refuse(SourceError(f"{self._name}: {why}"))
            return
        self._down(why)
        self._replace_left()

    def _replace_left(self) -> None:
        """Another reader, unless too many are stuck; then the camera stays lost until one of them ends."""
        if not self._left:
            return
        self._left = [left for left in self._left if left.is_alive()]
        if len(self._left) <= MOST_STUCK:
            self._take_over()
        elif self.account.state != "lost" or not self._is_full:
            self.account.state, self._is_full = "lost", True
            self._said = f"{len(self._left)} connections are stuck inside the library or driver"
            _log.error("%s: %s; it is lost until one of them ends", self._name, self._said)

    def close(self) -> None:
        """Stop; a reader that a library holds back is not waited for longer than a second."""
        readers = [*self._left, *([self._reader] if self._reader else [])]
        for reader in readers:
            reader.leave()
        for reader in readers:
            reader.join(JOIN_S)
        self._reader, self._left = None, []

    def describe(self) -> str:
        """Name of the camera, and its last error."""
        return f"{self._name} ({self._said})" if self._said else self._name

    @property
    def why(self) -> str:
        """Last error while the camera is away; empty while it streams."""
        return self._said

    @property
    def is_over(self) -> bool:
        """True when no frame will come any more."""
        return self.account.state in ("ended", "refused")

    def _arrived(self, reader: _Reader, frame: Frame) -> None:
        """A frame of a reader that is still in charge."""
        with self._lock:
            if reader is not self._reader:
                return
            now_s = self._clock.monotonic_s()
            if self.account.state != "streaming":
                self._up(reader, now_s)
            self._last_frame_s = reader.heard_s = now_s
            self.account.frames += 1
            self._post(frame)

    def _up(self, reader: _Reader, now_s: float) -> None:
        reader.streams, self.account.state = True, "streaming"
        self.account.connects += 1
        if self._last_frame_s is not None:
            away_s = now_s - self._last_frame_s
            self.account.away_s += away_s
            _log.warning("%s: back after %.1f s", self._name, away_s)
        else:
            _log.info("%s: connected", self._name)
        self._said = ""

    def _refuse(self, error: GifnetError) -> None:
        self.refusal, self.account.state = error, "refused"

    def _down(self, why: str) -> None:
        self.account.state = "lost" if self.account.connects else "connecting"
        self.account.failures[why] += 1
        if why != self._said:
            self._said = why
            name = f"{self._side} camera" if self._uri in why else self._name
            _log.warning("%s: %s; connecting again until it is back", name, why)


class _Reader(threading.Thread):
    """One thread and its connections.

    Attributes:
        heard_s: when it last gave a sign of life; None while it waits before connecting.
        streams: True once a frame came by the present connection.
    """

    def __init__(self, camera: ReconnectingCamera) -> None:
        super().__init__(name=camera._side, daemon=True)
        self.heard_s: float | None = camera._clock.monotonic_s()
        self.streams = False
        self._camera = camera
        self._left = threading.Event()
        self._context = copy_context()

    def leave(self) -> None:
        """The camera does not want it any more."""
        self._left.set()

    def run(self) -> None:
        self._context.run(self._read)

    def _read(self) -> None:
        while not self._left.is_set():
            refused = False
            began_s = self.heard_s = self._camera._clock.monotonic_s()
            try:
                why = self._connection()
            except GifnetError as error:
                why, refused = str(error), isinstance(error, PasswordError)
                is_final = isinstance(error, RefusedError) or not self._camera._waits
                if is_final and not self._camera.account.connects and not self._left.is_set():
                    self._camera._refuse(error)
                    return
            except Exception as error:  # a library's surprise must not end a live run
                _log.debug("%s", error, exc_info=True)
                why = f"{type(error).__name__}: {error}"
            if self._left.is_set() or self._camera.account.state == "ended":
                return
            self._wait(began_s, why, refused)

    def _asked(self, seconds: float) -> bool:
        """Wait; a call with no time to wait means that something came from the camera, if no picture yet."""
        ends = self._left.wait(seconds)
        if not seconds and not ends:
            self.heard_s = self._camera._clock.monotonic_s()
        return ends

    def _connection(self) -> str:
        """Read one connection to its end; gives the reason."""
        camera = self._camera
        with camera._open(self._asked) as source:
            camera.info, lost = source.info, Counter[str]()
            try:
                for frame in source:
                    if self._left.is_set():
                        break
                    camera.info = source.info
                    camera._arrived(self, frame)
                    lost = self._count_lost(source.lost, lost)
            finally:
                self._count_lost(source.lost, lost)
        if source.info.finite and not self._left.is_set():
            camera.account.state = "ended"
            return "its recording has ended"
        return "the connection ended"

    def _count_lost(self, lost: Counter[str], before: Counter[str]) -> Counter[str]:
        if lost != before:
            self._camera.account.lost.update(lost - before)
            return Counter(lost)
        return before

    def _wait(self, began_s: float, why: str, refused: bool) -> None:
        camera = self._camera
        if self.streams and camera._clock.monotonic_s() - began_s > GOOD_AFTER_S:
            camera._backoff.succeeded()
        with camera._lock:
            if self is camera._reader:
                camera._down(why)
        self.streams, self.heard_s = False, None
        self._left.wait(camera._backoff.next_s(refused))
