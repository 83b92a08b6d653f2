"""Every kernel compiles for every architecture, without a GPU; back ends that cannot be had say why."""

from __future__ import annotations

import os
import sys

import pytest
import torch

from cuda_kernels.contract import OPERATIONS
from cuda_kernels.cuda import compile as sources
from cuda_kernels.cuda.cupy_launcher import load_kernels
from cuda_kernels.errors import KernelError


@pytest.fixture(scope="module")
def nvrtc() -> None:
    """NVRTC; skips without it, fails where REQUIRE_NVRTC=1."""
    try:
        sources.compile_cubin('extern "C" __global__ void nothing() {}', "90")
    except KernelError as error:
        if os.environ.get("REQUIRE_NVRTC") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.mark.usefixtures("nvrtc")
@pytest.mark.parametrize("architecture", sources.ARCHITECTURES)
@pytest.mark.parametrize("family", sources.FAMILIES)
def test_every_kernel_compiles(family: str, architecture: str) -> None:
    cubin = sources.compile_cubin(sources.source(family), architecture, f"{family}.cu")
    assert all(name.encode() in cubin for name in sources.kernel_names(sources.source(family)))


@pytest.mark.usefixtures("nvrtc")
def test_a_mistake_is_told_with_its_place() -> None:
    with pytest.raises(KernelError, match=r"broken\.cu\(2\).*\n?.*wrong"):
        sources.compile_cubin('extern "C" __global__ void k(int* a) {\n  *a = wrong;\n}', "90", "broken.cu")


def test_every_operation_of_a_frame_has_a_kernel() -> None:
    names = [name for family in sources.FAMILIES for name in sources.kernel_names(sources.source(family))]
    for operation in OPERATIONS.values():
        wanted = "find_percentiles" if operation.name == "percentiles" else operation.name
        assert operation.at_setup or any(name.startswith(wanted) for name in names)


def test_without_cupy_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(KernelError, match=r"needs CuPy.*gifnet-stream\[gpu\].*--device cpu"):
        load_kernels(torch.device("cuda", 0))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_kernels_are_refused_in_one_sentence() -> None:
    with pytest.raises(KernelError, match=r"--device cpu") as caught:
        load_kernels(torch.device("cuda", 0))
    assert "\n" not in str(caught.value)
