"""The network alone on a GPU, with torch and Triton and nothing else: steps of `benchmarks.gpu`.

python -m benchmarks.gpu.network [--device cuda] machine|accuracy|graph|compiled|sanitized

Each step prints its figures as one line of JSON, again after each of its parts, so that what was measured
before a failure is kept. On a CPU the pictures are small and the figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

import gifnet
from gifnet import weights
from gifnet.hardware import exact_float32
from gifnet.loading import Precision
from gifnet.model import GIFNet
from stream.device.cuda_graph import CapturedGraph
from stream.device.streams import take_stream

SIXTEEN_BIT: tuple[Precision, ...] = ("bfloat16", "float16")
LEAST_DB = 45.0


def main() -> None:
    steps = {
        "machine": machine,
        "accuracy": accuracy,
        "graph": graph,
        "compiled": compiled,
        "sanitized": sanitized,
    }
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("step", choices=steps)
    arguments = parser.parse_args()
    steps[arguments.step](torch.device(arguments.device))


def machine(device: torch.device) -> None:
    """The device and the versions."""
    figures: dict[str, Any] = {"python": platform.python_version(), "torch": torch.__version__}
    figures["cuda"] = torch.version.cuda
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        figures["gpu"] = {"name": properties.name, "memory_bytes": properties.total_memory}
        figures["gpu"] |= {"multiprocessors": properties.multi_processor_count}
        figures["capability"] = list(torch.cuda.get_device_capability(device))
        query = ["nvidia-smi", "--query-gpu=driver_version,clocks.sm,clocks.mem,power.limit", "--format=csv"]
        figures["nvidia-smi"] = subprocess.run(query, capture_output=True, text=True).stdout.strip()
    say(figures)


def accuracy(device: torch.device) -> None:
    """PSNR against float32 on the CPU, and how long the first call takes, which compiles.

    Raises:
        SystemExit: a form is further from the CPU's than 45 dB.
    """
    figures: dict[str, Any] = {}
    height, width = (480, 640) if device.type == "cuda" else (48, 64)
    visible, thermal = pictures(1, height, width)
    with torch.inference_mode():
        exact = gifnet.load(precision="float32")(visible, thermal)
        for precision in ("float32", *SIXTEEN_BIT) if device.type == "cuda" else ("float32", "bfloat16"):
            network = gifnet.load(device=device, precision=precision)
            begin_s = time.monotonic()
            fused = network(visible.to(device), thermal.to(device)).cpu()
            figures[precision] = {"form": network.form, "first_call_s": time.monotonic() - begin_s}
            figures[precision]["psnr_db"] = psnr_db(fused, exact)
            say(figures)
    worst = min(each["psnr_db"] for each in figures.values())
    if not worst > LEAST_DB:
        raise SystemExit(f"the worst form is {worst:.1f} dB from the CPU's, which is below {LEAST_DB} dB")


def graph(device: torch.device) -> None:
    """The captured network, the published form, and the ceilings of products and copies, in one run."""
    figures: dict[str, Any] = {}
    cuda = device.type == "cuda"
    height, width = (480, 640) if cuda else (32, 48)
    with torch.inference_mode():
        for precision in SIXTEEN_BIT if cuda else ("float32",):
            for batch in (1, 4) if cuda else (1,):
                name = f"ours {precision} batch {batch}"
                attempt(figures, name, lambda p=precision, b=batch: _ours(device, p, b, height, width))
        attempt(figures, "matrix product, operations/s", lambda: _product(device))
        attempt(figures, "copy, bytes/s", lambda: _copy(device))
        # Last: what it takes must not be in the way of ours.
        attempt(figures, "published eager float32", lambda: _published(device, height, width))


def compiled(device: torch.device) -> None:
    """The published form under `torch.compile` in bfloat16, and how long that took."""
    cuda = device.type == "cuda"
    height, width = (480, 640) if cuda else (32, 48)
    network = packaged_network(device)
    visible, thermal = (each.to(device) for each in pictures(1, height, width))
    fuse = torch.compile(network.fuse_as_published) if cuda else network.fuse_as_published
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
        begin_s = time.monotonic()
        fuse(visible, thermal)
        figures: dict[str, Any] = {"first_call_s": time.monotonic() - begin_s}
        figures["ms"] = median_ms(lambda: fuse(visible, thermal), 20 if cuda else 2)
    say(figures)


def sanitized(device: torch.device) -> None:
    """One small frame by each form, for compute-sanitizer."""
    from gifnet.gpu.form import TritonForm
    from gifnet.gpu.parts import PARTS

    network = packaged_network(device)
    figures: dict[str, Any] = {}
    visible, thermal = (picture.to(device) for picture in pictures(1, 64, 96))
    with torch.inference_mode():
        for name, fused in {"today": (), "fused": PARTS}.items():
            picture = TritonForm(network, torch.bfloat16, tuple(fused))(visible, thermal).cpu()
            figures[name] = {"finite": bool(torch.isfinite(picture).all())}
            say(figures)


def attempt(figures: dict[str, Any], name: str, measure: Callable[[], Any]) -> None:
    """Measure one thing; what it raises is its figure, and the others go on."""
    try:
        figures[name] = measure()
    except Exception as error:
        figures[name] = f"not measured: {type(error).__name__}: {str(error).splitlines()[:1]}"
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    say(figures)


def _ours(device: torch.device, precision: Precision, batch: int, height: int, width: int) -> Any:
    network = gifnet.load(device=device, precision=precision)
    dtype: torch.dtype = getattr(torch, precision)
    visible, thermal = (each.to(device, dtype) for each in pictures(batch, height, width))
    fused = torch.empty(batch, 1, height, width, device=device)

    def work() -> None:
        fused.copy_(network(visible, thermal))

    replay = CapturedGraph(work, take_stream(device)).replay if device.type == "cuda" else work
    return {"ms": median_ms(replay, 100 if device.type == "cuda" else 3) / batch, "form": network.form}


def packaged_network(device: torch.device) -> GIFNet:
    """The packaged weights in the full network, in no inference form."""
    network = GIFNet()
    weights.load_into(network, weights.read(weights.PACKAGED))
    return network.to(device).eval()


def _published(device: torch.device, height: int, width: int) -> Any:
    network = packaged_network(device)
    visible, thermal = (each.to(device) for each in pictures(1, height, width))
    with exact_float32(device):
        return {
            "ms": median_ms(
                lambda: network.fuse_as_published(visible, thermal), 20 if device.type == "cuda" else 2
            )
        }


def _product(device: torch.device) -> float:
    side = 8192 if device.type == "cuda" else 256
    first, second = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty_like(first)
    return 2 * side**3 / median_ms(lambda: torch.mm(first, second, out=out), 10) * 1000


def _copy(device: torch.device) -> float:
    source = torch.zeros(1 << (30 if device.type == "cuda" else 20), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * source.numel() / median_ms(lambda: target.copy_(source), 10) * 1000


def median_ms(work: Callable[[], Any], count: int) -> float:
    """Median time of a run, by events on a GPU; one run goes before."""
    work()
    if not torch.cuda.is_available():
        times_ms = []
        for _ in range(count):
            begin_s = time.perf_counter()
            work()
            times_ms.append((time.perf_counter() - begin_s) * 1000)
        return statistics.median(times_ms)
    events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]  # type: ignore[no-untyped-call]  # torch has no types here
    events[0].record()
    for event in events[1:]:
        work()
        event.record()
    events[-1].synchronize()
    return statistics.median(a.elapsed_time(b) for a, b in pairwise(events))


def pictures(batch: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Two smooth random pictures [batch, 1, height, width] in [0, 1], the same every time."""
    generator = torch.Generator().manual_seed(1)
    small = torch.rand(2, batch, 1, height // 8, width // 8, generator=generator)
    visible, thermal = torch.nn.functional.interpolate(
        small.flatten(0, 1), size=(height, width), mode="bilinear"
    ).unflatten(0, (2, batch))
    return visible, thermal


def psnr_db(picture: Tensor, exact: Tensor) -> float:
    """PSNR of a picture in [0, 1], at most 150 dB."""
    return float(-10 * torch.log10((picture - exact).square().mean().clamp_min(1e-15)))


def say(figures: dict[str, Any]) -> None:
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
