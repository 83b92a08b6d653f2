"""The report of an alignment without a board, to judge by eye."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from stream.calibrate.html_report import Figure, Note, Report, Section, Table
from stream.calibrate.overlays import blended, checkered, edged, stretched
from stream.calibrate.scene.align import (
    LARGEST_RIVAL,
    LEAST_AGREEMENT,
    LEAST_EVIDENCE,
    LEAST_WITHOUT_EDGES,
    SceneAlignment,
)
from stream.calibrate.scene.run import FrameSet

SHOWN = 3


def sentence(found: SceneAlignment) -> str:
    """The result as lines of text."""
    stands = f"; the thermal picture is {found.turned} against the visible one" if found.turned else ""
    if found.doubt:
        return f"refused: {found.doubt}{stands}"
    return f"aligned, to about {found.error_px:.1f} visible pixels{stands}"


def numbers(found: SceneAlignment) -> list[tuple[str, str, str]]:
    """The measured figures: name, figure, meaning."""
    thermal = f"{found.thermal_size[0]}x{found.thermal_size[1]}"
    off = "not clear" if found.edges_off_px is None else f"{found.edges_off_px:.2f} px"
    least = LEAST_WITHOUT_EDGES if found.edges_off_px is None else LEAST_AGREEMENT
    agreed, rival = f"{100 * least:.0f} % is needed", f"below {100 * LARGEST_RIVAL:.0f} % is needed"
    return [
        ("moments", str(found.moments), "pairs of frames that were compared"),
        ("pictures", f"{found.visible_size[0]}x{found.visible_size[1]}, {thermal}", "visible, thermal"),
        ("stands", found.turned or "upright", "thermal picture against the visible one"),
        ("evidence", f"{found.evidence:.2f}", f"log-likelihood of a tile; {LEAST_EVIDENCE} is needed"),
        ("agreement", f"{100 * found.agreement:.0f} %", f"of what tiles could say at best; {agreed}"),
        ("best rival", f"{100 * found.rival:.0f} %", f"of the evidence, for another alignment; {rival}"),
        ("edges off", off, "mean of clear regions, as in gifnet calibrate check"),
        ("error", f"{found.error_px:.2f} px", "of a point's place, by drawing tiles again and again"),
    ]


def as_json(found: SceneAlignment) -> dict[str, Any]:
    """Plain values."""
    return {
        "matrix": found.matrix.tolist(),
        "visible_size": list(found.visible_size),
        "thermal_size": list(found.thermal_size),
        "turned": found.turned,
        "error_px": round(found.error_px, 3),
        "evidence": round(found.evidence, 3),
        "agreement": round(found.agreement, 3),
        "rival": round(found.rival, 3),
        "edges_off_px": None if found.edges_off_px is None else round(found.edges_off_px, 3),
        "moments": found.moments,
        "doubt": found.doubt,
    }


def build_report(found: SceneAlignment, moments: list[FrameSet], title: str) -> Report:
    """The report with its pictures.

    Args:
        found: the alignment, also one that is refused.
        moments: what it was found from.
        title: of the report.
    """
    words = sentence(found)
    table = Table(("what", "how much", "meaning"), numbers(found))
    shown = [moments[round(at)] for at in np.linspace(0, len(moments) - 1, min(SHOWN, len(moments)))]
    sections = [
        Section(
            "Verdict", [Note(words[0].upper() + words[1:] + ".", "bad" if found.doubt else "good"), table]
        )
    ]
    for number, moment in enumerate(shown, start=1):
        sections.append(Section(f"FrameSet {number}", list(_figures(found, moment))))
    return Report(
        title, f"{found.moments} moments of two cameras, aligned by what both of them see.", sections
    )


def _figures(found: SceneAlignment, moment: FrameSet) -> list[Figure]:
    visible, thermal = moment.visible, stretched(moment.thermal)
    size = found.visible_size
    moved = np.asarray(cv2.warpPerspective(thermal, found.matrix, size))
    seen = np.asarray(cv2.warpPerspective(np.full_like(thermal, 255), found.matrix, size)) > 127
    return [
        Figure(visible, "Visible."),
        Figure(thermal, "Thermal, as it came."),
        Figure(edged(visible, moved, seen), "Thermal edges over visible: they should lie on its edges."),
        Figure(checkered(visible, moved, seen), "Squares of both: edges should go on from square to square."),
        Figure(blended(visible, moved, seen), "Both blended: nothing should be there twice."),
    ]
