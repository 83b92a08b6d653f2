"""A run that lost much of a recording says so and ends with a status of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import stream
from stream.errors import LossError
from tests.e2e.conftest import Gifnet
from tests.helpers.media import damage_packet, moving_pattern, write_video
from tests.helpers.readback import count_frames
from tests.unit.sources.test_video import noisy

ALONE = {"preset": "veryfast", "crf": "12", "g": "1"}


def pair_with_damage(folder: Path, damaged: int) -> tuple[Path, Path]:
    """20 frames each, of which some visible ones do not decode."""
    visible = write_video(folder / "visible.mp4", noisy(20, (64, 48)), options=ALONE)
    for index in range(damaged):
        damage_packet(visible, 2 * index + 1)
    return visible, write_video(folder / "thermal.mp4", moving_pattern(20))


def test_more_than_a_tenth_lost_ends_with_3(run: Gifnet, tmp_path: Path) -> None:
    visible, thermal = pair_with_damage(tmp_path, 3)
    fused, report = tmp_path / "fused.mp4", tmp_path / "report.json"
    done = run(visible, thermal, "-o", fused, "--report", report)
    assert done.status == 3
    sentence = "3 of 20 visible frames were lost (3 corrupt); mend the file, or take the result as it is with"
    assert sentence in done.err and "17 fused frames were kept" in done.err
    assert count_frames(fused) == 17
    told = json.loads(report.read_text())
    assert told["complete"] is False and sentence in told["error"]
    assert told["lost"]["visible"] == {"corrupt": 3}


def test_allowed_loss_is_done(run: Gifnet, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    visible, thermal = pair_with_damage(tmp_path, 3)
    report, config = tmp_path / "report.json", tmp_path / "run.yaml"
    done = run(visible, thermal, "-o", "null://", "--report", report, "--allow-loss")
    assert done.status == 0
    assert any("3 of 20 visible frames were lost" in record.message for record in caplog.records)
    assert json.loads(report.read_text())["complete"] is True
    config.write_text("allow_loss: true\n")
    assert run(visible, thermal, "-o", "null://", "-c", config).status == 0


def test_a_tenth_is_borne(run: Gifnet, tmp_path: Path) -> None:
    visible, thermal = pair_with_damage(tmp_path, 2)
    assert run(visible, thermal, "-o", "null://").status == 0


def test_frames_without_a_partner_are_not_lost(run: Gifnet, tmp_path: Path) -> None:
    visible = write_video(tmp_path / "visible.mp4", moving_pattern(40, colour=True), rate=50)
    thermal = write_video(tmp_path / "thermal.mp4", moving_pattern(6), rate=10)
    assert run(visible, thermal, "-o", "null://").status == 0


def test_in_python_the_last_frame_comes_first(tmp_path: Path, weights: Path) -> None:
    visible, thermal = pair_with_damage(tmp_path, 3)
    settings = {"weights": str(weights), "device": "cpu"}
    frames = []
    with pytest.raises(LossError, match="3 of 20 visible frames"):
        for frame in stream.fuse(visible, thermal, **settings):
            frames.append(frame)
    assert len(frames) == 17
    assert len(list(stream.fuse(visible, thermal, allow_loss=True, **settings))) == 17
