"""The lists of a recording that someone else wrote, or that broke off."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from stream.errors import SourceError
from stream.recording.lines import read_frames, read_pairs
from stream.recording.reader import Recording

FRAME: dict[str, Any] = {
    "side": "visible", "file": "visible-0000.mkv", "position": 0, "index": 3, "time_s": "17/10",
    "clock": "rtcp", "bits": 8, "arrived_s": 1.5,
}  # fmt: skip
PAIR: dict[str, Any] = {"visible": 0, "thermal": 1, "time_s": "-3", "error_s": 0.01, "flags": ["held"]}


def listed(folder: Path, *lines: dict[str, Any] | bytes) -> Path:
    path = folder / "list.jsonl"
    path.write_bytes(b"".join(each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n"
                              for each in lines))  # fmt: skip
    return path


def test_good_lines_are_read(tmp_path: Path) -> None:
    ((side, entry),) = read_frames(listed(tmp_path, FRAME))
    assert (side, entry.file, entry.time_s, entry.index) == (
        "visible",
        "visible-0000.mkv",
        Fraction(17, 10),
        3,
    )
    (pair,) = read_pairs(listed(tmp_path, PAIR))
    assert (pair["visible"], pair["thermal"], pair["time_s"], pair["flags"]) == (0, 1, -3, {"held"})


WRONG_FRAMES: list[dict[str, Any]] = [
    {"time_s": "1e999999999"}, {"time_s": "1/0"}, {"time_s": "9" * 5000}, {"time_s": 1.5}, {"time_s": "1e3"},
    {"time_s": "9" * 30}, {"time_s": "inf"}, {"time_s": None},
    {"file": "../../x.mp4"}, {"file": "/etc/passwd"}, {"file": "thermal-0000.mkv"}, {"file": None},
    {"file": "visible-0000.mkv\n"}, {"file": "visible-٣٣٣٣.mkv"}, {"file": 7},
    {"side": "both"}, {"side": ["visible"]}, {"side": None}, {"clock": "sundial"}, {"clock": []},
    {"position": -1}, {"position": 1.5}, {"position": True}, {"index": 10**400}, {"index": "3"},
    {"bits": 0}, {"bits": 99}, {"radiometry": 3}, {"radiometry": {"model": "linear"}},
    {"radiometry": {"model": "linear", "celsius_per_count": 10**400, "celsius_at_zero": 0}},
]  # fmt: skip
WRONG_PAIRS: list[dict[str, Any]] = [
    {"visible": -1}, {"visible": "0"}, {"thermal": None}, {"time_s": "1e999999999"}, {"error_s": 10**400},
    {"error_s": "0"}, {"error_s": 1e300}, {"flags": "held"}, {"flags": [["held"]]}, {"flags": ["odd"]},
    {"flags": None},
]  # fmt: skip


@pytest.mark.parametrize("change", WRONG_FRAMES, ids=range(len(WRONG_FRAMES)))
def test_a_wrong_line_of_frames_is_named(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match=r"^line 2 of .*list\.jsonl is wrong: "):
        list(read_frames(listed(tmp_path, FRAME, FRAME | change, FRAME)))


@pytest.mark.parametrize("change", WRONG_PAIRS, ids=range(len(WRONG_PAIRS)))
def test_a_wrong_line_of_pairs_is_named(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match=r"^line 1 of .*list\.jsonl is wrong: "):
        list(read_pairs(listed(tmp_path, PAIR | change)))


@pytest.mark.parametrize("key", [key for key in FRAME if key != "arrived_s"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    without = {name: value for name, value in FRAME.items() if name != key}
    with pytest.raises(SourceError, match=f"line 1 of .* is wrong: '{key}' is missing"):
        list(read_frames(listed(tmp_path, without)))


@pytest.mark.parametrize(
    "line", [b"7", b"[]", b"\xff\xfe{", b"[" * 50_000, b"{" + b" " * 100_000, b"\0" * 50]
)
def test_rubbish_between_lines_is_refused(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(SourceError, match=r"line 2 of .* is wrong"):
        list(read_frames(listed(tmp_path, FRAME, line + b"\n", FRAME)))


@pytest.mark.parametrize("end", range(1, 60, 7))
def test_the_last_line_of_a_killed_recorder_is_left_out(tmp_path: Path, end: int) -> None:
    assert len(list(read_frames(listed(tmp_path, FRAME, json.dumps(FRAME).encode()[:end])))) == 1


@pytest.mark.parametrize("about", [b"", b"[]", b"7", b"null", b"[" * 100_000, b'{"schema": ' + b"9" * 5000])
def test_a_folder_that_says_nothing_of_use_is_no_recording(tmp_path: Path, about: bytes) -> None:
    (tmp_path / "recording.json").write_bytes(about)
    with pytest.raises(SourceError, match="is not a recording"):
        Recording(tmp_path)
