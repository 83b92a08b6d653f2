"""Lost packets: no picture that comes out shows anything but what the camera saw."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Collection
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from stream.sources.live.frame_numbers import FrameNumbers
from stream.sources.live.whole_pictures import WholePictures

SIZE = (160, 128)
GROUP, COUNT = 15, 60

# Encoders as cameras have them: options of x264 and x265.
H264 = {
    "baseline": "bframes=0:cabac=0:ref=1",
    "main": "bframes=0:ref=3",
    "b frames": "bframes=2:b-pyramid=normal:ref=4",
    "open groups": "bframes=2:open-gop=1",
    "slices": "bframes=0:slices=4",
    "scaling lists": "cqm=jvt:8x8dct=1:bframes=0",
    "interlaced": "tff=1:bframes=0",
    "intra refresh": "intra-refresh=1:bframes=0",
}


def picture(index: int) -> NDArray[np.uint8]:
    """A pattern that moves on and is new in part, so that every picture differs."""
    rng = np.random.default_rng(index // 20)
    width, height = SIZE
    coarse = rng.integers(20, 235, (height // 8, width // 8))
    grey = np.roll(np.kron(coarse, np.ones((8, 8))), (2 * index, 3 * index), (0, 1))
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def coded(container: str, encoder: str, parameters: str) -> bytes:
    """A stream of `COUNT` pictures, a key picture every `GROUP`."""
    file = io.BytesIO()
    name = "x264-params" if encoder == "libx264" else "x265-params"
    more = "" if encoder == "libx264" else ":log-level=none"
    options = {"preset": "veryfast", name: f"{parameters}:repeat-headers=1:threads=1{more}", "crf": "24"}
    with av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(encoder, rate=25, options=options)
        stream.width, stream.height = SIZE
        stream.pix_fmt, stream.codec_context.gop_size = "yuv420p", GROUP
        for index in range(COUNT):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def shown(
    data: bytes,
    container: str,
    lost: Collection[int] = (),
    keeps: bool = False,
    cut: int | None = None,
    before: bytes = b"",
    before_keys: bool = True,
) -> tuple[dict[int, NDArray[Any]], Counter[str]]:
    """Pictures by their stamps, where packets with these numbers are lost, or one lacks its middle."""
    left_out: Counter[str] = Counter()
    with av.open(io.BytesIO(data), format=container) as opened:
        stream = opened.streams.video[0]
        stream.thread_type = "NONE"
        whole = WholePictures("camera", stream, left_out, keeps, timed=True)
        packets = [packet for packet in opened.demux(stream) if packet.size]
        if cut is not None:
            packets[cut] = without_middle(packets[cut])
        if before:
            packets = [
                changed(packet, before + bytes(packet)) if before_keys or not packet.is_keyframe else packet
                for packet in packets
            ]
        arrived = (packet for number, packet in enumerate(packets) if number not in lost)
        pictures = {frame.pts: frame.to_ndarray(format="gray") for frame in whole.decode(arrived)}
    return pictures, left_out


def test_packets_before_the_first_whole_picture_do_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with a camera whose every picture is refused, and whose key pictures are minutes apart."""
    monkeypatch.setattr("stream.sources.live.whole_pictures.MOST_BEGINNING", 5)
    with av.open(io.BytesIO(coded("mpegts", "libx264", "bframes=0")), format="mpegts") as opened:
        stream = opened.streams.video[0]
        stream.thread_type = "NONE"
        whole = WholePictures("camera", stream, Counter(), False, timed=True)
        packets = [changed(packet, bytes(packet)[:40]) for packet in opened.demux(stream) if packet.size]
        since_key = 0
        for packet in packets:
            since_key = 1 if packet.is_keyframe else since_key + 1
            assert not list(whole.decode([packet]))
            assert whole._begin is not None and len(whole._begin) == (since_key if since_key <= 5 else 0)
    assert len(packets) > GROUP


def without_middle(packet: Any) -> Any:
    data = bytes(packet)
    third = len(data) // 3
    return changed(packet, data[:third] + data[2 * third :])


def changed(packet: Any, data: bytes) -> Any:
    """A packet with other bytes."""
    other = av.Packet(data)
    other.pts, other.dts, other.time_base = packet.pts, packet.dts, packet.time_base
    other.is_keyframe, other.stream = packet.is_keyframe, packet.stream
    return other


