from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path

import pytest

from stream.config import RunSettings, validate
from stream.errors import ConfigError
from stream.frame import FusedFrame
from stream.pipeline.takeover import check_takeover, take_over
from tests.helpers.fused import fused_frame

NOW_S = Fraction(1_796_000_000)


@pytest.fixture(autouse=True)
def own_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "gifnet"


def frames(*times_s: float | Fraction) -> list[FusedFrame]:
    return [fused_frame(number, Fraction(time_s)) for number, time_s in enumerate(times_s)]


def test_the_next_process_goes_on_with_the_first_frame_that_is_newer(own_runtime: Path) -> None:
    with take_over("gate", iter(frames(NOW_S, NOW_S + 1))) as mine:
        assert json.loads((own_runtime / "gate.lock").read_text()) == {"process": os.getpid()}
        assert [frame.time for frame in mine] == [NOW_S, NOW_S + 1]
    later = frames(NOW_S + Fraction(1, 2), NOW_S + 1, NOW_S + Fraction(3, 2), NOW_S + 2)
    with take_over("gate", iter(later)) as mine:
        assert [frame.time for frame in mine] == [NOW_S + Fraction(3, 2), NOW_S + 2]
    assert json.loads((own_runtime / "gate.lock").read_text()) == {"last_s": str(NOW_S + 2)}


@pytest.mark.parametrize(
    ("last_s", "first_s"),
    [(100, 1), (NOW_S, NOW_S - 60)],  # no dates; and a clock that was set back by a minute
)
def test_times_that_are_not_comparable_leave_nothing_out(last_s: Fraction, first_s: Fraction) -> None:
    with take_over("gate", iter(frames(last_s))) as mine:
        list(mine)
    with take_over("gate", iter(frames(first_s))) as mine:
        assert len(list(mine)) == 1


def settings(camera: str, *outputs: dict[str, object]) -> RunSettings:
    sides = {side: {"uri": camera} for side in ("visible", "thermal")}
    return validate(RunSettings, {**sides, "takeover": "gate", "outputs": outputs}, "here")


def test_recordings_and_files_that_would_begin_anew_are_refused() -> None:
    camera, socket = "loop://synthetic://street", {"uri": "zmq+tcp://127.0.0.1:5556"}
    check_takeover(settings(camera, socket))
    check_takeover(settings(camera, socket, {"uri": "out.mp4", "segment_s": 60}))
    with pytest.raises(ConfigError, match=r"overwrite out\.mp4"):
        check_takeover(settings(camera, {"uri": "out.mp4"}))
    with pytest.raises(ConfigError, match="for live cameras"):
        check_takeover(settings("synthetic://street", socket))
    with pytest.raises(ConfigError, match="takeover"):
        validate(RunSettings, {"takeover": "../x"}, "here")


def test_a_folder_of_others_is_not_trusted(own_runtime: Path) -> None:
    own_runtime.mkdir()
    own_runtime.chmod(0o777)
    with pytest.raises(ConfigError, match="not a folder of this user alone"), take_over("gate", iter([])):
        pass
