"""The Python blocks of README and documentation run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.helpers.media import write_video

ROOT = Path(__file__).parents[2]
NAMES = ("api", "run", "publish", "page", "thermal-files")
PAGES = ("README.md", *(f"docs/{name}.md" for name in NAMES))
FENCED = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?:^    (?:import|from) .*\n)(?:^(?:    .*)?\n)*", re.MULTILINE)
# Words in blocks that need something beside files, and what that is.
NOT_RUN = {
    "Subscriber(": "somebody who publishes; tests/e2e/test_publish.py",
    "Control(": "a run with a control socket; tests/e2e/test_control_socket.py",
    "from_json": "the header of a published frame; tests/unit/test_radiometry.py",
}
PICTURE = np.full((48, 64, 3), 90, np.uint8)
# Names that stand for what the reader has.
ARRAYS: dict[str, Any] = {"visible": PICTURE, "thermal": PICTURE[..., 0], "show": lambda *shown: None}
TENSORS: dict[str, Any] = {"visible": torch.rand(1, 1, 32, 32), "thermal": torch.rand(1, 1, 32, 32)}


def blocks(page: str) -> list[str]:
    """Python of a page, in fences or indented."""
    text = (ROOT / page).read_text(encoding="utf-8")
    indented = ["\n".join(line[4:] for line in found.splitlines()) for found in INDENTED.findall(text)]
    return [*FENCED.findall(text), *indented]


ALL = [(page, number) for page in PAGES for number in range(len(blocks(page)))]


@pytest.mark.parametrize(("page", "number"), ALL)
def test_block_runs(page: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # The calibration of cameras that are not here is left out.
    code = blocks(page)[number].replace(', calibration="front.yaml"', "")
    for words, needed in NOT_RUN.items():
        if words in code:
            pytest.skip(f"needs {needed}")
    for name in ("visible.mp4", "thermal.mkv", "thermal.mp4"):
        write_video(tmp_path / name, [PICTURE] * 3)
    names = TENSORS if "gifnet.load()" in code else ARRAYS
    exec(compile(code, f"{page} block {number}", "exec"), dict(names))


def test_every_page_has_some() -> None:
    assert all(blocks(page) for page in PAGES)
