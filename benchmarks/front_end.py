"""Cost of the thermal front end: undistort, register and normalise, by method, on one core.

python -m benchmarks.front_end [--size 640x512] [--rounds 200]

16-bit counts of a warm scene with noise go through bad pixels, statistics, gain and the one remap that
undistorts both lenses and registers, to brightness on a visible grid of the same size. Methods take turns,
one frame each, so that all see the same noise of the machine; the first 10 rounds are left out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from benchmarks.common import circumstances, save
from cuda_kernels import cpu as host
from stream.config import GainSettings
from stream.registration.calibration import Calibration
from stream.registration.registrar import thermal_maps
from stream.thermal.agc import Agc
from stream.thermal.front_end import ThermalFrontEnd

WARM_UP = 10
CASES: dict[str, dict[str, Any]] = {
    "none": {"method": "none"},
    "fixed": {"method": "fixed", "span_low": 7000, "span_high": 9500},
    "minmax": {"method": "minmax"},
    "percentile": {"method": "percentile"},
    "plateau": {"method": "plateau"},
    "clahe": {"method": "clahe"},
    "percentile, region of two thirds": {"method": "percentile", "region": "0,0.33,1,1"},
    "percentile, 100 bad pixels": {"method": "percentile", "bad_pixels": True},
    "percentile, detail": {"method": "percentile", "detail": 3},
    "plateau, detail": {"method": "plateau", "detail": 3},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="640x512", help="width x height in pixels")
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    width, height = map(int, arguments.size.split("x"))
    frames = [scene(width, height, seed) for seed in range(4)]
    maps = thermal_maps(calibration(width, height), None)
    with tempfile.TemporaryDirectory() as folder:
        works = {name: work(keys, frames, maps, Path(folder)) for name, keys in CASES.items()}
        rows = {name: summary(times) for name, times in measure(works, arguments.rounds).items()}
    for name, row in rows.items():
        figures = "   ".join(f"{key[:-3]} {row[key]:6.3f} ms" for key in ("least_ms", "median_ms", "p99_ms"))
        print(f"{name:36} {figures}")
    what = {"what": __doc__.splitlines()[0] if __doc__ else "", **vars(arguments)}
    what |= {"opencv": cv2.__version__}
    print("written:", save("front_end", what | {"methods": rows, "circumstances": circumstances()}))


def work(
    keys: dict[str, Any], frames: list[Tensor], maps: tuple[Tensor, Tensor], folder: Path
) -> Callable[[int], None]:
    """One frame through the front end and onto the visible grid."""
    height, width = frames[0].shape
    if keys.get("bad_pixels"):
        keys = keys | {"bad_pixels": bad_pixels(folder / "bad.txt", width, height)}
    gain = Agc(GainSettings.model_validate(keys), 14, host)
    front = ThermalFrontEnd(gain, (width, height), torch.uint16, host)
    out, ema_weight = (
        (torch.empty(height, width), torch.empty(height, width, dtype=torch.bool)),
        torch.zeros(1),
    )

    def one(index: int) -> None:
        ema_weight.fill_(gain.next_ema_weight())
        picture, limits = front(frames[index % len(frames)], ema_weight)
        host.remap_normalise(picture, *maps, limits, out=out)

    return one


def measure(works: dict[str, Callable[[int], None]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each round of each work, in turns."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for index in range(WARM_UP + rounds):
        for name, one in works.items():
            start_s = time.perf_counter()
            one(index)
            times[name].append(time.perf_counter() - start_s)
    return {name: each[WARM_UP:] for name, each in times.items()}


def summary(times_s: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(float(np.median(times_s)) * 1000, 3),
        "least_ms": round(min(times_s) * 1000, 3),
        "p99_ms": round(float(np.percentile(times_s, 99)) * 1000, 3),
    }


def scene(width: int, height: int, seed: int) -> Tensor:
    """14-bit counts: something smooth, fine texture and noise."""
    rng = np.random.default_rng(seed)
    smooth, fine = (
        cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), sigma) for sigma in (30.0, 2.0)
    )
    counts = 8000 + 600 * smooth / smooth.std() + 100 * fine / fine.std()
    counts += rng.normal(0, 5, smooth.shape)
    return torch.from_numpy(counts.clip(0, 16383).astype(np.uint16))


def bad_pixels(path: Path, width: int, height: int) -> Path:
    rng = np.random.default_rng(0)
    lines = [f"{rng.integers(width)} {rng.integers(height)}\n" for _ in range(100)]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def calibration(width: int, height: int) -> Calibration:
    """Two lenses with distortion, the thermal picture a little turned on the visible one."""
    camera = {
        "size": [width, height],
        "camera_matrix": [[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]],
        "distortion": [-0.2, 0.05, 0.001, -0.001, 0.0],
    }
    matrix = [[0.98, 0.01, 5.0], [-0.01, 0.98, 6.0], [0.0, 0.0, 1.0]]
    values = {
        "visible": camera,
        "thermal": camera,
        "rms_px": 0.0,
        "date": "2026-01-01",
        "made_by": "benchmark",
    }
    return Calibration.model_validate(values | {"homography": {"matrix": matrix, "distance_m": 10.0}})


if __name__ == "__main__":
    main()
