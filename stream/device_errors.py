"""Errors of the GPU, its driver and its libraries as one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from stream.errors import DeviceError

_CPU = "or ask for the CPU with --device cpu"
# What the text of an error holds -> what is wrong and what to do. CUDA errors have no types of their own in
# every torch, and CuPy's cannot be named without importing it.
_MEMORY = (
    "the GPU has too little memory free; take smaller pictures or a smaller --batch, "
    f"end other programs on it, {_CPU}"
)
_DRIVER = f"the NVIDIA driver is older than this CUDA needs; install a newer one, {_CPU}"
_SENTENCES = {
    "out of memory": _MEMORY,
    "outofmemory": _MEMORY,
    "insufficient driver": _DRIVER,
    "insufficientdriver": _DRIVER,
    "no kernel image": "this GPU's generation is not among those that torch or the kernels are built for; "
    f"install a torch for it, {_CPU}",
    "illegal memory access": "the GPU reported a wrong memory access, which is a defect of this program; "
    f"please report it with the command that you ran, {_CPU}",
    "unspecified launch failure": f"a computation on the GPU was broken off; start again, {_CPU}",
    "device-side assert": f"a computation on the GPU was broken off; start again, {_CPU}",
    "uncorrectable ecc": f"the GPU's memory is faulty (uncorrectable ECC error); restart the machine, {_CPU}",
    "device lost": f"the GPU fell off the bus; restart the machine, {_CPU}",
}


def explain_cuda_error(error: BaseException) -> str | None:
    """One sentence on an error of the GPU; None for any other error.

    Args:
        error: of torch, CuPy or the driver.
    """
    if isinstance(error, torch.OutOfMemoryError):
        return _MEMORY
    if not isinstance(error, RuntimeError | MemoryError):
        return None
    text = str(error).lower()
    if not any(word in text or word in type(error).__name__.lower() for word in ("cuda", "cudnn", "cublas")):
        return None
    for words, sentence in _SENTENCES.items():
        if words in text:
            return sentence
    first_line = str(error).strip().splitlines()[0].rstrip(".")
    return f"the GPU failed: {first_line}; start again, {_CPU}"


@contextmanager
def mapped_cuda_errors() -> Iterator[None]:
    """Turn errors of the GPU inside the block into a `DeviceError`; others pass.

    Raises:
        DeviceError: with one sentence, from the original error.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        sentence = explain_cuda_error(error)
        if sentence is None:
            raise
        raise DeviceError(sentence) from error
