"""The RTSP client: pictures end with their last packet, and nothing that was lost on the way goes unseen."""

from __future__ import annotations

import hashlib
import re
import struct
from fractions import Fraction
from itertools import chain

import pytest

from stream.sources.live.rtsp.access_units import AccessUnit, AccessUnits
from stream.sources.live.rtsp.authorization import Authorization
from stream.sources.live.rtsp.description import read_description
from tests.helpers.rtp import PAYLOAD_TYPE, RtpStream

HEADS = [b"\x67parameters", b"\x68set"]
KEY, PLAIN = [*HEADS, b"\x65" + bytes(range(7, 200)) * 20], [b"\x41" + bytes(range(7, 200)) * 20]


def sent(pictures: list[list[bytes]], marks: str = "last") -> list[list[bytes]]:
    """RTP packets of each picture at 30 frames/s; marked at their ends, at the end of all units, or never."""
    stream, packed = RtpStream(), []
    for index, units in enumerate(pictures):
        packets = list(stream.packets(units, Fraction(1000) + Fraction(index, 30)))
        if marks == "never":
            packets = [bytes([one[0], one[1] & 127]) + one[2:] for one in packets]
        if marks == "all":
            packets = [bytes([one[0], one[1] | 128]) + one[2:] for one in packets]
        packed.append(packets)
    return packed


def joined(units: list[bytes]) -> bytes:
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in units)


def taken(packets: list[bytes], reader: AccessUnits | None = None, codec: str = "h264") -> list[AccessUnit]:
    reader = reader or AccessUnits(codec, PAYLOAD_TYPE)
    return [unit for packet in packets for unit in reader.push(packet)]


def test_a_picture_is_given_with_its_last_packet_once_marks_are_believed() -> None:
    reader, pictures = AccessUnits("h264", PAYLOAD_TYPE), [KEY, *[PLAIN] * 7]
    given = [taken(packets, reader) for packets in sent(pictures)]
    assert [len(one) for one in given] == [0, 1, 1, 2, 1, 1, 1, 1]
    units = [*chain(*given)]
    assert [unit.data for unit in units] == [joined(one) for one in pictures]
    assert [unit.is_key for unit in units] == [True, *[False] * 7]
    assert not any(unit.is_corrupt for unit in units)
    assert [later.time - units[0].time for later in units] == [3000 * index for index in range(8)]


@pytest.mark.parametrize("marks", ["never", "all"])
def test_without_useful_marks_a_picture_ends_with_the_next(marks: str) -> None:
    pictures = [KEY, *[PLAIN] * 7]
    units = taken([*chain(*sent(pictures, marks))])
    assert [unit.data for unit in units] == [joined(one) for one in pictures[:-1]]
    assert not any(unit.is_corrupt for unit in units)


def test_marks_that_become_wrong_damage_one_picture_and_are_believed_no_more() -> None:
    halves = [b"\x41first half", b"\x41second"]
    packed = sent([KEY, *[PLAIN] * 5, halves, halves, PLAIN])
    for packets in packed[6:8]:
        packets[0] = packets[0][:1] + bytes([packets[0][1] | 128]) + packets[0][2:]
    units = taken([*chain(*packed)])
    assert [unit.data for unit in units[6:]] == [joined(halves[:1]), joined(halves[1:]), joined(halves)]
    assert [unit.is_corrupt for unit in units[6:]] == [False, True, False]


@pytest.mark.parametrize("place", [0, 1, -1])
def test_a_lost_packet_is_seen(place: int) -> None:
    packed = sent([KEY, *[PLAIN] * 5, KEY, PLAIN])
    del packed[4][place]
    units = taken([*chain(*packed)])
    corrupt = [unit.is_corrupt for unit in units]
    assert any(corrupt[4:6]) and not any(corrupt[:4])
    assert not corrupt[-2] and units[-2].is_key  # the next key picture lost nothing
    whole = [unit.data for unit in units if not unit.is_corrupt]
    assert set(whole) == {joined(KEY), joined(PLAIN)}


