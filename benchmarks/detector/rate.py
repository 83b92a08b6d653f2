"""Detections a second beside lite on two cores: two cameras at 30 frames/s to MP4, with `--detect` or not.

    python -m benchmarks.detector.rate [--detector FILE] [--seconds 20] [--visible V.mp4 --thermal T.mp4]

Each run is `gifnet run` in a process of its own with the lite network at its defaults; cameras, run and
detector share two cores. It runs without a detector, with five detections a second, and with as many as there
is time for. Without clips a generated street is filmed first. For an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.common import circumstances, save
from benchmarks.realtime import ROOT, account, camera, filmed, run

CORES = 2
RUNS: dict[str, list[str]] = {
    "no detector": [],
    "5 a second": ["--detect", "--detect-rate", "5"],
    "as many as it can": ["--detect", "--detect-rate", "1000"],
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detector", default="default")
    parser.add_argument("--seconds", type=int, default=20, help="of each run")
    parser.add_argument("--visible", type=Path, help="a clip; a generated street without")
    parser.add_argument("--thermal", type=Path)
    parser.add_argument("--name", default="detector_rate", help="file name under benchmarks/results")
    arguments = parser.parse_args()
    if bool(arguments.visible) != bool(arguments.thermal):
        parser.error("--visible and --thermal go together")
    arguments.frames = 30 * (arguments.seconds + 20)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    rows = []
    with tempfile.TemporaryDirectory() as name:
        clips = filmed(Path(name), arguments)
        for label, words in RUNS.items():
            rows.append({"run": label, **one_run(Path(name), clips, words, arguments)})
            print(json.dumps({key: rows[-1][key] for key in SHOWN}), flush=True)
    result = {"what": (__doc__ or "").splitlines()[0], "circumstances": circumstances(), "runs": rows}
    print("written:", save(arguments.name, result))


SHOWN = "run", "frames_per_s", "kept", "detections_per_s", "skipped", "core_ms_a_frame"


def one_run(
    folder: Path, clips: dict[str, Path], detect: list[str], arguments: argparse.Namespace
) -> dict[str, Any]:
    """The figures of a run with these options of detection."""
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    words = ["--model", "lite", "-o", str(folder / "out.mp4"), "--report", str(report), "--quiet"]
    words += ["--duration-s", str(arguments.seconds), *detect]
    if detect:
        words += ["--detector", arguments.detector]
    with ExitStack() as stack:
        cameras = [stack.enter_context(camera(clips[side])) for side in ("visible", "thermal")]
        used = run([*cameras, *words], ROOT)
    told = json.loads(report.read_text(encoding="utf-8"))
    detection = told.get("detection") or {}
    return account(told, used, "lite", "cameras") | {
        "detections_per_s": round(detection.get("detections", 0) / told["wall_s"], 2),
        "skipped": detection.get("skipped", 0),
        "found": detection.get("found", {}),
    }


if __name__ == "__main__":
    main()
