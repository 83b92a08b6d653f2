"""Weights of another architecture or version, and broken values, are refused with what differs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import gifnet
from gifnet import weights
from gifnet.errors import WeightsError

NAME = "head.weight"


def without(tensors: dict[str, Tensor]) -> None:
    del tensors["head.bias"]


def with_more(tensors: dict[str, Tensor]) -> None:
    tensors["tail.weight"] = torch.zeros(3)


def wider(tensors: dict[str, Tensor]) -> None:
    tensors[NAME] = torch.zeros(7, *tensors[NAME].shape[1:])


def not_a_number(tensors: dict[str, Tensor]) -> None:
    tensors[NAME][0] = float("nan")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without, r"is not a GIFNet checkpoint: 1 parameters are missing \(head.bias\)"),
        (with_more, r"0 parameters are missing .*, 1 are unknown \(tail.weight\)"),
        (wider, r"head.weight must be \(\d+, .*got \(7, "),
        (not_a_number, "head.weight holds values that are not finite; get the file again"),
    ],
)
def test_weights_that_do_not_fit_say_what_differs(
    change: Callable[[dict[str, Tensor]], None], words: str, tmp_path: Path
) -> None:
    tensors = load_file(weights.PACKAGED_LITE)
    change(tensors)
    save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=words):
        gifnet.load_lite(tmp_path / "other.safetensors")


def test_weights_of_lite_are_not_those_of_the_full_network() -> None:
    with pytest.raises(WeightsError, match="lite"):
        gifnet.load(weights.PACKAGED_LITE)
