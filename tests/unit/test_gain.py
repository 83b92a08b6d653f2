"""Gain control: which span is shown, and how calm it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from cuda_kernels import reference
from stream.config import GainSettings
from stream.gain import GainControl

BITS = 14


def control(bits: int = BITS, **keys: object) -> GainControl:
    return GainControl(GainSettings.model_validate(keys), bits)


def counts(seed: int, low: int = 3000, high: int = 4000) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(low, high, (40, 50)).astype(np.uint16))


@pytest.mark.parametrize(("bits", "method"), [(8, "none"), (10, "percentile"), (16, "percentile")])
def test_auto_goes_by_the_bits(bits: int, method: str) -> None:
    assert control(bits).method == method


@pytest.mark.parametrize("bits", [8, 10, 14, 16])
def test_none_is_the_whole_range(bits: int) -> None:
    assert control(bits, method="none").span(counts(0)).tolist() == [0, 2**bits - 1]


def test_minmax_is_the_whole_picture() -> None:
    raw = counts(0)
    assert control(method="minmax").span(raw).tolist() == [raw.float().min(), raw.float().max()]


def test_percentiles_leave_a_hot_pixel_out() -> None:
    raw = counts(0)
    raw[0, 0] = 16000
    low, high = control(low=1, high=99.5).span(raw).tolist()
    assert 3000 <= low < 3030
    assert 3970 < high < 4000


def test_first_frame_is_taken_as_it_is_and_later_ones_are_damped() -> None:
    gain = control(method="minmax", damping=0.75)
    first = gain.span(counts(0, 1000, 1001))
    assert first.tolist() == [1000, 1000]
    assert gain.span(counts(0, 2000, 2001)).tolist() == [1250, 1250]
    assert gain.span(counts(0, 2000, 2001)).tolist() == [1437.5, 1437.5]


def test_spans_already_given_do_not_change() -> None:
    gain = control(damping=0.5)
    first = gain.span(counts(0))
    kept = first.clone()
    gain.span(counts(0, 8000, 9000))
    assert torch.equal(first, kept)


def test_without_damping_every_frame_is_its_own() -> None:
    gain = control(method="minmax", damping=0)
    gain.span(counts(0))
    assert gain.span(counts(0, 7000, 7001)).tolist() == [7000, 7000]


def test_frozen_keeps_the_span() -> None:
    gain = control()
    before = gain.span(counts(0))
    keep = torch.tensor([gain.next_keep(frozen=True)])
    assert torch.equal(gain.update(counts(0, 9000, 9999), keep), before)


def flicker(gain: GainControl) -> float:
    """Mean change from frame to frame of a static background while something hot comes in, 0..1."""
    background = counts(5, 3000, 3400)
    shown = []
    for step in range(20):
        raw = background.clone()
        raw[10:30, 40 - step : 50] = 4400 if step > 4 else 3200
        shown.append(reference.normalise(raw, gain.span(raw))[:, :15])
    return float(torch.stack(shown).diff(dim=0).abs().mean(dim=(1, 2)).max())


def test_a_hot_object_makes_far_less_flicker_than_minmax_of_each_frame() -> None:
    assert flicker(control()) < 0.3 * flicker(control(method="minmax", damping=0))
