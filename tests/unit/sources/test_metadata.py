"""Files whose titles are in no Unicode, as cameras and old programs write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from stream.config import InputSettings
from stream.sources import open_source

TITLE = b"Stra\xdfe \xe9\xff\xfe"
PLACEHOLDER = "X" * len(TITLE)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
def test_a_title_in_no_unicode_keeps_nothing_from_being_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"titled.{suffix}"
    with av.open(str(path), "w") as container:
        container.metadata.update(title=PLACEHOLDER, service_name=PLACEHOLDER, comment=PLACEHOLDER)
        stream: Any = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        stream.metadata["title"] = PLACEHOLDER
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((16, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    assert PLACEHOLDER.encode() in data
    path.write_bytes(data.replace(PLACEHOLDER.encode(), TITLE))
    with open_source(InputSettings(uri=str(path)), "visible") as source:
        assert sum(1 for _ in source) == 5
