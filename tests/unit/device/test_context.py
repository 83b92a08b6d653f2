from __future__ import annotations

import pytest
import torch

from stream.device.context import choose_device, explain_device
from stream.errors import DeviceError


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert explain_device("cpu", torch.device("cpu")) == "as asked for"


@pytest.mark.usefixtures("no_cuda")
@pytest.mark.parametrize(
    ("built_for", "words"), [(None, "built without CUDA"), ("13.0", "no usable NVIDIA GPU")]
)
def test_without_cuda(monkeypatch: pytest.MonkeyPatch, built_for: str | None, words: str) -> None:
    monkeypatch.setattr(torch.version, "cuda", built_for)
    assert choose_device("auto") == torch.device("cpu")
    assert words in explain_device("auto", torch.device("cpu"))
    with pytest.raises(DeviceError, match=f"{words}.*--device cpu"):
        choose_device("cuda")


def test_auto_takes_cuda_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda", 0)
    assert explain_device("auto", torch.device("cuda")) == "CUDA is available: a GPU"
