"""Weight files of strangers: refused before they are read, in one sentence, and nothing in them is run."""

from __future__ import annotations

import json
import pickle
import resource
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from gifnet import weights
from gifnet.errors import WeightsError

PACKAGED = weights.PACKAGED_LITE


class Allocating:
    """Unpickled, it would fill memory: torch lets bytearray be called."""

    def __reduce__(self) -> tuple[Any, ...]:
        return bytearray, (2 << 30,)


def stated(path: Path, header: dict[str, Any] | bytes, length: int | None = None, size: int = 0) -> Path:
    """A safetensors file of a header and of nothing behind it, sparse where it is long."""
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(data) if length is None else length) + data)
    if size:
        with path.open("r+b") as file:
            file.truncate(size)
    return path


def of_3_gb(path: Path) -> Path:
    return stated(
        path, {"w": {"dtype": "F32", "shape": [750_000_000], "data_offsets": [0, 3 * 10**9]}}, None, 3 * 10**9
    )


def header_of_gigabytes(path: Path) -> Path:
    return stated(path, b"{", 1 << 40)


def deep_header(path: Path) -> Path:
    return stated(path, b"{" + b'"a":{' * 50_000)


def bomb(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", pickle.dumps({}, 2))
        archive.writestr("a/data/0", bytes(200_000_000))
    return path


def allocating(path: Path) -> Path:
    torch.save({"w": Allocating()}, path)
    return path


def allocating_in_the_old_format(path: Path) -> Path:
    torch.save({"w": Allocating()}, path, _use_new_zipfile_serialization=False)
    return path


def half(path: Path) -> Path:
    path.write_bytes(PACKAGED.read_bytes()[:-1000])
    return path


def of_text(path: Path) -> Path:
    path.write_text("{}")
    return path


FILES: dict[Callable[[Path], Path], str] = {
    of_3_gb: "has 3000000000 bytes and is no weight file of a GIFNet",
    header_of_gigabytes: "state a header of 1099511627776 bytes",
    deep_header: "are damaged",
    bomb: "neither safetensors nor",
    allocating: "neither safetensors nor",
    allocating_in_the_old_format: "neither safetensors nor",
    half: "are damaged",
    of_text: "neither safetensors nor",
}


@pytest.mark.parametrize("make", FILES, ids=lambda make: make.__name__)
def test_a_hostile_file_takes_no_memory(make: Callable[[Path], Path], tmp_path: Path) -> None:
    path = make(tmp_path / "w.safetensors")
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WeightsError, match=FILES[make]):
        weights.read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 150_000  # kB


def test_shapes_are_checked_before_tensors_are_read(tmp_path: Path) -> None:
    tensors = weights.read(PACKAGED).tensors
    tensors["head.weight"] = torch.zeros(12_000_000)
    save_file(tensors, tmp_path / "w.safetensors")
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WeightsError, match=r"head.weight must be \(.*\), got \(12000000,\)"):
        weights.read(tmp_path / "w.safetensors")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 100_000  # kB


def test_tensors_of_whole_numbers_are_refused(tmp_path: Path) -> None:
    tensors = {name: value.to(torch.int32) for name, value in weights.read(PACKAGED).tensors.items()}
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="holds I32"):
        weights.read(tmp_path / "w.safetensors")


@pytest.mark.parametrize("new", [True, False])
def test_plain_checkpoints_are_read_in_both_formats(tmp_path: Path, new: bool) -> None:
    from gifnet.weight_reading import read_checkpoint

    stored = {"a": torch.ones(3), "b": torch.nn.Parameter(torch.ones(2, 2, dtype=torch.float16))}
    torch.save(stored, tmp_path / "w.pt", _use_new_zipfile_serialization=new)
    read = read_checkpoint(tmp_path / "w.pt")
    assert {name: tuple(value.shape) for name, value in read.items()} == {"a": (3,), "b": (2, 2)}
