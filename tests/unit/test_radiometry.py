"""Counts in degrees Celsius, in files and messages."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stream
from stream.config import ThermalInputSettings, validate
from stream.errors import ConfigError
from stream.frame import Frame, FramePair
from stream.radiometry import Linear, Planck, as_json, from_json
from stream.recording.writer import RecordingWriter
from stream.sinks import SinkOptions
from stream.sinks.video.sidecar import pairing_of
from stream.sinks.zeromq.publisher import PublisherSink
from stream.sources.recording import RecordedSide
from stream.uri import parse_uri
from stream.zeromq.message import Header, MessageError, parse_header
from tests.helpers.fused import fused_frame

CENTIKELVIN = Linear(0.01, -273.15)
BLACK = Planck(r1=21106.77, r2=0.012545258, b=1501.0, f=1.0, o=-7340)
GREY = Planck(r1=21106.77, r2=0.012545258, b=1501.0, f=1.0, o=-7340, emissivity=0.8, reflected_celsius=15)

FAR = replace(GREY, transmission=0.8, path_count=2500.0)


def test_linear_counts_of_a_lepton() -> None:
    celsius = CENTIKELVIN.celsius(np.array([[27315, 30000]], np.uint16))
    assert (celsius.dtype, celsius.shape) == (np.float32, (1, 2))
    np.testing.assert_allclose(celsius, [[0, 26.85]], atol=1e-4)


def test_planck_by_hand() -> None:
    kelvin = 1501.0 / math.log(21106.77 / (0.012545258 * (18090 - 7340)) + 1)
    assert float(BLACK.celsius(18090)) == pytest.approx(kelvin - 273.15, abs=1e-3)
    assert 20 < kelvin - 273.15 < 27


def test_a_grey_surface_is_hotter_than_it_seems_before_a_cold_room() -> None:
    black, grey = float(BLACK.celsius(20000)), float(GREY.celsius(20000))
    assert grey > black > 15
    assert float(GREY.celsius(BLACK.counts(15))) == pytest.approx(15, abs=1e-3)


@pytest.mark.parametrize("radiometry", [CENTIKELVIN, Linear(-0.05, 120), BLACK, GREY, FAR])
@pytest.mark.parametrize("celsius", [-20.0, 0.0, 36.6, 300.0])
def test_there_and_back(radiometry: Linear | Planck, celsius: float) -> None:
    assert float(radiometry.celsius(radiometry.counts(celsius))) == pytest.approx(celsius, abs=1e-3)


def test_counts_below_all_temperatures_are_no_number() -> None:
    assert np.isnan(BLACK.celsius(np.array([0, 7340], np.uint16))).all()


def test_hotter_than_the_constants_can_tell_is_infinite() -> None:
    assert Planck(r1=1, r2=1, b=1500, f=2, o=0).counts(5000) == math.inf


@pytest.mark.parametrize("radiometry", [CENTIKELVIN, GREY, None])
def test_json_there_and_back(radiometry: Linear | Planck | None) -> None:
    assert from_json(as_json(radiometry)) == radiometry


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model": "cubic"}, "known are linear, planck"),
        ({"model": ["linear"]}, "known are linear, planck"),
        ({"model": "linear", "celsius_per_count": 1}, "wrong constants"),
        ({"model": "linear", "celsius_per_count": "1", "celsius_at_zero": 0}, "finite number"),
        ({"model": "linear", "celsius_per_count": 0, "celsius_at_zero": 0}, "must not be 0"),
        ({"model": "linear", "celsius_per_count": math.nan, "celsius_at_zero": 0}, "finite number"),
        ({**(as_json(GREY) or {}), "emissivity": 0}, "emissivity"),
        ({**(as_json(GREY) or {}), "r1": -1}, "positive"),
        ({**(as_json(GREY) or {}), "reflected_celsius": -300}, "not a temperature"),
        ({**(as_json(GREY) or {}), "transmission": 0}, "transmission must be above 0"),
        ({**(as_json(GREY) or {}), "f": 1e9}, "leaves no count"),
    ],
)
def test_wrong_constants_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_json(values)


def test_settings_state_gain_and_offset_together() -> None:
    both = {"uri": "t.mkv", "celsius_per_count": 0.01, "celsius_at_zero": -273.15}
    assert validate(ThermalInputSettings, both, "here").radiometry == CENTIKELVIN
    assert ThermalInputSettings(uri="t.mkv").radiometry is None
    with pytest.raises(ConfigError, match="belong together"):
        validate(ThermalInputSettings, {"uri": "t.mkv", "celsius_per_count": 0.01}, "here")
    with pytest.raises(ConfigError, match="must not be 0"):
        validate(ThermalInputSettings, both | {"celsius_per_count": 0}, "here")


def header(**change: Any) -> Header:
    values: dict[str, Any] = {
        "stream": "main", "view": "fused", "seq": 3, "shape": (48, 64, 3), "pixel_format": "rgb24",
        "encoding": "raw", "t_visible_ns": 1, "t_thermal_ns": None, "clock_visible": "rtcp",
        "clock_thermal": None, "pairing_error_ms": None, "flags": (), "registration": None,
        "model": {"name": "default", "sha256": ""}, "latency_ms": None,
    }  # fmt: skip
    return Header(**values | change)


@pytest.mark.parametrize("radiometry", [CENTIKELVIN, GREY, None])
def test_a_header_carries_it(radiometry: Linear | Planck | None) -> None:
    sent = header(radiometry=as_json(radiometry))
    assert from_json(parse_header(sent.as_json()).radiometry) == radiometry


def test_a_header_without_it_is_as_it_was() -> None:
    assert "radiometry" not in json.loads(header().as_json())


def test_a_header_with_keys_of_a_later_writer_is_read() -> None:
    later = json.loads(header().as_json()) | {"humidity": 0.5}
    assert parse_header(json.dumps(later).encode()) == header()


def test_radiometry_that_is_no_object_is_refused() -> None:
    broken = json.loads(header().as_json()) | {"radiometry": "hot"}
    with pytest.raises(MessageError, match="radiometry is not an object"):
        parse_header(json.dumps(broken).encode())


def test_the_schema_knows_the_constants_of_each_model() -> None:
    schema = json.loads((Path(stream.__file__).parent / "zeromq" / "frame_message.schema.json").read_text())
    rules = {
        rule["properties"]["model"]["const"]: rule for rule in schema["properties"]["radiometry"]["oneOf"]
    }
    for radiometry, with_all in ((CENTIKELVIN, CENTIKELVIN), (GREY, FAR)):
        values, all_values = as_json(radiometry) or {}, as_json(with_all) or {}
        rule = rules[values["model"]]
        assert set(values) == set(rule["required"]) and set(all_values) == set(rule["properties"])
    assert "radiometry" not in schema["required"]


def test_the_sidecar_tells_it() -> None:
    frame = fused_frame(0)
    assert isinstance(frame.pair, FramePair)
    assert "radiometry" not in pairing_of(frame)["thermal"]
    warm = replace(frame.pair, thermal=replace(frame.pair.thermal, radiometry=GREY))
    told = pairing_of(replace(frame, pair=warm))
    assert from_json(told["thermal"]["radiometry"]) == GREY
    assert "radiometry" not in told["visible"]


def test_a_recording_keeps_it(tmp_path: Path) -> None:
    counts = np.full((48, 64), 30000, np.uint16)
    frames = [
        Frame(counts, "gray16le", Fraction(index), "pts", index, 16, radiometry=radiometry)
        for index, radiometry in enumerate((CENTIKELVIN, GREY, None))
    ]
    writer = RecordingWriter(tmp_path / "r", {})
    for frame in frames:
        writer.add_frame("thermal", frame)
    writer.close()
    with RecordedSide(tmp_path / "r", "thermal") as source:
        assert source.info.radiometry == CENTIKELVIN
        assert [frame.radiometry for frame in source] == [CENTIKELVIN, GREY, None]
    with RecordedSide(tmp_path / "r", "thermal", GREY) as source:
        assert {frame.radiometry for frame in source} == {GREY}


def test_a_published_header_has_that_of_its_frame() -> None:
    frame = fused_frame(0)
    assert isinstance(frame.pair, FramePair)
    warm = replace(frame.pair, thermal=replace(frame.pair.thermal, radiometry=CENTIKELVIN))
    with PublisherSink(parse_uri("zmq+tcp://127.0.0.1:0"), SinkOptions()) as sink:
        told = sink._header(replace(frame, pair=warm), "fused", frame.pixels)
        cold = sink._header(frame, "fused", frame.pixels)
    assert from_json(told.radiometry) == CENTIKELVIN
    assert cold.radiometry is None
