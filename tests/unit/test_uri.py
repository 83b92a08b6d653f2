from __future__ import annotations

import pytest

from stream.uri import mask, parse_uri


@pytest.mark.parametrize(
    "text",
    ["a b.mp4", "C:\\clips\\a.mp4", "12:30:00.mp4", "frames/*.png", "what?.mp4", "a%20b.mp4", "concat:a|b"],
)
def test_plain_paths_are_taken_as_they_are(text: str) -> None:
    uri = parse_uri(text)
    assert (uri.scheme, uri.path, uri.options) == ("", text, {})


@pytest.mark.parametrize(
    ("text", "path", "options"),
    [
        ("clip.mkv?track=1", "clip.mkv", {"track": "1"}),
        ("/a b/c?.mp4?crop=0,0,64,48&track=deu", "/a b/c?.mp4", {"crop": "0,0,64,48", "track": "deu"}),
        ("what?=1.mp4", "what?=1.mp4", {}),
        ("a?x=1/b.png", "a?x=1/b.png", {}),
        ("?track=1", "?track=1", {}),
    ],
)
def test_options_at_the_end_of_a_plain_path(text: str, path: str, options: dict[str, str]) -> None:
    uri = parse_uri(text)
    assert (uri.scheme, uri.path, uri.options) == ("", path, options)


def test_a_uri_is_taken_apart() -> None:
    uri = parse_uri("Synthetic://street?seed=7&size=64x48")
    assert (uri.scheme, uri.path) == ("synthetic", "street")
    assert uri.options == {"seed": "7", "size": "64x48"}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("images://rel/folder", "rel/folder"),
        ("images:///abs/a%20b", "/abs/a b"),
        ("images://a%3Fb?rate=5", "a?b"),
    ],
)
def test_the_path_of_a_uri_is_decoded(text: str, path: str) -> None:
    assert parse_uri(text).path == path


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("rtsp://eve:s3cret@cam/1", "rtsp://eve:***@cam/1"),
        ("rtsp://eve:s3@cret@cam:554/1", "rtsp://eve:***@cam:554/1"),
        ("rtsp://eve:s3/cret@cam/1", "rtsp://eve:***@cam/1"),
        ("rtsp://:s3cret@cam/1", "rtsp://:***@cam/1"),
        ("http://cam/1?user=eve&password=s3cret&x=1", "http://cam/1?user=eve&password=***&x=1"),
        ("http://cam/1?access_token=s3cret", "http://cam/1?access_token=***"),
    ],
)
def test_secrets_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert str(parse_uri(text)) == masked


@pytest.mark.parametrize("text", ["rtsp://cam:554/street@north", "eve:s3cret@notes.mp4", "rtsp://eve@cam/1"])
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask(text) == text
