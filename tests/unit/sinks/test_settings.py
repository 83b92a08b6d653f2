"""Options of outputs: one model a kind of sink; what is of no use is refused before the first frame."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from stream.config import OutputSettings, RunSettings, validate
from stream.config.merge import overlay
from stream.errors import SinkError
from stream.sinks import check_outputs, sink_kinds, sink_settings
from stream.sinks.images import ImageSettings
from stream.sinks.null import NullSettings
from stream.sinks.picture import SUFFIXES
from stream.sinks.recording import RecordingSettings
from stream.sinks.restream import HlsSettings, ServerSettings
from stream.sinks.video import VideoSettings
from stream.sinks.video.settings import CONTAINERS
from stream.sinks.zeromq import PublisherSettings
from stream.uri import parse_uri


def settings(*outputs: dict[str, object]) -> RunSettings:
    return validate(
        RunSettings, {"visible": {"uri": "v.mp4"}, "thermal": {"uri": "t.mp4"}, "outputs": outputs}, "here"
    )


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("a.mp4", VideoSettings),
        ("file://a.MKV", VideoSettings),
        ("pictures/", ImageSettings),
        ("images://p?format=jpg", ImageSettings),
        ("recording://r", RecordingSettings),
        ("null://", NullSettings),
        ("zmq+tcp://127.0.0.1:0", PublisherSettings),
        ("zmq+ipc://socket", PublisherSettings),
        ("hls://site", HlsSettings),
        ("live.m3u8", HlsSettings),
        ("rtsp://host/x?segments=no", ServerSettings),
        ("rtmps://host/a/x", ServerSettings),
    ],
)
def test_a_uri_chooses_the_kind(uri: str, kind: type) -> None:
    chosen = sink_settings(OutputSettings(uri=uri))
    assert type(chosen) is kind
    with pytest.raises(ValidationError):
        chosen.uri = "other"


@pytest.mark.parametrize(
    "uri", ["null://", "zmq+tcp://127.0.0.1:0", "recording://r", "images://p", "hls://s"]
)
@pytest.mark.parametrize(
    "option", [{"sidecar": True}, {"audio": False}, {"encoder": "nonsense", "sidecar": True}]
)
def test_a_useless_option_is_refused(uri: str, option: dict[str, object]) -> None:
    with pytest.raises(SinkError, match=r"takes no .*sidecar|takes no audio"):
        check_outputs(settings({"uri": uri, **option}))


@pytest.mark.parametrize("uri", ["null://", "zmq+tcp://127.0.0.1:0", "recording://r", "images://p"])
@pytest.mark.parametrize("option", [{"encoder": "nonsense"}, {"quality": 12}])
def test_options_of_encoders_are_for_what_is_encoded(uri: str, option: dict[str, object]) -> None:
    with pytest.raises(SinkError, match=f"takes no {next(iter(option))}, only .*; leave it out"):
        check_outputs(settings({"uri": uri, **option}))


def test_a_flag_holds_for_the_outputs_that_take_it(tmp_path: Path) -> None:
    named = {
        "visible": "v.mp4",
        "thermal": "t.mp4",
        "output": [f"{tmp_path}/a.mp4", "null://"],
        "quality": 20,
    }
    both = validate(RunSettings, overlay({}, named), "here")
    check_outputs(both)
    video, null = (sink_settings(output, both.outputs) for output in both.outputs)
    assert isinstance(video, VideoSettings) and video.quality == 20
    assert isinstance(null, NullSettings)
    with pytest.raises(SinkError, match="takes no quality"):
        check_outputs(validate(RunSettings, overlay({}, {**named, "output": ["null://"]}), "here"))


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("zmq+tcp://127.0.0.1:0?wait_ms=1.5", "wait_ms must be a whole number from 0 to 60000, got '1.5'"),
        ("zmq+tcp://127.0.0.1:0?quality=0", "quality must be a whole number from 1 to 100, got '0'"),
        ("zmq+tcp://127.0.0.1:0?connect=perhaps", "connect must be 1 or 0, got 'perhaps'"),
        ("zmq+tcp://0.0.0.0:5555?public=0", "open to everybody"),
        ("zmq+tcp://0.0.0.0:5555?connect=0", "open to everybody"),
        ("images://p?format=bmp", "format must be one of png, jpg, tif, got 'bmp'"),
        ("hls://s?segments=2", "segments must be a whole number from 3"),
    ],
)
def test_a_query_is_checked(uri: str, words: str) -> None:
    with pytest.raises(SinkError, match=words):
        sink_settings(OutputSettings(uri=uri))


def test_public_and_connect_mean_yes_with_and_without_a_value() -> None:
    for query in ("public", "public=1", "connect", "connect=1"):
        sink_settings(OutputSettings(uri=f"zmq+tcp://0.0.0.0:5555?{query}"))


def test_a_socket_in_the_file_system_replaces_no_file(tmp_path: Path) -> None:
    file = tmp_path / "visible.mp4"
    file.touch()
    with pytest.raises(SinkError, match="is not a socket, so it would be removed"):
        sink_settings(OutputSettings(uri=f"zmq+ipc://{file}"))


@pytest.mark.parametrize(
    "uri",
    [
        *(f"a{suffix}" for suffix in (*CONTAINERS, *SUFFIXES, "/")),
        "file:///a.mp4", "file:///a.png", "images:///a", "hls:///a", "null://", "recording:///a",
        "rtsp://h/a", "rtmp://h/a",
        "zmq+tcp://127.0.0.1:5556", "zmq+ipc:///run/a",
    ],
)  # fmt: skip
def test_an_address_is_claimed_by_one_kind(uri: str) -> None:
    assert len([kind for kind in sink_kinds() if kind.claims(parse_uri(uri))]) == 1


def test_every_kind_says_how_it_is_written() -> None:
    assert all(kind.form and kind.kind and kind.schemes for kind in sink_kinds())
