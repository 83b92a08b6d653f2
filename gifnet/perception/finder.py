"""A detector that is ready to use: weights from a file, pictures of any size as numpy arrays, boxes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gifnet.errors import WeightsError
from gifnet.perception.config import CLASSES
from gifnet.perception.decode import decode
from gifnet.perception.detector import Detector
from gifnet.weight_places import checked_sha256
from gifnet.weight_reading import is_safetensors, read_safetensors

PACKAGED_DETECTOR = Path(__file__).parents[1] / "data" / "detector.safetensors"
"""Our own weights; see data/DETECTOR_CARD.md."""

SIDE_PX = 416
"""Longer side of the pictures that the network sees by default: small enough for a CPU beside fusion."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object in a picture.

    Attributes:
        name: of its class.
        score: 0 to 1.
        box: left, top, right, bottom in pixels of the picture as it was given.
    """

    name: str
    score: float
    box: tuple[float, float, float, float]


class Finder:
    """Finds people and vehicles in pictures of one camera; used by one thread at a time.

    Attributes:
        name: of the weights, for messages.
        sha256: of their file.
        classes: names of what it finds.
    """

    def __init__(
        self,
        weights: str | Path = "default",
        device: str | torch.device = "cpu",
        side_px: int = SIDE_PX,
        least_score: float = 0.3,
    ) -> None:
        """Load the weights.

        Args:
            weights: "default" for the packaged ones, or a file of them.
            device: where to compute, as torch names it.
            side_px: longer side of the pictures that the network sees; larger finds smaller things, slower.
            least_score: of what is found.

        Raises:
            WeightsError: the file is missing, damaged or of another network.
        """
        path = PACKAGED_DETECTOR if weights == "default" else Path(weights)
        network, self.sha256 = load_detector(path)
        self.name, self.classes = "gifnet detector" if weights == "default" else path.name, CLASSES
        self._device, self._side_px, self._least = torch.device(device), side_px, least_score
        network_for_use: Any = folded(network)
        self._network = network_for_use.to(self._device, memory_format=torch.channels_last)

    @torch.inference_mode()
    def find(self, picture: NDArray[np.uint8]) -> list[Found]:
        """Objects in a picture, the surest first.

        Args:
            picture: [H, W, 3] uint8 RGB or [H, W] uint8 grey.

        Raises:
            ValueError: it is none.
        """
        if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or not picture.size:
            raise ValueError(f"objects are found in pictures of uint8, got {picture.dtype} {picture.shape}")
        height, width = picture.shape[:2]
        seen = _shrunk(picture, self._side_px)
        rows, columns = seen.shape[:2]
        planes = torch.from_numpy(np.ascontiguousarray(seen)).to(self._device)
        planes = planes[..., None] if planes.ndim == 2 else planes
        predictions = self._network(planes.permute(2, 0, 1)[None].float() / 255)
        [found] = decode(predictions, (columns, rows), self._least)
        corners = found.corners.cpu().numpy() * np.array([width / columns, height / rows] * 2)
        classes = (self.classes[number] for number in found.classes.tolist())
        return [
            Found(name, score, (box[0], box[1], box[2], box[3]))
            for name, score, box in zip(classes, found.scores.tolist(), corners.tolist(), strict=True)
        ]


def load_detector(path: Path) -> tuple[Detector, str]:
    """The detector of a file of weights, ready to be trained on or used, and the SHA-256 of the file.

    Raises:
        WeightsError: the file is missing, damaged or of another network.
    """
    if not path.is_file():
        raise WeightsError(f"there is no detector {path}; allowed are default and a path to a file")
    sha256 = checked_sha256(path)
    if not is_safetensors(path):
        raise WeightsError(
            f"{path} is no detector of gifnet train, which writes .safetensors, and no ONNX file"
        )
    network = Detector()
    state, _ = read_safetensors(path, _checker(network))
    for name, tensor in state.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise WeightsError(f"{path}: {name} holds values that are not finite; get the file again")
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()}, strict=False)
    return network.eval().requires_grad_(False), sha256


def saved_state(network: Detector) -> dict[str, torch.Tensor]:
    """The content of a file of weights: float16, without the counters of batch norms."""
    state = network.state_dict()
    return {
        name: tensor.detach().half().contiguous().cpu()
        for name, tensor in state.items()
        if tensor.is_floating_point()
    }


def _checker(network: Detector) -> Any:
    expected = {name: tuple(tensor.shape) for name, tensor in saved_state(network).items()}

    def check(shapes: Mapping[str, tuple[int, ...]], path: Path) -> None:
        missing, unknown = expected.keys() - shapes.keys(), shapes.keys() - expected.keys()
        if missing or unknown:
            raise WeightsError(
                f"{path} is no detector of gifnet: {len(missing)} parameters are missing, "
                f"{len(unknown)} are unknown"
            )
        for name, shape in expected.items():
            if shapes[name] != shape:
                raise WeightsError(f"{path}: {name} must be {shape}, got {shapes[name]}")

    return check


def folded(network: Detector) -> Detector:
    """The same network with each batch norm folded into the convolution before it."""
    for module in list(network.modules()):
        if isinstance(module, torch.nn.Sequential) and len(module) >= 2:
            convolution, norm = module[0], module[1]
            if isinstance(convolution, torch.nn.Conv2d) and isinstance(norm, torch.nn.BatchNorm2d):
                module[0], module[1] = fuse_conv_bn_eval(convolution, norm), torch.nn.Identity()
    return network


def _shrunk(picture: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
