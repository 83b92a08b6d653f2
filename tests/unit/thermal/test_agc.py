"""Gain control: which span or curve is shown, and how calm it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from cuda_kernels import reference
from stream.config import GainSettings, validate
from stream.errors import ConfigError
from stream.radiometry import Linear, Radiometry
from stream.thermal.agc import Agc

BITS = 14


def control(bits: int = BITS, radiometry: Radiometry | None = None, **keys: object) -> Agc:
    return Agc(GainSettings.model_validate(keys), bits, radiometry=radiometry)


def counts(seed: int, low: int = 3000, high: int = 4000) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(low, high, (40, 50)).astype(np.uint16))


def limits(gain: Agc, raw: Tensor) -> list[float]:
    """Those of the next frame."""
    found: list[float] = gain.update(raw, torch.tensor([gain.next_ema_weight()])).tolist()
    return found


class TestSpans:
    @pytest.mark.parametrize(("bits", "method"), [(8, "none"), (10, "percentile"), (16, "percentile")])
    def test_auto_goes_by_the_bits(self, bits: int, method: str) -> None:
        assert control(bits).plan.name == method

    @pytest.mark.parametrize("bits", [8, 10, 14, 16])
    def test_none_is_the_whole_range(self, bits: int) -> None:
        assert limits(control(bits, method="none"), counts(0)) == [0, 2**bits - 1]

    def test_minmax_is_the_whole_picture(self) -> None:
        raw = counts(0)
        assert limits(control(method="minmax"), raw) == [raw.float().min(), raw.float().max()]

    def test_percentiles_leave_a_hot_pixel_out(self) -> None:
        raw = counts(0)
        raw[0, 0] = 16000
        low, high = limits(control(low=1, high=99.5), raw)
        assert 3000 <= low < 3030
        assert 3970 < high < 4000

    def test_fixed_counts_stand_whatever_comes(self) -> None:
        gain = control(method="fixed", span_low=3100, span_high=3300.5)
        assert limits(gain, counts(0)) == limits(gain, counts(0, 9000, 9999)) == [3100, 3300.5]

    def test_fixed_celsius_goes_by_the_radiometry(self) -> None:
        centikelvin = Linear(celsius_per_count=0.01, celsius_at_zero=-273.15)
        gain = control(16, centikelvin, method="fixed", span_low=20, span_high=40, span_unit="celsius")
        assert limits(gain, counts(0)) == pytest.approx([29315, 31315])

    def test_celsius_of_an_unknown_camera_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"not known; give --thermal-celsius-per-count"):
            control(method="fixed", span_low=20, span_high=40, span_unit="celsius")

    def test_black_hot_turns_the_span_round(self) -> None:
        raw = counts(0)
        white, black = (
            control(method="minmax", polarity=f"{word}-hot").show(raw) for word in ("white", "black")
        )
        torch.testing.assert_close(black, 1 - white)


class TestDamping:
    def test_first_frame_is_taken_as_it_is_and_later_ones_are_damped(self) -> None:
        gain = control(method="minmax", damping=0.75)
        assert limits(gain, counts(0, 1000, 1001)) == [1000, 1000]
        assert limits(gain, counts(0, 2000, 2001)) == [1250, 1250]
        assert limits(gain, counts(0, 2000, 2001)) == [1437.5, 1437.5]

    def test_without_damping_every_frame_is_its_own(self) -> None:
        gain = control(method="minmax", damping=0)
        limits(gain, counts(0))
        assert limits(gain, counts(0, 7000, 7001)) == [7000, 7000]

    @pytest.mark.parametrize("method", ["percentile", "plateau", "clahe"])
    def test_frozen_keeps_everything(self, method: str) -> None:
        gain, probe = control(method=method, detail=2), counts(1)
        before = gain.show(counts(0)).clone(), shown(gain, probe)
        gain.update(counts(0, 9000, 9999), torch.tensor([gain.next_ema_weight(frozen=True)]))
        assert torch.equal(shown(gain, probe), before[1])

    def test_a_span_grows_by_a_bounded_share_and_gets_there(self) -> None:
        gain = control(method="minmax", damping=0.9)
        previous = limits(gain, counts(0, 3000, 3400))
        hot = counts(0, 3000, 3400)
        hot[:2] = 16000
        for _ in range(100):
            now = limits(gain, hot)
            assert now[1] - previous[1] <= (previous[1] - previous[0]) * (0.1 / 1.8) * 1.001
            previous = now
        assert previous[1] > 15900

    def test_another_scene_is_reached_without_a_bound(self) -> None:
        gain = control(method="minmax", damping=0.9)
        limits(gain, counts(0, 3000, 3400))
        for _ in range(60):
            low, high = limits(gain, counts(0, 9000, 9400))
        assert low == pytest.approx(9000, abs=20)
        assert high == pytest.approx(9399, abs=20)


def shown(gain: Agc, raw: Tensor) -> Tensor:
    """A picture by the gain as it is, without measuring it."""
    ema_weight = torch.ones(1)
    picture = gain.apply(raw, ema_weight, gain.new_planes(*raw.shape))
    return reference.normalise(picture, gain.limits)


class TestEqualisation:
    @pytest.mark.parametrize("method", ["plateau", "clahe"])
    def test_hotter_is_never_darker(self, method: str) -> None:
        gain, raw = control(method=method), counts(0)
        cooler = gain.show(raw)
        for hotter in range(10, 1500, 170):
            brighter = shown(gain, (raw.int() + hotter).to(torch.uint16))
            assert (brighter >= cooler).all()
            cooler = brighter

    def test_plateau_gives_a_small_scene_its_share(self) -> None:
        """Two ranges of counts, one on a tenth of the pixels, get alike much of the brightness."""
        raw = counts(0, 3000, 3200)
        raw[:4] = counts(0, 9000, 9200)[:4]
        picture = control(method="plateau", plateau=0.05).show(raw)
        assert 0.3 < float(picture[4:].max()) < 0.7
        assert float(picture[:4].max() - picture[:4].min()) > 0.3

    def test_clahe_brings_out_what_a_span_leaves_flat(self) -> None:
        raw = counts(0, 3000, 3100)
        raw[:, 25:] = counts(0, 8000, 8100)[:, 25:]
        flat, local = (control(method=name, low=0, high=100).show(raw) for name in ("percentile", "clahe"))
        assert float(local[:, :12].std()) > 2 * float(flat[:, :12].std())


class TestRetuning:
    def test_the_span_goes_on(self) -> None:
        gain = control(damping=0.9)
        limits(gain, counts(0))
        place, span = gain.span.data_ptr(), gain.span.clone()
        assert gain.retune(GainSettings(damping=0.5, low=2, polarity="black-hot"))
        assert gain.next_ema_weight() == 0.5
        assert gain.span.data_ptr() == place
        assert gain.limits.tolist() == span.flip(0).tolist()

    def test_a_fixed_span_moves_at_once(self) -> None:
        gain = control(method="fixed", span_low=1, span_high=2)
        assert gain.retune(GainSettings(method="fixed", span_low=5, span_high=9))
        assert gain.limits.tolist() == [5, 9]

    def test_another_method_needs_another_control(self) -> None:
        gain = control(method="minmax")
        assert not gain.retune(GainSettings(method="plateau"))
        assert gain.plan.name == "minmax"


def scene(hot: int, area: float, flares: bool = False) -> Iterator[Tensor]:
    """40 frames of a static scene into which, in the tenth one, something hot steps; a fire if it flares."""
    rng, still = np.random.default_rng(5), counts(5, 3000, 3400).int()
    for index in range(40):
        raw = still.clone()
        if index >= 10:
            hottest = round(hot * rng.uniform(0.6, 1)) if flares else hot
            heat = rng.integers(hot // 4 if flares else hot, hottest + 1, round(area * raw.numel()))
            raw.view(-1)[-len(heat) :] = torch.from_numpy(heat).int()
        yield raw.to(torch.uint16)


def flicker(gain: Agc, frames: Iterator[Tensor], measure: Callable[[Tensor], Tensor]) -> float:
    """Change of the background's brightness from one frame to the next, 0..1: `measure` of all frames."""
    background = torch.stack([gain.show(raw)[:20] for raw in frames])
    return float(measure(background.diff(dim=0).abs().mean(dim=(1, 2))))


