"""Report of a calibration check: text, numbers and pictures."""

from __future__ import annotations

from dataclasses import asdict
from math import degrees, isfinite
from typing import Any

import cv2
import numpy as np

from stream.calibrate.check.measure import Check
from stream.calibrate.check.residual import Similarity
from stream.calibrate.html_report import Figure, Note, Report, Section, Table, Tone
from stream.frame import FusedFrame, Pixels
from stream.registration.drift import in_words
from stream.render.views import render

WIDEST_PX = 960
# Arrows are drawn this many times as long as what they show.
MAGNIFIED = 10
_EDGES, _CLEAR, _VAGUE = (255, 235, 0), (0, 220, 255), (150, 150, 150)
_TONES: dict[str, Tone] = {"good": "good", "fair": "fair", "off": "bad", "unclear": "bad"}


def sentence(found: Check) -> str:
    """The verdict as a sentence."""
    if found.verdict == "unclear":
        return f"the calibration cannot be judged: {found.doubt}"
    about = f"thermal content lies {found.mean_px:.1f} px from its place on average"
    if found.verdict == "good":
        return f"the calibration fits: {about}"
    if found.verdict == "fair":
        return f"the calibration is fair: {about}, so that fine edges may ghost"
    shift = in_words(found.residual.right_px, found.residual.down_px)
    return f"the calibration is off: {about}, {shift} in the middle of the picture"


def hints(found: Check) -> list[str]:
    """Advice: how to read the result and what to do."""
    said = []
    if found.verdict == "off":
        right, down = (round(-px, 1) + 0.0 for px in (found.residual.right_px, found.residual.down_px))
        said.append(
            f"calibrate again (gifnet calibrate), give the distance of the scene (--distance-m), or pass "
            f"--nudge-right-px {right:g} --nudge-down-px {down:g}"
        )
    spread_px = found.region_spread_px
    if found.verdict != "unclear" and spread_px and spread_px > found.size[0] / 200:
        said.append(
            f"regions differ by {spread_px:.1f} px, which no one shift mends: things at several distances, "
            "or lens distortion that the calibration does not know"
        )
    if found.frame_spread_px and found.frame_spread_px > found.size[0] / 300:
        said.append(
            f"the shift differs by {found.frame_spread_px:.1f} px from frame to frame: a moving camera with "
            "an offset between the clocks (gifnet sync-check), or a rolling shutter"
        )
    return said


def numbers(found: Check) -> list[tuple[str, str, str]]:
    """Rows of name, value with unit, and explanation."""
    residual, errors = found.residual, found.errors

    def plus(value: float, error: float, unit: str, digits: int) -> str:
        return f"{value + 0.0:.{digits}f} {unit}, give or take {error:.{digits}f}"

    def spread(value: float | None) -> str:
        return "not known" if value is None else f"{value:.2f} px"

    agreement = f"{found.baseline.score:.2f}" if found.baseline else "none"
    first, last = (
        ("frames", str(found.frames), "measured"),
        ("agreement", agreement, "of edges; drift is measured by it"),
    )
    if found.verdict == "unclear":
        return [first, last]
    return [
        first,
        ("right", plus(residual.right_px, errors.right_px, "px", 2), "thermal lies too far right, middle"),
        ("down", plus(residual.down_px, errors.down_px, "px", 2), "thermal lies too far down, middle"),
        (
            "turn",
            plus(degrees(residual.turn), degrees(errors.turn), "degrees", 2),
            "thermal is turned clockwise",
        ),
        ("scale", plus(100 * residual.scale, 100 * errors.scale, "%", 2), "thermal is too large"),
        ("mean", f"{found.mean_px:.2f} px", "from its place, over the picture"),
        ("frames apart", spread(found.frame_spread_px), "the shift varies from frame to frame"),
        ("regions apart", spread(found.region_spread_px), "regions differ from what is said above"),
        last,
    ]


