"""Diagnosis of two live cameras that make no pairs: their measured offset, and the option that helps."""

from __future__ import annotations

import bisect
import logging
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from stream.frame import Side
from stream.live.reconnect import ReconnectingCamera
from stream.pairing.clock_offset import AGREE_S
from stream.pairing.online import OnlinePairer

# Seconds with frames of both cameras and no pair after which the reason is told.
NO_PAIR_AFTER_S = 5.0
# Upper limit of `pairing.max_wait_ms`, the time that a frame waits for its partner.
LONGEST_WAIT_MS = 5000

_log = logging.getLogger(__name__)


class PairingDiagnosis:
    """Watches whether pairs are made, and explains why not.

    Attributes:
        not_pairing: one sentence while both cameras stream and no pair was made for 5 s; empty otherwise.
    """

    def __init__(self, pairer: OnlinePairer, cameras: Mapping[Side, ReconnectingCamera]) -> None:
        self.not_pairing = ""
        self._pairer, self._cameras = pairer, cameras
        self._matches = 0
        self._since_s: float | None = None
        # Frames of each camera when it began, to tell a camera that gives none from one that does not pair.
        self._frames: dict[Side, int] = {}

    def watch(self, now_s: float) -> None:
        """Check the counts after every decision; reports once when pairs stop, and when they are back.

        Args:
            now_s: monotonic time.
        """
        streaming = all(camera.account.state == "streaming" for camera in self._cameras.values())
        if self._pairer.matches != self._matches or not streaming:
            if self.not_pairing and streaming:
                _log.warning("the cameras pair again")
            self._matches, self._since_s, self.not_pairing = self._pairer.matches, None, ""
        elif self._since_s is None:
            self._begin(now_s)
        elif not self.not_pairing and now_s - self._since_s > NO_PAIR_AFTER_S:
            if any(camera.account.frames == self._frames[side] for side, camera in self._cameras.items()):
                # As after lost packets, until the next key picture.
                self._begin(now_s)
                return
            self.not_pairing = self.why_no_pair(now_s)
            _log.warning("%s", self.not_pairing)

    def _begin(self, now_s: float) -> None:
        self._since_s = now_s
        self._frames = {side: camera.account.frames for side, camera in self._cameras.items()}

    def why_nothing(self, now_s: float) -> str:
        """Reason why no frame set came so far."""
        for camera in self._cameras.values():
            if not camera.account.frames:
                return f"no picture came from the {camera.describe()}"
        return self.why_no_pair(now_s)

    def why_no_pair(self, now_s: float) -> str:
        """One sentence: how far the frames of both cameras lie apart, and the option that would help."""
        pairer = self._pairer
        offset_s = pairer.offset_s(now_s)
        residual_s = Fraction(pairer.relation.apart_s(now_s) or 0.0) - offset_s
        nearest_s = nearest_skews_s(
            pairer.queues["visible"].recent_s,
            [time_s - offset_s for time_s in pairer.queues["thermal"].recent_s],
        )
        wait_s = pairer.settings.max_wait_ms / 1000
        late_s = self._later_s()
        would_pair = not nearest_s or min(map(abs, nearest_s)) <= pairer.policy.tolerance_s
        if would_pair and abs(residual_s) <= wait_s < abs(late_s):
            return self._arrives_late(late_s)
        if abs(residual_s) > max(wait_s, AGREE_S) or not nearest_s:
            return self._clocks_apart(offset_s + residual_s)
        if abs(residual_s) > wait_s:
            return self._arrives_late(residual_s)
        largest_s = max(abs(skew_s) for skew_s in nearest_s)
        return (
            f"both cameras stream, but nothing pairs: no two frames are within "
            f"{_ms(pairer.policy.tolerance_s)} ms, the nearest are {_ms(min(nearest_s, key=abs))} ms apart "
            f"(thermal minus visible); pass --tolerance-ms {math.ceil(largest_s * 1000) + 1}, or auto"
        )

    def _later_s(self) -> Fraction:
        """Time that the newest visible frame was on its way by its stamp, minus that of the thermal one."""
        ways_s = []
        for side in ("visible", "thermal"):
            queue = self._pairer.queues[side]
            if queue.last_s is None:
                return Fraction(0)
            ways_s.append(Fraction(queue.arrived_s) - queue.last_s)
        return ways_s[0] - ways_s[1]

    def _clocks_apart(self, apart_s: Fraction) -> str:
        follow = "" if self._pairer.policy.offset_s is None else "auto or --offset-ms "
        return (
            "both cameras stream, but nothing pairs: of frames that arrive together, the thermal one has a "
            f"stamp {_ms(apart_s)} ms later than the visible one; pass --offset-ms {follow}"
            f"{round(apart_s * 1000)}, or set the clocks of the cameras by NTP"
        )

    def _arrives_late(self, residual_s: Fraction) -> str:
        late = "thermal" if residual_s < 0 else "visible"
        needed_ms = math.ceil(abs(residual_s) * 1000 / 50) * 50 + 50
        remedy = f"pass --max-wait-ms {needed_ms}"
        if needed_ms > LONGEST_WAIT_MS:
            remedy = "see that machine and network are fast enough for it"
        return (
            f"both cameras stream, but nothing pairs: by their stamps, {late} frames arrive "
            f"{_ms(abs(residual_s))} ms later than the other camera's and nothing waits for so long; "
            f"{remedy}, or, if the {late} clock is wrong, set it by NTP"
        )


def nearest_skews_s(visible_s: Sequence[Fraction], thermal_s: Sequence[Fraction]) -> list[Fraction]:
    """Thermal minus visible time of each thermal frame and the visible frame nearest to it.

    Args:
        visible_s: capture times, ascending.
        thermal_s: capture times on the visible clock, ascending.

    Returns:
        Seconds, for the thermal frames between two visible ones only; those know their nearest.
    """
    visible_s = list(visible_s)
    skews_s = []
    for time_s in thermal_s:
        after = bisect.bisect_left(visible_s, time_s)
        if 0 < after < len(visible_s):
            around = (time_s - visible_s[after - 1], time_s - visible_s[after])
            skews_s.append(min(around, key=abs))
    return skews_s


def _ms(seconds: Fraction) -> str:
    return f"{float(seconds * 1000):.1f}".removesuffix(".0")
