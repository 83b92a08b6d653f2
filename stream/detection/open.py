"""The detector that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gifnet.perception.finder import Finder, Found
from stream.config import DetectionSettings
from stream.detection.onnx_facts import metadata
from stream.detection.onnx_finder import OnnxFinder
from stream.detection.onnx_masks import OnnxMasks
from stream.errors import WeightsError

LARGEST_BYTES = 512 * 1024 * 1024
"""Of an ONNX file: a path to something else is refused before it fills the memory."""


class ObjectFinder(Protocol):
    """Anything that finds objects in a picture."""

    name: str
    sha256: str

    def find(self, picture: NDArray[np.uint8]) -> list[Found]:
        """Objects in a picture [H, W, 3] uint8 RGB or [H, W] grey, the surest first."""


def open_onnx(path: Path, least_score: float = 0.3, side_px: int = 416) -> OnnxFinder | OnnxMasks:
    """The detector or segmentation network of an ONNX file.

    Args:
        path: the file.
        least_score: of what is found.
        side_px: side of the square picture that a detector sees, where its file allows more than one.

    Raises:
        WeightsError: it is missing, damaged, or neither.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise WeightsError(f"the detector {path} has more than {LARGEST_BYTES} bytes; check the path")
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"the detector {path} cannot be read: {error.strerror}") from None
    if metadata(data).get("network") == "segmenter":
        return OnnxMasks(path, data, least_score)
    return OnnxFinder(path, data, least_score, side_px)


def open_finder(settings: DetectionSettings, device: str = "cpu") -> ObjectFinder:
    """The packaged detector, one of our weights in another file, or an ONNX file.

    Args:
        settings: of the detection.
        device: type of the device that fuses; ours runs there too, ONNX files on the processor.

    Raises:
        WeightsError: the file is missing, damaged, or no detector.
    """
    if settings.detector.lower().endswith(".onnx"):
        return open_onnx(Path(settings.detector), settings.least_score, settings.side_px)
    return Finder(settings.detector, device, settings.side_px, settings.least_score)
