"""One file as a pair: video tracks, and parts of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from stream.config import FuseSettings, InputSettings, ThermalInputSettings, validate
from stream.config.crop import parse_crop
from stream.errors import ConfigError, SourceError
from stream.frame import Frame, Side
from stream.sources import open_source
from stream.sources.part import same_pictures
from tests.helpers.media import Pixels, moving_pattern, write_video

LOSSLESS = {"preset": "veryfast", "qp": "0"}


def read(uri: str | Path, role: Side = "visible", **settings: Any) -> list[Frame]:
    kind = InputSettings if role == "visible" else ThermalInputSettings
    with open_source(kind(uri=str(uri), **settings), role) as source:
        frames = list(source)
        assert (source.info.width, source.info.height) == frames[0].size
        return frames


def refusal(uri: str | Path, **settings: Any) -> str:
    with pytest.raises(SourceError) as caught:
        open_source(InputSettings(uri=str(uri), **settings), "visible")
    return str(caught.value)


def two_tracks(folder: Path) -> tuple[Path, list[Pixels]]:
    """A file with a track of H.264 in English and one of counts in German."""
    counts = moving_pattern(6, (32, 24), depth=14)
    parts = [
        write_video(folder / "visible.mkv", moving_pattern(6, colour=True)),
        write_video(folder / "thermal.mkv", counts),
    ]
    path = folder / "both.mkv"
    with av.open(str(path), "w") as target:
        opened = [av.open(str(part)) for part in parts]
        streams = [target.add_stream_from_template(each.streams.video[0]) for each in opened]
        streams[0].metadata["language"], streams[1].metadata["language"] = "eng", "deu"
        streams[1].metadata["title"] = "Thermal camera"
        packets = [
            (packet, stream)
            for container, stream in zip(opened, streams, strict=True)
            for packet in container.demux(video=0)
            if packet.size
        ]
        for packet, stream in sorted(packets, key=lambda each: (each[0].dts is not None, each[0].dts or 0)):
            packet.stream = stream
            target.mux(packet)
        for each in opened:
            each.close()
    return path, counts


@pytest.mark.parametrize("track", ["1", "deu", "DEU", "thermal camera"])
def test_a_track_by_number_language_or_title(tmp_path: Path, track: str) -> None:
    path, counts = two_tracks(tmp_path)
    by_uri, by_setting = read(f"{path}?track={track}", "thermal"), read(path, "thermal", track=track)
    for frames in (by_uri, by_setting):
        np.testing.assert_array_equal([frame.pixels for frame in frames], counts)
    assert [frame.time_s for frame in by_uri] == [frame.time_s for frame in read(f"{path}?track=0")]


def test_several_tracks_of_which_none_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, _ = two_tracks(tmp_path)
    assert read(path)[0].pixel_format == "rgb24"
    (said,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert "track 0 (h264, 64x48, yuv420p, eng), track 1 (ffv1, 32x24, gray16le, deu, Thermal camera)" in said
    assert f"track 0 is taken, name another as in {path}?track=1" in said


@pytest.mark.parametrize("track", ["2", "fra", "-1", ""])
def test_a_track_that_is_not_there(tmp_path: Path, track: str) -> None:
    path, _ = two_tracks(tmp_path)
    assert f"has no video track {track}; it has track 0 (h264" in refusal(f"{path}?track={track}")


def test_what_has_no_tracks(tmp_path: Path) -> None:
    assert "has no tracks; leave out track=0" in refusal("synthetic://street?seed=1", track="0")


@pytest.mark.parametrize(
    ("crop", "box"),
    [
        ("left", (0, 0, 32, 47)),
        ("right", (33, 0, 32, 47)),
        ("top", (0, 0, 65, 23)),
        ("bottom", (0, 24, 65, 23)),
        ("3,5,20,10", (3, 5, 20, 10)),
        ("0,0,65,47", (0, 0, 65, 47)),
    ],
)
def test_parts_of_a_picture(crop: str, box: tuple[int, int, int, int]) -> None:
    assert parse_crop(crop).box((65, 47)) == box


@pytest.mark.parametrize("crop", ["60,0,10,10", "0,40,10,10"])
def test_a_part_beyond_the_picture(tmp_path: Path, crop: str) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pattern(2))
    assert f"crop={crop} reaches beyond its 64x48 pixels" in refusal(f"{path}?crop={crop}")


@pytest.mark.parametrize("crop", ["middle", "1,2,3", "0,0,0,5", "-1,0,5,5", ""])
def test_what_is_no_part(tmp_path: Path, crop: str) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pattern(2))
    assert "a crop is left, right, top, bottom or X,Y,WIDTH,HEIGHT" in refusal(f"{path}?crop={crop}")
    with pytest.raises(ConfigError, match=r"thermal\.crop: a crop is left"):
        validate(FuseSettings, {"visible": {"uri": "a"}, "thermal": {"uri": "b", "crop": crop}}, "here")


def test_a_split_screen_is_a_pair(tmp_path: Path) -> None:
    pictures = moving_pattern(3, (128, 48), colour=True)
    path = write_video(tmp_path / "v.mp4", pictures, options=LOSSLESS)
    whole, left, right = read(path), read(f"{path}?crop=left", "thermal"), read(f"file://{path}?crop=right")
    assert left[0].pixel_format == "gray8" and left[0].size == (64, 48)
    for one, other in zip(whole, right, strict=True):
        np.testing.assert_array_equal(other.pixels, one.pixels[:, 64:])
        assert np.asarray(other.pixels).flags.c_contiguous and other.time_s == one.time_s


def test_rows_are_cut_off_the_part(tmp_path: Path) -> None:
    counts = moving_pattern(2, (64, 48), depth=16)
    path = write_video(tmp_path / "t.mkv", counts)
    (first, _) = read(f"{path}?crop=bottom", "thermal", cut_bottom=4)
    np.testing.assert_array_equal(first.pixels, counts[0][24:44])


def test_a_part_of_pictures_and_of_generated_scenes() -> None:
    (first, *_) = read("synthetic://street?seed=1&size=64x48&duration=1", crop="0,0,16,8")
    assert first.size == (16, 8)


def doubt(path: Path, visible: str = "", thermal: str = "") -> str:
    uris = {"visible": {"uri": f"{path}{visible}"}, "thermal": {"uri": f"file://{path}{thermal}"}}
    settings = validate(FuseSettings, uris, "here")
    with open_source(settings.visible, "visible") as one, open_source(settings.thermal, "thermal") as other:
        return same_pictures(settings, one.info, other.info)


def test_the_same_pictures_for_both_sides_are_told(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pattern(2))
    assert "the same pictures of" in doubt(path)
    assert doubt(path, "?crop=left", "?crop=right") == ""


def test_the_same_track_for_both_sides_is_refused(tmp_path: Path) -> None:
    path, _ = two_tracks(tmp_path)
    with pytest.raises(SourceError, match=r"the same track of .*track=0 and .*track=1"):
        doubt(path)
    assert doubt(path, "?track=0", "?track=1") == ""


@pytest.mark.refdata
def test_reported_files(refdata: Path) -> None:
    folder = refdata / "cases/files/15-two-pictures-in-one-video"
    counts = read(folder / "two_tracks.mkv?track=1", "thermal")
    assert len(counts) == 12 and counts[0].bits == 16 and counts[0].size == (160, 120)
    visible = read(folder / "left_thermal_right_visible.mp4?crop=right")
    thermal = read(folder / "left_thermal_right_visible.mp4?crop=left", "thermal")
    assert (visible[0].size, thermal[0].size) == ((160, 120), (160, 120))
    alone = read(folder / "two_tracks.mkv?track=0")
    assert np.abs(visible[0].pixels.astype(int) - alone[0].pixels).mean() < 3
