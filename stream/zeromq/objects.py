"""The message in which found objects travel, version 1; needs nothing but Python.

Two parts, `[topic, body]`: topic `<stream>/objects`; body JSON in UTF-8, see `objects_message.schema.json`.
Boxes are in pixels of the fused picture, from its left and upper edge; `seq` and the times are those of the
fused frame in which they were found.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from stream.zeromq.message import MessageError

SCHEMA = "gifnet.objects/1"
SCHEMA_NAME = "gifnet.objects/"
OBJECTS = "objects"
"""Last part of the topic."""

LARGEST_BODY = 1_000_000
MOST_OBJECTS = 10_000


@dataclass(frozen=True, slots=True)
class FoundObject:
    """One object.

    Attributes:
        name: of its class, for example `person`.
        score: 0 to 1, how sure the detector is.
        box: left, top, right, bottom in pixels.
    """

    name: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class FoundObjects:
    """The objects of one fused frame.

    Attributes:
        stream: id of the camera pair.
        seq: number of the fused frame, as in its own message.
        time_s: capture time in seconds on the visible clock.
        t_visible_ns: capture time of the visible frame in nanoseconds; None where that side is absent.
        t_thermal_ns: the same of the thermal frame, on its own clock.
        flags: of the frame: `held`, `single`, `stale`.
        size: width and height of the picture.
        detector: `name` and `sha256` of what found them.
        detect_ms: how long that took.
        objects: the surest first.
    """

    stream: str
    seq: int
    time_s: float
    t_visible_ns: int | None
    t_thermal_ns: int | None
    flags: tuple[str, ...]
    size: tuple[int, int]
    detector: dict[str, str]
    detect_ms: float
    objects: tuple[FoundObject, ...]

    @property
    def topic(self) -> str:
        """`<stream>/objects`."""
        return f"{self.stream}/{OBJECTS}"

    def as_json(self) -> bytes:
        """The body as it travels."""
        values = {"schema": SCHEMA, **asdict(self)}
        return json.dumps(values, separators=(",", ":"), allow_nan=False).encode()


def parse_objects(data: bytes) -> FoundObjects:
    """Read and check a body.

    Raises:
        MessageError: it is none, or of another version.
    """
    if len(data) > LARGEST_BODY:
        raise MessageError(
            f"a message of {len(data)} bytes holds no objects; at most {LARGEST_BODY} are allowed"
        )
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        raise MessageError("the objects are not JSON") from None
    schema = values.get("schema") if isinstance(values, dict) else None
    if schema != SCHEMA:
        ours = isinstance(schema, str) and schema.startswith(SCHEMA_NAME)
        remedy = "; update this client" if ours else ""
        raise MessageError(f"the message is {str(schema)[:60]!r}, and this client reads {SCHEMA!r}{remedy}")
    try:
        return _objects(values)
    except (KeyError, TypeError, ValueError) as error:
        raise MessageError(f"the message of objects is wrong: {error}") from None


def _objects(values: dict[str, Any]) -> FoundObjects:
    for name, is_right in _FIELDS.items():
        if not is_right(values[name]):
            raise ValueError(f"{name} is {str(values[name])[:60]!r}")
    width, height = values["size"]
    return FoundObjects(
        **{name: values[name] for name in _AS_THEY_ARE},
        flags=tuple(values["flags"]),
        size=(width, height),
        objects=tuple(_object(each) for each in values["objects"]),
    )


def _object(values: Any) -> FoundObject:
    left, top, right, bottom = (float(number) for number in values["box"])
    score = float(values["score"])
    if not (left <= right and top <= bottom and 0 <= score <= 1) or not isinstance(values["name"], str):
        raise ValueError(f"{str(values)[:60]!r} is not an object")
    return FoundObject(values["name"], score, (left, top, right, bottom))


def _is_whole(value: Any) -> bool:
    return type(value) is int and abs(value) < 2**63


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "stream": lambda value: isinstance(value, str),
    "seq": lambda value: _is_whole(value) and value >= 0,
    "time_s": _is_number,
    "t_visible_ns": lambda value: value is None or _is_whole(value),
    "t_thermal_ns": lambda value: value is None or _is_whole(value),
    "flags": lambda value: isinstance(value, list) and all(isinstance(flag, str) for flag in value),
    "size": lambda value: (
        isinstance(value, list) and len(value) == 2 and all(_is_whole(side) and side > 0 for side in value)
    ),
    "detector": lambda value: (
        isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    ),
    "detect_ms": _is_number,
    "objects": lambda value: isinstance(value, list) and len(value) <= MOST_OBJECTS,
}
_AS_THEY_ARE = ("stream", "seq", "time_s", "t_visible_ns", "t_thermal_ns", "detector", "detect_ms")
