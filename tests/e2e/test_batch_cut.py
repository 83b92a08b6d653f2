"""`gifnet batch --cut`: recordings in parts give what they give as a whole."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from stream.batch.cutting.cut import FuseWhole
from stream.batch.cutting.join import check_seams
from tests.helpers.batch import batch
from tests.helpers.media import write_video
from tests.helpers.readback import count_frames, read_frames, read_times

SIZE, RATE, COUNT = (64, 48), 10, 120


def pictures(seed: int, top: int, colour: bool = False) -> list[np.ndarray]:
    """A wandering square over noise, whose brightness comes and goes."""
    noise, (width, height) = np.random.default_rng(seed), SIZE
    found = []
    for number in range(COUNT):
        level = 0.3 + 0.2 * np.sin(number / 9 + seed)
        picture = (
            level + 0.1 * np.linspace(0, 1, width)[None, :] + 0.01 * noise.standard_normal((height, width))
        )
        left = number % (width - 12)
        picture[10:22, left : left + 12] += 0.4
        grey = (picture.clip(0, 1) * top).astype(np.uint8 if top < 256 else np.uint16)
        found.append(np.stack([grey, grey // 2, 255 - grey], -1) if colour else grey)
    return found


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_video(folder / "v.mp4", pictures(1, 255, colour=True), rate=RATE, audio=True)
    # An uneven rate: steps of 60, 100 and 140 ms.
    times = np.cumsum([60, 100, 140] * (COUNT // 3)).tolist()
    write_video(
        folder / "uneven.mp4",
        pictures(1, 255, colour=True),
        rate=RATE,
        times=times,
        time_base=Fraction(1, 1000),
    )
    write_video(folder / "t.mkv", pictures(2, 16383), rate=RATE, pixel_format="gray14le")
    # Slower, later, and so that partners lie on both sides of a cut.
    write_video(
        folder / "late.mkv",
        pictures(2, 16383)[: COUNT * 7 // 10],
        rate=7,
        pixel_format="gray14le",
        times=[round(1000 * number / 7) + 30 for number in range(COUNT * 7 // 10)],
        time_base=Fraction(1, 1000),
    )
    return folder


def both(
    clips: Path, folder: Path, output: str, thermal: str = "t.mkv", visible: str = "v.mp4", **settings: Any
) -> dict[str, Any]:
    """The same row whole and in parts of three seconds; gives the record of the latter."""
    row = {"visible": str(clips / visible), "thermal": str(clips / thermal), "output": output, **settings}
    whole, _, _ = batch(folder / "whole", [row])
    cut, _, records = batch(folder / "cut", [row], 3.0)
    assert (whole.done, cut.done) == (1, 1), (whole.failed, cut.failed)
    return records[output.rstrip("/")]


def read_pictures(folder: Path) -> tuple[str, list[np.ndarray]]:
    times = (folder / "times.csv").read_text()
    names = [line.split(",")[0] for line in times.splitlines()[1:]]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*names, "times.csv"])
    return times, [cv2.imread(str(folder / name)) for name in names]


def largest_difference(folder: Path, name: str = "x") -> int:
    times, expected = read_pictures(folder / "whole" / name)
    cut_times, found = read_pictures(folder / "cut" / name)
    assert cut_times == times
    return max(int(np.abs(one.astype(int) - other).max()) for one, other in zip(expected, found, strict=True))


EXACT = {"model": "full", "gain": "fixed", "gain_span_low": 0, "gain_span_high": 16383, "steady": 0}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"every": 3, "start": 1.5},
        {"frames": 70, "start": 0.55},
        {"thermal": "late.mkv", "offset_ms": 20},
        {"thermal": "late.mkv", "unpaired": "hold", "max_age_ms": 400},
        {"thermal": "late.mkv", "unpaired": "single"},
        {"visible": "uneven.mp4", "every": 2, "frames": 50},
        {"visible": "uneven.mp4", "tolerance_ms": 70},
    ],
    ids=str,
)
def test_frames_are_equal_where_nothing_is_carried_over(
    clips: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    record = both(clips, tmp_path, "x/", **{**EXACT, **settings})
    assert largest_difference(tmp_path) == 0
    assert record["cut"]["parts"] > 1 and record["cut"]["overlap_frames"] == 0
    assert not record["warnings"] or "unpaired" in settings or "tolerance_ms" in settings
    assert record["fused"] == len(read_pictures(tmp_path / "cut" / "x")[1])
    assert not list((tmp_path / "cut" / ".batch").rglob("*.png"))


@pytest.mark.parametrize("gain", ["percentile", "plateau"])
def test_gain_and_smoothing_are_warmed_up_to_one_level(clips: Path, tmp_path: Path, gain: str) -> None:
    # With half of it kept, gain control settles within a part of this short recording.
    record = both(clips, tmp_path, "x/", model="lite", gain=gain, gain_damping=0.5, steady=0.5)
    # 204 of them for the exposure of lite: more than this recording has, so that parts begin with it.
    assert record["cut"]["overlap_frames"] == 228
    assert largest_difference(tmp_path) <= 1


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_one_file_has_the_times_and_sound_of_the_whole(clips: Path, tmp_path: Path, suffix: str) -> None:
    both(clips, tmp_path, f"x{suffix}", **{**EXACT, "model": "null"}, sidecar=True)
    whole, cut = (tmp_path / name / f"x{suffix}" for name in ("whole", "cut"))
    assert read_times(cut) == read_times(whole) and count_frames(cut) == COUNT
    assert sound_of(cut) == sound_of(whole) != []
    errors = [
        np.mean((one.astype(float) - other) ** 2)
        for one, other in zip(read_frames(whole), read_frames(cut), strict=True)
    ]
    assert max(errors) < 20, "below 35 dB"
    lines = [path.with_suffix(".jsonl").read_text().splitlines() for path in (whole, cut)]
    assert list(map(json.loads, lines[0])) == list(map(json.loads, lines[1]))


def sound_of(path: Path) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.pts is not None]
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in packets]


def test_without_sound_and_in_the_encoder_without_loss_frames_are_equal(clips: Path, tmp_path: Path) -> None:
    both(clips, tmp_path, "x.mkv", visible="uneven.mp4", encoder="ffv1", **EXACT)
    whole, cut = (tmp_path / name / "x.mkv" for name in ("whole", "cut"))
    assert read_times(cut) == read_times(whole)
    assert all(map(np.array_equal, read_frames(whole), read_frames(cut)))


def test_parts_that_are_done_stay_done_and_a_part_that_fails_is_named(tmp_path: Path) -> None:
    for side, colour in (("rgb", True), ("ir", False)):
        (tmp_path / side).mkdir()
        for number, picture in enumerate(pictures(3, 255, colour)):
            cv2.imwrite(str(tmp_path / side / f"{number:04d}.png"), picture)
    odd, good = tmp_path / "rgb" / "0100.png", (tmp_path / "rgb" / "0100.png").read_bytes()
    cv2.imwrite(str(odd), np.zeros((20, 20, 3), np.uint8))
    row = {"visible": f"{tmp_path}/rgb", "thermal": f"{tmp_path}/ir", "output": "x.mp4", "model": "null"}
    out = tmp_path / "out"
    tally, outcomes, records = batch(out, [row], 1.5)
    assert tally.failures == 1 and tally.share == 1.0
    assert [outcome.status for outcome in outcomes] == ["cut", "done", "done", "failed"]
    assert (records["x.mp4"]["status"], records["x.mp4"]["kind"]) == ("failed", "source")
    assert records["x.mp4"]["reason"].startswith("part 3 of 3, from 3.000 s: ")
    assert "0100.png" in records["x.mp4"]["reason"]
    assert len(list((out / ".batch" / "parts").rglob("*.mp4"))) == 2

    # Another content of an input makes all parts work again; the same one does not.
    again = batch(out, [row], 1.5)[1]
    assert [outcome.status for outcome in again] == ["cut", "unchanged", "unchanged", "failed"]
    odd.write_bytes(good)
    tally, outcomes, records = batch(out, [row], 1.5)
    assert [outcome.status for outcome in outcomes] == ["cut", *["done"] * 4]
    assert count_frames(out / "x.mp4") == COUNT
    assert not (out / ".batch" / "parts").exists()
    assert batch(out, [row], 1.5)[0].unchanged == batch(out, [row])[0].unchanged == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"self_align": True}, "--self-align follows the cameras from the beginning"),
        ({"detect": True}, "the detector looks again"),
    ],
)
def test_what_cannot_be_cut_is_fused_whole_and_told(
    clips: Path, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    row = {"visible": str(clips / "v.mp4"), "thermal": str(clips / "t.mkv"), "output": "x.mp4", "frames": 5}
    _, outcomes, records = batch(tmp_path, [{**row, **settings}], 2.0, model="null")
    assert [outcome.status for outcome in outcomes] == ["done"]
    assert any(f"it is fused whole: {words}" in text for text in records["x.mp4"]["warnings"])
    assert count_frames(tmp_path / "x.mp4") == 5


def test_short_recordings_are_whole_without_a_word(clips: Path, tmp_path: Path) -> None:
    row = {"visible": str(clips / "v.mp4"), "thermal": str(clips / "t.mkv"), "output": "x.mp4"}
    _, outcomes, records = batch(tmp_path, [row], 10.0, model="null")
    assert [outcome.status for outcome in outcomes] == ["done"]
    assert not records["x.mp4"]["warnings"]


def test_a_recording_that_parts_pair_in_another_way_is_fused_whole(clips: Path, tmp_path: Path) -> None:
    # Thermal frames come ever later, until each is nearer to the next visible one; who saw them come keeps
    # its partner, who begins there takes the other.
    behind_ms = [min(55, 30 + number) for number in range(COUNT)]
    times = [100 * number + behind_ms[number] for number in range(COUNT)]
    thermal = tmp_path / "slipping.mkv"
    write_video(
        thermal, pictures(2, 255), rate=RATE, times=times, time_base=Fraction(1, 1000), pixel_format="yuv420p"
    )
    record = both(clips, tmp_path, "x/", thermal=str(thermal), **EXACT)
    assert any("pair differently where they meet, at 6.000 s" in text for text in record["warnings"])
    assert largest_difference(tmp_path) == 0
    assert not (tmp_path / "cut" / ".batch" / "parts").exists()


def test_parts_that_pair_differently_where_they_meet_are_not_joined() -> None:
    def part(first: list[str] | None, following: list[str] | None) -> dict[str, Any]:
        return {"seam": {"first": first, "next": following}, "part": {"begin_s": "3"}}

    one, other = ["3", "3", "3"], ["3", "3", "31/10"]
    check_seams([part(None, one), part(one, one), part(one, None), part(None, None)])
    with pytest.raises(FuseWhole, match=r"pair differently where they meet, at 3\.000 s"):
        check_seams([part(None, one), part(other, None)])
