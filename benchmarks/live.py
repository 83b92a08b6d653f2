"""Two cameras at 60 frames a second through everything but the network: does the pipeline keep up?

python -m benchmarks.live [--seconds 20] [--rate 60] [--size 640x512]

Cameras are videos played at their pace (H.264; the thermal one also as raw counts of 16 bits), decoded,
paired, registered by a homography, put together without a network, and given to a sink that forgets them.
Latency is from the arrival of a pair's later frame to when a sink gets it, after the first two seconds.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import yaml

from benchmarks.common import circumstances, save
from stream.config import RunSettings
from stream.frame import FusedFrame
from stream.monitoring.report import RunReport
from stream.pipeline import run as pipeline
from stream.runtime.clock import SystemClock

SETTLED_S = 2.0
KINDS = {"thermal of 8 bits, H.264": "libx264", "thermal of 16 bits, raw": "rawvideo"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rate", type=int, default=60)
    parser.add_argument("--size", default="640x512", help="width x height in pixels")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        visible = film(folder / "visible.mp4", (width, height), arguments, "libx264", colour=True)
        calibration = write_calibration(folder / "calibration.yaml", (width, height))
        for kind, codec in KINDS.items():
            thermal = film(folder / f"thermal-{codec}.nut", (width, height), arguments, codec)
            results[kind] = one_run(visible, thermal, calibration, arguments)
            print_result(kind, results[kind])
    what = {"what": __doc__.splitlines()[0] if __doc__ else "", **vars(arguments)}
    print("written:", save("live", what | {"runs": results, "circumstances": circumstances()}))


def one_run(visible: Path, thermal: Path, calibration: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    settings = RunSettings.model_validate(
        {
            "visible": {"uri": f"live://{visible}"},
            "thermal": {"uri": f"live://{thermal}"},
            "pairing": {"tolerance_ms": 1000 / arguments.rate},
            "registration": {"file": str(calibration)},
            "fusion": {"model": "null"},
            "outputs": [{"uri": "null://"}],
        }
    )
    clock = SystemClock()
    report, latencies_ms = RunReport(clock), []

    def watch(frames: Iterable[FusedFrame]) -> Iterator[FusedFrame]:
        for frame in frames:
            if report.elapsed_s() > SETTLED_S:
                arrivals_s = [side.arrived_s for side in (frame.pair.visible, frame.pair.thermal) if side]
                latencies_ms.append((clock.monotonic_s() - max(filter(None, arrivals_s))) * 1000)
            yield frame

    pipeline.run(settings, report, watch)
    told = report.as_json()
    return {
        "frames_in": told["frames_in"],
        "fused": report.fused,
        "frames_per_s": round(report.fused / arguments.seconds, 2),
        "dropped": told["dropped"],
        "latency_ms": {f"p{share}": float(np.percentile(latencies_ms, share)) for share in (50, 95, 99)},
        "pairing_error_ms": told["live"]["pairing_error_ms"],
        "stages_p50_ms": {stage: time["p50_ms"] for stage, time in told["stages"].items()},
    }


def print_result(kind: str, result: dict[str, Any]) -> None:
    latency = result["latency_ms"]
    print(
        f"{kind}: {result['fused']} of {result['frames_in']['visible']} pairs, "
        f"{result['frames_per_s']} frames/s; latency p50 {latency['p50']:.1f} ms, "
        f"p99 {latency['p99']:.1f} ms; dropped {result['dropped'] or 'none'}"
    )


def film(
    path: Path, size: tuple[int, int], arguments: argparse.Namespace, codec: str, colour: bool = False
) -> Path:
    """A moving picture with noise, as cameras have it."""
    rng, (width, height) = np.random.default_rng(1), size
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    noise = [rng.normal(0, 3, (height, width)) for _ in range(8)]
    with av.open(str(path), "w") as container:
        options = {"preset": "veryfast"} if codec == "libx264" else {}
        stream: Any = container.add_stream(codec, rate=arguments.rate, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p" if codec == "libx264" else "gray16le"
        for index in range(arguments.seconds * arguments.rate):
            grey = 110 + 60 * np.sin((across + 3 * index) / 60) * np.cos(down / 45) + noise[index % 8]
            picture: Any = np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
            kind = "rgb24"
            if codec == "rawvideo":
                picture, kind = (4000 + 10 * grey).astype(np.uint16), "gray16le"
            frame = av.VideoFrame.from_ndarray(picture, format=kind)
            frame.pts, frame.time_base = index, Fraction(1, arguments.rate)
            container.mux(stream.encode(frame if codec == "rawvideo" else frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    return path


def write_calibration(path: Path, size: tuple[int, int]) -> Path:
    """A thermal picture that lies a little turned on the visible one."""
    width, height = size
    camera = {"size": list(size), "camera_matrix": [[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]]}
    matrix = [[0.98, 0.01, 5.0], [-0.01, 0.98, 6.0], [0.0, 0.0, 1.0]]
    values = {
        "visible": camera,
        "thermal": camera,
        "rms_px": 0.0,
        "date": "2026-01-01",
        "made_by": "benchmark",
    }
    values["homography"] = {"matrix": matrix, "distance_m": 10.0}
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
