"""`gifnet batch --cut` beside the recording in one piece, frame by frame, for each method of gain control.

    python -m benchmarks.batch.cut --json benchmarks/results/batch_cut.json

A generated street (14-bit counts, sensor noise) whose thermal counts also drift, as those of a camera that
warms up, is fused twice into pictures and twice into MP4: whole, and in parts. The script fails where frames
are missing or twice, where times differ, or where pictures differ by more than `bound` levels of 255; and
where a recording or a part was tried again, since nothing here has a reason to fail.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import circumstances, gifnet
from stream.config import InputSettings
from stream.sources import open_source
from tests.helpers.media import write_video
from tests.helpers.readback import read_frames, read_times

RATE = 25
# The line of the summary.
AGAIN = "tried again"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--cut", type=float, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_recording(folder, options.seconds, options.size)
        cases = [f"{gain},{steady}" for gain in GAINS for steady in ("0", "")]
        again = [*run(folder, cases, "whole"), *run(folder, cases, "cut", "--cut", str(options.cut))]
        compared = {case: compare(folder, case) for case in cases}
    result = {**circumstances(), **{key: getattr(options, key) for key in ("seconds", "size", "cut")}}
    result |= {"tried_again": again, "cases": compared}
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    if wrong := [case for case, found in compared.items() if found["largest_difference"] > bound(case)]:
        sys.exit(f"pictures differ by more than the bound: {', '.join(wrong)}")
    if again:
        sys.exit(f"attempts failed: {'; '.join(again)}")


GAINS = ("fixed", "percentile", "minmax", "plateau", "clahe")


def bound(case: str) -> int:
    """Levels of 255 by which RGB may differ: none where a picture is that of its frames alone.

    Two are one level of luma, which has 219 of them in video.
    """
    return 0 if case == "fixed,0" else 2


def make_recording(folder: Path, seconds: int, size: str) -> None:
    uri = f"synthetic://street?seed=3&size={size}&rate={RATE}&duration={seconds}"
    with open_source(InputSettings(uri=uri), "visible") as source:
        write_video(folder / "v.mp4", (np.asarray(frame.pixels) for frame in source), rate=RATE)
    with open_source(InputSettings(uri=uri), "thermal") as source:
        counts = [np.asarray(frame.pixels).astype(np.int32) for frame in source]
    drift = 800 * np.sin(np.arange(len(counts)) / 90)
    deep = [
        (each + shift).clip(0, 16383).astype(np.uint16) for each, shift in zip(counts, drift, strict=True)
    ]
    write_video(folder / "t.mkv", deep, rate=RATE, pixel_format="gray14le")


def run(folder: Path, cases: list[str], out: str, *words: str) -> list[str]:
    """Do the batch; gives what its summary says of attempts that failed."""
    lines = ["visible,thermal,output,gain,steady"]
    for case in cases:
        name = case.replace(",", "-")
        lines += [f"v.mp4,t.mkv,{name}/,{case}", f"v.mp4,t.mkv,{name}.mp4,{case}"]
    manifest = folder / "rows.csv"
    manifest.write_text("\n".join(lines) + "\n")
    line = gifnet("batch", manifest, "-o", folder / out, "--model", "lite", "--device", "cpu")
    line += ["--gain-span-low", "2000", "--gain-span-high", "12000"]
    done = subprocess.run([*line, *words], check=True, stderr=subprocess.PIPE, text=True)
    print(done.stderr, file=sys.stderr)
    return [text.removeprefix(AGAIN).strip() for text in done.stderr.splitlines() if text.startswith(AGAIN)]


def compare(folder: Path, case: str) -> dict[str, Any]:
    name = case.replace(",", "-")
    whole, cut = folder / "whole", folder / "cut"
    times = [(place / name / "times.csv").read_text() for place in (whole, cut)]
    if times[0] != times[1] or read_times(whole / f"{name}.mp4") != read_times(cut / f"{name}.mp4"):
        sys.exit(f"{case}: the times of frames differ")
    names = [line.split(",")[0] for line in times[0].splitlines()[1:]]
    largest, differing, frames = 0, 0, 0
    for file in names:
        one, other = (cv2.imread(str(place / name / file)).astype(int) for place in (whole, cut))
        difference = int(np.abs(one - other).max())
        largest, differing = max(largest, difference), differing + (difference > 0)
        frames += 1
    one_run, parts = (read_frames(place / f"{name}.mp4") for place in (whole, cut))
    exact = (cv2.imread(str(whole / name / file))[..., ::-1] for file in names)
    return {
        "frames": frames,
        "largest_difference": largest,
        "frames_that_differ": differing,
        "encoded_psnr_db": round(min(map(psnr_db, one_run, parts)), 1),
        "one_run_encoded_beside_its_pictures_psnr_db": round(min(map(psnr_db, exact, one_run)), 1),
    }


def psnr_db(one: NDArray[Any], other: NDArray[Any]) -> float:
    error = float(np.mean((one.astype(float) - other) ** 2))
    return 10 * float(np.log10(255**2 / max(error, 1e-4)))


if __name__ == "__main__":
    main()
