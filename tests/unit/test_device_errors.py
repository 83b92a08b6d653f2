from __future__ import annotations

import pytest
import torch

from stream.device_errors import explain_cuda_error, mapped_cuda_errors
from stream.errors import DeviceError


class CUDARuntimeError(RuntimeError):
    """CuPy's has this name."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "too little memory"),
        (RuntimeError("CUDA error: out of memory"), "too little memory"),
        (
            CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver is old"),
            "driver is older",
        ),
        (RuntimeError("CUDA error: no kernel image is available for execution on the device"), "generation"),
        (RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors"), "defect"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED\nmore"), "the GPU failed: cuDNN error"),
    ],
)
def test_gpu_errors_become_one_sentence(error: BaseException, words: str) -> None:
    with pytest.raises(DeviceError, match=f"{words}.*--device cpu") as caught, mapped_cuda_errors():
        raise error
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is error


def test_other_errors_pass() -> None:
    assert explain_cuda_error(ValueError("CUDA")) is None
    with pytest.raises(RuntimeError, match="something else"), mapped_cuda_errors():
        raise RuntimeError("something else")