def plain() -> Agc:
    return control(16, method="minmax", damping=0)


class TestFlicker:
    @pytest.mark.parametrize("hot", [4400, 16000, 65000])
    @pytest.mark.parametrize("area", [0.002, 0.05, 0.3])
    @pytest.mark.parametrize("method", ["percentile", "plateau", "clahe"])
    def test_no_frame_jumps_when_something_hot_comes(self, method: str, hot: int, area: float) -> None:
        ours = flicker(control(16, method=method), scene(hot, area), torch.amax)
        assert 5 * ours < flicker(plain(), scene(hot, area), torch.amax)

    @pytest.mark.parametrize(
        ("method", "area"), [("percentile", 0.002), ("plateau", 0.002), ("clahe", 0.002)]
    )
    def test_over_all_frames_too_where_the_scene_may_stay_as_it_is(self, method: str, area: float) -> None:
        frames = (scene(65000, area, flares=True) for _ in range(2))
        ours = flicker(control(16, method=method), next(frames), torch.mean)
        assert 5 * ours < flicker(plain(), next(frames), torch.mean)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"method": "fixed", "span_low": 1}, "the method fixed needs span_low and span_high"),
        ({"span_low": 3, "span_high": 2}, "span_low must be below span_high, got 3, 2"),
        ({"low": 60, "high": 40}, "low must be below high, got 60 and 40"),
        ({"region": "0,0,1"}, "a region is LEFT,TOP,RIGHT,BOTTOM in shares from 0 to 1"),
        ({"region": "0.5,0,0.5,1"}, "left below right"),
        ({"region": "0,0,1,2"}, "in shares from 0 to 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(keys: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        validate(GainSettings, keys, "gain")
