"""Calibration by a board: how near it comes to the truth, over boards and thermal pictures of all kinds.

python -m benchmarks.calibrate_board [--views 20] [--quick]

Boards are rendered as two cameras with known lenses and poses see them (tests/helpers/rendered_board.py): a
visible one of 640x480 and a thermal one of 320x256, 16 bits, with inverted polarity. Each row tells in how
many different views both show the board, the reprojection error of the thermal camera, the errors of its
focal length and position, and how far thermal content comes to lie from its place in the middle 70 % of the
picture, in thermal pixels, for scenes at several distances.
"""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.common import circumstances, save
from stream.calibrate.board.calibrate import calibrate_board
from stream.calibrate.board.targets import parse_board
from stream.calibrate.board.views import Shot, collect
from tests.helpers.rendered_board import THERMAL, Eye, Rig, map_error_px, poses, render_pair

BOARDS = (
    "checkerboard:9x6:25mm",
    "circles:7x5:30mm",
    "acircles:4x11:15mm",
    "charuco:6x4:45mm:34mm:4x4_50",
)
DISTANCES_M = (0.5, 1.0, 5.0, 100.0)
# Counts between paint and paper, noise in counts, blur in pixels.
THERMALS: dict[str, Eye] = {
    "clear": replace(THERMAL, noise=3.0),
    "usual": THERMAL,
    "faint": replace(THERMAL, dark=THERMAL.bright + 70, noise=8.0, blur_px=1.3),
    "faintest": replace(THERMAL, dark=THERMAL.bright + 40, noise=10.0, blur_px=1.5),
    "8 bits": replace(THERMAL, bits=8, bright=110.0, dark=150.0, noise=2.0),
    "turned": replace(THERMAL, quarter_turns=1),
}
SEEDS = (1, 2, 3)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--views", type=int, default=20, help="pairs of pictures a calibration")
    parser.add_argument("--quick", action="store_true", help="one seed instead of three")
    arguments = parser.parse_args()
    seeds = SEEDS[:1] if arguments.quick else SEEDS
    print("board         thermal   seed views  rms px  focal %  position mm  " + "  ".join(_titles()))
    rows = list(measured(arguments.views, seeds))
    result = {"views": arguments.views, "rows": rows, "circumstances": circumstances()}
    print("written:", save("calibrate_board", result))


def measured(views: int, seeds: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    for name in BOARDS:
        for kind, thermal in THERMALS.items():
            for seed in seeds:
                row = {"board": name, "thermal": kind, "seed": seed, **one(name, thermal, views, seed)}
                print(_line(row), flush=True)
                yield row


def one(name: str, thermal: Eye, count: int, seed: int) -> dict[str, Any]:
    board, rig = parse_board(name), Rig(thermal=thermal)
    shots = [
        Shot(str(number), *render_pair(board, rig, pose, 100 * seed + number))
        for number, pose in enumerate(poses(board, count, seed))
    ]
    begun_s = time.perf_counter()
    views = collect(shots, board, 500)
    outcome = calibrate_board(views, board, "stereo", None, datetime.date(2026, 1, 15), "benchmark")
    took_s = round(time.perf_counter() - begun_s, 2)
    common = sum(view.is_common for view in views.views)
    if outcome.calibration is None or outcome.thermal is None or outcome.pair is None:
        return {"common_views": common, "refused": outcome.refusal, "took_s": took_s}
    assert outcome.pair.translation_m is not None
    # The truth has no turned pictures; that their points come to lie well is told by the errors above.
    distances_m = () if thermal.quarter_turns else DISTANCES_M
    errors_px = [map_error_px(outcome.calibration, rig, distance_m) for distance_m in distances_m]
    away_m = outcome.pair.translation_m - np.array(rig.translation_m)
    return {
        "common_views": common,
        "thermal_rms_px": round(outcome.thermal.rms_px, 3),
        "visible_rms_px": round(outcome.visible.rms_px, 3) if outcome.visible else None,
        "focal_error_percent": round(100 * abs(outcome.thermal.matrix[0, 0] / thermal.focal_px - 1), 2),
        "position_error_mm": round(1000 * float(np.linalg.norm(away_m)), 2),
        "map_error_px": [round(error, 2) for error in errors_px],
        "took_s": took_s,
    }


def _titles() -> list[str]:
    return [f"{distance_m:g} m" for distance_m in DISTANCES_M]


def _line(row: dict[str, Any]) -> str:
    start = f"{row['board'].split(':')[0]:14}{row['thermal']:10}{row['seed']:4}{row['common_views']:6}"
    if "refused" in row:
        return f"{start}  refused: {row['refused'][:70]}"
    ends = "  ".join(f"{error:5.2f}" for error in row["map_error_px"])
    numbers = f"{row['thermal_rms_px']:8.3f}{row['focal_error_percent']:9.2f}{row['position_error_mm']:13.1f}"
    return f"{start}{numbers}  {ends}"


if __name__ == "__main__":
    main()
