"""`gifnet bench` as users call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.e2e.conftest import Gifnet


def test_a_quick_bench(gifnet: Gifnet, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    done = gifnet(
        "bench", "--quick", "--size", "32x24", "--size", "24x32", "--batch", "2", "--seconds", "0.01",
        "--device", "cpu", "--precision", "float32", "--json", file,
    )  # fmt: skip
    assert done.status == 0, done.err
    for words in ("32x24", "24x32", "float32, 2", "frames/s", "times the published", "PSNR to float32"):
        assert words in done.out
    assert "not measured: published compiled: left out; --compile measures it" in done.out
    told = json.loads(file.read_text())
    assert told["schema"] == "gifnet.bench/1"
    assert [row["size"] for row in told["rows"]] == [[32, 24], [24, 32]]
    assert told["settings"]["batches"] == [2]
    assert {"date", "commit", "device", "versions"} <= set(told["circumstances"])


@pytest.mark.parametrize("size", ["640", "8x8", "640x"])
def test_a_wrong_size(gifnet: Gifnet, size: str) -> None:
    done = gifnet("bench", "--size", size)
    assert done.status == 2
    assert "is not a size such as 640x480" in done.err


def test_a_place_that_is_not_there(gifnet: Gifnet, tmp_path: Path) -> None:
    done = gifnet("bench", "--quick", "--json", tmp_path / "nowhere" / "bench.json")
    assert done.status == 1
    assert "the folder" in done.err and "Traceback" not in done.err


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_without_a_gpu(gifnet: Gifnet) -> None:
    done = gifnet("bench", "--device", "cuda")
    assert done.status == 1
    assert "the device cuda was asked for" in done.err and "Traceback" not in done.err
