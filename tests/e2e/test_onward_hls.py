"""Playlists that grow while they are read, go on after interruptions, and end."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stream.errors import SinkError
from stream.sinks import SinkOptions
from tests.e2e.test_onward import opened
from tests.helpers.fused import fused_frame
from tests.helpers.onward import fast_clock, feed, processes_of
from tests.helpers.patience import wait_until
from tests.helpers.readback import read_times

ROOT = Path(__file__).parents[2]
RECORDED = SinkOptions()
# Plays what is there and what comes.
PLAYER = """
import av, itertools, sys
from tests.helpers.stamped_picture import read
with av.open(sys.argv[1]) as container:
    pictures = itertools.islice(container.decode(video=0), 60)
    stamps = [read(picture.to_ndarray(format="rgb24")) for picture in pictures]
assert stamps == sorted(stamps)
print(len(stamps), "pictures, all stamped", end="")
"""


def segments(playlist: Path) -> list[str]:
    return [line for line in text(playlist).splitlines() if line.endswith(".ts")]


def text(playlist: Path) -> str:
    return playlist.read_text() if playlist.exists() else ""


def on_disk(playlist: Path) -> set[str]:
    return {path.name for path in playlist.parent.glob("*.ts*")}


def test_every_frame_of_a_recording_is_in_a_finished_playlist(tmp_path: Path) -> None:
    with opened(f"hls://{tmp_path / 'site'}", RECORDED) as sink:
        for index in range(130):
            sink.write(fused_frame(index, 7 + Fraction(index, 25), (160, 120)))
    playlist = tmp_path / "site" / "index.m3u8"
    assert (sink.written, sink.skipped) == (130, 0)
    times = read_times(playlist)
    assert [time_s - times[0] for time_s in times] == [Fraction(index, 25) for index in range(130)]
    assert len(segments(playlist)) == 6 and on_disk(playlist) == set(segments(playlist))
    assert text(playlist).endswith("#EXT-X-ENDLIST\n") and "DATE-TIME" not in text(playlist)


def test_the_time_of_a_segment_and_the_name_of_the_playlist(tmp_path: Path) -> None:
    with opened(tmp_path / "roof: 1.m3u8", SinkOptions(segment_s=2)) as sink:
        for index in range(100):
            sink.write(fused_frame(index, size=(160, 120)))
    assert segments(tmp_path / "roof: 1.m3u8") == ["roof: 1-000000.ts", "roof: 1-000001.ts"]


def test_a_live_playlist_is_read_while_it_grows_and_forgets_what_is_old(tmp_path: Path) -> None:
    playlist = tmp_path / "index.m3u8"
    (tmp_path / "index-000099.ts").write_bytes(b"of an earlier run")
    (tmp_path / "mine-000001.ts").write_bytes(b"of somebody else")
    with opened(f"hls://{tmp_path}?segments=3") as sink:
        clock = fast_clock()
        feed(sink, lambda: len(segments(playlist)) >= 1, clock=clock)
        assert "#EXT-X-ENDLIST" not in text(playlist) and "#EXT-X-PROGRAM-DATE-TIME" in text(playlist)
        with subprocess.Popen(
            [sys.executable, "-c", PLAYER, playlist], stdout=subprocess.PIPE, cwd=ROOT
        ) as player:
            feed(sink, lambda: player.poll() is not None, clock=clock)
            assert player.stdout and player.stdout.read() == b"60 pictures, all stamped"
        feed(sink, lambda: "index-000000.ts" not in on_disk(playlist), clock=clock)
    assert len(segments(playlist)) == 3 and text(playlist).endswith("#EXT-X-ENDLIST\n")
    assert "index-000099.ts" not in on_disk(playlist)
    assert "mine-000001.ts" in on_disk(playlist)


def test_a_playlist_goes_on_after_its_process_was_killed(tmp_path: Path) -> None:
    playlist = tmp_path / "index.m3u8"
    with opened(f"hls://{tmp_path}?segments=0") as sink:
        clock = fast_clock()
        feed(sink, lambda: len(segments(playlist)) >= 1, clock=clock)
        assert sink.pid
        os.kill(sink.pid, signal.SIGKILL)
        before = len(segments(playlist))
        feed(sink, lambda: len(segments(playlist)) >= before + 1, clock=clock)
    numbers = [int(re.findall(r"\d+", name)[0]) for name in segments(playlist)]
    assert numbers == list(range(len(numbers))) and on_disk(playlist) == set(segments(playlist))
    assert text(playlist).count("#EXT-X-DISCONTINUITY\n") == 1


def test_pictures_of_another_size_go_on_in_the_same_playlist(tmp_path: Path) -> None:
    sizes = [(160, 120)] * 40 + [(199, 149)] * 40
    with opened(f"hls://{tmp_path}", RECORDED) as sink:
        for index, size in enumerate(sizes):
            sink.write(fused_frame(index, size=size))
    with av.open(str(tmp_path / "index.m3u8")) as container:
        found = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert found == [(160, 120)] * 40 + [(200, 150)] * 40
    assert text(tmp_path / "index.m3u8").count("#EXT-X-DISCONTINUITY\n") == 1


def test_a_folder_that_goes_away_ends_a_recording_and_not_a_live_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "site"

    def take_away() -> None:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        folder.write_text("no folder")

    with (
        pytest.raises(SinkError, match="site: the folder is gone"),
        opened(f"hls://{folder}", RECORDED) as sink,
    ):
        for index in range(200):
            sink.write(fused_frame(index))
            if index == 60:
                take_away()
    folder.unlink()
    with opened(f"hls://{folder}") as sink:
        clock = fast_clock()
        feed(sink, lambda: len(segments(folder / "index.m3u8")) >= 1, clock=clock)
        take_away()
        feed(sink, lambda: "trying again until it works" in caplog.text, clock=clock)
        folder.unlink()
        folder.mkdir()
        feed(sink, lambda: len(segments(folder / "index.m3u8")) >= 1, clock=clock)


def test_a_full_disk_is_no_secret_of_the_muxer(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "full", 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        (tmp_path / "full").open("wb").close()
    except PermissionError:
        pytest.skip("only root may make a device that is always full")
    with pytest.raises(SinkError, match="the disk is full"), opened(f"hls://{tmp_path}", RECORDED) as sink:
        for index in range(100):
            sink.write(fused_frame(index))
            if index == 5:
                (tmp_path / "full").rename(tmp_path / "index-000001.ts.tmp")


def test_a_segment_is_never_written_through_a_link(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("precious")
    with pytest.raises(SinkError, match="it is a link"), opened(f"hls://{tmp_path}", RECORDED) as sink:
        for index in range(100):
            sink.write(fused_frame(index))
            if index == 5:
                (tmp_path / "index-000001.ts.tmp").symlink_to(other)
    assert other.read_text() == "precious"


def gifnet_run(output: object, *more: object) -> subprocess.Popen[str]:
    street = "loop://synthetic://street?seed=1&size=160x120&duration=5"
    words = ["run", street, street, "--model", "null", "--quiet", "-o", output, *more]
    return subprocess.Popen(
        [sys.executable, "-m", "stream", *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_stays_behind_a_run_that_was_ended(tmp_path: Path, number: signal.Signals) -> None:
    playlist = tmp_path / "index.m3u8"
    with gifnet_run(playlist) as run:
        wait_until(lambda: len(segments(playlist)) >= 1)
        (child,) = processes_of(run.pid)
        os.killpg(run.pid, number)  # as Ctrl-C in a terminal does
        wait_until(lambda: not Path(f"/proc/{child}").exists())
        run.wait()
        assert run.stderr and "Traceback" not in run.stderr.read()
    assert text(playlist).endswith("#EXT-X-ENDLIST\n") and on_disk(playlist) >= set(segments(playlist))
