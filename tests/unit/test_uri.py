from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stream.uri import mask, mask_text, parse_uri


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
        ("https://s3cret@cam/1", "https://***@cam/1"),
        ("https://s3cret:@cam/1", "https://***:***@cam/1"),
        ("rtsp://eve@corp.com:s3cret@cam/1", "rtsp://eve@corp.com:***@cam/1"),
        ("rtsp://admin:1234/5@10.0.0.5/1", "rtsp://admin:***@10.0.0.5/1"),
        ("rtsp://eve:s3cret@[::1]:554/1", "rtsp://eve:***@[::1]:554/1"),
        ("  rtsp://eve:s3cret@cam/1", "  rtsp://eve:***@cam/1"),
        ("'rtsp://eve:s3cret@cam/1'", "'rtsp://eve:***@cam/1'"),
        ("eve:s3cret@10.0.0.5/1", "eve:***@10.0.0.5/1"),
        ("rtsp:/eve:s3cret@cam/1", "rtsp:/eve:***@cam/1"),
        ("rtmp://a.example:1935/live2/s3cret-1", "rtmp://a.example:1935/live2/***"),
        ("RTMPS://a.example/app/x/s3cret?bw=1", "RTMPS://a.example/app/***"),
        ("https://store/w.bin?sv=1&sig=s3cret&x=1", "https://store/w.bin?sv=1&sig=***&x=1"),
        ("https://store/w.bin?code=s3cret", "https://store/w.bin?code=***"),
        ("https://store/w.bin?%74oken=s3cret", "https://store/w.bin?%74oken=***"),
        ("https://store/w.bin?x=A1b2C3d4E5f6G7h8I9j0", "https://store/w.bin?x=***"),
        ("https://store/w.bin?A1b2C3d4E5f6G7h8I9j0", "https://store/w.bin?***"),
        ("http://cam/1?password=a&s3cret", "http://cam/1?password=***&***"),
        ("srt://cam:9000?passphrase=s3cret&latency=9", "srt://cam:9000?passphrase=***&latency=9"),
        ("live://rtsp://eve:s3cret@cam/1", "live://rtsp://eve:***@cam/1"),
        ("chaos://disconnect@2!rtsp://eve:s3cret@cam/1", "chaos://disconnect@2!rtsp://eve:***@cam/1"),
    ],
)
def test_secrets_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert str(parse_uri(text)) == masked


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://cam:554/street@north",
        "eve:s3cret@notes.mp4",
        "12:30:00@night.mp4",
        "udp://@239.0.0.1:1234",
        "rtsp://[::1]:8554/street@north.example/1",
        "http://cam/1?codec=h264&resolution=1920x1080&profile=Profile_1",
        "synthetic://street?seed=1&size=160x120&duration=300",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask(text) == text
    assert mask_text(f"it has {text} in it") == f"it has {text} in it"


HOSTS = st.sampled_from(["cam.example", "10.0.0.5", "[fe80::1]", "camera", "cam.example:8554", "[::1]:554"])
SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=30)
WRAPPED = st.sampled_from(["", " ", "\t", "live://", "loop://", "chaos://disconnect@2+1/4!", "concat:"])


@given(
    WRAPPED,
    st.sampled_from(["rtsp", "rtsps", "http", "https", "rtmp", "srt", "HTTP"]),
    st.text("abcXYZ019._-@%+", max_size=12),
    SECRETS,
    st.booleans(),
    HOSTS,
)
def test_no_password_is_shown(
    before: str, scheme: str, user: str, secret: str, encoded: bool, host: str
) -> None:
    written = quote(secret, safe="") if encoded else secret
    shown = mask(f"{before}{scheme}://{user}:{written}@{host}/Streaming/101?profile=1")
    assert "***" in shown
    assume(written not in f"{before}{scheme}://{user}:***@{host}/Streaming/101?profile=1")
    assert written not in shown
    assert mask(shown) == shown


@given(
    st.sampled_from(["https", "rtsp", "rtmp", "srt"]),
    HOSTS,
    st.sampled_from(["sig", "code", "token", "X-Amz-Signature", "apiKey", "authToken", "pwd", "passphrase"]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=6),
    st.sampled_from(["?", "?x=1&", "?x=1;", "#"]),
)
def test_no_secret_value_is_shown(scheme: str, host: str, name: str, secret: str, before: str) -> None:
    written = quote(secret, safe="")
    shown = mask(f"{scheme}://{host}/a{before}{name}={written}&y=2")
    assume(written not in f"{scheme}://{host}/a{before}{name}=***&y=2")
    assert written not in shown
    assert mask(shown) == shown


@given(st.sampled_from(["https", "rtsp"]), st.text("abcXYZ019._-+%", min_size=4, max_size=40), HOSTS)
def test_no_token_in_place_of_a_user_is_shown(scheme: str, token: str, host: str) -> None:
    assume(token not in f"{scheme}://{host}")
    assert mask(f"{scheme}://{token}@{host}/a") == f"{scheme}://***@{host}/a"
    assert token not in mask(f"{scheme}://{token}:@{host}/a")


@given(st.text("abc019!$&'()*+,;=@%^ü", min_size=4, max_size=20), HOSTS)
def test_no_password_in_a_sentence_is_shown(secret: str, host: str) -> None:
    text = f"Got unexpected extra argument (rtsp://eve:{secret}@{host}/1)"
    assume(secret not in mask_text(text.replace(secret, "x")))
    assert secret not in mask_text(text)
    assert mask_text(mask_text(text)) == mask_text(text)


@given(st.text())
def test_any_text_can_be_masked(text: str) -> None:
    assert mask(mask(text)) == mask(text)
    assert isinstance(mask_text(text), str)
