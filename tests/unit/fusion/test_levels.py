"""The correction of levels as a setting: when it is on by itself, where refused, what it does to frames."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from gifnet.level import level
from stream.cli.images import images
from stream.config import FuseSettings, FusionSettings
from stream.device.context import HostContext
from stream.errors import ConfigError
from stream.frame import Frame, FramePair
from stream.fusion.fuser import Fuser
from stream.runtime.stage_times import StageTimes
from tests.helpers.clock import HandClock


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ({}, 1),
        ({"model": "lite"}, 1),
        ({"weights": "lite"}, 1),
        ({"level": 0.5}, 0.5),
        ({"level": 0}, 0),
        ({"weights": "published"}, 0),
        ({"weights": "own.safetensors"}, 0),
        ({"weights": "own.safetensors", "level": 1}, 1),
        ({"model": "null"}, 0),
        ({"model": "null", "level": 0}, 0),
    ],
)
def test_the_packaged_weights_are_corrected_and_others_on_request(
    given: dict[str, object], used: float
) -> None:
    fusion = FusionSettings.model_validate(given)
    assert fusion.used_level == used
    packaged = fusion.weights in ("default", "lite") and fusion.model != "null"
    assert fusion.used_steady == (0.5 if packaged else 0)


def test_levels_without_a_network_are_refused() -> None:
    with pytest.raises(ValueError, match="the model null has no network"):
        FusionSettings(model="null", level=0.5)


def test_levels_of_a_task_without_a_thermal_picture_are_refused() -> None:
    done = CliRunner().invoke(images, ["a.png", "b.png", "-o", "c.png", "--task", "medical", "--level", "1"])
    assert isinstance(done.exception, ConfigError)
    assert "--level is for visible and thermal pictures, not for medical" in str(done.exception)


def fused(strength: float) -> np.ndarray:
    """A bright, cold sky over a warm road, fused by lite; grey."""
    settings = FuseSettings.model_validate(
        {
            "visible": {"uri": "a"},
            "thermal": {"uri": "b"},
            "fusion": {"model": "lite", "precision": "float32", "level": strength, "steady": 0},
            "gain": {"method": "fixed", "span_low": 0, "span_high": 255, "span_unit": "counts"},
        }
    )
    visible, thermal = sources()
    time_s = Fraction(0)
    pair = FramePair(
        Frame(np.repeat(visible[..., None], 3, axis=2), "rgb24", time_s, "pts", 0),
        Frame(thermal, "gray8", time_s, "pts", 0),
        time_s,
        0.0,
    )
    by = Fuser(settings, None, None, HostContext(), StageTimes(HandClock()))
    (frame,) = (frame for batch in by.fuse([pair]) for frame in batch.result())
    by.close()
    return np.asarray(frame.pixels[..., 0])


def sources() -> tuple[np.ndarray, np.ndarray]:
    visible, thermal = np.full((64, 80), 70, np.uint8), np.full((64, 80), 150, np.uint8)
    visible[:32], thermal[:32] = 230, 20
    return visible, thermal


def test_frames_of_a_run_get_the_level_of_the_function() -> None:
    inputs = [torch.from_numpy(each)[None, None].float() / 255 for each in (fused(0), *sources())]
    expected = 255 * level(*inputs)[0, 0].numpy()
    got = fused(1)
    # Rounded to 8 bits before, after and in the sources of the function.
    assert np.abs(got - expected).max() <= 3
    assert got[:24].min() >= 0.85 * 230
