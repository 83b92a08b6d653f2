"""Pairs two streams of frames by capture time: pure logic, no device, no thread.

The slower stream leads. Each of its frames, an anchor, looks for a partner in the other stream: the one
nearest in time, within the tolerance, once the offset between the clocks is taken out. Where anchors
compete for a partner, the choice is the one whose total time error is least when an anchor left alone
counts as much as the tolerance. So a partner is never taken from an anchor that it fits clearly better,
and two streams half a period apart keep all their frames although every partner is contested.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from stream.config import PairingSettings
from stream.errors import SyncError
from stream.frame import Flag, Frame, FramePair

Side = Literal["visible", "thermal"]

# How many anchors are weighed together, and how many partners beyond each are looked at: the bound on the
# memory of pairing. Only tolerances above half a period ever need more than two.
HORIZON = 4


class Pairer:
    """What pairing goes by, and its books.

    Attributes:
        anchor: the stream whose frames look for partners.
        read: how many frames came, by side.
        dropped: how many frames reached no pair, by reason; a reason begins with the frame's side.
            `*_unpaired`: no partner within the tolerance. `visible_thermal_too_old`: with
            `unpaired: hold`, no thermal frame within `max_age_ms` either. `*_out_of_order`: its time lay
            before that of the frame before it.
        pairs: how many pairs were made.
    """

    def __init__(
        self,
        settings: PairingSettings,
        visible_rate: float | Fraction | None = None,
        thermal_rate: float | Fraction | None = None,
    ) -> None:
        """Choose the anchor: the slower stream; visible when unknown, equal, or when frames are held.

        Args:
            settings: tolerance, offset, and what happens to unpaired frames.
            visible_rate: frames a second, None when unknown.
            thermal_rate: frames a second, None when unknown.
        """
        slower = visible_rate is not None and thermal_rate is not None and thermal_rate < visible_rate
        self.hold = settings.unpaired == "hold"
        self.anchor: Side = "thermal" if slower and not self.hold else "visible"
        self.tolerance_s = _seconds(settings.tolerance_ms)
        self.offset_s = _seconds(settings.offset_ms)
        self.max_age_s = _seconds(settings.max_age_ms)
        self.read: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.pairs = 0


def pair_streams(visible: Iterable[Frame], thermal: Iterable[Frame], pairer: Pairer) -> Iterator[FramePair]:
    """Pair two streams, reading either only as far as the next pair needs.

    Both are read to their ends, so that every frame is in the books.

    Args:
        visible: frames in the order of their times.
        thermal: frames in the order of their times.
        pairer: what pairing goes by; its counters are filled.

    Yields:
        Pairs in the order of their times. Each frame is in one pair at most, but for a held thermal frame:
        its further pairs carry the flag `held`.

    Raises:
        SyncError: at the end, when there was no pair at all.
    """
    sides = {
        "visible": _Stream(visible, "visible", pairer),
        "thermal": _Stream(thermal, "thermal", pairer),
    }
    anchors = sides[pairer.anchor]
    partners = sides["thermal" if pairer.anchor == "visible" else "visible"]
    nearest_s: Fraction | None = None
    while anchors.reach(1):
        choice = _choose(anchors, partners, pairer.tolerance_s)
        if choice is None:
            nearest_s = _nearer(nearest_s, anchors.buffer[0], partners)
        pair = _pair_of(anchors, partners, choice, pairer)
        if pair is not None:
            pairer.pairs += 1
            yield pair
    partners.drain()
    if pairer.pairs == 0:
        raise SyncError(_no_pairs(sides["visible"], sides["thermal"], nearest_s, pairer))


@dataclass(slots=True)
class _Stamped:
    """A frame, its time on the visible clock, and whether a pair has it."""

    frame: Frame
    time_s: Fraction
    used: bool = False


class _Stream:
    """One stream with look-ahead.

    Attributes:
        buffer: what was read and is not decided.
        latest: the newest frame that left the buffer; it may still be held.
        first_s: time of the first frame on the visible clock, None before it came.
        last_s: time of the newest frame that was read.
    """

    def __init__(self, frames: Iterable[Frame], side: Side, pairer: Pairer) -> None:
        self.buffer: deque[_Stamped] = deque()
        self.latest: _Stamped | None = None
        self.first_s: Fraction | None = None
        self.last_s: Fraction | None = None
        self._frames = iter(frames)
        self._side = side
        self._books = pairer
        self._offset_s = pairer.offset_s if side == "thermal" else Fraction(0)
        self._holds = pairer.hold and side == "thermal"

    def read(self) -> bool:
        """Read one more frame into the buffer; False at the end."""
        for frame in self._frames:
            self._books.read[self._side] += 1
            time_s = frame.time_s - self._offset_s
            if self.last_s is not None and time_s < self.last_s:
                self._count("out_of_order")
                continue
            self.first_s = time_s if self.first_s is None else self.first_s
            self.last_s = time_s
            self.buffer.append(_Stamped(frame, time_s))
            return True
        return False

    def reach(self, count: int) -> bool:
        """Read until the buffer holds so many frames; False when the stream ends before."""
        while len(self.buffer) < count:
            if not self.read():
                return False
        return True

    def take(self) -> _Stamped:
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

    def _replace_latest(self, newer: _Stamped | None) -> None:
        if self._holds and self.latest is not None and not self.latest.used:
            self._count("unpaired")
        self.latest = newer

    def _count(self, reason: str) -> None:
        self._books.dropped[f"{self._side}_{reason}"] += 1


def _choose(anchors: _Stream, partners: _Stream, tolerance_s: Fraction) -> int | None:
    """Which of the buffered partners the oldest anchor gets, None for none.

    Looks at a further anchor only while it competes for the same partners.
    """
    count = 1
    while True:
        _read_around(anchors.buffer[0].time_s, anchors.buffer[count - 1].time_s, partners, tolerance_s)
        if count == 1:
            nearest = _nearest_before(anchors.buffer[0].time_s, partners)
            if nearest is not None:
                return nearest
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


def _read_around(first_s: Fraction, last_s: Fraction, partners: _Stream, tolerance_s: Fraction) -> None:
    """Hold all partners that matter for anchors between two times: let older go, read newer."""
    buffer = partners.buffer
    while True:
        while buffer and _too_early(first_s, buffer, tolerance_s):
            partners.drop("unpaired")
        beyond = sum(partner.time_s >= last_s for partner in buffer)
        if beyond >= HORIZON or (buffer and buffer[-1].time_s > last_s + tolerance_s) or not partners.read():
            return


def _too_early(first_s: Fraction, buffer: deque[_Stamped], tolerance_s: Fraction) -> bool:
    """Whether no anchor can want the oldest partner: out of reach, or enough nearer ones before the anchor."""
    crowded = len(buffer) > HORIZON and buffer[HORIZON].time_s <= first_s
    return crowded or buffer[0].time_s < first_s - tolerance_s


def _nearest_before(anchor_s: Fraction, partners: _Stream) -> int | None:
    """The nearest partner if it does not lie after the anchor: later anchors are further away from it."""
    before = [index for index, partner in enumerate(partners.buffer) if partner.time_s <= anchor_s]
    if not before:
        return None
    nearest = before[-1]
    after = nearest + 1
    error_s = anchor_s - partners.buffer[nearest].time_s
    if after < len(partners.buffer) and partners.buffer[after].time_s - anchor_s < error_s:
        return None
    return nearest


def _compete(anchor_s: Fraction, next_s: Fraction, partners: _Stream, tolerance_s: Fraction) -> bool:
    """Whether two neighbouring anchors reach a common partner that they could both need."""
    times = [partner.time_s for partner in partners.buffer]
    common = any(next_s - tolerance_s <= time_s <= anchor_s + tolerance_s for time_s in times)
    between = sum(anchor_s <= time_s <= next_s for time_s in times)
    return common and between < HORIZON


def best_match(
    anchors_s: Sequence[Fraction], partners_s: Sequence[Fraction], tolerance_s: Fraction
) -> list[int | None]:
    """The partner of each anchor, such that the sum of the time errors is least.

    An anchor without a partner counts as the tolerance. Sorted times have a best solution without
    crossings, so this is an alignment of two sequences (dynamic programming, Needleman and Wunsch 1970).

    Args:
        anchors_s: times in ascending order.
        partners_s: times in ascending order.
        tolerance_s: largest time between partners.

    Returns:
        For each anchor the index of its partner, or None.
    """
    costs = _remaining_costs(anchors_s, partners_s, tolerance_s)
    matches: list[int | None] = [None] * len(anchors_s)
    i = j = 0
    while i < len(anchors_s) and j < len(partners_s):
        error_s = abs(anchors_s[i] - partners_s[j])
        if error_s <= tolerance_s and costs[i][j] == error_s + costs[i + 1][j + 1]:
            matches[i] = j
            i, j = i + 1, j + 1
        elif costs[i][j] == costs[i][j + 1]:
            j += 1
        else:
            i += 1
    return matches


def _remaining_costs(
    anchors_s: Sequence[Fraction], partners_s: Sequence[Fraction], tolerance_s: Fraction
) -> list[list[Fraction]]:
    """Least cost of the anchors from i and the partners from j on, as `[i][j]`."""
    columns = len(partners_s) + 1
    costs = [[Fraction(0)] * columns for _ in range(len(anchors_s) + 1)]
    for i in range(len(anchors_s) - 1, -1, -1):
        costs[i][-1] = tolerance_s + costs[i + 1][-1]
        for j in range(len(partners_s) - 1, -1, -1):
            error_s = abs(anchors_s[i] - partners_s[j])
            matched = error_s + costs[i + 1][j + 1]
            alone = min(tolerance_s + costs[i + 1][j], costs[i][j + 1])
            costs[i][j] = min(matched, alone) if error_s <= tolerance_s else alone
    return costs


def _pair_of(anchors: _Stream, partners: _Stream, choice: int | None, pairer: Pairer) -> FramePair | None:
    """What becomes of the oldest anchor."""
    if choice is not None:
        return _matched_pair(anchors, partners, choice, pairer)
    if pairer.hold:
        return _held_pair(anchors, partners, pairer)
    anchors.drop("unpaired")
    return None


def _matched_pair(anchors: _Stream, partners: _Stream, choice: int, pairer: Pairer) -> FramePair:
    for _ in range(choice):
        partners.drop("unpaired")
    anchor, partner = anchors.take(), partners.take()
    visible, thermal = (anchor, partner) if pairer.anchor == "visible" else (partner, anchor)
    return _pair(visible, thermal)


def _held_pair(visibles: _Stream, thermals: _Stream, pairer: Pairer) -> FramePair | None:
    """A visible frame with the last thermal one, or None when there is none or it is too old."""
    latest = thermals.latest
    if latest is None:
        visibles.drop("unpaired")
        return None
    if visibles.buffer[0].time_s - latest.time_s > pairer.max_age_s:
        visibles.drop("thermal_too_old")
        return None
    latest.used = True
    return _pair(visibles.take(), latest, frozenset({"held"}))


def _pair(visible: _Stamped, thermal: _Stamped, flags: frozenset[Flag] = frozenset()) -> FramePair:
    error_s = float(thermal.time_s - visible.time_s)
    return FramePair(visible.frame, thermal.frame, visible.frame.time_s, error_s, flags)


def _nearer(nearest_s: Fraction | None, anchor: _Stamped, partners: _Stream) -> Fraction | None:
    """The least distance so far between a lonely anchor and a frame of the other stream."""
    around = [*partners.buffer, *([partners.latest] if partners.latest else [])]
    distances = [abs(anchor.time_s - partner.time_s) for partner in around]
    return min([*distances, *([] if nearest_s is None else [nearest_s])], default=None)


def _no_pairs(visible: _Stream, thermal: _Stream, nearest_s: Fraction | None, pairer: Pairer) -> str:
    for name, stream in (("visible", visible), ("thermal", thermal)):
        if stream.first_s is None:
            return f"the {name} stream has no frames, so nothing can be paired"
    tolerance_ms = float(pairer.tolerance_s * 1000)
    return (
        f"no visible frame has a thermal frame within {tolerance_ms:g} ms: visible runs from "
        f"{_range(visible, Fraction(0))}, thermal from {_range(thermal, pairer.offset_s)}, "
        f"offset {float(pairer.offset_s * 1000):g} ms; {_remedy(visible, thermal, nearest_s, pairer)}"
    )


def _range(stream: _Stream, offset_s: Fraction) -> str:
    first_s, last_s = stream.first_s or Fraction(0), stream.last_s or Fraction(0)
    return f"{float(first_s + offset_s):.3f} to {float(last_s + offset_s):.3f} s"


def _remedy(visible: _Stream, thermal: _Stream, nearest_s: Fraction | None, pairer: Pairer) -> str:
    """What to pass: an offset where the streams do not overlap, else a tolerance."""
    assert visible.first_s is not None and visible.last_s is not None
    assert thermal.first_s is not None and thermal.last_s is not None
    apart = thermal.last_s < visible.first_s or visible.last_s < thermal.first_s
    if apart or nearest_s is None:
        offset_ms = round((thermal.first_s + pairer.offset_s - visible.first_s) * 1000)
        return f"if both began at the same moment, pass --offset-ms {offset_ms}"
    return (
        f"the nearest two are {float(nearest_s * 1000):.1f} ms apart: pass --tolerance-ms "
        f"{math.ceil(nearest_s * 1000)}, or correct --offset-ms"
    )


def _seconds(milliseconds: float) -> Fraction:
    return Fraction(str(milliseconds)) / 1000
