"""The detector that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gifnet.perception.finder import Finder, Found
from stream.config import DetectionSettings
from stream.detection.onnx_finder import OnnxFinder


class ObjectFinder(Protocol):
    """Anything that finds objects in a picture."""

    name: str
    sha256: str

    def find(self, picture: NDArray[np.uint8]) -> list[Found]:
        """Objects in a picture [H, W, 3] uint8 RGB or [H, W] grey, the surest first."""


def open_finder(settings: DetectionSettings, device: str = "cpu") -> ObjectFinder:
    """The packaged detector, one of our weights in another file, or an ONNX file.

    Args:
        settings: of the detection.
        device: type of the device that fuses; ours runs there too, ONNX files on the processor.

    Raises:
        WeightsError: the file is missing, damaged, or no detector.
    """
    if settings.detector.lower().endswith(".onnx"):
        return OnnxFinder(Path(settings.detector), settings.least_score, settings.side_px)
    return Finder(settings.detector, device, settings.side_px, settings.least_score)
