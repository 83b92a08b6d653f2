"""Launches of the GPU form of the network, compiled for GPUs that are not there.

python -m tests.helpers.triton_launches writes the table that `test_gpu_form` holds.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

CAPABILITIES = {80: (108, 163), 89: (128, 99), 90: (132, 227), 120: (170, 99)}
"""Compute capabilities: multiprocessors of a usual card, and KiB of shared memory that a program may use."""
TABLE = Path(__file__).with_name("triton_launches.json")
_TYPES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}
_OPTIONS = ("num_warps", "num_stages", "maxnreg")
# Constants that tell launches of one kernel apart.
_TOLD = ("BLOCK", "JOINED", "CENTRE", "SIDES", "SIDE", "OTHER", "SHARED_QUERY", "RESIDENT", "PIXELS")


class Launch:
    """One start of a kernel with its arguments."""

    def __init__(self, kernel: Any, arguments: tuple[Any, ...], constants: dict[str, Any]) -> None:
        self._kernel, self._arguments = kernel, arguments
        self._options = {name: constants[name] for name in _OPTIONS if name in constants}
        self._constants = {name: value for name, value in constants.items() if name not in _OPTIONS}

    @property
    def name(self) -> str:
        return self._kernel.__name__

    @property
    def label(self) -> str:
        """The name with what tells it from other launches of the kernel."""
        inputs = sum(self._constants.get(f"{each}_WIDTH", 0) for each in "ABC")
        told = {"inputs": inputs} if inputs else {}
        told |= {name.lower(): self._constants[name] for name in _TOLD if name in self._constants}
        return " ".join(
            (self.name, *(f"{name}={value}" for name, value in {**told, **self._options}.items()))
        )

    def compile(self, capability: int) -> Any:
        """Triton's compiled kernel for a compute capability such as 90, specialised as for a launch."""
        import triton
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource

        names = self._kernel.arg_names
        given = dict(zip(names, self._arguments, strict=False))
        # A 1 becomes a constant, so that code that only works with tensors fails here and not on a GPU.
        ones = {name: 1 for name, value in given.items() if isinstance(value, int) and value == 1}
        constants = self._constants | ones
        signature = {name: _type(value) for name, value in given.items()} | dict.fromkeys(
            constants, "constexpr"
        )
        aligned = [
            index
            for index, value in enumerate(self._arguments)
            if isinstance(value, torch.Tensor) or (isinstance(value, int) and value % 16 == 0)
        ]
        source = ASTSource(
            self._kernel,
            signature,
            constexprs=constants,
            attrs={(index,): [["tt.divisibility", 16]] for index in aligned},
        )
        return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=self._options)


def resources(compiled: Any) -> dict[str, int]:
    """Registers and local bytes a thread, the latter where registers ran out; shared bytes a program."""
    from triton.backends import nvidia

    program = Path(nvidia.__file__).with_name("bin") / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        said = subprocess.run(
            [program, "-res-usage", file.name], capture_output=True, text=True, check=True
        ).stdout
    found = {name: int(value) for name, value in re.findall(r"(REG|STACK):(\d+)", said)}
    return {"registers": found["REG"], "spilled": found["STACK"], "shared": compiled.metadata.shared}


def launches(capability: int, fused: bool) -> list[Launch]:
    """Each launch once that fuses 640x480 in bfloat16, by both sides or by one, on a GPU of a capability."""
    from gifnet.gpu.form import TritonForm
    from gifnet.gpu.launch import Machine
    from gifnet.gpu.parts import PARTS
    from tests.reference.formula import formula_model

    multiprocessors, kibibytes = CAPABILITIES[capability]
    machine = Machine(multiprocessors, kibibytes * 1024)
    picture = torch.rand(1, 1, 480, 640)
    with recorded() as found:
        for both_sides in (True, False):
            model = formula_model()
            if not both_sides:
                model.drop_auxiliary()
            TritonForm(model, torch.bfloat16, PARTS if fused else (), machine)(picture, picture)
    return list({one.label: one for one in found}.values())


@contextmanager
def recorded() -> Iterator[list[Launch]]:
    """Record what `TritonForm` launches instead of launching it."""
    from gifnet.gpu import launch

    found: list[Launch] = []

    def start(kernel: Any, grid: tuple[int, ...], *arguments: Any, **options: Any) -> None:
        assert all(size > 0 for size in grid)
        found.append(Launch(kernel, arguments, options))

    before, launch.start = launch.start, start
    try:
        yield found
    finally:
        launch.start = before


def _type(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return "*" + _TYPES[value.dtype]
    return "i32" if isinstance(value, int) else "fp32"


def main() -> None:
    table: dict[str, dict[str, dict[str, int]]] = {}
    for capability in CAPABILITIES:
        for one in launches(capability, False) + launches(capability, True):
            if str(capability) not in table.setdefault(one.label, {}):
                table[one.label][str(capability)] = resources(one.compile(capability))
                print(capability, one.label, table[one.label][str(capability)], file=sys.stderr, flush=True)
    rows = (
        f"  {json.dumps(label)}: {{\n"
        + ",\n".join(f"    {json.dumps(cap)}: {json.dumps(row)}" for cap, row in by.items())
        + "\n  }"
        for label, by in table.items()
    )
    TABLE.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
