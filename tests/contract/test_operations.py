"""Every back end against the table of operations and against the reference; arguments stay as they are."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import Tensor

from cuda_kernels import contract, reference
from cuda_kernels.contract import OPERATIONS, Operation
from tests.contract.backends import EVERY, KERNELS, open_backend
from tests.contract.examples import (
    MANY_SIZES,
    Sizes,
    arguments_of,
    blank,
    extremes,
    results_of,
    settings_of,
    shape_of,
    special_cases,
)

CASES = [
    pytest.param(operation, dtype, id=f"{operation.name}-{dtype}".replace("torch.", ""))
    for operation in OPERATIONS.values()
    for dtype in operation.arguments[0].dtypes
]
PER_FRAME = [case for case in CASES if not case.values[0].at_setup]  # type: ignore[union-attr]
SPECIAL = [pytest.param(*case, id=case[0]) for case in special_cases()]
every_case = pytest.mark.parametrize(("operation", "dtype"), CASES)
every_backend = pytest.mark.parametrize("name", EVERY)


def skip_at_setup(name: str, operation: Operation) -> None:
    if operation.at_setup and name != "reference":
        pytest.skip("runs once, before the first frame, and exists in torch only")


@every_backend
@every_case
def test_results_are_as_the_table_says(name: str, operation: Operation, dtype: torch.dtype) -> None:
    skip_at_setup(name, operation)
    backend, device = open_backend(name)
    arguments = arguments_of(operation, dtype, device=device)
    before = {name: tensor.clone() for name, tensor in arguments.items()}
    contract.check(operation.name, **arguments)
    results = results_of(getattr(backend, operation.name)(**arguments, **settings_of(operation)))
    assert len(results) == len(operation.results)
    for array, result in zip(operation.results, results, strict=True):
        assert tuple(result.shape) == shape_of(array)
        assert result.dtype == array.dtypes[0]
        assert result.device == device
    assert all(torch.equal(before[name], arguments[name]) for name in arguments)


@every_backend
@every_case
def test_out_takes_the_same_result(name: str, operation: Operation, dtype: torch.dtype) -> None:
    skip_at_setup(name, operation)
    backend, device = open_backend(name)
    function, settings = getattr(backend, operation.name), settings_of(operation)
    arguments = arguments_of(operation, dtype, device=device)
    outs = tuple(blank(array, device=device) for array in operation.results)
    returned = results_of(function(**arguments, **settings, out=outs if len(outs) > 1 else outs[0]))
    expected = results_of(function(**arguments, **settings))
    for out, given_back, result in zip(outs, returned, expected, strict=True):
        assert given_back is out
        assert torch.equal(out, result)


@pytest.mark.parametrize("sizes", MANY_SIZES, ids=lambda sizes: f"{sizes['height']}x{sizes['width']}")
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize(("operation", "dtype"), PER_FRAME)
def test_kernels_equal_the_reference(
    name: str, operation: Operation, dtype: torch.dtype, sizes: Sizes
) -> None:
    backend, device = open_backend(name)
    arguments, settings = arguments_of(operation, dtype, sizes), settings_of(operation, sizes)
    compare(backend, device, operation, arguments, settings)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize(("case", "operation", "arguments", "settings"), SPECIAL)
def test_kernels_equal_the_reference_where_it_is_hard(
    name: str, case: str, operation: str, arguments: dict[str, Tensor], settings: dict[str, float]
) -> None:
    backend, device = open_backend(name)
    compare(backend, device, OPERATIONS[operation], arguments, settings)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_network_input_rounds_as_torch_does(name: str, dtype: torch.dtype) -> None:
    """Numbers of all magnitudes, those between two numbers of the format included."""
    backend, device = open_backend(name)
    luma = (255 * 2.0 ** -torch.linspace(0, 26, 20_000))[None].to(device)
    ones = torch.ones_like(luma)
    visible, _ = backend.to_network_input(luma, ones, ones, dtype)
    assert torch.equal(
        visible.cpu(), reference.to_network_input(luma.cpu(), ones.cpu(), ones.cpu(), dtype)[0]
    )


@pytest.mark.parametrize("name", KERNELS)
def test_percentiles_count_each_frame_anew(name: str) -> None:
    backend, device = open_backend(name)
    backend.percentiles(extremes().to(device), 0.0, 100.0)
    calm = torch.full((3, 3), 5, dtype=torch.uint8, device=device)
    assert backend.percentiles(calm, 0.0, 100.0).tolist() == [5, 5]


@pytest.mark.parametrize("name", [param for param in KERNELS if param.values != ("host",)])
def test_kernels_refuse_memory_with_gaps(name: str) -> None:
    backend, device = open_backend(name)
    with pytest.raises(ValueError, match=r"counts of normalise must be contiguous"):
        backend.normalise(
            torch.zeros(4, 6, dtype=torch.uint8, device=device).T, torch.zeros(2, device=device)
        )


@every_backend
def test_parameters_are_those_of_the_table(name: str) -> None:
    backend, _ = open_backend(name)
    for operation in OPERATIONS.values():
        if name == "reference" or not operation.at_setup:
            parameters = list(inspect.signature(getattr(backend, operation.name)).parameters)
            expected = [array.name for array in operation.arguments] + list(settings_of(operation))
            assert parameters == [*expected, "out"]


def compare(
    backend: object,
    device: torch.device,
    operation: Operation,
    arguments: dict[str, Tensor],
    settings: dict[str, float],
) -> None:
    """A back end's results into poisoned memory against the reference's."""
    expected = results_of(getattr(reference, operation.name)(**arguments, **settings))
    there = {name: tensor.to(device) for name, tensor in arguments.items()}
    outs = tuple(torch.full_like(result, 77, device=device) for result in expected)
    getattr(backend, operation.name)(**there, **settings, out=outs if len(outs) > 1 else outs[0])
    for out, result in zip(outs, expected, strict=True):
        found = out.cpu()
        if operation.band and found.is_floating_point():
            torch.testing.assert_close(found, result, rtol=0, atol=operation.band, equal_nan=True)
        else:
            assert torch.equal(found, result)


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
