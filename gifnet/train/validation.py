"""Fuses a few held-out pairs to look at, and measures them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gifnet.eval import measure as measure_picture
from gifnet.model import GIFNet
from gifnet.train.metrics import measure
from gifnet.train.pairs import Grey, Pair

_SHOWN = 4
_SHOWN_METRICS = ("EN", "SD", "MI", "SCD", "VIF", "Qabf", "SSIM", "Nabf")
_WIDTH_PX = 400


def choose(pairs: Sequence[Pair]) -> list[Pair]:
    """Up to four pairs, spread evenly over those that are held out."""
    places = np.linspace(0, len(pairs) - 1, min(_SHOWN, len(pairs)))
    return [pairs[int(place)] for place in places]


@torch.no_grad()
def validate_pictures(model: nn.Module, pairs: Sequence[Pair], contact_sheet: Path) -> dict[str, float]:
    """Like `validate` for a network that only fuses: rows of visible, thermal, fused."""
    rows, measured = [], []
    device = next(model.parameters()).device
    for pair in pairs:
        visible, thermal = (
            torch.from_numpy(picture)[None, None].to(device) / 255 for picture in (pair.visible, pair.thermal)
        )
        fused = _grey(model(visible, thermal))
        measured.append(measure_picture(fused, pair.visible, pair.thermal, _SHOWN_METRICS))
        rows.append(np.hstack([_shrunk(part) for part in (pair.visible, pair.thermal, fused)]))
    width = min(row.shape[1] for row in rows)
    cv2.imwrite(str(contact_sheet), np.vstack([row[:, :width] for row in rows]))
    return {name: float(np.mean([values[name] for values in measured])) for name in measured[0]}


@torch.no_grad()
def validate(model: GIFNet, pairs: Sequence[Pair], contact_sheet: Path) -> dict[str, float]:
    """Fuse each pair as inference does, write a contact sheet, and average the metrics.

    Args:
        model: the network; its number format is used.
        pairs: at least one.
        contact_sheet: PNG; a row for each pair with visible, thermal, fused, reconstruction.

    Returns:
        Means over the pairs, by name.
    """
    rows, measured = [], []
    for pair in pairs:
        fused, rebuilt = _fuse(model, pair)
        measured.append(measure(fused, pair.visible, pair.thermal))
        rows.append(np.hstack([_shrunk(part) for part in (pair.visible, pair.thermal, fused, rebuilt)]))
    width = min(row.shape[1] for row in rows)
    cv2.imwrite(str(contact_sheet), np.vstack([row[:, :width] for row in rows]))
    return {name: float(np.mean([values[name] for values in measured])) for name in measured[0]}


def _fuse(model: GIFNet, pair: Pair) -> tuple[Grey, Grey]:
    parameter = next(model.parameters())
    visible, thermal = (
        torch.from_numpy(picture)[None, None].to(parameter.device, parameter.dtype) / 255
        for picture in (pair.visible, pair.thermal)
    )
    features = model.encode(visible, thermal)
    fused = model.decode(features, model.interact(features, features))
    return _grey(fused), _grey(model.reconstruct(features))


def _grey(picture: torch.Tensor) -> Grey:
    values = picture[0, 0].float().clamp(0, 1).cpu().numpy()
    return np.asarray(np.rint(255 * values), np.uint8)


def _shrunk(picture: Grey) -> NDArray[np.uint8]:
    scale = _WIDTH_PX / picture.shape[1]
    size = (_WIDTH_PX, max(1, round(scale * picture.shape[0])))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
