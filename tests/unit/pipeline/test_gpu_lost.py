"""A GPU that fails while a run goes on: one sentence, and what was written stays playable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream.config import RunSettings, validate
from stream.errors import DeviceError
from stream.fusion.slots import Slot
from stream.monitoring.report import RunReport
from stream.pipeline.run import run
from stream.runtime.clock import SystemClock
from tests.helpers.media import make_pair
from tests.helpers.readback import count_frames

GOOD = 3


@pytest.mark.parametrize("call", ["upload", "compute", "download", "results"])
@pytest.mark.parametrize(
    "words", ["GPU has fallen off the bus", "unspecified launch failure", "unknown error"]
)
def test_any_error_of_the_device_ends_the_run_with_one_sentence_and_a_whole_file(
    call: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = getattr(Slot, call), []

    def failing(self: Slot, *given: Any) -> Any:
        calls.append(call)
        if len(calls) > GOOD:
            raise RuntimeError(f"CUDA error: {words}\nCUDA kernel errors might be reported elsewhere")
        return real(self, *given)

    monkeypatch.setattr(Slot, call, failing)
    visible, thermal = make_pair(tmp_path, count=8)
    values = {
        "visible": {"uri": str(visible)},
        "thermal": {"uri": str(thermal)},
        "outputs": [{"uri": str(tmp_path / "fused.mp4")}],
        "fusion": {"model": "null"},
        "device": "cpu",
    }
    report = RunReport(SystemClock())
    with pytest.raises(DeviceError) as caught:
        run(validate(RunSettings, values, "here"), report)
    assert "\n" not in str(caught.value) and ";" in str(caught.value)
    assert not report.complete and report.error and "kept in" in report.error
    assert count_frames(tmp_path / "fused.mp4") == report.fused == GOOD
