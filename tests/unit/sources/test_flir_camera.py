"""Temperatures through air and a window, by the constants in FLIR's files."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream.radiometry import Planck, as_json, from_json
from stream.sources.pictures.radiometric.camera import Path as Between
from stream.sources.pictures.radiometric.camera import camera_radiometry, through_path
from tests.helpers.flir import CAMERA, camera_record
from tests.unit.sources.test_thermal_files import read

# As a FLIR E40 has them.
AIR = (0.006569, 0.01262, -0.002276, -0.00667, 1.9)
NEAR = Between(2.0, 14.0, 19.0, 0.98, 0.49, (AIR[0], AIR[1]), (AIR[2], AIR[3]), AIR[4])


def record(order: str = "<", window: float = 0.98, humidity: float = 0.49, air_k: float = 287.15) -> bytes:
    data = bytearray(camera_record(CAMERA, order))
    struct.pack_into(order + "f", data, 0x24, 2.0)
    struct.pack_into(order + "3f", data, 0x2C, air_k, 292.15, window)
    struct.pack_into(order + "f", data, 0x3C, humidity)
    struct.pack_into(order + "5f", data, 0x70, *AIR)
    return bytes(data)


def test_a_scene_as_it_looks_through_air_and_a_window() -> None:
    """Forward, layer by layer, as in the model; back by the radiometry."""
    seen = CAMERA.counts(60.0)
    air = NEAR.air_transmission(1.0)
    for share, celsius in ((air, 14.0), (0.98, 19.0), (air, 14.0)):
        seen = share * seen + (1 - share) * CAMERA.black_body_count(celsius)
    far = through_path(CAMERA, NEAR)
    assert float(far.celsius(seen)) == pytest.approx(60.0, abs=1e-3)
    assert far.counts(60.0) == pytest.approx(seen)
    assert 58 < float(CAMERA.celsius(seen)) < 59.9


def test_more_air_lets_less_through() -> None:
    shares = [NEAR.air_transmission(distance_m) for distance_m in (0, 1, 10, 100)]
    assert shares[0] == 1 and shares == sorted(shares, reverse=True) and shares[-1] > 0.7


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("humidity", [0.49, 49.0])
def test_a_camera_record(order: str, humidity: float) -> None:
    found = camera_radiometry(record(order, humidity=humidity), order)
    expected = through_path(CAMERA, NEAR)
    assert isinstance(found, Planck)
    assert (found.transmission, found.path_count) == pytest.approx(
        (expected.transmission, expected.path_count), rel=1e-3
    )
    assert from_json(as_json(found)) == found and "98" not in found.words().split("through")[0]


@pytest.mark.parametrize(
    "values",
    [{"window": 0.0, "air_k": 0.0}, {"window": 1.0, "air_k": 0.0}, {"window": 1.0, "humidity": -1.0}],
)
def test_what_is_not_told_is_left_out(values: dict[str, Any]) -> None:
    found = camera_radiometry(record(**values), "<")
    assert isinstance(found, Planck) and (found.transmission, found.path_count) == (1, 0)
    assert set(as_json(found) or {}) == set(as_json(replace(CAMERA)) or {})


@pytest.mark.refdata
def test_the_case_of_a_real_camera(refdata: Path) -> None:
    (frame,) = read(refdata / "cases/files/18-flir-real-160x120/radiometric.jpg")
    counts = frame.pixels
    assert (counts.shape, counts.min(), counts.max()) == ((120, 160), 17059, 18266)
    assert frame.radiometry is not None
    celsius = frame.radiometry.celsius(counts)
    assert [celsius.min(), np.median(celsius), celsius.max()] == pytest.approx(
        [17.88, 21.01, 24.70], abs=0.006
    )
