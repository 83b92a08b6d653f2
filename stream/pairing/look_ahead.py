"""Finds the partner of a frame among the frames of another stream, reading both only as far as needed."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from stream.frame import Frame
from stream.pairing.policy import PairingPolicy


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
            side: name of the stream in the counts.
            offset_s: its clock minus the visible clock.
            holds: True when a frame may be held after it left the buffer.
            read: counts of the frames that came, by side.
            dropped: counts of the frames that reached no pair, by reason.
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
        """Read until the buffer holds a number of frames; False when the stream ends before."""
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


def choose_partner(
    anchors: PeekableStream, partners: PeekableStream, policy: PairingPolicy, follows: bool
) -> int | None:
    """The index of the oldest anchor's partner among the buffered ones, None for none.

    Reads partners up to the first one that is not before the anchor, and one further anchor.

    Args:
        anchors: the leading stream; its buffer holds a frame.
        partners: the other stream.
        policy: the rule.
        follows: True when the anchor before this one has a partner later than itself.
    """
    anchor_s, buffer = anchors.buffer[0].time_s, partners.buffer
    while not (buffer and buffer[-1].time_s >= anchor_s) and partners.read():
        # Nothing before the newest partner up to the anchor is ever needed again.
        while len(buffer) > 1 and buffer[1].time_s <= anchor_s:
            partners.drop("unpaired")
    while buffer and buffer[0].time_s < anchor_s - policy.tolerance_s:
        partners.drop("unpaired")
    next_anchor_s = anchors.buffer[1].time_s if anchors.reach(2) else None
    return policy.choose(anchor_s, [partner.time_s for partner in buffer], next_anchor_s, follows)
