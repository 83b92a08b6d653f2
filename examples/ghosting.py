"""Draws the pictures of docs/ghosting.md: what makes a fused picture ghost, each beside how it should look.

    python examples/ghosting.py docs/images

Everything is made by the generated street, whose distances and times are known.
"""

from __future__ import annotations

import datetime
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import stream
from stream.registration.calibration import Calibration, PinholeCamera, Stereo, save_calibration
from stream.synthetic import Street

Picture = NDArray[np.uint8]
Counts = NDArray[np.uint16]

SEED, SIZE = 13, (640, 480)
BASELINE_M, NEAR_M, FAR_M, WRONG_M = 0.3, 15.0, 60.0, 6.0
LAG_S = 0.3
# The camera turns while the visible sensor is read from top to bottom, and the picture moves by so much.
TURN_PX = 16
LEFT_PX, TOP_PX, WIDTH_PX, HEIGHT_PX = 290, 130, 340, 290
STRIP_PX, QUALITY = 30, 88


@dataclass(frozen=True)
class Shot:
    """A pair of pictures and how they are registered."""

    visible: Picture
    thermal: Counts
    calibration: Calibration | None = None
    distance_m: float | None = None


def parallax() -> tuple[Shot, Shot]:
    """Cameras at one place, and 30 cm apart, registered for the end of the street."""
    return straight(), Shot(*beside(), two_cameras(), FAR_M)


def wrong_distance() -> tuple[Shot, Shot]:
    """Cameras 30 cm apart, registered for the people on the crossing, and for 6 m."""
    return Shot(*beside(), two_cameras(), NEAR_M), Shot(*beside(), two_cameras(), WRONG_M)


def lag() -> tuple[Shot, Shot]:
    """A thermal picture of the same moment, and an older one."""
    street = Street(SEED, SIZE)
    return straight(), Shot(street.visible(LAG_S), counts(street, 0.0))


def rolling_shutter() -> tuple[Shot, Shot]:
    """A camera that stands, and one that turns while the visible sensor is read row by row."""
    street = Street(SEED, (SIZE[0] + 2 * TURN_PX, SIZE[1]))
    wide = street.visible(0.0)
    rows = [
        row[TURN_PX + round((number / SIZE[1] - 0.5) * 2 * TURN_PX) :][: SIZE[0]]
        for number, row in enumerate(wide)
    ]
    thermal = counts(street, 0.0)[:, TURN_PX : TURN_PX + SIZE[0]]
    still = wide[:, TURN_PX : TURN_PX + SIZE[0]]
    return Shot(still, thermal), Shot(np.stack(rows), thermal)


# Name of the file -> what is drawn, and what stands above its two halves.
PICTURES: dict[str, tuple[Callable[[], tuple[Shot, Shot]], tuple[str, str]]] = {
    "ghosting-parallax": (parallax, ("cameras at one place", "30 cm apart, registered for 60 m")),
    "ghosting-distance": (
        wrong_distance,
        ("registered for 15 m, where the people are", "registered for 6 m"),
    ),
    "ghosting-lag": (lag, ("of one moment", "thermal 300 ms older")),
    "ghosting-shutter": (rolling_shutter, ("camera stands", "camera turns, rows one by one")),
}


def straight() -> Shot:
    """Cameras at one place, at one time."""
    street = Street(SEED, SIZE)
    return Shot(street.visible(0.0), counts(street, 0.0))


def beside() -> tuple[Picture, Counts]:
    """Cameras that stand beside each other."""
    street = Street(SEED, SIZE, baseline_m=BASELINE_M)
    return street.visible(0.0), counts(street, 0.0)


def counts(street: Street, time_s: float) -> Counts:
    """The thermal picture in counts of 14 bits."""
    return np.asarray(street.thermal(time_s, bits=14), np.uint16)


def two_cameras() -> Calibration:
    """The true calibration of the two cameras."""
    layout = Street(SEED, SIZE).layout
    focal_px, (width, height) = layout.focal * SIZE[0], SIZE
    middle_x, middle_y = layout.centre * width - 0.5, layout.horizon * height - 0.5
    camera = PinholeCamera(
        size=SIZE, camera_matrix=((focal_px, 0, middle_x), (0, focal_px, middle_y), (0, 0, 1))
    )
    upright = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    stereo = Stereo(rotation=upright, translation_m=(BASELINE_M, 0, 0), distance_m=NEAR_M)
    return Calibration(
        visible=camera,
        thermal=camera,
        stereo=stereo,
        rms_px=0.0,
        date=datetime.date(2026, 1, 15),
        made_by="the generated street",
    )


def fuse(shot: Shot) -> Picture:
    """The fused picture of a shot, by `stream.fuse` on files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cv2.imwrite(str(folder / "visible.png"), shot.visible[..., ::-1])
        cv2.imwrite(str(folder / "thermal.png"), shot.thermal)
        settings: dict[str, object] = {"thermal_bits": 14, "device": "cpu", "precision": "float32"}
        if shot.calibration:
            save_calibration(shot.calibration, folder / "pair.yaml")
            settings |= {"calibration": folder / "pair.yaml", "distance_m": shot.distance_m}
        (frame,) = stream.fuse(folder / "visible.png", folder / "thermal.png", **settings)
        return np.asarray(frame.pixels, np.uint8)


def panel(fused: Picture, title: str) -> Picture:
    """A cut of a fused picture, enlarged, with a title above it."""
    cut = fused[TOP_PX : TOP_PX + HEIGHT_PX, LEFT_PX : LEFT_PX + WIDTH_PX]
    large = cv2.resize(cut, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC)
    strip = np.full((STRIP_PX, large.shape[1], 3), 24, np.uint8)
    cv2.putText(strip, title, (8, 21), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (235, 235, 235), 1, cv2.LINE_AA)
    return np.concatenate([strip, large])


def draw(folder: Path) -> None:
    """Draw all pictures into a folder."""
    for name, (shots, titles) in PICTURES.items():
        panels = [panel(fuse(shot), title) for shot, title in zip(shots(), titles, strict=True)]
        gap = np.full((panels[0].shape[0], 8, 3), 24, np.uint8)
        sheet = np.concatenate([panels[0], gap, panels[1]], axis=1)
        path = folder / f"{name}.jpg"
        cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        print(path, f"{path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
