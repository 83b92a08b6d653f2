"""Errors of opening a live stream: the sentence, and whether it is tried again."""

from __future__ import annotations

import errno

import av
import pytest

from stream.config import InputSettings
from stream.errors import PasswordError, RefusedError, SourceError
from stream.sources.live.address import address_of
from stream.sources.live.open_errors import explain_open
from stream.uri import parse_uri


def ffmpeg(kind: type[Exception], number: int = 5) -> Exception:
    return kind(number, "as the library says", "")


@pytest.mark.parametrize(
    ("error", "at_once", "kind", "says"),
    [
        (ffmpeg(av.error.HTTPUnauthorizedError), True, PasswordError, "refuses the user name or password"),
        (ffmpeg(av.error.HTTPForbiddenError), True, PasswordError, "check them in the URL"),
        (ffmpeg(av.error.HTTPNotFoundError), True, SourceError, "knows no such stream"),
        (ffmpeg(av.error.HTTPOtherClientError), True, SourceError, "refuses for now"),
        (OSError(errno.EBUSY, "busy"), True, SourceError, "another program uses the camera; end it"),
        (OSError(errno.ENODEV, "gone"), True, SourceError, "no such device"),
        (PermissionError(errno.EACCES, "no"), True, RefusedError, "add the user to the group video"),
        (OSError(errno.ECONNREFUSED, "no"), True, SourceError, "nothing listens there"),
        (OSError(errno.EHOSTUNREACH, "no"), True, SourceError, "the host cannot be reached"),
        (ffmpeg(av.error.ExitError), False, SourceError, "no answer in time"),
        (ffmpeg(av.error.InvalidDataError), True, RefusedError, "nothing that is known as video"),
        (ffmpeg(av.error.InvalidDataError), False, SourceError, "nothing that is known as video"),
        (ValueError("what is this"), True, RefusedError, "is not understood"),
    ],
)
def test_the_sentence_and_the_kind(error: Exception, at_once: bool, kind: type, says: str) -> None:
    explained = explain_open("rtsp://u:***@127.0.0.1/x", "rtsp://u:pw@127.0.0.1/x", error, at_once)
    assert type(explained) is kind
    assert says in str(explained) and str(explained).startswith("rtsp://u:***@127.0.0.1/x")


def address(uri: str, **settings: object):  # type: ignore[no-untyped-def]
    return address_of(parse_uri(uri), InputSettings.model_validate({"uri": uri, **settings}))


def test_a_v4l2_device_gives_raw_counts_with_the_kernels_stamps() -> None:
    found = address("v4l2:///dev/video2?size=640x512&rate=30&format=gray16le")
    assert (found.url, found.format, found.stamps) == ("/dev/video2", "v4l2", True)
    assert found.options == {
        "video_size": "640x512",
        "framerate": "30",
        "input_format": "gray16le",
        "timestamps": "abs",
    }


def test_rtsp_goes_by_tcp_unless_told_otherwise() -> None:
    uri = "rtsp://u:p@host:554/path?channel=1&subtype=0"
    assert address(uri).url == uri
    assert address(uri).options["rtsp_transport"] == "tcp"
    assert address(uri, transport="udp").options["rtsp_transport"] == "udp"
