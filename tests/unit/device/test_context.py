from __future__ import annotations

import pytest
import torch

from stream.device import context
from stream.device.context import choose_device, explain_device, open_device
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
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda", 0)
    assert explain_device("auto", torch.device("cuda")) == "CUDA is available: a GPU"


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[tuple[int, int], tuple[int, int]]]:
    """GPUs by torch's names: compute capability, free and total bytes; kernels are not reached."""
    known = {"cuda:0": ((9, 0), (100 << 30, 140 << 30)), "cuda:1": ((7, 0), (100 << 20, 16 << 30))}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(known))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device.index}")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: known[str(device)][0])
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: known[str(device)][1])
    return known


@pytest.mark.usefixtures("cards")
def test_one_of_two_gpus_is_taken_by_its_number() -> None:
    assert (
        choose_device("auto") == choose_device("cuda") == choose_device("cuda:0") == torch.device("cuda", 0)
    )
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(DeviceError, match="cuda:7 was asked for, and this machine has 2 GPUs, cuda:0 to"):
        choose_device("cuda:7")


@pytest.mark.parametrize("word", ["gpu", "cuda:", "cuda:x", "cuda:-1", "CUDA"])
def test_other_words_are_no_device(word: str) -> None:
    with pytest.raises(DeviceError, match="must be auto, cpu, cuda, or cuda:N such as cuda:1"):
        choose_device(word)


@pytest.mark.usefixtures("cards")
def test_a_gpu_that_is_too_old_is_refused_before_anything_is_compiled() -> None:
    with pytest.raises(DeviceError, match=r"card 1 has compute capability 7.0, and at least 7.5 .*--device"):
        open_device("cuda:1")


def test_a_gpu_with_too_little_memory_is_refused(cards: dict[str, tuple[object, object]]) -> None:
    cards["cuda:1"] = ((9, 0), cards["cuda:1"][1])
    with pytest.raises(DeviceError, match=r"0\.1 of 16\.0 GiB free, and at least 1 GiB are needed"):
        open_device("cuda:1")


def test_a_gpu_that_fails_when_it_is_first_asked_is_one_sentence(
    cards: dict[str, tuple[object, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(device: torch.device) -> None:
        raise RuntimeError("CUDA error: GPU has fallen off the bus")

    monkeypatch.setattr(torch.cuda, "mem_get_info", fail)
    with pytest.raises(DeviceError, match="see what nvidia-smi says"):
        open_device("cuda")


@pytest.mark.usefixtures("no_cuda")
def test_a_driver_older_than_the_toolkit_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.82.01  Wed Oct 27 21:21:55 UTC 2021\n"
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(context, "text_of", lambda path: text)
    assert "driver 470.82.01 gives this torch for CUDA 13.0 no GPU" in explain_device(
        "auto", torch.device("cpu")
    )
    with pytest.raises(DeviceError, match=r"470.82.01 gives .* update the driver.*--device cpu"):
        choose_device("cuda")
