"""Sentences of `gifnet doctor` on the rate of lite."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.doctor.examine import cpu_row
from stream.doctor.lite_rate import SIZES, core_seconds, held_rate, rate_row

RATES = dict(zip(SIZES, (34.2, 9.53, 5.9), strict=True))


def test_every_size_with_its_rate() -> None:
    row = rate_row(RATES, 2)
    assert (row.standing, row.remedy) == ("ok", "")
    assert row.found == "640x480 34, 1280x1024 9.5, 1920x1080 5.9 frames/s by 2 cores"


def test_below_camera_rate_there_is_a_remedy() -> None:
    row = rate_row(RATES | {SIZES[0]: 11.0}, 1)
    assert row.standing == "missing"
    assert row.found.endswith("by 1 core")
    assert "smaller pictures or a lower rate" in row.remedy


def test_a_rate_is_what_all_cores_hold_with_something_to_spare() -> None:
    assert held_rate(0.04, 2) == pytest.approx(40)


def test_a_real_frame_is_decoded_fused_and_encoded(tmp_path: Path) -> None:
    assert 0 < core_seconds(tmp_path, (66, 50)) < 10
    assert (tmp_path / "out.mp4").stat().st_size > 500


@pytest.mark.parametrize(
    ("flags", "standing"),
    [({"sse2"}, "missing"), ({"asimd"}, "missing"), ({"sse2", "avx2", "avx512_bf16"}, "ok")],
)
def test_a_processor_without_avx2_works_and_is_told_to_be_slow(flags: set[str], standing: str) -> None:
    row = cpu_row(frozenset(flags), 2)
    assert row.standing == standing
    assert ("no AVX2" in row.found) == (flags == {"sse2"})
