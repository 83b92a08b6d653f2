"""Settings that change while a run goes on."""

from __future__ import annotations

from typing import Any

import pytest

from stream.config import FuseSettings, PairingSettings, RunSettings, validate
from stream.config.live_settings import Adjustable, AdjustableSettings, changeable, describe
from stream.errors import CalibrationError, ConfigError

SETTINGS = {"visible": {"uri": "v"}, "thermal": {"uri": "t"}, "outputs": [{"uri": "null://"}]}


class Run:
    """Receiver of changed settings."""

    def __init__(self, live: bool = True) -> None:
        self.retuned: list[FuseSettings] = []
        self.paired: list[PairingSettings] = []
        self.refusal: Exception | None = None
        pipeline = Adjustable(self.retune, self.paired.append if live else None)
        self.controls = AdjustableSettings(validate(RunSettings, SETTINGS, "here"), pipeline)

    def retune(self, settings: FuseSettings) -> None:
        if self.refusal:
            raise self.refusal
        self.retuned.append(settings)


def test_a_change_reaches_what_it_is_for_and_is_kept_for_the_report() -> None:
    run = Run()
    after = run.controls.change({"pairing.tolerance_ms": 30, "gain.low": 2}, "the page")
    assert after["pairing.tolerance_ms"] == 30 and after == run.controls.values()
    assert run.paired[-1].tolerance_ms == 30 and run.retuned[-1].gain.low == 2
    changed = {"pairing.tolerance_ms": 30.0, "gain.low": 2.0}
    assert list(run.controls.changes) == [{"by": "the page", "settings": changed}]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"pairing.tolerance_ms": -1}, "pairing.tolerance_ms: it should be greater than or equal to 0"),
        ({"pairing.tolerance_ms": "30"}, "pairing.tolerance_ms: it should be a number"),
        ({"pairing.tolerance_ms": None}, "pairing.tolerance_ms"),
        ({"pairing.unpaired": "keep"}, "'drop', 'hold' or 'single'"),
        ({"gain.low": 60, "gain.high": 40}, "low must be below high"),
        ({"registration.file": "/etc/passwd"}, "registration.file cannot be changed"),
        ({"visible.uri": "rtsp://other"}, "visible.uri cannot be changed while a run goes on"),
        ({"": 1}, "cannot be changed"),
    ],
)
def test_a_wrong_change_changes_nothing(values: dict[str, Any], words: str) -> None:
    run = Run()
    before = run.controls.values()
    with pytest.raises(ConfigError) as caught:
        run.controls.change({"pairing.max_age_ms": 50, **values}, "the page")
    assert words in str(caught.value)
    assert run.controls.values() == before and not run.paired and not run.retuned


def test_what_does_not_fit_the_pictures_changes_nothing() -> None:
    run = Run()
    run.refusal = CalibrationError("sees nothing")
    with pytest.raises(CalibrationError):
        run.controls.change({"registration.nudge_right_px": 900, "pairing.tolerance_ms": 3}, "the page")
    assert run.controls.values()["registration.nudge_right_px"] == 0 and not run.paired


def test_recordings_keep_their_pairing_and_may_change_the_rest() -> None:
    run = Run(live=False)
    with pytest.raises(ConfigError, match="recordings are paired by the settings that they began with"):
        run.controls.change({"pairing.tolerance_ms": 3, "gain.low": 3}, "the page")
    assert not run.retuned
    run.controls.change({"gain.low": 3}, "the page")
    assert run.retuned[-1].gain.low == 3


def test_a_file_that_is_read_again_keeps_what_needs_another_start() -> None:
    run = Run()
    other = {**SETTINGS, "gain": {"low": 4}, "registration": {"file": "other.yaml", "distance_m": 7}}
    run.controls.change_to(validate(RunSettings, other, "here"), "SIGHUP")
    assert run.retuned[-1].gain.low == 4 and run.retuned[-1].registration.distance_m == 7
    assert run.retuned[-1].registration.file is None


def test_what_can_be_changed_is_described_with_its_limits() -> None:
    known = {one["place"]: one for one in describe()}
    assert list(known) == changeable()
    assert known["pairing.unpaired"]["choices"] == ["drop", "hold", "single"]
    assert known["pairing.offset_ms"]["words"] == ["auto"]
    assert known["gain.high"] == {
        "place": "gain.high",
        "description": "percentile that becomes white",
        "default": 99.5,
        "minimum": 0,
        "maximum": 100,
    }
