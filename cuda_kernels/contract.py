"""Arguments and results of array operations, checked against the table of operations."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels.operation import Array, Operation
from cuda_kernels.operations import OPERATIONS

__all__ = ["OPERATIONS", "Array", "Operation", "check"]


def check(name: str, **tensors: Tensor) -> None:
    """Check the arguments of an operation, and those results that are given, against the table.

    Only shapes, dtypes and devices are looked at, so nothing waits for the device.

    Args:
        name: of the operation.
        **tensors: every argument, and any result by its name in the table (an `out=` tensor).

    Raises:
        ValueError: one sentence on the first thing that is wrong.
    """
    if name not in OPERATIONS:
        raise ValueError(f"there is no operation {name!r}; there are {', '.join(OPERATIONS)}")
    operation = OPERATIONS[name]
    arrays = {array.name: array for array in (*operation.results, *operation.arguments)}
    _check_names(operation, arrays, tensors)
    sizes: dict[str, int] = {}
    for array in arrays.values():
        if array.name in tensors:
            _check_dtype(name, array, tensors[array.name])
            _check_shape(name, array, tensors[array.name], sizes)
    _check_devices(name, tensors)


def _check_names(operation: Operation, arrays: dict[str, Array], tensors: dict[str, Tensor]) -> None:
    missing = [array.name for array in operation.arguments if array.name not in tensors]
    unknown = [name for name in tensors if name not in arrays]
    if missing:
        raise ValueError(f"{operation.name} needs {', '.join(missing)}")
    if unknown:
        raise ValueError(f"{operation.name} knows {', '.join(arrays)}, got {', '.join(unknown)}")


def _check_dtype(name: str, array: Array, tensor: Tensor) -> None:
    if tensor.dtype not in array.dtypes:
        allowed = " or ".join(_bare(dtype) for dtype in array.dtypes)
        raise ValueError(f"{array.name} of {name} must be {allowed}, got {_bare(tensor.dtype)}")


def _check_shape(name: str, array: Array, tensor: Tensor, sizes: dict[str, int]) -> None:
    expected = f"[{', '.join(str(size) for size in array.shape)}]"
    got = tuple(tensor.shape)
    if len(got) != len(array.shape):
        raise ValueError(f"{array.name} of {name} must have the shape {expected}, got {list(got)}")
    for wanted, size in zip(array.shape, got, strict=True):
        if isinstance(wanted, str):
            wanted = sizes.setdefault(wanted, size)
        if size != wanted or size == 0:
            known = "".join(f", {word} {value}" for word, value in sizes.items())
            raise ValueError(f"{array.name} of {name} must have the shape {expected}{known}, got {list(got)}")


def _check_devices(name: str, tensors: dict[str, Tensor]) -> None:
    devices = sorted({str(tensor.device) for tensor in tensors.values()})
    if len(devices) > 1:
        raise ValueError(f"the tensors of {name} must be on one device, got {' and '.join(devices)}")


def _bare(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
