"""Outputs replace no links, devices or files of other programs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stream.config import OutputSettings
from stream.errors import ConfigError, SinkError
from stream.monitoring.report import RunReport
from stream.recording.writer import RecordingWriter
from stream.runtime.clock import SystemClock
from stream.sinks import Sink, SinkOptions, open_sink
from tests.helpers.fused import fused_frame


def opened(uri: object, **options: object) -> Sink:
    return open_sink(OutputSettings.model_validate({"uri": str(uri), **options}), SinkOptions())


def write_one(uri: object, **options: object) -> None:
    with opened(uri, **options) as sink:
        sink.write(fused_frame(0))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A file that nothing may write to."""
    folder = tmp_path / "else"
    folder.mkdir()
    path = folder / "other"
    path.write_text("precious")
    return path


def test_a_report_replaces_no_device_and_no_link(tmp_path: Path, other: Path) -> None:
    report = RunReport(SystemClock())
    with pytest.raises(ConfigError, match="/dev/full cannot be written: it is a device"):
        report.write(Path("/dev/full"))
    assert Path("/dev/full").is_char_device()
    (tmp_path / "r.json").symlink_to(other)
    with pytest.raises(ConfigError, match="it is a link"):
        report.write(tmp_path / "r.json")
    assert other.read_text() == "precious"


def test_a_planted_part_file_of_a_report_is_left_alone(tmp_path: Path, other: Path) -> None:
    (tmp_path / "r.json.part").symlink_to(other)
    RunReport(SystemClock()).write(tmp_path / "r.json")
    assert other.read_text() == "precious" and (tmp_path / "r.json.part").is_symlink()


def test_a_video_in_the_place_of_a_device(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").symlink_to("/dev/full")
    os.mkfifo(tmp_path / "b.mp4")
    for name in ("a.mp4", "b.mp4"):
        with pytest.raises(SinkError, match="is a device, a pipe or a socket"):
            opened(tmp_path / name)


@pytest.mark.parametrize("make", ["foreign", "link", "device"])
def test_a_sidecar_replaces_an_earlier_sidecar_only(tmp_path: Path, other: Path, make: str) -> None:
    sidecar = tmp_path / "a.jsonl"
    write_one(tmp_path / "a.mp4", sidecar=True)
    write_one(tmp_path / "a.mp4", sidecar=True)
    assert len(sidecar.read_text().splitlines()) == 1
    sidecar.unlink()
    if make == "foreign":
        sidecar.write_text('{"mine": 1}\n')
    else:
        sidecar.symlink_to(other if make == "link" else "/dev/null")
    with pytest.raises(SinkError, match=r"the sidecar .* (would overwrite|cannot be written: it is a link)"):
        opened(tmp_path / "a.mp4", sidecar=True)
    assert other.read_text() == "precious"


def test_a_later_segment_replaces_no_foreign_sidecar(tmp_path: Path) -> None:
    foreign = tmp_path / "a-0001.jsonl"
    foreign.write_text('{"mine": 1}\n')
    with opened(tmp_path / "a.mp4", sidecar=True, segment_s=1) as sink:
        for second in range(3):
            sink.write(fused_frame(second, time_s=second))
    assert foreign.read_text() == '{"mine": 1}\n'
    assert (tmp_path / "a-0001-2.jsonl").exists()


def test_pictures_replace_those_of_an_earlier_run_only(tmp_path: Path, other: Path) -> None:
    folder = tmp_path / "p"
    write_one(f"{folder}/")
    (folder / "000001.png").write_bytes(b"cut off when the run was killed")
    write_one(f"{folder}/")
    (folder / "000007.png").write_bytes(b"mine")
    with pytest.raises(SinkError, match=r"000007\.png is not a picture of an earlier run"):
        opened(f"{folder}/")
    (folder / "000007.png").unlink()
    (folder / "times.csv").write_text("frame;seconds\n")
    with pytest.raises(SinkError, match="another program's"):
        opened(f"{folder}/")
    (folder / "times.csv").unlink()
    (folder / "times.csv").symlink_to(other)
    with pytest.raises(SinkError, match="it is a link"):
        opened(f"{folder}/")
    assert other.read_text() == "precious"


def test_a_playlist_replaces_a_playlist_only(tmp_path: Path, other: Path) -> None:
    playlist = tmp_path / "index.m3u8"
    playlist.write_text("shopping\n")
    with pytest.raises(SinkError, match="is not a playlist and would be overwritten"):
        opened(f"hls://{tmp_path}")
    playlist.unlink()
    playlist.symlink_to(other)
    with pytest.raises(SinkError, match="it is a link"):
        opened(f"hls://{tmp_path}")
    assert other.read_text() == "precious"


@pytest.mark.parametrize("name", ["frames.jsonl", "pairs.jsonl", "recording.json"])
def test_a_recording_replaces_nothing(tmp_path: Path, other: Path, name: str) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / name).symlink_to(other)
    with pytest.raises(SinkError, match=r"cannot be made|holds a recording already"):
        RecordingWriter(tmp_path / "r", {})
    assert other.read_text() == "precious"
