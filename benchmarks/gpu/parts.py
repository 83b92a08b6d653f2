"""Each part of the network's GPU form in its fused form beside today's: which is right, and which is faster.

A step of `benchmarks.gpu`; torch and Triton are enough:

python -m benchmarks.gpu.parts [--only PART ...]

Each part is measured in a process of its own, since a kernel that fails takes the rest of its process with
it. `wins` names the parts to be switched, and `line` is what to write into `gifnet/gpu/parts.py`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.network import LEAST_DB, median_ms, packaged_network, pictures, psnr_db, say
from gifnet.inference import InferenceForm
from gifnet.model import GIFNet
from stream.device.cuda_graph import CapturedGraph
from stream.device.streams import take_stream

SIZE = 480, 640
ROUNDS, REPLAYS, REPEATED = 5, 40, 20
# Less than this is within what two runs of one form differ by.
FASTER = 0.995
LIMIT_S = 40
WEIGHTS = "one side", "both sides"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="PART", help="these parts")
    parser.add_argument("--measure", nargs="+", metavar="PART", help=argparse.SUPPRESS)
    parser.add_argument("--exact", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        say({"not measured": "both forms need a GPU"})
    elif arguments.measure:
        say(measure(arguments.measure, torch.load(arguments.exact)))
    else:
        compare(arguments.only)


def compare(only: Sequence[str] | None) -> None:
    """All parts, then those that win together; says what is known after each."""
    from gifnet.gpu.parts import PARTS

    figures: dict[str, Any] = {"parts": {}}
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "exact.pt"
        torch.save(exact_pictures(), exact)
        for part in only or PARTS:
            figures["parts"][part] = _in_a_process([part], exact)
            figures["wins"] = wins(figures["parts"])
            names = ", ".join(f'"{name}"' for name in figures["wins"])
            figures["line"] = f"FUSED: frozenset[Part] = frozenset({{{names}}})" if names else "none"
            say(figures)
        if figures["wins"]:
            figures["together"] = _in_a_process(figures["wins"], exact)
            say(figures)


def wins(measured: dict[str, Any]) -> list[str]:
    """Parts that are right with both kinds of weights, and faster over both of them together."""
    found = []
    for part, by_weights in measured.items():
        rows = [by_weights.get(kind) for kind in WEIGHTS]
        if not all(isinstance(row, dict) and row["psnr_db"] > LEAST_DB and row["same"] for row in rows):
            continue
        if sum(row["ms"] for row in rows if row) < FASTER * sum(row["today_ms"] for row in rows if row):
            found.append(part)
    return found


def _in_a_process(parts: Sequence[str], exact: Path) -> Any:
    command = [sys.executable, "-m", "benchmarks.gpu.parts", "--exact", str(exact), "--measure", *parts]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {LIMIT_S} s"}
    if done.returncode:
        return {"failed": done.stderr[-1500:]}
    return json.loads(done.stdout.splitlines()[-1])


def measure(parts: Sequence[str], exact: dict[str, Tensor], place: str = "cuda") -> dict[str, Any]:
    """Milliseconds of today's form and of that with `parts` fused, in turns; PSNR; whether runs agree."""
    from gifnet.gpu.form import TritonForm

    device = torch.device(place)
    visible, thermal = (each.to(device) for each in pictures(1, *SIZE))
    figures: dict[str, Any] = {}
    with torch.inference_mode():
        for kind in WEIGHTS:
            network = network_of(kind, device)
            forms = [TritonForm(network, torch.bfloat16, fused) for fused in ((), parts)]
            results = [torch.empty_like(visible) for _ in forms]

            def work(index: int, forms: Any = forms, results: Any = results) -> None:
                results[index].copy_(forms[index](visible, thermal))

            graphs = [CapturedGraph(lambda i=i, do=work: do(i), take_stream(device)) for i in (0, 1)]  # type: ignore[misc]  # of a lambda
            taken: list[list[float]] = [[], []]
            for _ in range(ROUNDS):
                for one, graph in zip(taken, graphs, strict=True):
                    one.append(median_ms(graph.replay, REPLAYS))
            first, same = results[1].clone(), True
            for _ in range(REPEATED):
                graphs[1].replay()
                same &= torch.equal(results[1], first)
            today_db, db = (psnr_db(result.cpu(), exact[kind]) for result in results)
            today_ms, ms = (round(statistics.median(one), 4) for one in taken)
            figures[kind] = {"today_ms": today_ms, "ms": ms, "gain": round(1 - ms / today_ms, 3)}
            figures[kind] |= {"today_psnr_db": today_db, "psnr_db": db, "same": bool(same)}
    return figures


def exact_pictures() -> dict[str, Tensor]:
    """Results of the network for the pictures on the CPU in float32, by kind of weights."""
    forms = {kind: InferenceForm(network_of(kind, torch.device("cpu")), torch.float32) for kind in WEIGHTS}
    return {kind: form(*pictures(1, *SIZE)) for kind, form in forms.items()}


def network_of(kind: str, device: torch.device) -> GIFNet:
    """The packaged weights, whose gate is shut, or with the gate opened so that both sides are computed."""
    network = packaged_network(device)
    if kind == "both sides":
        for gate in network._gates():
            gate.data.fill_(0.5)
    return network


if __name__ == "__main__":
    main()
