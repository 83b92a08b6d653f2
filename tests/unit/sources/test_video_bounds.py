"""Video files that would take all memory, or never end."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from stream.config import InputSettings
from stream.errors import SourceError
from stream.sources import open_source
from stream.sources.video.packets import PictureReader
from stream.sources.video.timeline import Timeline


class EndlessPacket:
    """The last packet of a file, empty, whose decoding fails again and again."""

    size = 0
    pts = None

    def __init__(self, before: int = 10**9) -> None:
        self.tries, self._before = 0, before

    def decode(self) -> list[str]:
        self.tries += 1
        if self.tries <= self._before:
            raise av.error.InvalidDataError(1, "invalid data")
        return ["picture"]


def decoding(packet: EndlessPacket) -> tuple[list[Any], Counter[str]]:
    reader = PictureReader.__new__(PictureReader)
    reader.lost, reader._in_hardware = Counter(), False
    reader._timeline = Timeline("v", Fraction(25), Fraction(1, 25))
    return list(reader._decode_packet(packet)), reader.lost


def test_a_last_packet_that_fails_for_ever_is_one_lost_picture() -> None:
    packet = EndlessPacket()
    assert decoding(packet) == ([], {"corrupt": 1})
    assert packet.tries < 100


def test_a_last_packet_gives_out_what_is_behind_damaged_pictures() -> None:
    assert decoding(EndlessPacket(3)) == (["picture"], {"corrupt": 3})


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A video of one picture of 92 million pixels, 100 kB long."""
    path = tmp_path_factory.mktemp("large") / "large.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "threads": "1"})
        stream.width = stream.height = 9600
        stream.pix_fmt = "yuv420p"
        picture = av.VideoFrame(9600, 9600, "yuv420p")
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    yield path
    path.unlink()


def test_a_video_of_too_many_pixels_is_refused(large: Path) -> None:
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceError, match="states pictures of 9600x9600 pixels; up to 67 million are read"):
        open_source(InputSettings(uri=str(large)), "visible")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 100_000  # kB


@pytest.mark.refdata
def test_the_case_of_an_endless_last_packet_ends(refdata: Path) -> None:
    path = refdata / "cases" / "hostile" / "endless_last_packet.mkv"
    try:
        with open_source(InputSettings(uri=str(path)), "visible") as source:
            assert all(frame.pixels.size for frame in source)
    except SourceError:
        return
