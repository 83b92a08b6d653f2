"""Weight files as bytes from elsewhere: bounded before they are read, and nothing in them is run."""

from __future__ import annotations

import io
import pickle
import pickletools
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gifnet.errors import WeightsError
from gifnet.weight_places import LARGEST_BYTES

LARGEST_HEADER = 1024 * 1024
"""Of a safetensors file; ours have some ten thousand bytes."""

_LENGTH = 8
_NUMBERS = {"F16", "BF16", "F32", "F64"}
# All that a state dictionary of plain tensors is built of; other calls may allocate without a limit.
_BUILDERS = ("collections OrderedDict", "torch._utils _rebuild_tensor", "torch._utils _rebuild_parameter")
_STORAGE = re.compile(r"torch(\.storage)? [A-Za-z0-9]+Storage")
_ARCHIVE = b"PK\x03\x04"
# Of torch's older format: a mark, a version, the machine, the dictionary, the names of its storages.
_LEGACY_PICKLES = 5


def is_safetensors(path: Path) -> bool:
    """True where a file begins as safetensors do: a length of eight bytes, then JSON."""
    with path.open("rb") as file:
        return file.read(_LENGTH + 1)[_LENGTH:] == b"{"


def read_safetensors(
    path: Path, check: Callable[[Mapping[str, tuple[int, ...]], Path], None]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a file.

    Args:
        path: the file.
        check: called with the shapes that the header states, before any tensor is read; raises where they
            are wrong.

    Raises:
        WeightsError: the file is damaged.
    """
    with path.open("rb") as file:
        header = int.from_bytes(file.read(_LENGTH), "little")
    if header > LARGEST_HEADER:
        raise WeightsError(
            f"the weights {path} are damaged: they state a header of {header} bytes, and at most "
            f"{LARGEST_HEADER} are allowed; get the file again"
        )
    try:
        with safe_open(path, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
            check({name: tuple(each.get_shape()) for name, each in slices.items()}, path)
            for name, each in slices.items():
                if each.get_dtype() not in _NUMBERS:
                    raise ValueError(f"{name} holds {each.get_dtype()}")
            return {name: file.get_tensor(name) for name in slices}, file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"the weights {path} are damaged: {error}; get the file again") from None


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a torch checkpoint; nothing in it is run.

    Raises:
        WeightsError: it is none, is damaged, or holds something else.
    """
    try:
        _check_program(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # a damaged file may raise anything in torch's reader
        raise WeightsError(
            f"{path} is neither safetensors nor a torch checkpoint of plain tensors, or it is damaged; "
            "nothing in it was run"
        ) from None
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise WeightsError(f"{path} is a torch file but not a state dictionary of tensors")
    return {str(name): value for name, value in loaded.items()}


def _check_program(path: Path) -> None:
    """Refuse an archive that unpacks to too much, and pickles that build something else than tensors.

    Raises:
        Exception: it is one, or damaged.
    """
    with path.open("rb") as file:
        if file.read(len(_ARCHIVE)) != _ARCHIVE:
            file.seek(0)
            for _ in range(_LEGACY_PICKLES):
                _check_calls(file)
            return
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > LARGEST_BYTES:
            raise ValueError("an archive that unpacks to too much")
        for member in members:
            if member.filename.endswith(".pkl"):
                _check_calls(io.BytesIO(archive.read(member)))


def _check_calls(program: IO[bytes]) -> None:
    for operation, argument, _ in pickletools.genops(program):
        name = str(argument)
        if operation.name == "GLOBAL" and not name.startswith(_BUILDERS) and not _STORAGE.fullmatch(name):
            raise pickle.UnpicklingError(f"a call of {name}")
        if operation.name in ("STACK_GLOBAL", "INST"):
            raise pickle.UnpicklingError("a pickle of a kind that torch does not write")
