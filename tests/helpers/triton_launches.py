"""Launches of the GPU form of the network, compiled for GPUs that are not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

KERNELS = ("convolve", "attend", "finish", "reduce_moments")
_TYPES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}
_OPTIONS = ("num_warps", "num_stages", "maxnreg")


class Launch:
    """One start of a kernel with its arguments."""

    def __init__(self, kernel: Any, arguments: tuple[Any, ...], constants: dict[str, Any]) -> None:
        self._kernel, self._arguments = kernel, arguments
        self._options = {name: constants[name] for name in _OPTIONS if name in constants}
        self._constants = {name: value for name, value in constants.items() if name not in _OPTIONS}

    @property
    def name(self) -> str:
        return self._kernel.__name__

    def compile(self, capability: int) -> Any:
        """Triton's compiled kernel for a compute capability such as 90."""
        import triton
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource

        names = self._kernel.arg_names
        signature = {name: _type(value) for name, value in zip(names, self._arguments, strict=False)}
        signature |= dict.fromkeys(self._constants, "constexpr")
        aligned = [
            index
            for index, value in enumerate(self._arguments)
            if isinstance(value, torch.Tensor) or (isinstance(value, int) and value % 16 == 0)
        ]
        source = ASTSource(
            self._kernel,
            signature,
            constexprs=self._constants,
            attrs={(index,): [["tt.divisibility", 16]] for index in aligned},
        )
        return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=self._options)


@contextmanager
def recorded() -> Iterator[list[Launch]]:
    """Record what `TritonForm` launches instead of launching it."""
    from gifnet.gpu import form

    launches: list[Launch] = []
    kernels = {name: getattr(form, name) for name in KERNELS}
    for name, kernel in kernels.items():
        setattr(form, name, _Recorder(kernel, launches))
    try:
        yield launches
    finally:
        for name, kernel in kernels.items():
            setattr(form, name, kernel)


class _Recorder:
    def __init__(self, kernel: Any, launches: list[Launch]) -> None:
        self._kernel, self._launches = kernel, launches

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        assert all(size > 0 for size in grid)
        return lambda *arguments, **constants: self._launches.append(
            Launch(self._kernel, arguments, constants)
        )


def _type(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return "*" + _TYPES[value.dtype]
    return "i32" if isinstance(value, int) else "fp32"
