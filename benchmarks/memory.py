"""Peak memory of `gifnet run` on a short and on a long recording: it must not grow with the length.

    python -m benchmarks.memory [--size 160x120] [--seconds 8 40]
    python -m benchmarks.memory --lite

Each length runs in a process of its own, from a generated street to an MP4 file. With `--lite` runs of lite
at 640x480 are measured, as `benchmarks.realtime` has them: from files, and from cameras to page and ZeroMQ.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

from benchmarks import realtime
from benchmarks.common import circumstances, save

LITE: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("files", "files", {}),
    (f"files, {realtime.AVX2_ONLY}", "files", realtime.AVX2),
    ("cameras, page and ZeroMQ", "cameras", {}),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="160x120", help="width x height in pixels")
    parser.add_argument("--seconds", type=int, nargs="+", default=[8, 40], help="lengths, 25 frames a second")
    parser.add_argument("--lite", action="store_true", help="the runs of lite at camera rate instead")
    arguments = parser.parse_args()
    if arguments.lite:
        peaks_of_lite()
        return
    peaks = {f"{seconds * 25} frames": peak_mb(arguments.size, seconds) for seconds in arguments.seconds}
    for length, peak in peaks.items():
        print(f"{length:>12}: {peak:.0f} MB at the most")
    result = {"what": "peak resident memory of gifnet run", "size": arguments.size, "peak_mb": peaks}
    print("written:", save("memory", result | {"circumstances": circumstances()}))


def peaks_of_lite() -> None:
    """Measure and record the runs of lite."""
    setting = argparse.Namespace(visible=None, thermal=None, frames=200, seconds=8)
    before, peaks = circumstances(), {}
    with tempfile.TemporaryDirectory() as name:
        clips = realtime.filmed(Path(name), setting)
        for label, source, limits in LITE:
            with mock.patch.dict(os.environ, limits):
                row = realtime.one_run(Path(name), clips, "lite", source, realtime.ROOT, setting)
            peaks[label] = row["memory_mb"]
            print(f"{label:>12}: {row['memory_mb']} MB at the most, {row['fused']} frames", flush=True)
    result = {"what": "peak resident memory of lite's whole process, 640x480", "peak_mb": peaks}
    print("written:", save("memory_lite", result | {"circumstances": before}))


def peak_mb(size: str, seconds: int) -> float:
    """Peak resident memory of one run, in MB."""
    street = f"synthetic://street?seed=1&size={size}&duration={seconds}"
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "fused.mp4")
        command = [sys.executable, "-c", "from stream.cli import main; main()"]
        process = subprocess.Popen([*command, "run", street, street, "-o", output, "--quiet"])
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"gifnet run ended with status {status}")
    return usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
