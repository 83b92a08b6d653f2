"""Facts that an ONNX file tells of itself, read from its bytes without the onnx package.

A file is a protobuf message (onnx.proto): in the outermost one, field 7 is the graph and field 14 the
metadata, each entry with its key as field 1 and its value as field 2. YOLOv8 and `gifnet export` write the
names of the classes as `names`, a dictionary in Python's notation: `{0: 'person', 1: 'vehicle'}`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_GRAPH, _METADATA, _KEY, _VALUE = 7, 14, 1, 2
# Of the graph's first input, inwards: the input, its type, the tensor in it, the shape, each side.
_INPUT, _TYPE, _TENSOR, _SHAPE, _SIDE = 11, 2, 1, 2, 1
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


def metadata(data: bytes) -> dict[str, str]:
    """The file's own entries; empty where there are none, or where this is no ONNX file."""
    try:
        return {
            b"".join(_fields(entry, _KEY)).decode(): b"".join(_fields(entry, _VALUE)).decode()
            for entry in _fields(memoryview(data), _METADATA)
        }
    except (ValueError, IndexError):
        return {}


def class_names(entries: dict[str, str]) -> dict[int, str]:
    """Names of the classes by number; empty where the metadata tell none."""
    try:
        named = ast.literal_eval(entries.get("names", ""))
        return {int(number): str(name) for number, name in named.items()}
    except (ValueError, SyntaxError, AttributeError, TypeError, RecursionError, MemoryError):
        return {}


def input_shape(data: bytes) -> tuple[int, ...]:
    """Sides of the first input, 0 for those that are free; empty where the file does not tell."""
    try:
        message = memoryview(data)
        for number in (_GRAPH, _INPUT, _TYPE, _TENSOR, _SHAPE):
            message = next(_fields(message, number))
        return tuple(next(_numbers(side, _SIDE), 0) for side in _fields(message, _SIDE))
    except (ValueError, IndexError, StopIteration):
        return ()


def _fields(message: memoryview, wanted: int) -> Iterator[memoryview]:
    return (part for number, part in _parts(message) if number == wanted and isinstance(part, memoryview))


def _numbers(message: memoryview, wanted: int) -> Iterator[int]:
    return (part for number, part in _parts(message) if number == wanted and isinstance(part, int))


def _parts(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Number and content of each field, those of fixed size left out.

    Raises:
        ValueError, IndexError: it is no protobuf message.
    """
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield tag >> 3, value
        elif kind == _LENGTH:
            length, place = _varint(message, place)
            yield tag >> 3, message[place : place + length]
            place += length
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            place += 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"unknown kind of field {kind}")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number in seven bits a byte, the lowest first, and the place after it."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
