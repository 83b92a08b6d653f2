"""Detectors in ONNX files, run by OpenCV: the layouts of YOLOX and of YOLOv8.

YOLOX gives [1, N, 5 + classes] for a picture of 0 to 255 in BGR, at the upper left of a square: places in
units of cells, sizes as logarithms, a score of being an object at all, and one for each class. YOLOv8 and
`gifnet export --model detector` give [1, 4 + classes, N] for a picture of 0 to 1 in RGB: middles and sizes in
pixels, and a score for each class; names of classes that the file tells are kept.
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

# Numbers of the classes of COCO that are people and vehicles, and what they are called here.
COCO_CLASSES = {0: "person"} | dict.fromkeys((1, 2, 3, 5, 6, 7), "vehicle")
COCO_COUNT = 80
STRIDES_PX = (8, 16, 32)
GREY = 114
MOST_OVERLAP = 0.5
# Sides of a network's square picture that are tried, where its file allows only one.
SIDES_PX = (416, 640, 320, 512, 256, 128, 64)


class OnnxFinder:
    """A detector in an ONNX file; used by one thread at a time.

    Attributes:
        name: of the file.
        sha256: of the file.
        classes: names of what it finds.
    """

    classes = ("person", "vehicle")

    def __init__(self, path: Path, data: bytes, least_score: float = 0.3, side_px: int = 416) -> None:
        """Read the network, and try it on an empty picture.

        Args:
            path: of the ONNX file, for messages.
            data: its content.
            least_score: of what is found.
            side_px: side of the square picture that it sees, where its file allows more than one.

        Raises:
            WeightsError: it is damaged, or no detector of these two layouts.
        """
        self.name, self._least = path.name, least_score
        self._names = class_names(metadata(data))
        self.sha256 = hashlib.sha256(data).hexdigest()
        try:
            self._network: Any = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
        except cv2.error:
            raise WeightsError(f"the detector {path} is no ONNX file that OpenCV can read") from None
        self._side_px, self._is_yolox = self._try(path, self._sides(path, input_shape(data), side_px))

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

    def _class_name(self, number: int, count: int) -> str:
        if count == COCO_COUNT:
            return COCO_CLASSES.get(number, "")
        return self._names.get(number, f"class {number}")

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

    @staticmethod
    def _sides(path: Path, shape: tuple[int, ...], wanted_px: int) -> tuple[int, ...]:
        """Sides to be tried: the one that the file fixes, since OpenCV makes something up for others.

        Raises:
            WeightsError: it takes no square pictures.
        """
        height, width = shape[2:] if len(shape) == 4 else (0, 0)
        if height != width:
            raise WeightsError(
                f"the detector {path} takes pictures of {width}x{height}; allowed are square ones"
            )
        return (height,) if height else (wanted_px // 32 * 32, *SIDES_PX)

    def _try(self, path: Path, sides_px: tuple[int, ...]) -> tuple[int, bool]:
        """Side of the picture that the network takes, and whether its layout is that of YOLOX.

        Raises:
            WeightsError: it is no detector of either layout.
        """
        shape: tuple[int, ...] = ()
        for side_px in sides_px:
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
