"""Segmentation networks of `gifnet export`: each connected region of a class is an object.

The file takes a grey picture [1, 1, height, width] in [0, 1] of a fixed size and gives the probability of
each class in each pixel, the background first.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gifnet.perception.finder import Found
from stream.detection.onnx_facts import class_names, input_shape, metadata
from stream.errors import WeightsError

LEAST_AREA_PX = 24
"""Of a region in the network's picture; smaller ones are noise."""


class OnnxMasks:
    """A segmentation network in an ONNX file; things that touch each other are one object.

    Attributes:
        name: of the file.
        sha256: of the file.
        classes: names of what it finds.
    """

    def __init__(self, path: Path, data: bytes, least_score: float = 0.3) -> None:
        """Read the network.

        Args:
            path: of the file, for messages.
            data: its content.
            least_score: of the mean probability within a region.

        Raises:
            WeightsError: it is no such network.
        """
        self.name, self.sha256, self._least = path.name, hashlib.sha256(data).hexdigest(), least_score
        shape = input_shape(data)
        names = class_names(metadata(data))
        if len(shape) != 4 or shape[1] != 1 or min(shape) < 1 or not names:
            raise WeightsError(
                f"the segmentation network {path} must take grey pictures of a fixed size and name its "
                f"classes, got an input of {list(shape)} and {len(names)} names; write it by gifnet export"
            )
        self._size, self._names = (shape[3], shape[2]), names
        self.classes = tuple(names.values())
        try:
            self._network: Any = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
        except cv2.error:
            raise WeightsError(f"the detector {path} is no ONNX file that OpenCV can read") from None
        self._check(path, shape)

    def find(self, picture: NDArray[np.uint8]) -> list[Found]:
        """Objects in a picture [H, W, 3] uint8 RGB or [H, W] grey, the surest first."""
        grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        self._network.setInput(cv2.dnn.blobFromImage(grey, 1 / 255, self._size))
        probabilities = np.asarray(self._network.forward())[0]
        scale = picture.shape[1] / self._size[0], picture.shape[0] / self._size[1]
        labels = probabilities.argmax(axis=0)
        found = [
            each
            for number, name in self._names.items()
            for each in self._regions(labels == number, probabilities[number], name, scale)
        ]
        return sorted(found, key=lambda each: -each.score)

    def _check(self, path: Path, shape: tuple[int, ...]) -> None:
        """Try it on an empty picture.

        Raises:
            WeightsError: it gives no probability for a class that it names.
        """
        try:
            self._network.setInput(np.zeros(shape, np.float32))
            given = np.asarray(self._network.forward()).shape
        except cv2.error:
            raise WeightsError(f"the segmentation network {path} cannot be run by OpenCV") from None
        if len(given) != 4 or given[2:] != shape[2:] or not all(0 < each < given[1] for each in self._names):
            raise WeightsError(
                f"the segmentation network {path} gives {list(given)} and names classes up to "
                f"{max(self._names)}; it must give [1, classes + 1, height, width], the background first"
            )

    def _regions(
        self, mask: NDArray[np.bool_], probability: NDArray[np.float32], name: str, scale: tuple[float, float]
    ) -> list[Found]:
        count, regions, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        found = []
        for region in range(1, count):
            left, top, width, height, area = stats[region].tolist()
            score = float(probability[regions == region].mean())
            if area >= LEAST_AREA_PX and score >= self._least:
                (x, y), right, bottom = scale, left + width, top + height
                found.append(Found(name, min(score, 1.0), (left * x, top * y, right * x, bottom * y)))
        return found
