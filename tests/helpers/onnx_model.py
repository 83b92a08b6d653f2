"""A tiny ONNX detector, its protobuf bytes written by hand: no package is needed to make it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIDE_PX, CELL_PX = 64, 8
CELLS = SIDE_PX // CELL_PX
_INT, _INTS = 2, 7  # AttributeProto.AttributeType
_FLOAT, _INT64 = 1, 7  # TensorProto.DataType


def write_colour_detector(path: Path, boxes: bool = True, names: str = "") -> None:
    """A detector of the YOLOv8 layout for pictures of 64x64: [1, 3, 64, 64] to [1, 4 + 3, 64].

    Each cell of 8x8 pixels has a box of its own; the scores of the classes 0, 1 and 2 are its mean red, green
    and blue. Without boxes it is no detector: it puts out the means alone, [1, 3, 64]. The names of the
    classes stand in its metadata.
    """
    centre = np.arange(CELLS, dtype=np.float32) * CELL_PX + CELL_PX / 2
    across, down = np.meshgrid(centre, centre)
    side = np.full_like(across, CELL_PX)
    rows = 7 if boxes else 3
    nodes = [
        _node("AveragePool", ["image"], "mean", [_ints("kernel_shape", 8, 8), _ints("strides", 8, 8)]),
        _node("Concat", ["boxes", "mean"], "cells", [_text(1, "axis") + _number(3, 1) + _number(20, _INT)]),
        _node("Reshape", ["cells" if boxes else "mean", "shape"], "found", []),
    ]
    constants = [
        _tensor("boxes", np.stack([across, down, side, side])[None], _FLOAT),
        _tensor("shape", np.array([1, rows, CELLS * CELLS], np.int64), _INT64),
    ]
    graph = b"".join(_field(1, node) for node in nodes) + _text(2, "colours")
    graph += b"".join(_field(5, constant) for constant in constants)
    graph += _field(11, _value("image", 1, 3, SIDE_PX, SIDE_PX)) + _field(
        12, _value("found", 1, rows, CELLS**2)
    )
    _write(path, graph, {"names": names} if names else {})


def write_bright_segmenter(path: Path, names: str = "{1: 'person'}") -> None:
    """A segmentation network for grey pictures of 64x64: what is bright is of class 1."""
    nodes = [
        _node("Sub", ["one", "picture"], "dark", []),
        _node(
            "Concat",
            ["dark", "picture"],
            "probabilities",
            [_text(1, "axis") + _number(3, 1) + _number(20, _INT)],
        ),
    ]
    one = _tensor("one", np.ones((1, 1, 1, 1), np.float32), _FLOAT)
    graph = b"".join(_field(1, node) for node in nodes) + _text(2, "bright") + _field(5, one)
    graph += _field(11, _value("picture", 1, 1, SIDE_PX, SIDE_PX))
    graph += _field(12, _value("probabilities", 1, 2, SIDE_PX, SIDE_PX))
    _write(path, graph, {"network": "segmenter", "names": names})


def _write(path: Path, graph: bytes, metadata: dict[str, str]) -> None:
    entries = b"".join(_field(14, _text(1, key) + _text(2, value)) for key, value in metadata.items())
    path.write_bytes(_number(1, 8) + _field(7, graph) + _field(8, _number(2, 13)) + entries)


def _node(kind: str, inputs: list[str], output: str, attributes: list[bytes]) -> bytes:
    names = b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(3, output)
    return names + _text(4, kind) + b"".join(_field(5, each) for each in attributes)


def _ints(name: str, *values: int) -> bytes:
    return _text(1, name) + b"".join(_number(8, value) for value in values) + _number(20, _INTS)


def _tensor(name: str, values: NDArray[np.generic], data_type: int) -> bytes:
    sides = b"".join(_number(1, side) for side in values.shape)
    return sides + _number(2, data_type) + _text(8, name) + _field(9, values.tobytes())


def _value(name: str, *shape: int) -> bytes:
    sides = b"".join(_field(1, _number(1, side)) for side in shape)
    return _text(1, name) + _field(2, _field(1, _number(1, _FLOAT) + _field(2, sides)))


def _number(key: int, value: int) -> bytes:
    return _varint(key << 3) + _varint(value)


def _text(key: int, text: str) -> bytes:
    return _field(key, text.encode())


def _field(key: int, data: bytes) -> bytes:
    return _varint(key << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes([*data, value])
