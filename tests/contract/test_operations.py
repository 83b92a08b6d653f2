"""Every back end against the table of operations: shapes, dtypes, `out=`; arguments stay as they are."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from cuda_kernels import contract, reference
from cuda_kernels.contract import OPERATIONS, Array, Operation

# Later back ends join here; each offers the functions of `reference` by name.
BACKENDS = {"reference": reference}
SIZES = {"height": 6, "width": 9, "thermal_height": 5, "thermal_width": 4, "places": 11}
SETTINGS: dict[str, dict[str, Any]] = {
    "percentiles": {"low": 1.0, "high": 99.0},
    "homography_maps": {"size": (SIZES["width"], SIZES["height"])},
    "pack": {"dtype": torch.float32},
}

CASES = [
    pytest.param(operation, getattr(backend, operation.name), dtype, id=f"{name}-{operation.name}-{index}")
    for name, backend in BACKENDS.items()
    for operation in OPERATIONS.values()
    for index, dtype in enumerate(operation.arguments[0].dtypes)
]
every_case = pytest.mark.parametrize(("operation", "function", "dtype"), CASES)


def shape_of(array: Array) -> tuple[int, ...]:
    return tuple(SIZES[size] if isinstance(size, str) else size for size in array.shape)


def example(array: Array, dtype: torch.dtype) -> Tensor:
    if array.name == "visible_from_thermal":
        return torch.tensor([[2, 0.1, 1], [0, 2, 1], [0, 0, 1]], dtype=dtype)
    if array.name == "span":
        return torch.tensor([20.0, 200.0])
    return (torch.rand(shape_of(array), generator=torch.Generator().manual_seed(3)) * 255).to(dtype)


def arguments_of(operation: Operation, dtype: torch.dtype) -> dict[str, Tensor]:
    first, *others = operation.arguments
    return {first.name: example(first, dtype)} | {
        array.name: example(array, array.dtypes[0]) for array in others
    }


def results_of(returned: Any) -> tuple[Tensor, ...]:
    return returned if isinstance(returned, tuple) else (returned,)


def blank(array: Array) -> Tensor:
    return torch.full(shape_of(array), 77, dtype=array.dtypes[0])


@every_case
def test_results_are_as_the_table_says(
    operation: Operation, function: Callable[..., Any], dtype: torch.dtype
) -> None:
    arguments = arguments_of(operation, dtype)
    before = {name: tensor.clone() for name, tensor in arguments.items()}
    contract.check(operation.name, **arguments)
    results = results_of(function(**arguments, **SETTINGS.get(operation.name, {})))
    assert len(results) == len(operation.results)
    for array, result in zip(operation.results, results, strict=True):
        assert tuple(result.shape) == shape_of(array)
        assert result.dtype == array.dtypes[0]
    assert all(torch.equal(before[name], arguments[name]) for name in arguments)


@every_case
def test_out_takes_the_same_result(
    operation: Operation, function: Callable[..., Any], dtype: torch.dtype
) -> None:
    arguments, settings = arguments_of(operation, dtype), SETTINGS.get(operation.name, {})
    outs = tuple(blank(array) for array in operation.results)
    returned = results_of(function(**arguments, **settings, out=outs if len(outs) > 1 else outs[0]))
    expected = results_of(function(**arguments, **settings))
    for out, given_back, result in zip(outs, returned, expected, strict=True):
        assert given_back is out
        assert torch.equal(out, result)


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_parameters_are_those_of_the_table(backend: Any) -> None:
    for operation in OPERATIONS.values():
        parameters = list(inspect.signature(getattr(backend, operation.name)).parameters)
        expected = [array.name for array in operation.arguments] + list(SETTINGS.get(operation.name, {}))
        assert parameters == [*expected, "out"]


def picture(**changes: Tensor) -> dict[str, Tensor]:
    return {name: torch.zeros(4, 6) for name in ("luma", "cb", "cr")} | changes


@pytest.mark.parametrize(
    ("name", "tensors", "sentence"),
    [
        ("blur", {}, "there is no operation 'blur'; there are luma, "),
        ("luma", {}, "luma needs rgb"),
        ("merge", picture(hue=torch.zeros(4, 6)), "merge knows rgb, luma, cb, cr, got hue"),
        ("luma", {"rgb": torch.zeros(4, 6, 3)}, "rgb of luma must be uint8, got float32"),
        (
            "normalise",
            {"counts": torch.zeros(4, 6, dtype=torch.int64), "span": torch.zeros(2)},
            "counts of normalise must be uint8 or uint16 or float32, got int64",
        ),
        (
            "luma",
            {"rgb": torch.zeros(4, 6, dtype=torch.uint8)},
            "rgb of luma must have the shape [height, width, 3], got [4, 6]",
        ),
        (
            "merge",
            picture(cr=torch.zeros(4, 5)),
            "cr of merge must have the shape [height, width], height 4, width 6, got [4, 5]",
        ),
        (
            "luma",
            {"rgb": torch.zeros(4, 6, 3, dtype=torch.uint8), "luma": torch.zeros(6, 4)},
            "rgb of luma must have the shape [height, width, 3], height 6, width 4, got [4, 6, 3]",
        ),
        (
            "luma",
            {"rgb": torch.zeros(0, 6, 3, dtype=torch.uint8)},
            "rgb of luma must have the shape [height, width, 3], height 0, got [0, 6, 3]",
        ),
        (
            "merge",
            picture(cr=torch.zeros(4, 6, device="meta")),
            "the tensors of merge must be on one device, got cpu and meta",
        ),
    ],
)
def test_check_says_what_is_wrong(name: str, tensors: dict[str, Tensor], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        contract.check(name, **tensors)
    assert str(caught.value).startswith(sentence)
