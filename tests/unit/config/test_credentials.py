"""User names and passwords of cameras, from settings and the environment; pairs from one address."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.config import InputSettings, RunSettings, validate
from stream.config.environment import load_config
from stream.config.merge import describe, overlay, public_values
from stream.config.pair import pair_of
from stream.errors import ConfigError, RefusedError
from stream.sources.live.address import address_of
from stream.uri import parse_uri, with_credentials

PASSWORDS = ["plain1", "p@ss", "p#ss", "p%ss", "a:b", "a/b", "a?b=c", "pä$s&x", "[x]", "a b", "p^!*()"]
OUTPUTS: dict[str, Any] = {"outputs": [{"uri": "null://"}]}


def told(url: str) -> tuple[str, str, str]:
    """User, password and host as libav reads them."""
    parts = urlsplit(url)
    return unquote(parts.username or ""), unquote(parts.password or ""), parts.hostname or ""


@pytest.mark.parametrize("password", PASSWORDS)
def test_passwords_in_a_uri_may_be_written_as_they_are(password: str) -> None:
    assert told(with_credentials(f"rtsp://admin:{password}@10.0.0.5:554/cam")) == (
        "admin",
        password,
        "10.0.0.5",
    )


@given(
    st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["cam", "10.0.0.5:554", "[::1]:554"])
)
def test_passwords_of_their_own_setting_may_be_anything(password: str, host: str) -> None:
    for uri in (f"rtsp://{host}/a?b=c", f"rtsp://eve:old@{host}/a?b=c"):
        url = with_credentials(uri, "admin", password)
        user, got, _ = told(url)
        assert (user, got) == ("admin", password)
        assert url.endswith(f"@{host}/a?b=c") and url.isascii() and " " not in url


@pytest.mark.parametrize(
    "uri",
    ["rtsp://cam/1", "rtsp://[::1]:554/a@b", "rtsp://cam:554/a@b.c/d", "rtsp://eve:p%40ss@cam/1", "a.mp4"],
)
def test_what_is_right_already_stays(uri: str) -> None:
    assert with_credentials(uri) == uri


def test_a_camera_gets_the_password_of_the_settings() -> None:
    settings = validate(InputSettings, {"uri": "rtsp://cam/1", "user": "admin", "password": "p@/ss"}, "x")
    assert address_of(parse_uri(settings.uri), settings).url == "rtsp://admin:p%40%2Fss@cam/1"


def test_a_password_that_libav_would_cut_is_refused() -> None:
    settings = validate(InputSettings, {"uri": "rtsp://cam/1", "user": "admin", "password": "@" * 60}, "x")
    with pytest.raises(RefusedError, match="at most 127 are sent") as caught:
        address_of(parse_uri(settings.uri), settings)
    assert "%40" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"uri": "a.mp4", "user": "eve"}, r"for rtsp:// and http:// cameras"),
        ({"uri": "v4l2:///dev/video0", "password": "hunter2"}, r"for rtsp:// and http:// cameras"),
        ({"uri": "rtsp://cam/1", "password": "hunter2"}, "needs its user"),
        ({"uri": "rtsp://cam/1", "user": "a:b", "password": "hunter2"}, "no colon"),
    ],
)
def test_a_password_of_no_use_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        validate(InputSettings, change, "x")
    assert "hunter2" not in str(caught.value)


def test_variables_of_the_environment_stand_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    password = "p@ss: #*&!%{}[]'\"\\$"
    monkeypatch.setenv("CAM_PASSWORD", password)
    monkeypatch.setenv("CAM_HOST", "10.0.0.5")
    path = tmp_path / "run.yaml"
    path.write_text(
        "visible: {uri: 'rtsp://${CAM_HOST}/1', user: admin, password: '${CAM_PASSWORD}'}\n"
        "thermal: {uri: t.mp4, name: '$${CAM_HOST} $CAM_HOST ${}'}\n"
        "outputs: [{uri: 'rtsp://${CAM_HOST}/fused'}]\n"
    )
    settings = validate(RunSettings, overlay(load_config(path), {}), "x")
    assert settings.visible.uri == "rtsp://10.0.0.5/1"
    assert settings.visible.password and settings.visible.password.get_secret_value() == password
    assert settings.thermal.name == "${CAM_HOST} $CAM_HOST ${}"
    assert settings.outputs[0].uri == "rtsp://10.0.0.5/fused"
    for text in (str(public_values(settings)), describe(settings, {}, {}), repr(settings)):
        assert password not in text and "p@ss" not in text


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CAM_PASSWORD", raising=False)
    path = tmp_path / "run.yaml"
    path.write_text("visible: {uri: 'rtsp://cam/1', user: admin, password: '${CAM_PASSWORD}'}\n")
    with pytest.raises(ConfigError, match=r"visible\.password needs the environment variable CAM_PASSWORD"):
        load_config(path)


def test_the_environment_fills_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIFNET_VISIBLE_USER", "admin")
    monkeypatch.setenv("GIFNET_VISIBLE_PASSWORD", "p@ss")
    monkeypatch.setenv("GIFNET_THERMAL_USER", "unused")
    values = overlay(OUTPUTS, {"visible": "rtsp://cam/1", "thermal": "t.mp4"})
    settings = validate(RunSettings, values, "x")
    assert settings.visible.user == "admin" and settings.visible.password
    assert settings.thermal.user is None
    assert overlay(OUTPUTS, {"visible": "rtsp://cam/1", "visible_user": "eve"})["visible"]["user"] == "eve"


@pytest.mark.parametrize(
    ("path", "visible", "thermal"),
    [
        ("hikvision", "Streaming/Channels/101", "Streaming/Channels/201"),
        ("Hikvision/", "Streaming/Channels/101", "Streaming/Channels/201"),
        ("Streaming/Channels/102", "Streaming/Channels/102", "Streaming/Channels/202"),
        (
            "ISAPI/Streaming/channels/901?a=b",
            "ISAPI/Streaming/channels/901?a=b",
            "ISAPI/Streaming/channels/1001?a=b",
        ),
        ("dahua", "cam/realmonitor?channel=1&subtype=0", "cam/realmonitor?channel=2&subtype=0"),
        ("cam/realmonitor?channel=3", "cam/realmonitor?channel=3", "cam/realmonitor?channel=4"),
        ("axis", "axis-media/media.amp?camera=1", "axis-media/media.amp?camera=2"),
        ("axis-media/media.amp", "axis-media/media.amp?camera=1", "axis-media/media.amp?camera=2"),
        (
            "axis-media/media.amp?x=y",
            "axis-media/media.amp?camera=1&x=y",
            "axis-media/media.amp?camera=2&x=y",
        ),
    ],
)
@pytest.mark.parametrize("host", ["cam", "cam:8554", "eve:p%40ss@[::1]:554"])
def test_a_pair_is_two_channels_of_one_device(host: str, path: str, visible: str, thermal: str) -> None:
    told_paths = pair_of(f"rtsp://{host}/{path}".replace("%40", "@"))
    assert told_paths == (f"rtsp://{host}/{visible}", f"rtsp://{host}/{thermal}")


@pytest.mark.parametrize(
    "uri",
    ["rtsp://eve:hunter2@cam/other", "http://eve:hunter2@cam/axis", "rtsp://eve:hunter2@[/axis", "axis"],
)
def test_a_pair_of_an_unknown_device_is_one_sentence(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"^pair ") as caught:
        pair_of(uri)
    assert "hunter2" not in str(caught.value)


def test_a_pair_takes_one_user_for_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIFNET_VISIBLE_PASSWORD", "p@ss")
    named = {"pair": "rtsp://cam/axis", "visible_user": "admin"}
    settings = validate(RunSettings, overlay(OUTPUTS, named), "x")
    assert settings.thermal.uri == "rtsp://cam/axis-media/media.amp?camera=2"
    assert settings.thermal.user == "admin"


def test_inputs_of_the_command_line_win_over_a_pair_and_the_reverse() -> None:
    pair, two = {"pair": "rtsp://cam/axis"}, {"visible": "v.mp4", "thermal": "t.mp4"}
    settings = validate(RunSettings, overlay(OUTPUTS | pair, two), "x")
    assert (settings.visible.uri, settings.pair) == ("v.mp4", None)
    from_file = OUTPUTS | {side: {"uri": uri} for side, uri in two.items()}
    assert validate(RunSettings, overlay(from_file, pair), "x").visible.uri.startswith(
        "rtsp://cam/axis-media"
    )
    with pytest.raises(ConfigError, match=r"leave out pair, or visible\.uri"):
        overlay(from_file | pair, {})
