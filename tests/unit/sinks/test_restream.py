"""Sending frames onward, without a network: addresses, playlists, and what the process does when."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stream.config import OutputSettings
from stream.errors import SinkError
from stream.frame import Colour
from stream.sinks import SinkOptions, open_sink
from stream.sinks.restream.address import address_of
from stream.sinks.restream.hls import end_playlist, sweep
from stream.sinks.restream.ipc import SLOTS, Done, Job, Link, Memory, Message, Picture, State, make_slots
from stream.sinks.restream.output import LONGEST_STEP_S, Output
from stream.sinks.restream.reasons import is_refusal, why
from stream.sinks.restream.sink import choose_coder
from stream.sinks.restream.worker import LATE_S, Forwarder
from stream.uri import parse_uri
from tests.helpers.clock import HandClock

SIZE = (64, 48)


def job(playlist: Path) -> Job:
    address = address_of(parse_uri(f"hls://{playlist}"), live=True, segment_s=None)
    encoder, options = choose_coder(address, SinkOptions())
    return Job(
        address.url, "hls", address.options, encoder.name, options, "yuv420p", Fraction(25), address.playlist
    )


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("rtsp://", "is not the address of a stream on a server; write rtsp://HOST/NAME"),
        ("rtsp://host", "write rtsp://HOST/NAME"),
        ("rtmp://anna:geheim@host:99999/a", r"rtmp://anna:\*\*\*@host:99999/a is not the address"),
        ("rtmp:///live/x", "write rtmp://HOST/APP/NAME"),
        ("hls://", "names no folder; write hls://FOLDER"),
        ("hls://{}/none/site", "does not exist; make it first"),
        ("hls://{}/site?segments=two", "segments must be a whole number from 3 to 100000, or 0 for all"),
        ("hls://{}/site?segments=2", "got '2'"),
        ("hls://{}/site?segments=99999999999999999999", "segments must be"),
        ("hls://{}/site?length=3", "unknown option length; known are segments"),
        ("{}/none/live.m3u8", "does not exist; make it first"),
        ("{}/100%d.m3u8", "name a path without one"),
    ],
)
def test_wrong_addresses(tmp_path: Path, uri: str, says: str) -> None:
    with pytest.raises(SinkError, match=says):
        open_sink(OutputSettings(uri=uri.format(tmp_path)), SinkOptions())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("uri", "options", "says"),
    [
        ("rtsp://host/x", {"encoder": "ffv1"}, "RTSP takes the encoders libx264, h264_nvenc, libx265"),
        ("rtmp://host/a/x", {"encoder": "libx265"}, "RTMP takes the encoders libx264, h264_nvenc, got"),
        ("hls://x", {"quality": 52}, "the quality of libx264 goes from 0"),
    ],
)
def test_wrong_encoders(uri: str, options: dict[str, object], says: str) -> None:
    sink_options = SinkOptions(**options)  # type: ignore[arg-type]
    with pytest.raises(SinkError, match=says):
        choose_coder(address_of(parse_uri(uri), True, None), sink_options)


def test_an_earlier_run_is_swept_away(tmp_path: Path) -> None:
    playlist = tmp_path / "a.m3u8"
    names = ("a-000001.ts", "a-000002.ts", "a-000003.ts.tmp", "b-000001.ts", "a-1.ts", "a-000001.ts.txt")
    for name in names:
        (tmp_path / name).touch()
    playlist.write_text("#EXTM3U\n#EXTINF:1,\na-000002.ts\n")
    sweep(playlist, keep_listed=True)
    assert {path.name for path in tmp_path.iterdir()} == {"a.m3u8", "a-000002.ts", *names[3:]}
    sweep(playlist, keep_listed=False)
    assert {path.name for path in tmp_path.iterdir()} == set(names[3:])


def test_a_playlist_ends_once(tmp_path: Path) -> None:
    playlist = tmp_path / "a.m3u8"
    end_playlist(playlist)
    assert not playlist.exists()
    playlist.write_text("#EXTM3U\n")
    end_playlist(playlist)
    end_playlist(playlist)
    assert playlist.read_text() == "#EXTM3U\n#EXT-X-ENDLIST\n"


def test_reasons_name_no_url() -> None:
    url = "rtsp://anna:geheim@host/x"
    errors = [av.error.HTTPUnauthorizedError(1, "", url), av.error.OSError(errno.EIO, "broken", url)]
    errors += [av.error.InvalidDataError(1, "", url), ConnectionRefusedError(errno.ECONNREFUSED, "", url)]
    assert [is_refusal(error) for error in errors] == [True, False, False, False]
    assert not any("geheim" in why(error) for error in errors)
    assert "no answer in time" in why(errors[2], at_once=False)


def test_a_stretch_ends_where_time_or_size_jumps(tmp_path: Path) -> None:
    output = Output(job(tmp_path / "a.m3u8"), SIZE, Colour(), Fraction(100))
    assert output.fits(SIZE, 100 + LONGEST_STEP_S) and output.fits(SIZE, Fraction(199, 2))
    assert not output.fits((48, 64), Fraction(100))
    assert not output.fits(SIZE, Fraction(90)) and not output.fits(SIZE, Fraction(3600))
    output.drop()


class Talk:
    """A forwarder on this thread, told everything before it runs."""

    def __init__(self, job: Job) -> None:
        own, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.clock = HandClock()
        self._own, self._its = Link(own), Link(its)
        self._own.send(job)
        slots, descriptor = make_slots(*SIZE)
        slots.pixels[:] = np.arange(SLOTS)[:, None, None, None] * 40
        self._own.send(Memory(1, *SIZE, Colour(matrix=6)), descriptor)
        os.close(descriptor)

    def picture(self, slot: int, sent_s: float) -> None:
        self._own.send(Picture(slot, Fraction(slot, 25), sent_s))

    def answers(self) -> list[Message]:
        self._own.end()
        Forwarder(self._its, self.clock).run()
        self._its.close()
        answers = []
        while (received := self._own.receive()) is not None:
            answers.append(received[0])
        self._own.close()
        return answers


def test_late_pictures_are_left_out_unless_all_count(tmp_path: Path) -> None:
    for patient in (False, True):
        talk = Talk(replace(job(tmp_path / "a.m3u8"), patient=patient))
        talk.clock.now_s = 10.0
        talk.picture(0, 10.0 - 2 * LATE_S)
        talk.picture(1, 10.0 - LATE_S / 2)
        assert [each for each in talk.answers() if isinstance(each, Done)] == [
            Done(1, 0, patient),
            Done(1, 1, True),
        ]


def test_what_does_not_work_is_not_tried_with_every_picture(tmp_path: Path) -> None:
    lost = replace(job(tmp_path / "a.m3u8"), playlist=tmp_path / "gone" / "a.m3u8")
    talk = Talk(lost)
    for slot in range(SLOTS):
        talk.picture(slot, 0.0)
    answers = talk.answers()
    assert answers[0] == State("the folder is gone; make it again")
    assert answers[1:] == [Done(1, slot, False) for slot in range(SLOTS)]
