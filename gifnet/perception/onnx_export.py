"""Detectors and segmentation networks as ONNX files, checked against torch in onnxruntime.

A detector is written in the layout of YOLOv8: a square picture `images` [1, 3, side, side] in [0, 1] to
`output0` [1, 4 + classes, points], middles and sizes of boxes in pixels and a score for each class. So it
runs wherever such files do, `--detector` of `gifnet run` among them. A segmentation network takes `picture`
[1, 1, height, width] grey in [0, 1], both sides fixed, and gives `probabilities`
[1, classes + 1, height, width], the background first. Both tell the names of their classes as `names`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gifnet.errors import ExportError
from gifnet.export import LARGEST_DIFFERENCE, appearing_whole, needed, write_onnx
from gifnet.perception.config import CLASSES, MULTIPLE_PX
from gifnet.perception.detector import Detector
from gifnet.perception.finder import PACKAGED_DETECTOR, SIDE_PX, folded, load_detector
from gifnet.perception.segmenter import load_segmenter

LARGEST_PLACE_DIFFERENCE_PX = 0.05
"""Of a box; float32 rounds places of some hundred pixels more coarsely than scores."""


def export_detector(path: Path, weights: str | Path = "default", side_px: int = SIDE_PX) -> float:
    """Write a detector for square pictures of one size.

    Args:
        path: ONNX file to write; it appears whole or not at all.
        weights: `default` for the packaged detector, or a file of weights.
        side_px: side of the picture, a multiple of 32; more finds smaller things and takes longer.

    Returns:
        The largest difference of a score from torch.

    Raises:
        ExportError: a package is missing, the side is wrong, the file cannot be written, or onnxruntime finds
            other things.
        WeightsError: the weights are missing, damaged or of another network.
    """
    _check_side(side_px)
    network, sha256 = load_detector(PACKAGED_DETECTOR if weights == "default" else Path(weights))
    names = dict(enumerate(network.config.classes))
    facts = {"network": "detector", "weights_sha256": sha256, "names": str(names)}
    module = _Detections(folded(network)).eval()
    return _export(module, path, torch.rand(1, 3, side_px, side_px), ("images", "output0"), facts)


def export_segmenter(path: Path, weights: Path, size: tuple[int, int]) -> float:
    """Write a segmentation network for pictures of one size, width and height; see `export_detector`."""
    width, height = size
    network = load_segmenter(weights)
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    module = _Probabilities(network).eval()
    classes = network.head.out_channels - 1
    known = CLASSES if classes == len(CLASSES) else tuple(f"class {number}" for number in range(classes))
    names = dict(enumerate(known, start=1))
    facts = {"network": "segmenter", "weights_sha256": sha256, "names": str(names)}
    return _export(module, path, torch.rand(1, 1, height, width), ("picture", "probabilities"), facts)


class _Detections(nn.Module):
    """A detector with its boxes and scores in the layout of YOLOv8."""

    def __init__(self, network: Detector) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        found = self.network(images)
        low, high = found.boxes[..., :2], found.boxes[..., 2:]
        return torch.cat([(low + high) / 2, high - low, found.logits.sigmoid()], dim=-1).mT.contiguous()


class _Probabilities(nn.Module):
    """A segmentation network whose classes add up to 1 in every pixel."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Tensor:
        return torch.softmax(self.network(picture), dim=1)


def _export(
    module: nn.Module, path: Path, picture: Tensor, names: tuple[str, str], facts: dict[str, str]
) -> float:
    for package in ("onnx", "onnxscript"):
        needed(package, "onnx")
    runtime = needed("onnxruntime", "onnx")
    with appearing_whole(path) as part, torch.no_grad():
        write_onnx(module, part, {names[0]: picture}, [names[1]], facts)
        return _difference(module, runtime, part, names[0], picture)


def _difference(module: nn.Module, runtime: Any, path: Path, name: str, picture: Tensor) -> float:
    """Of scores or probabilities; boxes are held to `LARGEST_PLACE_DIFFERENCE_PX`."""
    runtime.disable_telemetry_events()
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = module(picture)
    found = torch.from_numpy(session.run(None, {name: picture.numpy()})[0])
    if found.shape != expected.shape:
        raise ExportError(f"onnxruntime gives {tuple(found.shape)} for {tuple(expected.shape)}")
    away = (found - expected).abs()
    places = 4 if isinstance(module, _Detections) else 0
    scores = float(away[:, places:].max())
    moved = float(away[:, :places].max()) if places else 0.0
    if not (scores <= LARGEST_DIFFERENCE and moved <= LARGEST_PLACE_DIFFERENCE_PX):
        raise ExportError(
            f"onnxruntime finds other things than torch, scores by up to {scores:.2g} and places by up to "
            f"{moved:.2g} pixels; try another version of it"
        )
    return scores


def _check_side(side_px: int) -> None:
    if side_px < MULTIPLE_PX or side_px % MULTIPLE_PX:
        raise ExportError(f"the side must be a multiple of {MULTIPLE_PX} pixels, got {side_px}")
