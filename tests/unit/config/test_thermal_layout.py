"""The layout of counts in words."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from stream.config import ThermalInputSettings
from stream.config.thermal_layout import CAMERAS, CameraName, CountLayout, parse_layout
from stream.radiometry import Linear


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("uint14", CountLayout("uint14")),
        ("int16 C*10", CountLayout("int16", unit=Linear(0.1, 0))),
        ("float32,K,big", CountLayout("float32", True, Linear(1, -273.15))),
        ("yuyv, lower, k*64", CountLayout(unit=Linear(1 / 64, -273.15), in_yuyv=True, half="lower")),
        ("whole °C", CountLayout(unit=Linear(1, 0), whole=True)),
    ],
)
def test_words(text: str, layout: CountLayout) -> None:
    assert parse_layout(text) == layout


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("int12", "no word 'int12'; allowed are uint8 to uint16"),
        ("", "no word ''"),
        ("K*0", "a positive number"),
        ("uint14 int16", "the number format once, got 'uint14' and 'int16'"),
        ("K C", "the unit once"),
        ("lower upper", "the place once"),
    ],
)
def test_wrong_words(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem.replace("*", r"\*")):
        parse_layout(text)


@pytest.mark.parametrize("name", CAMERAS)
def test_every_camera_has_a_layout(name: Any) -> None:
    settings = ThermalInputSettings(uri="a", camera=name)
    assert settings.count_layout == parse_layout(CAMERAS[name])
    assert name in get_args(CameraName) and set(get_args(CameraName)) == set(CAMERAS)


def test_the_unit_of_counts_that_travel() -> None:
    assert ThermalInputSettings(uri="a", camera="lepton3.5").radiometry == Linear(0.01, -273.15)
    assert ThermalInputSettings(uri="a", layout="float32 C").radiometry is None
    signed = ThermalInputSettings(uri="a", layout="int16 C*10").radiometry
    assert signed is not None and float(signed.celsius(32768 - 50)) == pytest.approx(-5)
    stated = ThermalInputSettings(uri="a", layout="K", celsius_per_count=0.5, celsius_at_zero=3)
    assert stated.radiometry == Linear(0.5, 3)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"camera": "p2pro", "layout": "K"}, "give camera or layout, not both"),
        ({"bits": 14, "layout": "uint12"}, "bits says 14 and the layout of counts 12"),
        ({"layout": "sideways"}, "no word 'sideways'"),
        ({"camera": "polaroid"}, "p2pro"),
    ],
)
def test_statements_that_disagree(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ThermalInputSettings.model_validate({"uri": "a", **values})