def wrong(pictures: dict[int, NDArray[Any]], truth: dict[int, NDArray[Any]]) -> list[int]:
    """Stamps of pictures that differ from the undamaged ones."""
    return [
        pts
        for pts, pixels in pictures.items()
        if np.abs(pixels.astype(int) - truth[pts]).mean() > 0.5
    ]  # fmt: skip


@pytest.mark.parametrize("container", ["mpegts", "matroska"])
@pytest.mark.parametrize("kind", H264)
def test_a_whole_stream_has_no_gap(kind: str, container: str) -> None:
    data = coded(container, "libx264", H264[kind])
    pictures, lost = shown(data, container)
    assert len(pictures) >= COUNT - 4 and set(lost) <= {"unstamped", "before_key_frame"}


@pytest.mark.parametrize("kind", ["baseline", "main", "b frames", "open groups", "slices", "interlaced"])
def test_after_a_lost_picture_nothing_comes_before_the_next_key_picture(kind: str) -> None:
    data = coded("mpegts", "libx264", H264[kind])
    truth, _ = shown(data, "mpegts")
    for number in range(16, 32):
        pictures, lost = shown(data, "mpegts", {number})
        assert not wrong(pictures, truth), number
        assert len(pictures) >= COUNT - 2 * GROUP - 4 - lost["unstamped"]
    kept, _ = shown(data, "mpegts", {20}, keeps=True)
    assert len(kept) >= COUNT - 6


@pytest.mark.parametrize("kind", ["baseline", "main", "slices"])
def test_a_picture_that_lost_its_middle_is_damaged(kind: str) -> None:
    data = coded("mpegts", "libx264", H264[kind])
    truth, _ = shown(data, "mpegts")
    for number in range(16, 30):
        pictures, _ = shown(data, "mpegts", cut=number)
        assert not wrong(pictures, truth), number
        assert len(pictures) >= COUNT - 2 * GROUP - 4


def test_h265_says_what_is_missing() -> None:
    data = coded("mpegts", "libx265", "bframes=0:ref=2")
    truth, none = shown(data, "mpegts")
    assert len(truth) >= COUNT - 1 and set(none) <= {"unstamped"}
    for number in range(16, 29):
        pictures, lost = shown(data, "mpegts", {number})
        assert not wrong(pictures, truth), number
        assert lost["corrupt"] > 0 and len(pictures) >= COUNT - GROUP - 2


@pytest.mark.parametrize(("encoder", "unit"), [("libx264", "06"), ("libx265", "4e01")])
def test_a_camera_that_breaks_the_standard_is_seen_all_the_same(
    encoder: str, unit: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Before every picture a message that ends too early, at which a decoder that checks all gives up."""
    data = coded("mpegts", encoder, "bframes=0")
    caplog.set_level("INFO")
    message = bytes.fromhex("00000001" + unit + "01c81234567880")
    pictures, lost = shown(data, "mpegts", before=message)
    assert len(pictures) >= COUNT - 4
    assert lost["corrupt"] == lost["after_damage"] == 0
    assert "breaks the standard" in caplog.text


@pytest.mark.parametrize(("encoder", "unit"), [("libx264", "06"), ("libx265", "4e01")])
def test_a_camera_that_breaks_the_standard_but_in_key_pictures_is_seen_soon(encoder: str, unit: str) -> None:
    data = coded("mpegts", encoder, "bframes=0")
    message = bytes.fromhex("00000001" + unit + "01c81234567880")
    pictures, lost = shown(data, "mpegts", before=message, before_keys=False)
    assert len(pictures) >= COUNT - 2 * GROUP and lost["corrupt"] <= 2 * GROUP


def test_pictures_that_stand_alone_are_lost_alone() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream: Any = output.add_stream("mjpeg", rate=25)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuvj420p"
        for index in range(20):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24").reformat(format="yuvj420p")
            frame.pts = index
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    pictures, lost = shown(file.getvalue(), "matroska", {7})
    assert len(pictures) == 19 and not lost


def test_frame_numbers_without_a_parameter_set_say_nothing() -> None:
    numbers = FrameNumbers(None)
    assert not numbers.misses_reference(b"\x00\x00\x00\x01\x41\x9a\x24\x6c")
    assert numbers.misses_reference(b"\x9a\x24\x6c\x41"), "its beginning was lost"
