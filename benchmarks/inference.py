"""GIFNet on the CPU: the published form against ours, side by side in one run.

python -m benchmarks.inference [--size 640x480] [--rounds 5] [--threads 2]

The published form is the full network run as the authors run it: eager, channels first, float32. Ours is
the inference form in float32 and bfloat16. Every round runs all three, so that a change of the machine's
speed meets them alike; ratios are of medians. The floor is the needed arithmetic over the rate of the
machine's own 3x3 convolution, which is most of that arithmetic, in the same number format.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any, cast

import torch
from torch.nn import functional as F

from benchmarks.common import circumstances, save
from cuda_kernels import reference
from gifnet import weights
from gifnet.folding import fold
from gifnet.inference import InferenceForm
from gifnet.model import GIFNet
from stream.bench.roofline import multiply_adds
from stream.synthetic import Street


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    width, height = (int(side) for side in arguments.size.split("x"))
    visible, thermal = street(width, height)
    model = GIFNet().eval()
    weights.load_into(model, weights.read(weights.PACKAGED))
    forms: dict[str, Callable[[], torch.Tensor]] = {
        "published": lambda: run_published(model, visible, thermal),
        "ours float32": bind(InferenceForm(model), visible, thermal),
        "ours bfloat16": bind(InferenceForm(model, torch.bfloat16), visible, thermal),
    }
    before = circumstances()
    seconds = measure(forms, arguments.rounds)
    result = {
        "what": "GIFNet, one frame on the CPU",
        "size": [width, height],
        "circumstances": before,
        "seconds": seconds,
        "median_s": {name: statistics.median(times) for name, times in seconds.items()},
        "floor_s": floors(model, width * height),
        "agreement": agreement(forms),
    }
    medians = cast(dict[str, float], result["median_s"])
    result["times_as_fast"] = {
        name: medians["published"] / median for name, median in medians.items() if name != "published"
    }
    show(result)
    print("written:", save(arguments.name, result))


def street(width: int, height: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A generated pair as the network takes it, two [1, 1, H, W] in [0, 1]."""
    scene = Street(1, (width, height))
    counts = torch.from_numpy(scene.thermal(1.0).astype("int32"))
    span = reference.percentiles(counts, 1.0, 99.5)
    luma = reference.luma(torch.from_numpy(scene.visible(1.0))) / 255
    return luma[None, None], reference.normalise(counts, span)[None, None]


def run_published(model: GIFNet, visible: torch.Tensor, thermal: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model.fuse_as_published(visible, thermal)


def bind(form: InferenceForm, visible: torch.Tensor, thermal: torch.Tensor) -> Callable[[], torch.Tensor]:
    return lambda: form(visible, thermal)


def measure(forms: dict[str, Callable[[], torch.Tensor]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each form in each round.

    In a round every form runs two frames in a row and the second is counted: in a stream of frames it finds
    the processor's caches and its memory as it left them, not as another form did.
    """
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(rounds):
        for name, run in forms.items():
            run()
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def floors(model: GIFNet, pixels: int) -> dict[str, float]:
    """Seconds that the needed arithmetic takes at the rate of a 98 -> 98 channel 3x3 convolution in cache."""
    needed = 2 * multiply_adds(fold(model, torch.float32)) * pixels
    return {
        str(dtype).removeprefix("torch."): needed / rate(dtype) for dtype in (torch.float32, torch.bfloat16)
    }


def rate(dtype: torch.dtype, repeats: int = 40) -> float:
    """Operations a second of a 3x3 convolution, best of several."""
    channels, side = 98, 64
    maps = torch.rand(1, channels, side, side).to(dtype, memory_format=torch.channels_last)
    weight = torch.rand(channels, channels, 3, 3).to(dtype, memory_format=torch.channels_last)
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        F.conv2d(maps, weight)
        best = min(best, time.perf_counter() - begin)
    return 2 * 9 * channels**2 * (side - 2) ** 2 / best


def agreement(forms: dict[str, Callable[[], torch.Tensor]]) -> dict[str, float]:
    expected = forms["published"]()
    difference = (forms["ours float32"]() - expected).abs().max()
    error = (forms["ours bfloat16"]() - expected).square().mean()
    return {"float32_max_difference": float(difference), "bfloat16_psnr_db": float(-10 * torch.log10(error))}


def show(result: dict[str, Any]) -> None:
    width, height = result["size"]
    around, medians = result["circumstances"], result["median_s"]
    print(f"{width}x{height}, {around['processor']}, {around['threads']} threads")
    for name, median in medians.items():
        ratio = result["times_as_fast"].get(name, 1.0)
        spread = f"{min(result['seconds'][name]):.3f} to {max(result['seconds'][name]):.3f}"
        print(f"  {name:14} {median:8.3f} s  ({spread})  {ratio:5.1f} times the published form's speed")
    for dtype, seconds in result["floor_s"].items():
        print(f"  floor {dtype:9} {seconds:7.3f} s, {medians[f'ours {dtype}'] / seconds:.1f} times it used")
    print("  agreement:", result["agreement"])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="640x480", help="width x height in pixels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--name", default="inference_cpu", help="file name under benchmarks/results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