def test_a_lost_picture_is_seen() -> None:
    packed = sent([KEY, *[PLAIN] * 5, KEY, PLAIN])
    del packed[4]
    assert [unit.is_corrupt for unit in taken([*chain(*packed)])] == [False] * 4 + [True] + [False] * 2


def test_several_units_in_one_packet_and_time_that_wraps() -> None:
    together = b"\x18" + b"".join(struct.pack(">H", len(unit)) + unit for unit in KEY[:2] + PLAIN)
    times = [0xFFFFFFFF - 2999, 0, 3000]
    packets = [
        struct.pack(">BBHII", 0x80, PAYLOAD_TYPE | 128, 0xFFFF + number & 0xFFFF, time, 1) + together
        for number, time in enumerate(times)
    ]
    units = taken(packets)
    assert [unit.data for unit in units] == [joined(KEY[:2] + PLAIN)] * 2
    assert units[1].time - units[0].time == 3000 and not units[1].is_corrupt


def test_fragments_of_h265() -> None:
    unit = bytes([19 << 1, 1]) + bytes(range(100))  # an IDR picture
    parts = [unit[2:50], unit[50:80], unit[80:]]
    flags = [128 | 19, 19, 64 | 19]
    packets = [
        struct.pack(">BBHII", 0x80, PAYLOAD_TYPE | (place == 2) << 7, place, 9, 1)
        + bytes([49 << 1, 1, flags[place]])
        + part
        for place, part in enumerate(parts)
    ]
    end = struct.pack(">BBHII", 0x80, PAYLOAD_TYPE, 3, 10, 1) + bytes([35 << 1, 1, 80])
    (found,) = taken([*packets, end], codec="hevc")
    assert found.data == joined([unit]) and found.is_key and not found.is_corrupt


DESCRIPTION = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\na=control:*\r\nm=audio 0 RTP/AVP 0\r\na=control:track1\r\n"
    "m=video 0 RTP/AVP 97\r\na=rtpmap:97 {codec}/90000\r\n"
    "a=fmtp:97 packetization-mode=1;sprop-parameter-sets=Z0IAHg==,aM4=\r\na=control:{control}\r\n"
)


def test_a_description_is_read() -> None:
    told = read_description(DESCRIPTION.format(codec="H264", control="track2"), "rtsp://camera/live/")
    assert told is not None
    assert (told.codec, told.payload_type, told.clock_hz) == ("h264", 97, 90_000)
    assert told.track_url == "rtsp://camera/live/track2" and told.session_url == "rtsp://camera/live/"
    assert told.parameter_sets == joined([b"\x67\x42\x00\x1e", b"\x68\xce"])
    elsewhere = read_description(DESCRIPTION.format(codec="h264", control="rtsp://nat/2"), "rtsp://camera/")
    assert elsewhere is not None and elsewhere.track_url == "rtsp://nat/2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        DESCRIPTION.format(codec="JPEG", control="x"),
        DESCRIPTION.format(codec="H264", control="x").replace("mode=1", "mode=2"),
    ],
)
def test_what_is_unusual_is_left_to_libav(text: str) -> None:
    assert read_description(text, "rtsp://camera/") is None


def test_a_digest_as_the_standard_has_it() -> None:
    # RFC 7616, 3.9.1, with the client's own nonce read back.
    asked = 'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj"'
    login = Authorization("Mufasa", "Circle of Life")
    assert login.field("DESCRIBE", "rtsp://camera/") == ""
    assert login.asked(['Basic realm="x"', asked])
    field = login.field("DESCRIBE", "rtsp://camera/")
    values = dict(re.findall(r'(\w+)="?([^",]+)"?', field))

    def hashed(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    who, what = hashed("Mufasa:http-auth@example.org:Circle of Life"), hashed("DESCRIBE:rtsp://camera/")
    expected = hashed(f"{who}:7ypf/xlj:00000001:{values['cnonce']}:auth:{what}")
    assert values["response"] == expected and values["nc"] == "00000001"


def test_a_plain_password() -> None:
    login = Authorization("anna", "p")
    assert login.asked(['Basic realm="x"'])
    assert login.field("PLAY", "x") == "Basic YW5uYTpw"
    assert not Authorization("", "").asked(['Basic realm="x"'])
