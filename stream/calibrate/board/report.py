"""Report of a board calibration: text, numbers and pictures."""

from __future__ import annotations

import cv2
import numpy as np

from stream.calibrate.board.calibrate import Outcome
from stream.calibrate.board.checks import tilt_deg
from stream.calibrate.board.finder import Sighting
from stream.calibrate.board.intrinsics import CameraFit, counts
from stream.calibrate.board.preprocessing import grey
from stream.calibrate.board.targets import Points
from stream.calibrate.board.views import View
from stream.calibrate.check.report import edges_over
from stream.calibrate.html_report import Figure, Note, Part, Report, Section, Table
from stream.frame import Pixels, Side
from stream.registration.calibration import Calibration
from stream.registration.registrar import thermal_maps

SHOWN = 3
WIDEST_PX = 640
# Squares of the overlay, per width.
_SQUARES = 12
_USED, _UNUSED, _FIRST, _DARK = (80, 220, 120), (255, 90, 80), (255, 220, 0), (32, 36, 40)
_SIDES: tuple[Side, Side] = ("visible", "thermal")


def numbers(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Rows of name, value with unit, and explanation."""
    views = outcome.views
    common = sum(view.is_common for view in views.views)
    rows = [("views", f"{common} of {views.looked}", "both cameras see the board, each at another place")]
    for side, fit in (("visible", outcome.visible), ("thermal", outcome.thermal)):
        if fit:
            rows += _of_camera(side, fit)
    if outcome.pair:
        rows.append(("apart", f"{outcome.pair.rms_px:.2f} px", "thermal from visible points, visible pixels"))
        rows += _of_stereo(outcome)
    return rows


def _of_camera(side: str, fit: CameraFit) -> list[tuple[str, str, str]]:
    focal = f"{fit.matrix[0, 0]:.1f} px, give or take {fit.matrix[0, 0] * fit.focal_error:.1f}"
    free = ", ".join(("focal length", *(_FREE[name] for name in fit.free)))
    return [
        (f"{side} error", f"{fit.rms_px:.3f} px", f"reprojection in {len(fit.errors_px)} views"),
        (f"{side} focal", focal, "focal length"),
        (f"{side} lens", f"{len(fit.free) + 1} parameters", free),
        (
            f"{side} cover",
            f"{100 * fit.coverage:.0f} %",
            f"of the picture; tilts within {tilt_deg(fit.normals):.0f} degrees, "
            f"{fit.distances_m.min():.2f} to {fit.distances_m.max():.2f} m",
        ),
    ]


_FREE = {
    "aspect": "another one for rows",
    "centre": "centre",
    "tangential": "p1, p2",
    "k1": "k1",
    "k2": "k2",
    "k3": "k3",
}


def _of_stereo(outcome: Outcome) -> list[tuple[str, str, str]]:
    pair = outcome.pair
    if pair is None or pair.rotation is None or pair.translation_m is None:
        return []
    right, down, ahead = (f"{1000 * metres:+.1f}" for metres in pair.translation_m)
    angle = np.degrees(np.linalg.norm(cv2.Rodrigues(pair.rotation)[0]))
    return [
        ("position", f"{right}, {down}, {ahead} mm", "of thermal: right, down, ahead of visible; measure it"),
        ("turned by", f"{angle:.1f} degrees", "thermal against visible camera"),
    ]


def build_report(outcome: Outcome, title: str) -> Report:
    """The report with its pictures.

    Args:
        outcome: what was found, also where the calibration was refused.
        title: of the report.
    """
    views = outcome.views
    (width, height), (across, down) = views.visible_size, views.thermal_size
    sizes = f"visible {width}x{height}, thermal {across}x{down}"
    summary = f"{outcome.board}, {views.looked} pairs of pictures, {sizes}."
    sections = [
        Section("Verdict", _verdict(outcome)),
        Section("The board, as it was found", _found(outcome)),
        Section("Coverage", _coverage(outcome)),
        Section("Every view", [_table(outcome)]),
    ]
    if outcome.calibration:
        sections.insert(1, Section("Thermal on visible", _overlays(outcome, outcome.calibration)))
    return Report(title, summary, sections)


def _verdict(outcome: Outcome) -> list[Part]:
    notes: list[Part] = [Note(f"Refused: {outcome.refusal}.", "bad")] if outcome.refusal else []
    if outcome.calibration and outcome.pair:
        said = f"Thermal points come within {outcome.pair.rms_px:.2f} visible pixels of theirs."
        notes.append(Note(said, "good"))
    hints: list[Part] = [Note(_sentence(hint), "fair") for hint in outcome.hints]
    return [*notes, *hints, Table(("what", "how much", "meaning"), numbers(outcome))]


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def _overlays(outcome: Outcome, calibration: Calibration) -> list[Part]:
    """Squares of both cameras, and thermal edges, at the distance of the board in each view."""
    said = "Edges of the board go on from square to square, and yellow edges lie on those of the board."
    squares, edges = list[Part](), list[Part]()
    for view in _samples(outcome):
        visible, thermal = view.shot.visible, _registered(view, calibration, _distance_m(outcome, view))
        name = view.shot.name
        squares.append(Figure(_small(_squares(visible, thermal)), f"{name}: squares of visible and thermal"))
        edges.append(Figure(_small(edges_over(visible, thermal)), f"{name}: thermal edges over visible"))
    return [Note(said), *squares, *edges]


def _registered(view: View, calibration: Calibration, distance_m: float | None) -> Pixels:
    """The thermal picture on the visible grid, [H, W] uint8."""
    map_x, map_y = (axis.nan_to_num(-9.0).numpy() for axis in thermal_maps(calibration, distance_m))
    return np.asarray(cv2.remap(grey(view.shot.thermal), map_x, map_y, cv2.INTER_LINEAR))


def _distance_m(outcome: Outcome, view: View) -> float | None:
    """Of the board in a view, as the visible camera tells; None where it does not."""
    fit = outcome.visible
    if fit is None or view.shot.name not in fit.errors_px:
        return None
    return float(fit.distances_m[list(fit.errors_px).index(view.shot.name)])


def _squares(visible: Pixels, thermal: Pixels) -> Pixels:
    side_px = max(8, visible.shape[1] // _SQUARES)
    rows, columns = np.indices(thermal.shape) // side_px
    is_thermal = (rows + columns) % 2 == 1
    return np.where(is_thermal[..., None], thermal[..., None], visible).astype(np.uint8)


def _samples(outcome: Outcome) -> list[View]:
    """The best, the median and the worst view that was used."""
    assert outcome.pair is not None
    names = sorted(outcome.pair.errors_px, key=outcome.pair.errors_px.__getitem__)
    chosen = {names[round(share * (len(names) - 1))] for share in np.linspace(0, 1, SHOWN)}
    return [view for view in outcome.views.views if view.shot.name in chosen]


def _found(outcome: Outcome) -> list[Part]:
    views = outcome.views
    shown = [view for view in views.views if view.is_common][:: max(1, len(views.views) // SHOWN)][:SHOWN]
    shown = shown or views.views[:SHOWN] or [View(shot, None, None) for shot in views.empty]
    said = "The ring marks the first point; it is the same one in both cameras."
    visible, thermal = ([_drawn(view, side) for view in shown] for side in _SIDES)
    return [Note(said), *visible, *thermal]


def _drawn(view: View, side: Side) -> Figure:
    sighting: Sighting | None = getattr(view, side)
    plain = grey(getattr(view.shot, side))
    scale = max(1, round(WIDEST_PX / plain.shape[1]))
    picture = cv2.cvtColor(cv2.resize(plain, None, fx=scale, fy=scale), cv2.COLOR_GRAY2RGB)
    how = "not found" if sighting is None else sighting.how
    if sighting is not None:
        points = np.rint((sighting.points_px + 0.5) * scale - 0.5).astype(np.int32)
        thick = max(1, picture.shape[1] // 600)
        cv2.polylines(picture, [points[:, None]], False, _USED, thick, cv2.LINE_AA)
        cv2.circle(picture, points[0].tolist(), 7 * thick, _FIRST, 2 * thick, cv2.LINE_AA)
    return Figure(_small(picture), f"{view.shot.name}, {side}: {how}")


def _coverage(outcome: Outcome) -> list[Part]:
    views = outcome.views
    said = "Where the board's points lay, all views together; red ones were left out."
    return [
        Note(said),
        _map(outcome, "visible", views.visible_size, outcome.visible),
        _map(outcome, "thermal", views.thermal_size, outcome.thermal),
    ]


def _map(outcome: Outcome, side: str, size: tuple[int, int], fit: CameraFit | None) -> Figure:
    scale = WIDEST_PX / size[0]
    picture = np.full((round(size[1] * scale), WIDEST_PX, 3), _DARK, np.uint8)
    used, unused = list[Points](), list[Points]()
    for view in outcome.views.views:
        sighting = getattr(view, side)
        if sighting is not None:
            (unused if fit and view.shot.name in fit.left_out else used).append(sighting.points_px)
    cells = counts(used, size)
    lit = cv2.resize((cells > 0).astype(np.uint8) * 24, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    picture += lit[..., None]
    for places, colour in ((used, _USED), (unused, _UNUSED)):
        for point in np.concatenate(places) * scale if places else ():
            cv2.circle(picture, np.rint(point).astype(int).tolist(), 2, colour, -1, cv2.LINE_AA)
    share = f"{100 * float((cells > 0).mean()):.0f} % of the cells hold points"
    return Figure(picture, f"{side}: {share}", "png")


def _table(outcome: Outcome) -> Table:
    rows, marked = list[tuple[object, ...]](), set[int]()
    for number, view in enumerate(outcome.views.views):
        name = view.shot.name
        errors = [_error(fit, name) for fit in (outcome.visible, outcome.thermal, outcome.pair)]
        fits = [fit for fit in (outcome.visible, outcome.thermal, outcome.pair) if fit]
        is_out = any(name in fit.left_out for fit in fits)
        marked |= {number} if is_out else set()
        how = [sighting.how if sighting else "not found" for sighting in (view.visible, view.thermal)]
        rows.append((name, *errors, *how, "left out" if is_out else ""))
    titles = ("view", "visible px", "thermal px", "apart px", "visible found by", "thermal found by", "")
    return Table(titles, rows, frozenset(marked))


def _error(fit: object, name: str) -> object:
    used, left = getattr(fit, "errors_px", {}), getattr(fit, "left_out", {})
    return used.get(name, left.get(name, ""))


def _small(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    if width <= WIDEST_PX:
        return picture
    size = WIDEST_PX, max(1, round(height * WIDEST_PX / width))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
