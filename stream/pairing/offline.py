"""Pairs two recorded streams of frames by capture time: pure logic, no device, no thread.

The rule is that of `stream/pairing/policy.py`, which live cameras are paired by too.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction

from stream.config import PairingSettings
from stream.errors import ConfigError, SyncError
from stream.frame import Flag, Frame, FramePair, FrameSet, Side, SingleFrame
from stream.pairing.look_ahead import PeekableStream, TimedFrame, choose_partner
from stream.pairing.no_partner import Lonely
from stream.pairing.policy import PairingPolicy

_log = logging.getLogger(__name__)


class OfflinePairer:
    """The policy of pairing two recordings, and counts of their frames.

    Attributes:
        policy: leader, tolerance and choice of partners.
        offset_s: thermal clock minus visible clock.
        anchor: the stream whose frames look for partners.
        read: how many frames came, by side.
        dropped: how many frames reached no pair, by reason; a reason begins with the frame's side.
            `*_unpaired`: no partner within the tolerance. `visible_thermal_too_old`: with
            `unpaired: hold`, no thermal frame within `max_age_ms` either. `*_out_of_order`: its time lay
            before that of the frame before it.
        pairs: how many pairs were made.
        lonely: looks at frames without a partner.
    """

    def __init__(
        self,
        settings: PairingSettings,
        visible_rate: float | Fraction | None = None,
        thermal_rate: float | Fraction | None = None,
    ) -> None:
        """Choose the anchor, and an automatic tolerance, by the rates.

        Args:
            settings: tolerance, offset, and what happens to unpaired frames.
            visible_rate: frames a second, None when unknown.
            thermal_rate: frames a second, None when unknown.

        Raises:
            ConfigError: the offset is `auto`, which only live cameras can have.
        """
        if settings.offset_ms == "auto":
            raise ConfigError(
                "the offset of recordings is a number; gifnet sync-check finds it, auto is for live cameras"
            )
        intervals_s = _interval_s(visible_rate), _interval_s(thermal_rate)
        self.policy = PairingPolicy.of(settings).at_intervals(*intervals_s)
        if self.policy.is_auto and intervals_s[0] and intervals_s[1]:
            _log.info("%s", self.policy.describe_tolerance(intervals_s[0], intervals_s[1]))
        self.offset_s = self.policy.offset_s or Fraction(0)
        self.anchor: Side = self.policy.leader(*intervals_s)
        self.read: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.pairs = 0
        self.lonely = Lonely(self.anchor)


def pair_streams(
    visible: Iterable[Frame], thermal: Iterable[Frame], pairer: OfflinePairer
) -> Iterator[FrameSet]:
    """Pair two streams, reading either only as far as the next pair needs.

    Both are read to their ends, so that every frame is counted. Where most frames find no partner, it is said
    which option would help.

    Args:
        visible: frames in the order of their times.
        thermal: frames in the order of their times.
        pairer: policy and counts; the counts are filled.

    Yields:
        Pairs in the order of their times. Each frame is in one pair at most, but for a held thermal frame:
        its further pairs carry the flag `held`. With `unpaired: single`, a frame of the slower stream without
        a partner comes alone.

    Raises:
        SyncError: at the end, when there was no pair at all.
    """
    hold = pairer.policy.unpaired == "hold"
    sides = {
        "visible": PeekableStream(visible, "visible", Fraction(0), False, pairer.read, pairer.dropped),
        "thermal": PeekableStream(thermal, "thermal", pairer.offset_s, hold, pairer.read, pairer.dropped),
    }
    anchors = sides[pairer.anchor]
    partners = sides["thermal" if pairer.anchor == "visible" else "visible"]
    nearest_s: Fraction | None = None
    follows = False
    while anchors.reach(1):
        choice = choose_partner(anchors, partners, pairer.policy, follows)
        follows = choice is not None and partners.buffer[choice].time_s > anchors.buffer[0].time_s
        pairer.lonely.add(anchors.buffer[0], partners, choice is not None)
        if choice is None:
            nearest_s = _nearer(nearest_s, anchors.buffer[0], partners)
        pair = _pair_of(anchors, partners, choice, pairer)
        if pair is not None:
            pairer.pairs += isinstance(pair, FramePair)
            yield pair
    partners.drain()
    if pairer.pairs == 0 and pairer.policy.unpaired != "single":
        raise SyncError(_no_pairs(sides["visible"], sides["thermal"], nearest_s, pairer))
    advice = pairer.lonely.advice(sides["visible"], sides["thermal"], pairer.policy, pairer.offset_s)
    if advice and pairer.policy.unpaired != "hold":
        _log.warning("%s", advice)


def _pair_of(
    anchors: PeekableStream, partners: PeekableStream, choice: int | None, pairer: OfflinePairer
) -> FrameSet | None:
    """The oldest anchor with its partner, held, or alone; None when it is dropped."""
    if choice is not None:
        return _matched_pair(anchors, partners, choice, pairer)
    if pairer.policy.unpaired == "hold":
        return _held_pair(anchors, partners, pairer)
    if pairer.policy.unpaired == "single":
        lonely = anchors.take()
        return SingleFrame(lonely.frame, pairer.anchor, lonely.time_s)
    anchors.drop("unpaired")
    return None


def _matched_pair(
    anchors: PeekableStream, partners: PeekableStream, choice: int, pairer: OfflinePairer
) -> FramePair:
    for _ in range(choice):
        partners.drop("unpaired")
    anchor, partner = anchors.take(), partners.take()
    visible, thermal = (anchor, partner) if pairer.anchor == "visible" else (partner, anchor)
    return _pair(visible, thermal)


def _held_pair(visibles: PeekableStream, thermals: PeekableStream, pairer: OfflinePairer) -> FramePair | None:
    """A visible frame with the last thermal one, or None when there is none or it is too old."""
    latest = thermals.latest
    if latest is None:
        visibles.drop("unpaired")
        return None
    if visibles.buffer[0].time_s - latest.time_s > pairer.policy.max_age_s:
        visibles.drop("thermal_too_old")
        return None
    latest.used = True
    return _pair(visibles.take(), latest, frozenset({"held"}))


def _pair(visible: TimedFrame, thermal: TimedFrame, flags: frozenset[Flag] = frozenset()) -> FramePair:
    error_s = float(thermal.time_s - visible.time_s)
    return FramePair(visible.frame, thermal.frame, visible.frame.time_s, error_s, flags)


def _nearer(nearest_s: Fraction | None, anchor: TimedFrame, partners: PeekableStream) -> Fraction | None:
    """The least distance so far between a lonely anchor and a frame of the other stream."""
    around = [*partners.buffer, *([partners.latest] if partners.latest else [])]
    distances = [abs(anchor.time_s - partner.time_s) for partner in around]
    return min([*distances, *([] if nearest_s is None else [nearest_s])], default=None)


def _no_pairs(
    visible: PeekableStream, thermal: PeekableStream, nearest_s: Fraction | None, pairer: OfflinePairer
) -> str:
    for name, stream in (("visible", visible), ("thermal", thermal)):
        if stream.first_s is None:
            return f"the {name} stream has no frames, so nothing can be paired"
    tolerance_ms = float(pairer.policy.tolerance_s * 1000)
    return (
        f"no visible frame has a thermal frame within {tolerance_ms:g} ms: visible runs from "
        f"{_range(visible, Fraction(0))}, thermal from {_range(thermal, pairer.offset_s)}, "
        f"offset {float(pairer.offset_s * 1000):g} ms; {_remedy(visible, thermal, nearest_s, pairer)}"
    )


def _range(stream: PeekableStream, offset_s: Fraction) -> str:
    first_s, last_s = stream.first_s or Fraction(0), stream.last_s or Fraction(0)
    return f"{float(first_s + offset_s):.3f} to {float(last_s + offset_s):.3f} s"


def _remedy(
    visible: PeekableStream, thermal: PeekableStream, nearest_s: Fraction | None, pairer: OfflinePairer
) -> str:
    """The option to pass: an offset where the streams do not overlap, else a tolerance."""
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


def _interval_s(rate: float | Fraction | None) -> Fraction | None:
    return 1 / Fraction(rate) if rate else None
