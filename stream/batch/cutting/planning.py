"""The cuts of a recording: where parts begin, and how much before each is fused for its state alone."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction

from stream.batch.cutting.cut import Cut, FuseWhole, Part
from stream.config import RunSettings
from stream.device.context import open_device
from stream.frame import Side
from stream.fusion.exposure import KEPT
from stream.fusion.model_choice import wanted_kind
from stream.monitoring.report import RunReport
from stream.pairing.offline import OfflinePairer
from stream.pipeline.open import open_moments
from stream.runtime.clock import SystemClock
from stream.sources import open_source
from stream.sources.base import SourceBase, SourceInfo
from stream.thermal.agc_plan import plan_gain
from stream.uri import parse_uri

# Largest difference between a warmed-up part and the whole run, whose gain has seen all frames before: as a
# share of the range, a sixteenth of a level of 256, so that steep curves round alike too.
LEFT_SHARE = 1 / 4096
# Methods of gain control whose picture of a frame is that of the frame alone.
_WITHOUT_STATE = ("fixed", "none")
# Seconds before its first frame from which a part is read, so that rounding does not leave that frame out.
_EARLIER_S = 1e-7


def cut_recording(settings: RunSettings, cut_s: float) -> Cut | None:
    """Cut a recording into parts of about so many seconds.

    With `--frames` or `--every` the whole recording is decoded and paired once, since only that tells which
    moments these mean; else nothing but the beginning of both files is read.

    Args:
        settings: of the run.
        cut_s: seconds of capture time in a part.

    Returns:
        The cut; None where the recording is shorter than two parts.

    Raises:
        FuseWhole: it cannot be cut.
        GifnetError: an input cannot be read.
    """
    _check(settings)
    visible, first_s, length_s = _look(settings, "visible")
    thermal, thermal_first_s, thermal_length_s = _look(settings, "thermal")
    pairer = OfflinePairer(settings.pairing, visible.rate, thermal.rate)
    end_s = min(first_s + length_s, thermal_first_s + thermal_length_s - pairer.offset_s)
    overlap = overlap_frames(settings, thermal)
    excerpt = settings.excerpt
    count = round(float(end_s - first_s - Fraction(str(excerpt.start_s))) / cut_s)
    if count < 2:
        return None
    if excerpt.frames is not None or excerpt.every > 1:
        parts = parts_by_moments(_moments(settings), first_s, excerpt.start_s, cut_s, overlap)
        if len(parts) < 2:
            return None
    else:
        anchor = visible if pairer.anchor == "visible" else thermal
        parts = parts_by_time(first_s, excerpt.start_s, count, cut_s, overlap / float(anchor.rate or 1))
    assert visible.rate is not None
    return Cut(tuple(parts), overlap, visible.rate, visible.time_base, visible.audio)


def overlap_frames(settings: RunSettings, thermal: SourceInfo) -> int:
    """Moments to fuse before a part, until its state differs from the whole's by `LEFT_SHARE`.

    A state that keeps the share `k` of itself with every frame has `k ** n` of its difference left after `n`
    frames; the exposure of lite begins to settle once gain control has, and the smoothing of `--steady`
    once both have.

    Args:
        settings: of the run.
        thermal: properties of the thermal frames.
    """
    plan = plan_gain(settings.gain, thermal.bits, thermal.radiometry)
    has_state = plan.name not in _WITHOUT_STATE
    exposes = settings.fusion.model != "null" and wanted_kind(settings.fusion) == "lite"
    kept = (settings.gain.damping if has_state else 0, KEPT if exposes else 0, settings.fusion.used_steady)
    return sum(map(_until_left, kept))


def _until_left(kept: float) -> int:
    return math.ceil(math.log(LEFT_SHARE) / math.log(kept)) if kept else 0


def parts_by_time(
    first_s: Fraction, start_s: float, count: int, cut_s: float, overlap_s: float
) -> list[Part]:
    """So many parts, each but the last of `cut_s` seconds.

    Args:
        first_s: capture time of the first visible frame.
        start_s: of the settings.
        count: of parts.
        cut_s: seconds of a part.
        overlap_s: seconds to fuse before each.
    """
    begin_s = first_s + Fraction(str(start_s))
    begins = [begin_s + number * Fraction(str(cut_s)) for number in range(count)]
    starts = [start_s, *(max(start_s, float(each - first_s) - overlap_s) for each in begins[1:])]
    return _parts(starts, [*begins, None])


def parts_by_moments(
    moments: Sequence[Fraction], first_s: Fraction, start_s: float, cut_s: float, overlap: int
) -> list[Part]:
    """Parts that begin with moments of a list, each but the last of about `cut_s` seconds.

    Args:
        moments: capture times of all moments that are to be fused.
        first_s: capture time of the first visible frame.
        start_s: of the settings.
        cut_s: seconds of a part.
        overlap: moments to fuse before each.
    """
    count = max(1, round(float(moments[-1] - moments[0]) / cut_s))
    wanted = (moments[0] + number * Fraction(str(cut_s)) for number in range(1, count))
    places = sorted({0, *(bisect_left(moments, each) for each in wanted)})
    starts = [start_s]
    for place in places[1:]:
        start = moments[max(0, place - overlap)]
        starts.append(max(start_s, float(start - first_s) - _EARLIER_S))
    # Behind the last moment by less than any camera's next frame.
    end_s = moments[-1] + Fraction(str(_EARLIER_S))
    return _parts(starts, [*(moments[place] for place in places), end_s])


def _parts(starts: Sequence[float], ends: Sequence[Fraction | None]) -> list[Part]:
    parts = []
    for number, start_s in enumerate(starts):
        begin_s = ends[number]
        assert begin_s is not None
        parts.append(Part(number, start_s, begin_s, ends[number + 1]))
    return parts


def _check(settings: RunSettings) -> None:
    """Refuse to cut what a part alone cannot give as the whole does.

    Raises:
        FuseWhole: says why.
    """
    if parse_uri(settings.visible.uri).scheme == "replay":
        raise FuseWhole("a recording of gifnet record is read from its beginning")
    if settings.registration.self_align:
        raise FuseWhole("--self-align follows the cameras from the beginning of a recording")
    if settings.detection.enabled:
        raise FuseWhole("the detector looks again by the time since it looked last")


def _look(settings: RunSettings, role: Side) -> tuple[SourceInfo, Fraction, Fraction]:
    """Properties of an input, the time of its first frame, and its length in seconds."""
    mine, partner = (
        side.model_copy(update={"decoder": "cpu"}) for side in (settings.visible, settings.thermal)
    )
    if role == "thermal":
        mine, partner = partner, mine
    with open_source(mine, role, None, partner) as source:
        first_s = source.first_s if isinstance(source, SourceBase) else None
        info = source.info
    if first_s is None or not info.frames or not info.rate:
        raise FuseWhole(f"the length of {info.uri} is known only once it is read")
    return info, first_s, info.frames / info.rate


def _moments(settings: RunSettings) -> list[Fraction]:
    """Capture times of all moments that the settings ask for."""
    plain = {
        "visible": settings.visible.model_copy(update={"decoder": "cpu"}),
        "thermal": settings.thermal.model_copy(update={"decoder": "cpu"}),
        "excerpt": settings.excerpt.model_copy(update={"scale": 1.0}),
    }
    report, context = RunReport(SystemClock()), open_device("cpu")
    with open_moments(settings.model_copy(update=plain), context, report) as moments:
        return [frame_set.time_s for frame_set in moments.frame_sets]
