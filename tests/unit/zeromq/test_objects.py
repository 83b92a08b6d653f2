"""The message of found objects: there and back, against its schema, and what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

import stream
from stream.zeromq.message import MessageError
from stream.zeromq.objects import FoundObject, FoundObjects, parse_objects

FOUND = FoundObjects(
    stream="gate",
    seq=7,
    time_s=12.5,
    t_visible_ns=12_500_000_000,
    t_thermal_ns=None,
    flags=("single",),
    size=(640, 480),
    detector={"name": "gifnet detector", "sha256": "0" * 64},
    detect_ms=41.5,
    objects=(
        FoundObject("person", 0.91, (10.0, 20.5, 60.0, 120.0)),
        FoundObject("vehicle", 0.4, (0, 0, 9, 9)),
    ),
)


def changed(**values: Any) -> bytes:
    return json.dumps({**json.loads(FOUND.as_json()), **values}).encode()


def test_there_and_back() -> None:
    assert parse_objects(FOUND.as_json()) == FOUND
    assert FOUND.topic == "gate/objects"


def test_fits_its_schema() -> None:
    schema = json.loads((Path(stream.__file__).parent / "zeromq" / "objects_message.schema.json").read_text())
    validator = jsonschema_rs.validator_for(schema)
    validator.validate(json.loads(FOUND.as_json()))
    assert not validator.is_valid(json.loads(changed(size=[640])))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff", "not JSON"),
        (b"[]", "this client reads"),
        (changed(schema="gifnet.objects/2"), "update this client"),
        (changed(seq=-1), "seq is '-1'"),
        (changed(size=[0, 480]), "size is"),
        (changed(objects=[{"name": "person", "score": 2, "box": [0, 0, 1, 1]}]), "is not an object"),
        (changed(objects=[{"name": "person", "score": 0.5, "box": [9, 0, 1, 1]}]), "is not an object"),
        (changed(objects=[{"name": "person", "score": 0.5, "box": [0, 0, 1]}]), "is wrong"),
        (changed(objects=3), "objects is '3'"),
        (b" " * 1_000_001, "holds no objects"),
    ],
)
def test_what_is_none(data: bytes, words: str) -> None:
    with pytest.raises(MessageError, match=words):
        parse_objects(data)
