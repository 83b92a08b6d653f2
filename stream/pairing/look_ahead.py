"""Finds the partner of a frame among the frames of another stream, reading both only as far as needed."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from stream.frame import Frame
from stream.pairing.assignment import best_match

# How many anchors are weighed together, and how many partners beyond each are looked at: the bound on the
# memory of pairing. Only tolerances above half a period ever need more than two.
HORIZON = 4


@dataclass(slots=True)
class TimedFrame:
    """A frame, its time on the visible clock, and whether a pair has it."""

    frame: Frame
    time_s: Fraction
    used: bool = False


class PeekableStream:
    """One stream with look-ahead.

    Attributes:
        buffer: what was read and is not decided.
        latest: the newest frame that left the buffer; it may still be held.
        first_s: time of the first frame on the visible clock, None before it came.
        last_s: time of the newest frame that was read.
    """

    def __init__(
        self,
        frames: Iterable[Frame],
        side: str,
        offset_s: Fraction,
        holds: bool,
        read: Counter[str],
        dropped: Counter[str],
    ) -> None:
        """Start before the first frame.

        Args:
            frames: in the order of their times; those that are not are dropped.
            side: name of the stream in the books.
            offset_s: its clock minus the visible clock.
            holds: True when a frame may be held after it left the buffer.
            read: book of the frames that came, by side.
            dropped: book of the frames that reached no pair, by reason.
        """
        self.buffer: deque[TimedFrame] = deque()
        self.latest: TimedFrame | None = None
        self.first_s: Fraction | None = None
        self.last_s: Fraction | None = None
        self._frames = iter(frames)
        self._side = side
        self._offset_s = offset_s
        self._holds = holds
        self._read = read
        self._dropped = dropped

    def read(self) -> bool:
        """Read one more frame into the buffer; False at the end."""
        for frame in self._frames:
            self._read[self._side] += 1
            time_s = frame.time_s - self._offset_s
            if self.last_s is not None and time_s < self.last_s:
                self._count("out_of_order")
                continue
            self.first_s = time_s if self.first_s is None else self.first_s
            self.last_s = time_s
            self.buffer.append(TimedFrame(frame, time_s))
            return True
        return False

    def reach(self, count: int) -> bool:
        """Read until the buffer holds so many frames; False when the stream ends before."""
        while len(self.buffer) < count:
            if not self.read():
                return False
        return True

    def take(self) -> TimedFrame:
        """The oldest frame, for a pair."""
        taken = self.buffer.popleft()
        taken.used = True
        self._replace_latest(taken)
        return taken

    def drop(self, reason: str) -> None:
        """Let the oldest frame go; one that may still be held is counted when the next one replaces it."""
        dropped = self.buffer.popleft()
        if self._holds:
            self._replace_latest(dropped)
        else:
            self.latest = dropped
            self._count(reason)

    def drain(self) -> None:
        """Read to the end and let everything go."""
        while self.reach(1):
            self.drop("unpaired")
        self._replace_latest(None)

    def _replace_latest(self, newer: TimedFrame | None) -> None:
        if self._holds and self.latest is not None and not self.latest.used:
            self._count("unpaired")
        self.latest = newer

    def _count(self, reason: str) -> None:
        self._dropped[f"{self._side}_{reason}"] += 1


def choose_partner(anchors: PeekableStream, partners: PeekableStream, tolerance_s: Fraction) -> int | None:
    """Which of the buffered partners the oldest anchor gets, None for none.

    A further anchor is looked at only while it competes for the same partners, up to `HORIZON`.
    """
    count = 1
    while True:
        _read_around(anchors.buffer[0].time_s, anchors.buffer[count - 1].time_s, partners, tolerance_s)
        if count == 1 and _first_is_best(anchors.buffer[0].time_s, partners):
            return 0
        if count == HORIZON or not anchors.reach(count + 1):
            break
        if not _compete(
            anchors.buffer[count - 1].time_s, anchors.buffer[count].time_s, partners, tolerance_s
        ):
            break
        count += 1
    anchor_times = [anchors.buffer[index].time_s for index in range(count)]
    partner_times = [partner.time_s for partner in partners.buffer]
    return best_match(anchor_times, partner_times, tolerance_s)[0]


def _read_around(
    first_s: Fraction, last_s: Fraction, partners: PeekableStream, tolerance_s: Fraction
) -> None:
    """Hold all partners that matter for anchors between two times: let older go, read newer."""
    buffer = partners.buffer
    while True:
        while buffer and _too_early(first_s, buffer, tolerance_s):
            partners.drop("unpaired")
        beyond = sum(partner.time_s >= last_s for partner in buffer)
        if beyond >= HORIZON or (buffer and buffer[-1].time_s > last_s + tolerance_s) or not partners.read():
            return


def _too_early(first_s: Fraction, buffer: deque[TimedFrame], tolerance_s: Fraction) -> bool:
    """Whether no anchor wants the oldest partner: out of reach, or enough others are nearer."""
    crowded = len(buffer) > HORIZON and buffer[HORIZON].time_s <= first_s
    return crowded or buffer[0].time_s < first_s - tolerance_s


def _first_is_best(anchor_s: Fraction, partners: PeekableStream) -> bool:
    """Whether the oldest partner is the only one before the anchor, and the nearest of all.

    No later anchor is nearer to it, so nothing further has to be read; most pairs of most streams end here.
    """
    times = [partner.time_s for partner in partners.buffer]
    if not times or times[0] > anchor_s:
        return False
    return len(times) == 1 or times[1] - anchor_s >= anchor_s - times[0]


def _compete(anchor_s: Fraction, next_s: Fraction, partners: PeekableStream, tolerance_s: Fraction) -> bool:
    """Whether two neighbouring anchors reach a common partner that they could both need."""
    times = [partner.time_s for partner in partners.buffer]
    common = any(next_s - tolerance_s <= time_s <= anchor_s + tolerance_s for time_s in times)
    between = sum(anchor_s <= time_s <= next_s for time_s in times)
    return common and between < HORIZON
