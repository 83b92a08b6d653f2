"""The back ends that offer the operations: torch, kernels on the CPU through g++, kernels on a GPU."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import pytest
import torch

from cuda_kernels import cpu as host
from cuda_kernels import reference
from cuda_kernels.cuda.kernels import Kernels
from tests.helpers.shim.launcher import ShimLauncher, compiler

EVERY = (
    pytest.param("reference"),
    pytest.param("host"),
    pytest.param("shim"),
    pytest.param("cuda", marks=pytest.mark.gpu),
)
KERNELS = EVERY[1:]


def open_backend(name: str) -> tuple[Any, torch.device]:
    """A back end and where its tensors live; skips where it cannot be had here."""
    if name == "reference":
        return reference, torch.device("cpu")
    if name == "host":
        return host, torch.device("cpu")
    if name == "shim":
        if compiler() is None:
            _absent("no g++ to run the kernels with", "REQUIRE_SHIM")
        return _shim(), torch.device("cpu")
    if not torch.cuda.is_available():
        _absent("no CUDA device", "REQUIRE_GPU")
    return _cuda(), torch.device("cuda", 0)


def _absent(what: str, variable: str) -> None:
    if os.environ.get(variable) == "1":
        pytest.fail(f"{variable}=1 but there is {what}")
    pytest.skip(what)


@cache
def _shim() -> Kernels:
    return Kernels(ShimLauncher())


@cache
def _cuda() -> Kernels:
    from cuda_kernels.cuda.cupy_launcher import load_kernels

    return load_kernels(torch.device("cuda", 0))
