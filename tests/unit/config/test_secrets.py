"""No refusal shows what it refuses where that may be, or may hold, a secret."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.config import FuseSettings, RunSettings, load_yaml, validate, validate_json
from stream.config.live_settings import Adjustable, AdjustableSettings
from stream.errors import ConfigError
from stream.web.address import parse_address

SECRET = "hunter2-Zq"
CAMERA = f"rtsp://eve:{SECRET}@cam/1"
SMALLEST: dict[str, Any] = {
    "visible": {"uri": CAMERA},
    "thermal": {"uri": "t.mp4"},
    "outputs": [{"uri": "o.mp4"}],
}


@pytest.mark.parametrize(
    "change",
    [
        {"visible": CAMERA},
        {"visible": [CAMERA]},
        {"visible": {"uri": [CAMERA]}},
        {"visible": {"uri": {"rtsp": CAMERA}}},
        {"visible": {CAMERA: None}},
        {"visible": {"uri": CAMERA, "timeout_s": CAMERA}},
        {"visible": {"uri": CAMERA, "transport": CAMERA}},
        {CAMERA: 1},
        {"outputs": CAMERA},
        {"outputs": [CAMERA]},
        {"outputs": {"uri": CAMERA}},
        {"preview": SECRET},
        {"preview": {"bind": "0.0.0.0:1", "token": SECRET}},
        {"preview": {"token": [SECRET]}},
        {"preview": {"token": {SECRET: SECRET}}},
        {"gain": SECRET},
        {"report": {"uri": CAMERA}},
        {"duration_s": CAMERA},
    ],
    ids=str,
)
def test_wrongly_shaped_settings_show_no_secret(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(RunSettings, SMALLEST | change, "run.yaml")
    assert SECRET not in str(caught.value)


@given(
    st.recursive(
        st.sampled_from([CAMERA, f" {CAMERA}", SECRET, 1, None, math.nan]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["uri", "token", "visible", CAMERA]), inner, max_size=2)
        ),
        max_leaves=6,
    ),
    st.sampled_from(["visible", "thermal", "outputs", "preview", "control"]),
)
def test_no_shape_of_a_section_shows_a_secret(value: Any, section: str) -> None:
    try:
        validate(RunSettings, SMALLEST | {section: value}, "run.yaml")
    except ConfigError as error:
        assert SECRET not in str(error)


@pytest.mark.parametrize(
    "values",
    [
        {"pairing.offset_ms": math.nan},
        {"pairing.tolerance_ms": math.inf},
        {"pairing.unpaired": "\ud800"},
        {"pairing.unpaired": [[[1]]]},
        {"pairing.tolerance_ms": None},
        {"gain.low": 99.9},
        {"registration.distance_m": "x"},
        {"pairing": {"tolerance_ms": 1}},
        {"visible.uri": "x"},
    ],
    ids=str,
)
def test_a_bad_change_shows_no_password(values: dict[str, Any]) -> None:
    settings = validate(RunSettings, SMALLEST, "x")
    controls = AdjustableSettings(settings, Adjustable(lambda settings: None, lambda pairing: None))
    with pytest.raises(ConfigError) as caught:
        controls.change(values, "the page")
    assert SECRET not in str(caught.value)
    assert "uri" not in str(caught.value) or "visible.uri cannot be changed" in str(caught.value)
    json.dumps({"error": str(caught.value)})


def test_a_number_that_json_cannot_hold_is_named() -> None:
    with pytest.raises(ConfigError, match="the change: a number is not finite"):
        validate_json(FuseSettings, SMALLEST | {"pairing": {"offset_ms": math.nan}}, "the change")


@pytest.mark.parametrize(
    "text",
    [
        f"visible: {{uri: x, password: *{SECRET}}}",
        f"visible: {{password: !{SECRET} x}}",
        f"password: !!{SECRET} x",
        f"!<tag:{SECRET}> x",
        f"a: '{SECRET}' y",
        f"a: {CAMERA}: x",
        f'a: "{SECRET}',
        f"a: %{SECRET}",
        f"a: @{SECRET}",
    ],
)
def test_yaml_that_cannot_be_read_shows_no_secret(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"run\.yaml") as caught:
        load_yaml(path)
    assert SECRET not in str(caught.value)


def test_an_alias_that_is_a_password_is_told_from_one() -> None:
    """The usual mistake comes with what to do."""
    with pytest.raises(ConfigError, match=r"put texts that begin with \* .* in quotes"):
        load_yaml_text("a: *x1")


def load_yaml_text(text: str) -> Any:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.yaml")
        path.write_text(text)
        return load_yaml(path)


@pytest.mark.parametrize("text", [f"eve:{SECRET}@127.0.0.1:80", f"http://eve:{SECRET}@127.0.0.1:x", CAMERA])
def test_an_address_to_bind_shows_no_password(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_address(text, "preview.bind")
    assert SECRET not in str(caught.value)
