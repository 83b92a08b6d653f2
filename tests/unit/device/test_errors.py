from __future__ import annotations

import sys

import pytest
import torch

from cuda_kernels import errors as kernel_errors
from stream.device.errors import explain_cuda_error, mapped_cuda_errors
from stream.device.kernels import load_kernels
from stream.errors import DeviceError, GifnetError, KernelError, SourceError


def of_library(module: str, name: str, text: str) -> Exception:
    """An exception as a library that is not here would raise it."""
    kind = type(name, (RuntimeError,), {"__module__": module})
    error: Exception = kind(text)
    return error


RUNTIME = "cupy_backends.cuda.api.runtime"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), "--batch"),
        (of_library("cupy.cuda.memory", "OutOfMemoryError", "Out of memory allocating 512 bytes"), "--batch"),
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be"), "--batch"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), "--batch"),
        (of_library(RUNTIME, "CUDARuntimeError", "cudaErrorInsufficientDriver: x"), "update the driver"),
        (RuntimeError("CUDA error: no kernel image is available for execution"), "no code for this GPU"),
        (of_library("torch", "AcceleratorError", "CUDA error: an illegal memory access"), "not its own"),
        (of_library(RUNTIME, "CUDARuntimeError", "cudaErrorLaunchFailure: unspecified"), "broke off"),
        (RuntimeError("No CUDA GPUs are available"), "no NVIDIA GPU"),
        (RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable"), "reserved"),
        (
            of_library("triton.compiler.errors", "CompilationError", "at 3:4: bad\nlong"),
            "--precision float32",
        ),
        (of_library("triton.runtime.errors", "OutOfResources", "shared memory"), "--precision float32"),
        (RuntimeError("Failed to find C compiler. Please specify via CC"), "gifnet doctor"),
        (RuntimeError("CUDA error: uncorrectable ECC error encountered"), "nvidia-smi"),
        (RuntimeError("CUDA error: GPU has fallen off the bus"), "nvidia-smi"),
        (of_library("torch", "AcceleratorError", "CUDA error: unknown error"), "--device cpu"),
    ],
)
def test_device_errors_become_one_sentence_with_a_remedy(error: Exception, words: str) -> None:
    sentence = explain_cuda_error(error)
    assert sentence is not None and words in sentence
    assert "\n" not in sentence and ";" in sentence


def test_an_unknown_error_of_the_device_keeps_its_first_line() -> None:
    error = of_library("triton.runtime.driver", "DriverError", "at 3:4: bad\nlong listing")
    assert explain_cuda_error(error) == (
        "the GPU reported an error: at 3:4: bad; run again, and take --device cpu if it comes back"
    )


@pytest.mark.parametrize(
    "error",
    [
        ValueError("CUDA"),
        RuntimeError("expected a tensor"),
        DeviceError("said"),
        KeyError("x"),
    ],
)
def test_other_errors_are_not_explained(error: Exception) -> None:
    assert explain_cuda_error(error) is None
    with pytest.raises(type(error)), mapped_cuda_errors():
        raise error


def test_mapping_keeps_the_cause_and_our_own_errors() -> None:
    with pytest.raises(DeviceError, match="too little memory") as caught, mapped_cuda_errors():
        raise torch.OutOfMemoryError("CUDA out of memory.")
    assert isinstance(caught.value.__cause__, torch.OutOfMemoryError)
    with pytest.raises(SourceError, match="as it was"), mapped_cuda_errors():
        raise SourceError("as it was")


def test_errors_of_kernels_join_the_tree_with_their_own_sentence() -> None:
    with pytest.raises(KernelError, match=r"^NVRTC is missing$") as caught, mapped_cuda_errors():
        raise kernel_errors.KernelError("NVRTC is missing")
    assert isinstance(caught.value, GifnetError) and isinstance(caught.value, DeviceError)
    assert isinstance(caught.value.__cause__, kernel_errors.KernelError)


def test_kernels_that_cannot_be_loaded_are_an_error_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(GifnetError, match=r"needs CuPy.*gifnet-stream\[gpu\].*--device cpu"):
        load_kernels(torch.device("cuda", 0))