def as_json(found: Check) -> dict[str, Any]:
    """Everything as plain values."""
    values = asdict(found)
    values["baseline"] = found.baseline.model_dump() if found.baseline else None
    values["shifts_px"] = found.shifts_px.round(2).tolist()
    finite = {name: value if isfinite(value) else None for name, value in asdict(found.errors).items()}
    return {**values, "errors": finite, "sentence": sentence(found), "hints": hints(found)}


def build_report(found: Check, frame: FusedFrame, title: str) -> Report:
    """The report with its pictures.

    Args:
        found: what was found.
        frame: that shows it best.
        title: of the report.
    """
    said = sentence(found)
    summary = said[0].upper() + said[1:] + "."
    notes = [Note(hint[0].upper() + hint[1:] + ".", "fair") for hint in hints(found)]
    measured = Table(("what", "how much", "meaning"), numbers(found))
    return Report(
        title,
        f"{found.frames} pairs of frames, {found.size[0]}x{found.size[1]} visible pixels.",
        [
            Section("Verdict", [Note(summary, _TONES[found.verdict]), *notes, measured]),
            Section("As it is registered", _as_registered(frame)),
            Section("Regions", [_regions(found, frame)]),
            Section("With what was found taken out", [_corrected(found, frame)]),
        ],
    )


def _as_registered(frame: FusedFrame) -> list[Note | Table | Figure]:
    return [
        Figure(_small(edges_over(frame.visible, frame.thermal)), "Thermal edges, yellow, over visible"),
        Figure(_small(render(frame, "checkerboard")), "Visible and thermal squares: lines go on across them"),
    ]


def _corrected(found: Check, frame: FusedFrame) -> Figure:
    caption = "Thermal edges over visible, moved by what was found: nearer than above, if it is right"
    return Figure(_small(edges_over(frame.visible, undone(frame.thermal, found.residual))), caption)


def edges_over(visible: Pixels, thermal: Pixels) -> Pixels:
    """Visible, a little darker, with the edges of thermal; [H, W, 3] uint8."""
    picture = (visible * 0.8).astype(np.uint8)
    soft = cv2.GaussianBlur(thermal, (0, 0), 1.2)
    strong = float(
        np.percentile(cv2.magnitude(*(cv2.Sobel(soft, cv2.CV_32F, *way) for way in ((1, 0), (0, 1)))), 95)
    )
    picture[cv2.Canny(soft, strong / 2, max(strong, 1.0)) > 0] = _EDGES
    return picture


def undone(thermal: Pixels, residual: Similarity) -> Pixels:
    """The thermal picture with a similarity taken out."""
    height, width = thermal.shape
    middle = (np.array((width, height)) - 1) / 2
    cos, sin = 1 + residual.scale, residual.turn
    turned = np.array([[cos, -sin], [sin, cos]])
    matrix = np.column_stack([turned, middle - turned @ middle + (residual.right_px, residual.down_px)])
    return np.asarray(
        cv2.warpAffine(thermal, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    )


def _regions(found: Check, frame: FusedFrame) -> Figure:
    picture = (frame.visible * 0.6).astype(np.uint8)
    thick = max(1, found.size[0] // 400)
    for region in found.regions:
        place = round(region.x_px), round(region.y_px)
        if not region.is_clear:
            cv2.circle(picture, place, 2 * thick, _VAGUE, thick, cv2.LINE_AA)
            continue
        tip = (
            round(region.x_px + MAGNIFIED * region.right_px),
            round(region.y_px + MAGNIFIED * region.down_px),
        )
        cv2.circle(picture, place, 2 * thick, _CLEAR, -1, cv2.LINE_AA)
        cv2.arrowedLine(picture, place, tip, _CLEAR, thick, cv2.LINE_AA)
    caption = (
        f"How far off thermal lies in each region, {MAGNIFIED} times as long as it is; grey circles: too "
        "little to see there"
    )
    return Figure(_small(picture), caption)


def _small(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    if width <= WIDEST_PX:
        return picture
    size = WIDEST_PX, max(1, round(height * WIDEST_PX / width))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
