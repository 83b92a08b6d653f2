"""The benchmark on a GPU: every part is measured, whatever the figures."""

from __future__ import annotations

import pytest

from stream.bench.suite import Bench, BenchSettings
from stream.device.context import open_device
from stream.runtime.clock import SystemClock

pytestmark = pytest.mark.gpu


def test_every_part_is_measured(cuda: str) -> None:
    settings = BenchSettings(sizes=((96, 64),), batches=(1, 2), burst_s=0.05, rounds=1, nvtx=True)
    rows = Bench(settings, open_device("cuda"), SystemClock(), lambda what: None).run()
    assert [row["batch"] for row in rows] == [1, 2]
    for row in rows:
        assert list(row["not_measured"]) == ["published compiled"]
        assert list(row["stages"]) == ["upload", "luma", "gain", "register", "network", "merge", "download"]
        assert row["psnr_db"] > 45
        assert row["memory"]["device_peak_bytes"] > 0
        assert row["end_to_end"]["form"] == row["form"]
