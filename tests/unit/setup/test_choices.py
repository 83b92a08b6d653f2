"""Decisions of a setup: model, offset, files, registered or not."""

from __future__ import annotations

import stat
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from stream.calibrate.scene.run import FrameSet
from stream.config import RunSettings, validate
from stream.config.environment import load_config
from stream.config.merge import overlay
from stream.errors import ConfigError, SinkError, SyncError
from stream.registration.calibration import load_calibration, one_grid
from stream.setup.alignment import registered_peak
from stream.setup.clocks import clocks_of
from stream.setup.machine import Rates, choose
from stream.setup.written import nested, next_command, place_of, write_files
from stream.sync_check.cross_correlation import estimate_offset
from stream.sync_check.motion import Motion
from stream.sync_check.run import SyncCheck


@pytest.mark.parametrize(
    ("rates", "rate", "frames", "model", "said"),
    [
        (Rates(30, 90), 25, None, "lite", "the cameras give 25: lite"),
        (Rates(40, 90), 25, None, "full", "the cameras give 25: full"),
        (Rates(2, 12), 25, None, "lite", "some frames are left out"),
        (Rates(2, 40), 25, 100, "full", "full, done in about 50 s"),
        (Rates(2, 40), 25, 10_000, "lite", "lite, done in about 4 min where full takes 83 min"),
        (Rates(0.014, 3.7), 10, 85, "lite", "0.014 frames/s here and lite 3.7"),
    ],
)
def test_the_better_model_that_is_fast_enough_is_chosen(
    rates: Rates, rate: float, frames: int | None, model: str, said: str
) -> None:
    choice = choose(rates, rate, frames)
    assert choice.model == model and said in choice.text


def watched(offset_s: float, moves: bool = True) -> SyncCheck:
    """Two cameras of 25 frames/s that see the same uneven motion; the thermal clock is ahead."""
    stamps_s = np.arange(500) / 25
    rng = np.random.default_rng(4)
    motion = np.abs(np.convolve(rng.normal(size=560), np.hanning(9), "same"))
    seen, felt = motion[30:530], motion[30:530] if moves else np.abs(rng.normal(size=500))
    visible = Motion(stamps_s, seen, stamps_s)
    thermal = Motion(stamps_s + offset_s, felt, stamps_s + offset_s)
    return SyncCheck(visible, thermal, estimate_offset(visible, thermal))


def test_an_offset_counts_where_it_is_certain() -> None:
    assert clocks_of(watched(0.3)).offset_ms == pytest.approx(300, abs=2)
    assert clocks_of(watched(0.001)).offset_ms == 0
    in_doubt = clocks_of(watched(0.3, moves=False))
    assert in_doubt.offset_ms == 0 and "not certain" in in_doubt.text


def test_recordings_of_two_clocks_are_paired_by_what_moves_or_not_at_all() -> None:
    assert clocks_of(watched(5000.0)).offset_ms == pytest.approx(5_000_000, abs=2)
    with pytest.raises(SyncError, match=r"no moment in common.*--offset-ms 5000000"):
        clocks_of(watched(5000.0, moves=False))


def test_pictures_that_lie_on_each_other_are_recognised() -> None:
    rng = np.random.default_rng(3)
    thermal = np.full((240, 320), 60, np.uint8)
    for x, y, size in rng.integers((0, 0, 10), (320, 240, 40), (60, 3)).tolist():
        cv2.rectangle(thermal, (x, y), (x + size, y + size // 2), int(rng.integers(30, 230)), -1)
    visible = np.stack((255 - thermal, 200 - thermal // 2, thermal // 2), axis=-1)
    peak = registered_peak([FrameSet(visible, thermal)])
    assert peak is not None and peak.is_certain and abs(peak.right_px) + abs(peak.down_px) < 0.5
    moved = registered_peak([FrameSet(visible, np.roll(thermal, 6, axis=1))])
    assert moved is not None and moved.right_px == pytest.approx(6, abs=0.5)
    assert registered_peak([FrameSet(visible, thermal[:, :200])]) is None


def test_the_written_file_says_what_was_named_and_runs_say_the_same(tmp_path: Path) -> None:
    place = place_of(tmp_path / "pair.yaml")
    named = {
        "visible": "a b/${x}.mp4",
        "thermal": "t.mp4",
        "thermal_palette": "black-hot",
        "offset_ms": 12.5,
        "model": "lite",
        "calibration": str(place.calibration),
    }
    write_files(place, nested(named), one_grid((64, 48)), ["visible: 64x48,\n25 frames/s"])
    text = place.config.read_text()
    assert text.startswith("# gifnet setup\n# visible: 64x48, 25 frames/s\n")
    settings = validate(RunSettings, overlay(load_config(place.config), {"output": ["null://"]}), "it")
    assert settings.visible.uri == "a b/${x}.mp4" and settings.thermal.palette == "black-hot"
    assert settings.pairing.offset_ms == 12.5 and settings.registration.file == place.calibration
    assert load_calibration(place.calibration).visible.size == (64, 48)
    assert next_command(Path("my pair.yaml")) == "gifnet run -c 'my pair.yaml' -o fused.mp4"


def test_a_password_is_for_its_owners_eyes(tmp_path: Path) -> None:
    place = place_of(tmp_path / "pair.yaml")
    write_files(place, {"visible": {"uri": "rtsp://me:secret@camera/1"}, "thermal": {"uri": "t"}}, None, [])
    assert stat.S_IMODE(place.config.stat().st_mode) == 0o600
    assert yaml.safe_load(place.config.read_text())["visible"]["uri"] == "rtsp://me:secret@camera/1"
    assert not place.calibration.exists()


def test_names_where_nothing_can_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must name a YAML file"):
        place_of(tmp_path / "pair.mp4")
    with pytest.raises(SinkError, match="does not exist"):
        place_of(tmp_path / "nowhere" / "pair.yaml").check(False)
    place = place_of(tmp_path / "pair.yaml")
    place.calibration.write_text("mine")
    with pytest.raises(ConfigError, match="is there already; use it by --calibration"):
        place.check(False)
    place.check(False, is_aligned=True)
    place.check(True)
