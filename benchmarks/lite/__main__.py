"""GIFNet-lite alone on the CPU: number formats, instruction sets and engines side by side in one run.

python -m benchmarks.lite [--size 640x480] [--rounds 5] [--model FILE.onnx]

Each way to run it is a process of its own, since threads and instruction set are chosen when a process
begins. In every round each process in turn fuses some frames, so that a change of the machine's speed meets
all alike. `cpu_ms` is processor time of all threads, which other work on the machine disturbs less than
`wall_ms`; both are medians over rounds of the best frame of a round. Without onnxruntime or OpenVINO, or
without an exported file, those ways are left out and named in the result.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.common import circumstances, save

WAYS = {
    "torch float32": {},
    "torch bfloat16": {},
    "torch float32, AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    "onnxruntime float32": {},
    "openvino float32": {},
    "openvino bfloat16": {},
}
FRAMES, WARM_UP = 20, 5


def main() -> None:
    arguments = parse()
    if arguments.one:
        serve(arguments.one, arguments)
        return
    before = circumstances()
    left_out = [way for way in WAYS if not possible(way, arguments.model)]
    children = {
        (way, threads): start(way, threads, arguments)
        for way in WAYS
        if way not in left_out
        for threads in (1, 2)
    }
    rounds: dict[tuple[str, int], list[dict[str, float]]] = {key: [] for key in children}
    for _ in range(arguments.rounds):
        for key, child in children.items():
            rounds[key].append(ask(child))
    for child in children.values():
        child.communicate()
    result = {
        "what": "GIFNet-lite, one frame on the CPU",
        "size": [int(side) for side in arguments.size.split("x")],
        "circumstances": before,
        "left_out": left_out,
        "ways": [
            {
                "way": way,
                "threads": threads,
                **{name: round(statistics.median(one[name] for one in ones), 2) for name in ones[0]},
            }
            for (way, threads), ones in rounds.items()
        ],
    }
    for row in result["ways"]:
        print(
            f"{row['way']:22} {row['threads']} thread(s): {row['wall_ms']:7.2f} ms, "
            f"processor {row['cpu_ms']:7.2f} ms, {row['psnr_db']:.1f} dB from torch float32"
        )
    print("written:", save(arguments.name, result))


def possible(way: str, model: Path | None) -> bool:
    engine = way.split()[0]
    return engine == "torch" or (model is not None and importlib.util.find_spec(engine) is not None)


def start(way: str, threads: int, arguments: argparse.Namespace) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "benchmarks.lite", "--one", way, "--threads", str(threads)]
    words += ["--size", arguments.size, *(["--model", str(arguments.model)] if arguments.model else [])]
    environment = {**os.environ, **WAYS[way], "OMP_NUM_THREADS": str(threads)}
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    ask(child)  # loading and the first frames
    return child


def ask(child: subprocess.Popen[str]) -> dict[str, float]:
    assert child.stdin and child.stdout
    child.stdin.write("\n")
    child.stdin.flush()
    line = child.stdout.readline()
    if not line:
        raise SystemExit("a measuring process ended early; see its message above")
    answer: dict[str, float] = json.loads(line)
    return answer


def serve(way: str, arguments: argparse.Namespace) -> None:
    """Measure once for every line that comes in."""
    torch.set_num_threads(arguments.threads)
    pictures = clip_like(arguments.size)
    fuse = build(way, arguments, pictures)
    with torch.inference_mode():
        expected = build("torch float32", arguments, pictures)()
        error = float((fuse() - expected).square().mean())
    quality = round(float(-10 * torch.log10(torch.tensor(max(error, 1e-15)))), 1)
    for _ in sys.stdin:
        with torch.inference_mode():
            print(json.dumps(measure(fuse) | {"psnr_db": quality}), flush=True)


def measure(fuse: Callable[[], torch.Tensor]) -> dict[str, float]:
    for _ in range(WARM_UP):
        fuse()
    wall, processor = [], []
    for _ in range(FRAMES):
        began, spent = time.perf_counter(), time.process_time()
        fuse()
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - spent)
    return {"wall_ms": 1e3 * min(wall), "cpu_ms": 1e3 * min(processor)}


def build(
    way: str, arguments: argparse.Namespace, pictures: tuple[torch.Tensor, torch.Tensor]
) -> Callable[[], torch.Tensor]:
    engine, precision = way.split(",")[0].split()
    if engine == "torch":
        from gifnet.loading import load_lite

        network = load_lite("default", "cpu", precision)
        return lambda: network(*pictures)
    arrays = [picture.numpy() for picture in pictures]
    if engine == "onnxruntime":
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        session = onnxruntime.InferenceSession(str(arguments.model), options, ["CPUExecutionProvider"])
        inputs = dict(zip(("visible", "thermal"), arrays, strict=True))
        return lambda: torch.from_numpy(session.run(None, inputs)[0])
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
        "INFERENCE_NUM_THREADS": arguments.threads,
    }
    model = core.read_model(arguments.model)
    model.reshape({number: list(array.shape) for number, array in enumerate(arrays)})
    request = core.compile_model(model, "CPU", settings)
    return lambda: torch.from_numpy(request(arrays)[0])


def clip_like(size: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A generated pair, two [1, 1, H, W] in [0, 1]."""
    from benchmarks.inference import street

    width, height = (int(side) for side in size.split("x"))
    return street(width, height)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="640x480", help="width x height in pixels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", type=Path, help="from gifnet export, for the other engines")
    parser.add_argument("--name", default="lite_cpu", help="file name under benchmarks/results")
    parser.add_argument("--one", choices=list(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
