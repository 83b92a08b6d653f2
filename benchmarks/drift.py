"""Drift and check: how often the comparison of edges is certain, how often wrong, and what it costs.

python -m benchmarks.drift [--data ../shared/data]

Registered pairs of RoadScene, shifted by known amounts, and visible pictures with thermal ones of another
scene; a generated street, shifted, turned and scaled by known amounts; the time that one comparison takes.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import circumstances, save
from stream.calibrate.check.measure import REACH as CHECK_REACH
from stream.calibrate.check.measure import REGIONS
from stream.calibrate.check.residual import Regions
from stream.config import RegistrationSettings
from stream.registration.drift import WIDE_REACH
from stream.registration.gradient_correlation import REACH, ShiftPeak, compare, find_peak
from stream.synthetic import Street

Picture = NDArray[Any]
SIZE, SEEDS, CASES = (640, 480), range(1, 11), 4
LARGEST_PX, WRONG_PX, APART = 10, 4.0, 40
LARGEST_TURN_DEG, LARGEST_SCALE = 1.0, 0.02
REPEATS = 40


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("GIFNET_TEST_DATA", "../shared")) / "data"
    parser.add_argument("--data", type=Path, default=data, help="folder that holds roadscene")
    arguments = parser.parse_args()
    result = {
        "roadscene": real(arguments.data / "roadscene"),
        "street": generated(),
        "cost": {"640x512": cost((640, 512)), "1920x1080": cost((1920, 1080))},
        "circumstances": circumstances(),
    }
    for name in ("roadscene", "street", "cost"):
        print(name, result[name])
    print("written:", save("drift", result))


def real(folder: Path) -> dict[str, Any]:
    """Single pairs: shifted, and of two different scenes."""
    pictures, rng = list(pairs(folder)), np.random.default_rng(0)
    errors, clear, false = [], [], 0
    for number, (visible, thermal) in enumerate(pictures):
        shift_px = rng.integers(-LARGEST_PX, LARGEST_PX + 1, 2)
        peak = peak_of(visible, np.roll(thermal, shift_px[::-1], axis=(0, 1)))
        errors.append(np.hypot(peak.right_px - shift_px[0], peak.down_px - shift_px[1]))
        clear.append(peak.is_certain)
        other = pictures[(number + APART) % len(pictures)][1]
        false += peak_of(visible, cv2.resize(other, thermal.shape[::-1])).is_certain
    wrong = np.array(errors)[np.array(clear)] > WRONG_PX
    return {
        "pairs": len(pictures),
        "certain_share": round(float(np.mean(clear)), 3),
        "median_error_px": round(float(np.median(errors)), 2),
        f"certain_and_more_than_{WRONG_PX:g}_px_wrong": int(wrong.sum()),
        "certain_of_other_scenes": false,
    }


def generated() -> dict[str, Any]:
    """Known shifts, turns and scales as the drift check measures them, over streets of all lights."""
    rng, errors, clear = np.random.default_rng(1), [], 0
    for seed in SEEDS:
        street = Street(seed, SIZE)
        visible, thermal = street.visible(0.0), grey(street.thermal(0.0))
        for _ in range(CASES):
            known = rng.uniform(-1, 1, 4) * (LARGEST_PX, LARGEST_PX, LARGEST_TURN_DEG, LARGEST_SCALE)
            agreement = compare(visible, warped(thermal, *known), None, CHECK_REACH, REGIONS)
            place = agreement.middles_px, agreement.step_px, SIZE
            found, _errors, peak = Regions(agreement.surfaces, agreement.weights, *place).best()
            clear += peak.is_certain
            told = found.right_px, found.down_px, np.degrees(found.turn), found.scale
            errors.append(np.abs(np.array(told) - known))
    names = "right_px", "down_px", "turn_deg", "scale"
    typical, most = np.percentile(errors, 50, axis=0), np.percentile(errors, 90, axis=0)
    spread = {
        name: [round(float(a), 4), round(float(b), 4)]
        for name, a, b in zip(names, typical, most, strict=True)
    }
    return {"cases": len(errors), "certain": clear, "error_median_and_p90": spread}


def cost(size: tuple[int, int]) -> dict[str, float]:
    """Milliseconds of a comparison, and of one frame on average."""
    rng, (width, height) = np.random.default_rng(2), size
    visible = rng.integers(0, 255, (height, width, 3), np.uint8)
    thermal = rng.integers(0, 255, (height, width), np.uint8)
    every = RegistrationSettings().check_every
    told: dict[str, float] = {}
    for name, reach in (("small", REACH), ("wide", WIDE_REACH)):
        times = []
        for _ in range(REPEATS):
            begin = perf_counter()
            agreement = compare(visible, thermal, None, reach)
            find_peak(agreement.whole(), agreement.step_px)
            times.append(1000 * (perf_counter() - begin))
        median = float(np.median(times[5:]))
        told |= {f"{name}_ms": round(median, 1), f"{name}_ms_a_frame": round(median / every, 2)}
    return told


def pairs(folder: Path) -> Iterator[tuple[Picture, Picture]]:
    for path in sorted((folder / "visible").iterdir()):
        visible = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        thermal = cv2.imread(str(folder / "thermal" / path.name), cv2.IMREAD_GRAYSCALE)
        if visible is not None and thermal is not None:
            yield visible, thermal


def peak_of(visible: Picture, thermal: Picture) -> ShiftPeak:
    agreement = compare(visible, thermal)
    return find_peak(agreement.whole(), agreement.step_px)


def grey(counts: Picture) -> Picture:
    low, high = np.percentile(counts, [1, 99.5])
    return np.asarray(255 * np.clip((counts - low) / (high - low), 0, 1), np.uint8)


def warped(picture: Picture, right_px: float, down_px: float, turn_deg: float, scale: float) -> Picture:
    """Moved, turned clockwise and enlarged about its middle."""
    middle = (np.array(SIZE) - 1) / 2
    matrix = cv2.getRotationMatrix2D(tuple(middle.tolist()), -turn_deg, 1 + scale)
    matrix[:, 2] += right_px, down_px
    return np.asarray(cv2.warpAffine(picture, matrix, SIZE, borderMode=cv2.BORDER_REPLICATE))


if __name__ == "__main__":
    main()
