"""`gifnet calibrate board` on folders, videos and recordings of rendered boards."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.calibrate.board.targets import Board, parse_board
from stream.frame import Frame, FramePair
from stream.recording.writer import RecordingWriter
from stream.registration.calibration import load_calibration
from tests.e2e.conftest import Gifnet
from tests.helpers.media import write_video
from tests.helpers.rendered_board import Eye, Rig, map_error_px, poses, render_pair

BOARD, RIG = "circles:7x5:30mm", Rig()
Pictures = list[tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def board() -> Board:
    return parse_board(BOARD)


@pytest.fixture(scope="module")
def pictures(board: Board) -> Pictures:
    """Twelve pairs, visible RGB and thermal counts."""
    return [
        (np.asarray(visible), np.asarray(thermal))
        for visible, thermal in (
            render_pair(board, RIG, pose, number) for number, pose in enumerate(poses(board, 12))
        )
    ]


@pytest.fixture(scope="module")
def folders(pictures: Pictures, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    visible, thermal = (tmp_path_factory.mktemp(name) for name in ("visible", "thermal"))
    for number, (colour, counts) in enumerate(pictures):
        cv2.imwrite(str(visible / f"view{number}.png"), colour[..., ::-1])
        cv2.imwrite(str(thermal / f"view{number}.tiff"), counts)
    return visible, thermal


@pytest.fixture(scope="module")
def recording(pictures: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `gifnet record` makes it, one pair a second."""
    folder = tmp_path_factory.mktemp("recorded") / "pair"
    writer = RecordingWriter(folder, {})
    for moment in pairs_of(pictures):
        writer.add_frame("visible", moment.visible)
        writer.add_frame("thermal", moment.thermal)
        writer.add_frame_set(moment)
    writer.close()
    return folder


def pairs_of(pictures: Pictures) -> Iterator[FramePair]:
    for number, (colour, counts) in enumerate(pictures):
        time_s = Fraction(number)
        visible = Frame(colour.copy(), "rgb24", time_s, "device", number)
        thermal = Frame(counts.copy(), "gray16le", time_s, "device", number, bits=16)
        yield FramePair(visible, thermal, time_s, 0.0)


def test_two_folders_make_a_calibration_and_a_report(
    gifnet: Gifnet, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    output, report = tmp_path / "pair.yaml", tmp_path / "pair.html"
    result = gifnet("calibrate", "board", *folders, "--board", BOARD, "-o", output, "--report", report)
    assert result.status == 0
    assert "views          12 of 12" in result.out
    calibration = load_calibration(output)
    assert calibration.rms_px < 0.5
    assert max(map_error_px(calibration, RIG, distance_m) for distance_m in (0.5, 1.0, 20.0)) < 0.6
    assert output.read_text().startswith("# gifnet calibrate board --board circles:7x5:30mm --model stereo\n")
    page = report.read_text()
    # Squares, edges and both cameras of three views, and two maps; every picture has its caption twice.
    assert page.count('<img src="data:image/') == 14
    assert page.count("inverted, circles") == 12 + 2 * 3


@pytest.fixture(scope="module")
def videos(pictures: Pictures, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """H.264 and lossless 16 bits, one picture a second."""
    folder = tmp_path_factory.mktemp("videos")
    visible, thermal = zip(*pictures, strict=True)
    return (
        write_video(folder / "visible.mp4", visible, rate=1),
        write_video(folder / "thermal.mkv", thermal, rate=1),
    )


def test_two_videos_make_one_too(gifnet: Gifnet, videos: tuple[Path, Path], tmp_path: Path) -> None:
    output = tmp_path / "pair.yaml"
    result = gifnet("calibrate", "board", *videos, "--board", BOARD, "-o", output)
    assert result.status == 0
    assert "views          12 of 12" in result.out
    assert map_error_px(load_calibration(output), RIG, 1.0) < 0.6


def test_a_recording_makes_one_too(gifnet: Gifnet, recording: Path, tmp_path: Path) -> None:
    output = tmp_path / "pair.yaml"
    result = gifnet("calibrate", "board", recording, "--board", BOARD, "-o", output, "--views", 8)
    assert result.status == 0
    assert "views          8 of 12" in result.out
    assert map_error_px(load_calibration(output), RIG, 1.0) < 0.8


def test_a_refusal_writes_nothing_but_the_report(
    gifnet: Gifnet, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    output, report = tmp_path / "pair.yaml", tmp_path / "pair.html"
    result = gifnet(
        "calibrate", "board", *folders, "--board", BOARD, "-o", output, "--skip", 3, "--report", report
    )
    assert result.status == 1
    assert "both cameras see the board in 3 different views of 3 pairs of pictures" in result.err
    assert "Traceback" not in result.err
    assert not output.exists()
    assert "Refused: both cameras" in report.read_text()


def test_a_board_of_another_size_is_refused(gifnet: Gifnet, tmp_path: Path) -> None:
    visible, thermal = (tmp_path / name for name in ("visible", "thermal"))
    shown = parse_board("checkerboard:8x5:30mm")
    for folder in (visible, thermal):
        folder.mkdir()
    rig = Rig(visible=Eye((320, 240), 280.0, (160.0, 118.0)), thermal=Eye((160, 128), 150.0, (80.0, 64.0)))
    for number, pose in enumerate(poses(shown, 2)):
        colour, counts = render_pair(shown, rig, pose, number)
        cv2.imwrite(str(visible / f"{number}.png"), colour)
        cv2.imwrite(str(thermal / f"{number}.png"), counts)
    asked = ("--board", "checkerboard:9x6:30mm", "-o", tmp_path / "pair.yaml")
    result = gifnet("calibrate", "board", visible, thermal, *asked)
    assert result.status == 1
    assert "said to have 9x6 inner corners, and 2 of 2 pictures show 8x5" in result.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a", "b", "--board", "checkerboard:9x6"), "the board must be named as in"),
        (("a", "--board", BOARD), "one source must be a folder that gifnet record made"),
        (("no", "such", "--board", BOARD), "does not exist"),
        (("a", "b", "--board", BOARD, "-o", "no/such.yaml"), "the folder of no/such.yaml does not exist"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    gifnet: Gifnet, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    output = () if "-o" in words else ("-o", tmp_path / "pair.yaml")
    result = gifnet("calibrate", "board", *words, *output)
    assert result.status == 1
    assert said in result.err
    assert "Traceback" not in result.err


def test_a_calibration_that_is_there_stays(gifnet: Gifnet, tmp_path: Path) -> None:
    output = tmp_path / "pair.yaml"
    output.write_text("mine")
    result = gifnet("calibrate", "board", "a", "b", "--board", BOARD, "-o", output)
    assert "is there already" in result.err
    assert output.read_text() == "mine"
