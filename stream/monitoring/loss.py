"""Tells a run of recordings that lost much of a stream."""

from __future__ import annotations

import logging

from stream.errors import LossError
from stream.monitoring.report import RunReport

# The share of a stream that a run may lose and still be called done.
ALLOWED_SHARE = 0.1

_log = logging.getLogger(__name__)


def check_loss(report: RunReport, allow_loss: bool) -> None:
    """Called at the end of a run of recordings; cameras lose frames as they come and go.

    Lost are frames that a source could not deliver, and those that came in an order that pairing cannot use.
    Frames without a partner are none of them: streams may differ in rate and length.

    Args:
        report: of the run.
        allow_loss: say it, and go on.

    Raises:
        LossError: more than `ALLOWED_SHARE` of a stream is lost.
    """
    problems = [text for side in ("visible", "thermal") if (text := _much_lost(report, side))]
    if not problems or report.section("live"):
        return
    text = " and ".join(problems)
    if not allow_loss:
        raise LossError(f"{text}; mend the file, or take the result as it is with --allow-loss")
    _log.warning("%s", text)


def _much_lost(report: RunReport, side: str) -> str:
    """A phrase on the frames of a side that are lost; empty where these are few."""
    reasons = report.lost.get(side, {})
    unordered = report.dropped.get(f"{side}_out_of_order", 0)
    lost = sum(reasons.values()) + unordered
    total = report.frames_in[side] + sum(reasons.values())
    if lost <= ALLOWED_SHARE * total:
        return ""
    if unordered:
        reasons = {**reasons, "out_of_order": reasons.get("out_of_order", 0) + unordered}
    counts = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in reasons.items() if count)
    return f"{lost} of {total} {side} frames were lost ({counts})"
