"""The whole path on a GPU: changes while frames are on their way, and video by NVDEC and NVENC.

Steps of `benchmarks.gpu`; need everything that `gifnet run` needs:

python -m benchmarks.gpu.whole retunes|video [--device cuda]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.network import say
from stream.config import FuseSettings
from stream.device.context import open_device
from stream.frame import Frame, FramePair, FusedFrame
from stream.fusion.fuser import Fuser
from stream.runtime.clock import SystemClock
from stream.runtime.stage_times import StageTimes
from stream.sources.base import SourceInfo

CHANGES, FRAMES_EACH, IN_FLIGHT = 40, 4, 3
SIZES = ((96, 64), (144, 96))
# As the network in 16 bits is held to elsewhere.
LEAST_DB = 40.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("step", choices=("retunes", "video"))
    arguments = parser.parse_args()
    {"retunes": retunes, "video": video}[arguments.step](arguments.device)


def retunes(device: str) -> None:
    """Nudges, gains and sizes change 40 times while frames are on their way; every frame against the CPU.

    Raises:
        SystemExit: a frame is further from the CPU's than 40 dB.
    """
    worst_db, frames = float("inf"), 0
    for ours, reference in zip(_changed_run(device), _changed_run("cpu"), strict=True):
        assert ours.index == reference.index and ours.pixels.shape == reference.pixels.shape
        worst_db, frames = min(worst_db, _psnr_db(ours.pixels, reference.pixels)), frames + 1
    say({"frames": frames, "changes": CHANGES, "worst_db": round(worst_db, 1)})
    if not worst_db > LEAST_DB:
        raise SystemExit(f"a frame is {worst_db:.1f} dB from the CPU's, which is below {LEAST_DB} dB")


def _changed_run(device: str) -> Iterator[FusedFrame]:
    values: dict[str, Any] = {
        "visible": {"uri": "a"},
        "thermal": {"uri": "b"},
        "gain": {"damping": 0.5},
        "fusion": {"model": "full"},
    }
    infos = SourceInfo("a", *SIZES[0], "rgb24"), SourceInfo("b", *SIZES[0], "gray16le", 14)
    context = open_device(device)  # type: ignore[arg-type]  # one of its words
    fuser = Fuser(FuseSettings.model_validate(values), *infos, context, StageTimes(SystemClock()))
    waiting: deque[Any] = deque()
    for number in range(CHANGES * FRAMES_EACH):
        if number % FRAMES_EACH == 0:
            change = number // FRAMES_EACH
            section = {
                "gain": {"damping": 0.3 + change / 100},
                "registration": {"nudge_right_px": change % 5},
            }
            fuser.retune(FuseSettings.model_validate(values | section))
        waiting.append(fuser.submit([_pair(number, SIZES[number // 20 % 2])]))
        if len(waiting) > IN_FLIGHT:
            yield from waiting.popleft().result()
    for batch in waiting:
        yield from batch.result()
    fuser.close()


def _pair(number: int, size: tuple[int, int]) -> FramePair:
    random = np.random.default_rng(number)
    width, height = size
    rows, columns = height // 8, width // 8
    rgb = random.integers(0, 256, (rows, columns, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    counts = (
        random.integers(3000, 9000, (height // 8, width // 8)).astype(np.uint16).repeat(8, 0).repeat(8, 1)
    )
    time_s = Fraction(number, 25)
    visible = Frame(rgb, "rgb24", time_s, "pts", number)
    return FramePair(visible, Frame(counts, "gray16le", time_s, "pts", number, 14), time_s, 0.0)


def _psnr_db(one: np.ndarray, other: np.ndarray) -> float:
    error = np.mean((one.astype(float) - other) ** 2)
    return float(10 * np.log10(255**2 / error)) if error else 99.0


def video(device: str) -> None:
    """A pair of files written by NVENC and read by NVDEC again; by libav and libx264 on a CPU."""
    decoder, encoder = ("cuda", "h264_nvenc") if device == "cuda" else ("cpu", "libx264")
    scene = (
        "synthetic://street?seed=1&duration=2&size=640x480"
        if device == "cuda"
        else ("synthetic://street?seed=1&duration=0.2&size=160x128")
    )
    with tempfile.TemporaryDirectory() as folder:
        first, second, report = (Path(folder) / name for name in ("a.mp4", "b.mp4", "report.json"))
        common = ("--device", device, "--encoder", encoder, "--model", "lite")
        _gifnet("run", scene, scene, "-o", str(first), *common)
        _gifnet(
            *("run", str(first), str(first), "-o", str(second), "--report", str(report), *common),
            *("--visible-decoder", decoder, "--thermal-decoder", "cpu", "--thermal-crop", "left"),
            *("--visible-crop", "left"),
        )
        written = json.loads(report.read_text(encoding="utf-8"))
    say({"decoders": written["decoders"], "fused": written["fused"], "outputs": written["outputs"]})


def _gifnet(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "stream", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])


if __name__ == "__main__":
    main()
