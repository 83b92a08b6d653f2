"""Detectors in ONNX files, run by OpenCV: the layouts of YOLOX and of YOLOv8 with the classes of COCO.

YOLOX gives [1, N, 5 + classes] for a picture of 0 to 255 in BGR, at the upper left of a square: places in
units of cells, sizes as logarithms, a score of being an object at all, and one for each class. YOLOv8 gives
[1, 4 + classes, N] for a picture of 0 to 1 in RGB: middles and sizes in pixels, and a score for each class.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gifnet.perception.finder import Found
from stream.errors import WeightsError

# Numbers of the classes of COCO that are people and vehicles, and what they are called here.
COCO_CLASSES = {0: "person"} | dict.fromkeys((1, 2, 3, 5, 6, 7), "vehicle")
COCO_COUNT = 80
STRIDES_PX = (8, 16, 32)
GREY = 114
MOST_OVERLAP = 0.5
# Sides of a network's square picture that are tried, where its file allows only one.
SIDES_PX = (416, 640, 320, 512, 256, 128, 64)
LARGEST_BYTES = 512 * 1024 * 1024


class OnnxFinder:
    """A detector of another project in an ONNX file; used by one thread at a time.

    Attributes:
        name: of the file.
        sha256: of the file.
        classes: names of what it finds.
    """

    classes = ("person", "vehicle")

    def __init__(self, path: Path, least_score: float = 0.3, side_px: int = 416) -> None:
        """Read the file, and try it on an empty picture.

        Args:
            path: the ONNX file.
            least_score: of what is found.
            side_px: side of the square picture that it sees, where its file allows more than one.

        Raises:
            WeightsError: it is missing, damaged, or no detector of these two layouts.
        """
        self.name, self._least = path.name, least_score
        try:
            if path.stat().st_size > LARGEST_BYTES:
                raise WeightsError(f"the detector {path} has more than {LARGEST_BYTES} bytes; check the path")
            data = path.read_bytes()
        except OSError as error:
            raise WeightsError(f"the detector {path} cannot be read: {error.strerror}") from None
        self.sha256 = hashlib.sha256(data).hexdigest()
        try:
            self._network: Any = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
        except cv2.error:
            raise WeightsError(f"the detector {path} is no ONNX file that OpenCV can read") from None
        self._side_px, self._is_yolox = self._try(path, side_px)

    def find(self, picture: NDArray[np.uint8]) -> list[Found]:
        """Objects in a picture [H, W, 3] uint8 RGB or [H, W] grey, the surest first."""
        height, width = picture.shape[:2]
        scale = self._side_px / max(height, width)
        boxes, scores = self._points(self._seen(picture, scale))
        numbers = scores.argmax(axis=1)
        best = scores[np.arange(len(scores)), numbers]
        # A file with classes of its own says what they are by number only.
        names = [self._class_name(int(number), scores.shape[1]) for number in range(scores.shape[1])]
        keep = np.array([bool(names[number]) for number in numbers]) & (best >= self._least)
        boxes, best, numbers = boxes[keep], best[keep], numbers[keep]
        found: list[Found] = []
        for name in sorted({names[number] for number in numbers}):
            mine = [index for index, number in enumerate(numbers) if names[number] == name]
            sized = [[*boxes[index, :2], *(boxes[index, 2:] - boxes[index, :2])] for index in mine]
            chosen = cv2.dnn.NMSBoxes(sized, best[mine].tolist(), self._least, MOST_OVERLAP)
            for index in (mine[number] for number in np.ravel(chosen).astype(int)):
                corners = boxes[index] / scale
                left, right = np.clip(corners[[0, 2]], 0, width).tolist()
                top, bottom = np.clip(corners[[1, 3]], 0, height).tolist()
                if right > left and bottom > top:  # what lies in the filling is nothing
                    score = min(1.0, float(best[index]))
                    found.append(Found(name, score, (left, top, right, bottom)))
        return sorted(found, key=lambda each: -each.score)

    @staticmethod
    def _class_name(number: int, count: int) -> str:
        return COCO_CLASSES.get(number, "") if count == COCO_COUNT else f"class {number}"

    def _seen(self, picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
        """The picture at the upper left of the network's grey square."""
        colour = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
        size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
        square = np.full((self._side_px, self._side_px, 3), GREY, np.uint8)
        square[: size[1], : size[0]] = cv2.resize(colour, size, interpolation=cv2.INTER_LINEAR)
        return square

    def _points(self, square: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[N, 4] corners in the square and [N, classes] scores."""
        scale = 1.0 if self._is_yolox else 1 / 255
        self._network.setInput(cv2.dnn.blobFromImage(square, scale, swapRB=self._is_yolox))
        out = np.asarray(self._network.forward(), np.float64)[0]
        if self._is_yolox:
            cells, strides = _cells(self._side_px)
            middles, sides = (out[:, :2] + cells) * strides, np.exp(out[:, 2:4].clip(max=10)) * strides
            scores = out[:, 4:5] * out[:, 5:]
        else:
            middles, sides, scores = out[:2].T, out[2:4].T, out[4:].T
        return np.concatenate([middles - sides / 2, middles + sides / 2], axis=1), scores

    def _try(self, path: Path, wanted_px: int) -> tuple[int, bool]:
        """Side of the picture that the network takes, and whether its layout is that of YOLOX.

        Raises:
            WeightsError: it is no detector of either layout.
        """
        shape: tuple[int, ...] = ()
        for side_px in (wanted_px // 32 * 32, *SIDES_PX):
            try:
                self._network.setInput(np.zeros((1, 3, side_px, side_px), np.float32))
                shape = np.asarray(self._network.forward()).shape
            except cv2.error:
                continue
            points = sum((side_px // stride) ** 2 for stride in STRIDES_PX)
            if len(shape) == 3 and shape[0] == 1 and shape[1] == points and shape[2] > 5:
                return side_px, True
            if len(shape) == 3 and shape[0] == 1 and shape[2] > shape[1] > 4:
                return side_px, False
        gives = f"gives {list(shape)}" if shape else "takes no square picture of three colours"
        raise WeightsError(
            f"the detector {path} {gives}; allowed are ONNX files of the YOLOX layout, "
            "[1, points, 5 + classes], and of the YOLOv8 layout, [1, 4 + classes, points]"
        )


def _cells(side_px: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Column and row of each point, and its stride."""
    cells, strides = [], []
    for stride in STRIDES_PX:
        rows, columns = np.mgrid[: side_px // stride, : side_px // stride]
        cells.append(np.stack([columns, rows], axis=-1).reshape(-1, 2))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(cells).astype(np.float64), np.concatenate(strides).astype(np.float64)
