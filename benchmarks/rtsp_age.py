"""Age of an RTSP camera's pictures as they come out of the decoder: this project's client beside libav's.

    python -m benchmarks.rtsp_age [--visible CLIP.mp4] [--seconds 10]

Both clients watch one camera at the same time, each on a thread of its own, so that a busy machine meets both
alike. Ages are from the camera's clock, which is that of this machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.common import circumstances, save
from benchmarks.realtime import RATE, camera, filmed
from stream.config import InputSettings
from stream.runtime.clock import SystemClock
from stream.sources.live import libav, open_live

SETTLE_S = 2.0


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory() as name:
        clip = arguments.visible or filmed(
            Path(name), argparse.Namespace(visible=None, thermal=None, frames=90)
        )
        clip = clip["visible"] if isinstance(clip, dict) else clip
        before = circumstances()
        with camera(clip) as url:
            ages = watch(url, arguments.seconds)
    result = {
        "what": "Age of RTSP pictures when they are decoded, in ms",
        "circumstances": before,
        "rate": RATE,
        "clients": {who: figures(ages_ms) for who, ages_ms in ages.items()},
    }
    for who, told in result["clients"].items():
        print(f"{who:6} {told}")
    print("written:", save("rtsp_age", result))


def watch(url: str, seconds: float) -> dict[str, list[float]]:
    settings = InputSettings.model_validate({"uri": url})
    sources: dict[str, Any] = {}
    for who in ("own", "libav"):
        opener = libav.open_rtsp if who == "own" else lambda *_: None
        with mock.patch.object(libav, "open_rtsp", opener):
            sources[who] = open_live(settings, "visible", SystemClock(), threading.Event().wait)
    until_s = time.monotonic() + SETTLE_S + seconds
    ages: dict[str, list[float]] = {who: [] for who in sources}
    threads = [
        threading.Thread(target=read, args=(source, until_s, ages[who])) for who, source in sources.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ages


def read(source: Any, until_s: float, ages_ms: list[float]) -> None:
    began_s = time.monotonic()
    with source:
        for frame in source:
            now_s = time.monotonic()
            if now_s > until_s:
                return
            if frame.clock == "rtcp" and now_s > began_s + SETTLE_S:
                ages_ms.append(1e3 * (time.time() - float(frame.time_s)))


def figures(ages_ms: list[float]) -> dict[str, float]:
    ordered = sorted(ages_ms)
    return {
        "pictures": len(ordered),
        "p50": round(statistics.median(ordered), 1),
        "p99": round(ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], 1),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visible", type=Path, help="a clip; a generated street without")
    parser.add_argument("--seconds", type=float, default=10.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
