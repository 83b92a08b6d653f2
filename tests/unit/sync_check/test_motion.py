"""Offsets from motion, on two simulated cameras with known truth, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from stream.frame import Frame, Side
from stream.sync_check.cross_correlation import OffsetEstimate, estimate_offset
from stream.sync_check.motion import Motion, MotionMeter

SIZE = (96, 72)
Path = Callable[[float], tuple[float, float]]


def walk(seed: int) -> Path:
    """Someone who wanders through the picture, at uneven speed, and rests now and then."""
    rng = np.random.default_rng(seed)
    moments = np.cumsum(rng.uniform(0.2, 1.6, 400))
    places = np.cumsum(rng.normal(0, 9, (400, 2)), axis=0)

    def place(time_s: float) -> tuple[float, float]:
        x, y = (np.interp(time_s, moments, places[:, axis]) for axis in (0, 1))
        return float(48 + 40 * np.sin(x / 30)), float(36 + 26 * np.sin(y / 30))

    return place


def swing(time_s: float) -> tuple[float, float]:
    return 48 + 30 * float(np.sin(2 * np.pi * time_s / 0.9)), 36.0


def film(
    side: Side,
    path: Path,
    seconds: float,
    rate: float,
    *,
    offset_s: float = 0.0,
    drift_ppm: float = 0.0,
    phase_s: float = 0.0,
    jitter_s: float = 0.0,
    seed: int = 1,
) -> MotionMeter:
    """Positions of a body as a camera sees and stamps them, by its own clock."""
    rng = np.random.default_rng(seed + (side == "thermal"))
    across, down = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    texture = np.random.default_rng(5).uniform(60, 150, (SIZE[1], SIZE[0]))
    meter = MotionMeter()
    for index in range(int(seconds * rate)):
        time_s = phase_s + index / rate + rng.uniform(0, jitter_s)
        x, y = path(time_s)
        body = np.exp(-((across - x) ** 2 + (down - y) ** 2) / 90)
        stamp_s = Fraction(1_700_000_000 + time_s * (1 + drift_ppm * 1e-6) + offset_s)
        if side == "visible":
            grey = texture * (1 - body) + 30 * body + rng.normal(0, 2, texture.shape)
            pixels = np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
            meter.add(Frame(pixels, "rgb24", stamp_s, "rtcp", index))
        else:
            counts = 3000 + 0.5 * texture + 600 * body + rng.normal(0, 6, texture.shape)
            meter.add(Frame(counts.astype(np.uint16), "gray16le", stamp_s, "rtcp", index, 14))
    return meter


def estimate(visible: MotionMeter, thermal: MotionMeter) -> OffsetEstimate:
    return estimate_offset(visible.motion(), thermal.motion())


@pytest.mark.parametrize(
    ("rates", "offset_ms"), [((30, 30), 137.0), ((25, 9), -420.0), ((30, 25), 12.5), ((60, 30), 1500.0)]
)
def test_the_offset_is_found_within_5_ms(rates: tuple[float, float], offset_ms: float) -> None:
    path = walk(3)
    visible = film("visible", path, 30, rates[0])
    thermal = film("thermal", path, 30, rates[1], offset_s=offset_ms / 1000, phase_s=0.011)
    found = estimate(visible, thermal)
    assert found.doubt is None and found.confidence > 0.7
    assert found.offset_ms == pytest.approx(offset_ms, abs=5)
    assert found.uncertainty_ms < 5


def test_the_error_is_as_large_as_it_says() -> None:
    """Twelve recordings of ten seconds: the errors are like the standard errors, on average."""
    errors = []
    for seed in range(12):
        path = walk(20 + seed)
        visible = film("visible", path, 10, 20, seed=seed)
        found = estimate(visible, film("thermal", path, 10, 15, seed=90 + seed, jitter_s=0.02))
        errors.append(found.offset_ms / found.uncertainty_ms)
    assert 0.3 < np.sqrt(np.mean(np.square(errors))) < 2


@pytest.mark.parametrize("drift_ppm", [0.0, 80.0])
def test_the_drift_is_found_within_20_ppm(drift_ppm: float) -> None:
    path = walk(4)
    visible = film("visible", path, 300, 20)
    thermal = film("thermal", path, 300, 20, drift_ppm=drift_ppm)
    found = estimate(visible, thermal)
    assert found.doubt is None
    assert found.drift_ppm == pytest.approx(drift_ppm, abs=20)
    assert found.drift_uncertainty_ppm is not None and found.drift_uncertainty_ppm < 20


def test_jitter_and_rate_are_told() -> None:
    motion = film("visible", walk(1), 20, 25, jitter_s=0.02).motion()
    assert motion.rate == pytest.approx(25, rel=0.05)
    assert 5 < motion.jitter_ms < 20


def test_a_static_scene_is_refused() -> None:
    def still(time_s: float) -> tuple[float, float]:
        return 40.0, 30.0

    found = estimate(film("visible", still, 20, 30), film("thermal", still, 20, 30))
    assert found.doubt is not None and "nothing moves" in found.doubt
    assert found.confidence <= 0.3


def test_different_scenes_are_refused() -> None:
    visibles = [film("visible", walk(seed), 10, 12) for seed in range(6)]
    thermals = [film("thermal", walk(50 + seed), 10, 12) for seed in range(6)]
    for visible in visibles:
        for thermal in thermals:
            found = estimate(visible, thermal)
            assert found.doubt is not None and found.confidence <= 0.3


def test_motion_that_repeats_is_refused() -> None:
    found = estimate(film("visible", swing, 30, 30), film("thermal", swing, 30, 30, offset_s=0.1))
    assert found.doubt is not None and "repeats itself" in found.doubt


def test_a_clock_that_jumps_is_refused() -> None:
    path = walk(6)
    visible, thermal = film("visible", path, 40, 20).motion(), film("thermal", path, 40, 20).motion()
    late_s, late_stamps_s = (np.where(at < at[0] + 19, 0, 0.4) for at in (thermal.times_s, thermal.stamps_s))
    jumped = Motion(thermal.times_s + late_s, thermal.amounts, thermal.stamps_s + late_stamps_s)
    found = estimate_offset(visible, jumped)
    assert found.doubt is not None and "a clock may have jumped" in found.doubt


def test_an_offset_beyond_what_is_looked_for_is_refused() -> None:
    path = walk(3)
    visible, thermal = film("visible", path, 20, 20), film("thermal", path, 20, 20, offset_s=0.9)
    assert estimate_offset(visible.motion(), thermal.motion(), largest_s=1).doubt is None
    assert estimate_offset(visible.motion(), thermal.motion(), largest_s=0.5).doubt is not None


def test_frames_that_repeat_say_nothing() -> None:
    """A camera of 15 pictures a second that sends each of them twice."""
    path = walk(3)
    thermal = MotionMeter()
    across, down = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    rng = np.random.default_rng(8)
    for index in range(30 * 15):
        x, y = path(index / 15)
        body = 600 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 90)
        counts = (3000 + body + rng.normal(0, 6, across.shape)).astype(np.uint16)
        for again in range(2):
            stamp_s = Fraction(1_700_000_000) + Fraction(2 * index + again, 30)
            thermal.add(Frame(counts, "gray16le", stamp_s, "rtcp", 2 * index + again, 14))
    found = estimate(film("visible", path, 30, 30), thermal)
    assert found.doubt is None and found.offset_ms == pytest.approx(0, abs=5)


def test_a_short_recording_is_refused() -> None:
    path = walk(3)
    found = estimate(film("visible", path, 3, 30), film("thermal", path, 3, 30))
    assert found.doubt is not None and "5 s are needed" in found.doubt


def test_a_change_of_gain_is_no_motion() -> None:
    """The whole thermal picture becomes twice as strong in the middle; the offset stays what it is."""
    path = walk(3)
    visible, thermal = film("visible", path, 30, 30), MotionMeter()
    across, down = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    rng = np.random.default_rng(1)
    for index in range(900):
        x, y = path(index / 30)
        grey = 90 + 60 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 90) + rng.normal(0, 1, across.shape)
        grey = grey if index < 450 else 0.5 * grey + 70
        stamp_s = Fraction(1_700_000_000) + Fraction(index, 30)
        thermal.add(Frame(grey.astype(np.uint8), "gray8", stamp_s, "rtcp", index))
    found = estimate(visible, thermal)
    assert found.doubt is None and found.offset_ms == pytest.approx(0, abs=5)
