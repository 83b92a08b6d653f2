"""Weights from a formula, so that parity needs no weight file (see parity fixtures)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from gifnet.model import GIFNet
from gifnet.weights import rename_published

NAMES = Path(__file__).parent / "published_names.txt"


def formula_tensors() -> dict[str, torch.Tensor]:
    """Every parameter under our name, its values from the formula of its place among the sorted names."""
    tensors = {}
    for place, line in enumerate(NAMES.read_text().splitlines()):
        name, shape_text = line.split(" ", 1)
        shape = tuple(int(side) for side in shape_text.strip("()").split(",") if side.strip())
        ours = rename_published(name)
        assert ours is not None, name
        tensors[ours] = torch.from_numpy(_values(name, shape, place))
    return tensors


def formula_model(model: GIFNet | None = None) -> GIFNet:
    model = model or GIFNet()
    model.load_state_dict(formula_tensors(), strict=True)
    return model.eval()


def _values(name: str, shape: tuple[int, ...], place: int) -> np.ndarray:
    numel = int(np.prod(shape))
    element = np.arange(1, numel + 1, dtype=np.float64)
    noise = np.sin(12.9898 * element + 78.233 * (place + 1)) * 43758.5453
    unit = 2 * (noise - np.floor(noise)) - 1
    if ".norm1" in name and name.endswith(".weight") and "meta" not in name:
        values = 1 + 0.1 * unit
    elif len(shape) > 1:
        values = unit * np.sqrt(3 / (numel / shape[0]))
    else:
        values = 0.1 * unit
    return values.reshape(shape).astype(np.float32)
