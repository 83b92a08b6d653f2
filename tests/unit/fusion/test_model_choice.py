"""The model `auto`: full for recordings, by measuring for cameras."""

from __future__ import annotations

import logging

import pytest
import torch

from gifnet import weights as weight_files
from gifnet.lite.strips import StripedLite
from gifnet.model import GIFNet
from stream.config import FuseSettings, FusionSettings, validate
from stream.device.context import HostContext
from stream.frame import FramePair
from stream.fusion import model_choice
from stream.fusion.fuser import Fuser
from stream.fusion.model_choice import AutoNetwork, figure, kind_of, measured_rate, open_network
from stream.runtime.clock import SystemClock
from stream.runtime.stage_times import StageTimes
from tests.unit.fusion.test_fuser import landed, pair_of

SIZE = (64, 48)


class Machine:
    """Says how fast each network is, in place of measuring."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, full: float, lite: float) -> None:
        self.rates, self.asked = {GIFNet: full, StripedLite: lite}, 0
        monkeypatch.setattr(model_choice, "measured_rate", self.measure)

    def measure(self, network: object, size: object, device: object) -> float:
        self.asked += 1
        return self.rates[type(network)]


def auto(rate: float | None) -> AutoNetwork:
    network = open_network(FusionSettings(), HostContext(), lambda: rate)
    assert isinstance(network, AutoNetwork)
    return network


def test_auto_is_the_default_and_full_for_recordings() -> None:
    assert FusionSettings().model == "auto"
    assert kind_of(open_network(FusionSettings(), HostContext())) == "full"


@pytest.mark.parametrize(
    ("full", "rate", "kind"),
    [(1.0, 30.0, "lite"), (30.0, 30.0, "lite"), (40.0, 30.0, "full"), (26.0, None, "lite"),
     (40.0, None, "full"), (9.5, 9.0, "lite"), (12.0, 9.0, "full")],
)  # fmt: skip
def test_lite_is_taken_where_full_does_not_hold_the_rate(
    monkeypatch: pytest.MonkeyPatch, full: float, rate: float | None, kind: str
) -> None:
    Machine(monkeypatch, full, 41.0)
    network = auto(rate)
    assert kind_of(network) == "auto"
    network.settle(SIZE)
    assert kind_of(network) == kind
    picture = torch.rand(1, 1, 48, 64)
    with torch.inference_mode():
        assert network(picture, picture).shape == picture.shape


def test_the_choice_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine(monkeypatch, 1.04, 41.3)
    network = auto(30.0)
    network.settle(SIZE)
    network.settle(SIZE)
    assert machine.asked == 2
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "this machine fuses 1.0 frames/s with full, 41 with lite: lite, --model full to insist"
    ]


def test_weights_bring_their_own_network_along() -> None:
    fusion = FusionSettings(weights=str(weight_files.PACKAGED_LITE))
    assert kind_of(open_network(fusion, HostContext(), lambda: 30.0)) == "lite"
    assert kind_of(open_network(fusion, HostContext())) == "lite"


def test_a_camera_run_settles_with_its_first_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(monkeypatch, 1.0, 41.0)
    values = {"visible": {"uri": "a"}, "thermal": {"uri": "b"}}
    settings = validate(FuseSettings, values, "the test")
    times = StageTimes(SystemClock())
    by = Fuser(settings, None, None, HostContext(), times, rate=lambda: 30.0)
    assert (by.model, by.weights["sha256"], by.precision, by.size) == ("auto", "", "", None)
    pair: FramePair = pair_of(0)
    assert len(landed(by, [pair])) == 1
    assert by.model == by.weights["name"] == "lite"
    assert len(by.weights["sha256"]) == 64
    assert by.size == pair.visible.size


def test_the_rate_is_measured_on_a_small_picture_where_the_network_is_slow() -> None:
    seen = []

    def network(visible: torch.Tensor, thermal: torch.Tensor) -> torch.Tensor:
        seen.append((visible.shape[3], visible.shape[2]))
        return visible

    rate = measured_rate(network, SIZE, torch.device("cpu"))
    assert seen[-1] == SIZE
    assert rate > 0
    seen.clear()
    model_choice_patience, model_choice.PATIENCE_S = model_choice.PATIENCE_S, 0.0
    try:
        measured_rate(network, SIZE, torch.device("cpu"))
    finally:
        model_choice.PATIENCE_S = model_choice_patience
    assert set(seen) == {model_choice.SMALL}


def test_figures() -> None:
    assert [figure(rate) for rate in (0.94, 1.04, 9.96, 41.3, 410.0)] == ["0.9", "1.0", "10.0", "41", "410"]
