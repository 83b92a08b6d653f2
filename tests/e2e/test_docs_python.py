"""The Python blocks of the documentation run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.media import write_video

API = Path(__file__).parents[2] / "docs" / "api.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", API.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    grey = [np.full((48, 64, 3), 90, np.uint8)] * 3
    write_video(tmp_path / "visible.mp4", grey)
    write_video(tmp_path / "thermal.mkv", grey)
    # The calibration of cameras that are not here is left out.
    code = BLOCKS[number].replace(', calibration="front.yaml"', "")
    exec(compile(code, f"{API.name} block {number}", "exec"), {})
