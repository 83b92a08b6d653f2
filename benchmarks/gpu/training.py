"""`gifnet train` on a GPU for as long as there is time, on pictures that are at hand or came packed.

A step of `benchmarks.gpu`; needs pydantic, OpenCV and safetensors beside torch:

python -m benchmarks.gpu.training train [--device cuda] [--seconds S] [--data FOLDER_OR_ZIP] [--output FOLDER]
python -m benchmarks.gpu.training pack --data FOLDER [--data FOLDER ...] --output pairs.zip

`train` goes on from the checkpoint in the output folder, if there is one, and writes another at its end, with
the weights beside it. `pack` puts registered pairs of every scene, as grey pictures, into one file below
40 MiB, for a machine to which little can be brought.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.gpu.network import say

if TYPE_CHECKING:
    from gifnet.train.pairs import Pair

ROOT = Path(__file__).parents[2]
PACKED_BYTES = 40 << 20
# Seconds for a checkpoint, its validation and the weights at the end.
ENDING_S = 10
# The clips are read by a decoder that a machine may lack; pictures are enough.
ON_GPU = {"batch": 32, "crop_px": 192, "moving_every": 0, "iterations": 20000}
ON_CPU = {"batch": 1, "crop_px": 48, "moving_every": 0, "iterations": 20000}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=("train", "pack"))
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--data", type=Path, action="append", help="default: the reference data's M3SVD")
    parser.add_argument("--output", type=Path, default=ROOT / "runs" / "gpu")
    arguments = parser.parse_args()
    data = arguments.data or [reference_data() / "data" / "m3svd" / "frames"]
    if arguments.step == "pack":
        say(pack(data, arguments.output))
    elif missing := [str(each) for each in data if not each.exists()]:
        say({"not measured": f"there are no pictures to train with: {', '.join(missing)}"})
    else:
        with unpacked(data) as folders:
            train(folders, arguments.device, arguments.seconds, arguments.output)


def reference_data() -> Path:
    """GIFNET_TEST_DATA, else `shared` beside or in this checkout."""
    named = os.environ.get("GIFNET_TEST_DATA")
    places = [Path(named)] if named else [ROOT.parent / "shared", ROOT / "shared"]
    return next((place for place in places if place.is_dir()), places[0])


def train(folders: Sequence[Path], device: str, seconds: float, output: Path) -> None:
    """Train by `configs/train.yaml` until the seconds are over; says iterations, losses and files."""
    import yaml

    from gifnet.train.config import validate
    from gifnet.train.export import export
    from gifnet.train.loop import train as run

    begin_s = time.monotonic()
    values: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "train.yaml").read_text(encoding="utf-8"))
    values |= ON_GPU if device == "cuda" else ON_CPU
    values |= {"data": [str(folder) for folder in folders], "output": str(output), "device": device}
    values |= {
        "held_out": [],
        "checkpoint_every": values["iterations"],
        "validate_every": values["iterations"],
    }
    figures: dict[str, Any] = {"begun_s": 0.0, "iterations": 0}
    resume = any(output.glob("checkpoint_*.pt"))

    def report(iteration: int, losses: dict[str, float]) -> None:
        if not figures["iterations"]:
            figures["begun_s"] = round(time.monotonic() - begin_s, 1)
        figures["iterations"] += 1
        figures["losses"] = {name: round(loss, 5) for name, loss in losses.items()}
        if figures["iterations"] % 50 == 1:
            say(figures)

    outcome = run(
        validate(values, "the step"), resume, report, lambda: time.monotonic() - begin_s > seconds - ENDING_S
    )
    trained_s = time.monotonic() - begin_s - figures["begun_s"]
    figures |= {"all_iterations": outcome.iteration, "iterations_per_s": figures["iterations"] / trained_s}
    figures["checkpoint"] = str(outcome.checkpoint)
    say(figures)
    weights = output / "weights.safetensors"
    export(output, weights, "make gpu")
    say(figures | {"weights": str(weights)})


@contextmanager
def unpacked(data: Sequence[Path]) -> Iterator[list[Path]]:
    """Folders as they are, and packed files as folders that last as long as the block."""
    with tempfile.TemporaryDirectory() as folder:
        folders = []
        for number, each in enumerate(data):
            if each.is_file():
                with zipfile.ZipFile(each) as packed:
                    packed.extractall(Path(folder) / str(number))
                each = Path(folder) / str(number)
            folders.append(each)
        yield folders


def pack(data: Sequence[Path], output: Path, limit_bytes: int = PACKED_BYTES) -> dict[str, Any]:
    """Write pairs as PNG into a file below a size, one of each scene in turn until it is full."""
    import cv2

    from gifnet.train.pairs import load_pairs

    scenes: dict[str, list[Pair]] = {}
    for pair in load_pairs(list(data)):
        scenes.setdefault(pair.scene, []).append(pair)
    written = 0
    output.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as packed:
        taken = 0
        for turn in zip_longest(*scenes.values()):
            for pair in filter(None, turn):
                pictures = [cv2.imencode(".png", each)[1].tobytes() for each in (pair.visible, pair.thermal)]
                # With room for the names, which stand twice in the file.
                taken += sum(map(len, pictures)) + 1024
                if taken > limit_bytes:
                    return _packed(output, written, len(scenes))
                for side, picture in zip(("visible", "thermal"), pictures, strict=True):
                    packed.writestr(f"{pair.scene}/{side}/{written:06d}.png", picture)
                written += 1
    return _packed(output, written, len(scenes))


def _packed(output: Path, pairs: int, scenes: int) -> dict[str, Any]:
    return {"file": str(output), "pairs": pairs, "scenes": scenes}


if __name__ == "__main__":
    main()
