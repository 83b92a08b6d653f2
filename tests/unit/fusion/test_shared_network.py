"""A network shared by the threads of several pairs, on the CPU."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gifnet.lite.model import GIFNetLite
from gifnet.lite.strips import StripedLite
from gifnet.loading import load_lite
from stream.config import FuseSettings, FusionSettings
from stream.config.many.pairs import SharingSettings
from stream.device.context import HostContext
from stream.errors import DeviceError
from stream.frame import FusedFrame
from stream.fusion.fuser import Fuser
from stream.fusion.model_choice import AutoNetwork, kind_of
from stream.fusion.null_model import NullModel
from stream.fusion.shared.devices import SharedDevices
from stream.fusion.shared.network import SharedNetwork
from stream.fusion.shared.waiting import Waiting
from stream.runtime.clock import SystemClock
from stream.runtime.stage_times import StageTimes
from stream.sources.base import SourceInfo
from tests.helpers.clock import HandClock
from tests.helpers.patience import patience, wait_until
from tests.unit.fusion.test_fuser import SIZE, landed, pair_of

# Far longer than any test; a batch that waits for it hangs.
FOR_EVER_S = patience(120)


class Noting(GIFNetLite):
    """Gives the visible picture, and notes the size of each batch; holds it until `go` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.go = threading.Event()
        self.go.set()
        self.began = threading.Event()
        self.error: Exception | None = None

    def forward(self, visible: Tensor, thermal: Tensor) -> Tensor:
        self.batches.append(len(visible))
        self.began.set()
        assert self.go.wait(FOR_EVER_S)
        if self.error:
            raise self.error
        return visible.clone()


def shared(network: GIFNetLite, most: int = 8, wait_s: float = 0.0) -> SharedNetwork:
    return SharedNetwork(network, "lite", HostContext(), Waiting(most, wait_s), SystemClock())


def picture(value: float) -> Tensor:
    return torch.full((1, 1, 8, 8), float(value))


def on_threads(*works: Callable[[], object]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads


def join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(FOR_EVER_S)
        assert not thread.is_alive()


def test_frames_that_come_while_a_batch_is_fused_make_the_next_one_and_each_gets_its_own() -> None:
    network = Noting()
    network.go.clear()
    of = shared(network)
    shares = [of.join(HostContext()) for _ in range(4)]
    results: dict[int, Tensor] = {}

    def fuse(number: int) -> None:
        results[number] = shares[number](picture(number / 10), picture(0))

    threads = on_threads(lambda: fuse(0))
    assert network.began.wait(FOR_EVER_S)
    threads += on_threads(*(lambda number=number: fuse(number) for number in (1, 2, 3)))
    wait_until(lambda: len(of._waiting._requests) == 3)
    network.go.set()
    join(threads)
    assert network.batches == [1, 3] and of.sizes == Counter({1: 1, 3: 1})
    assert all(torch.equal(result, picture(number / 10)) for number, result in results.items())


def test_a_batch_is_complete_when_all_pairs_have_asked_however_long_the_wait_is() -> None:
    network = Noting()
    of = shared(network, wait_s=FOR_EVER_S)
    one, other = of.join(HostContext()), of.join(HostContext())
    # Nobody else was seen yet.
    one(picture(0), picture(0))
    threads = on_threads(lambda: one(picture(0), picture(0)))
    join(threads)
    with one.exclusive():
        threads = on_threads(lambda: other(picture(0.5), picture(0)), lambda: one(picture(0), picture(0)))
        wait_until(lambda: len(of._waiting._requests) == 2)
    join(threads)
    # The other one was seen just now; it leaves, and is waited for no more.
    threads = on_threads(lambda: one(picture(0), picture(0)))
    other.close()
    join(threads)
    assert network.batches == [1, 1, 2, 1]


def test_a_failed_batch_fails_for_its_pairs_and_the_next_one_is_fused() -> None:
    network = Noting()
    of = shared(network)
    share, other = of.join(HostContext()), of.join(HostContext())
    network.error = RuntimeError("CUDA error: unspecified launch failure")
    with pytest.raises(RuntimeError, match="launch failure"):
        share(picture(0), picture(0))
    network.error = None
    assert torch.equal(other(picture(1), picture(0)), picture(1))


def test_whoever_has_it_alone_keeps_batches_out() -> None:
    network = Noting()
    of = shared(network)
    share = of.join(HostContext())
    with share.exclusive() as alone:
        assert alone is network
        threads = on_threads(lambda: share(picture(0), picture(0)))
        wait_until(lambda: len(of._waiting._requests) == 1)
        assert network.batches == []
    join(threads)
    assert network.batches == [1]


def test_pairs_of_two_sizes_are_served_in_turn() -> None:
    network = Noting()
    of = shared(network)
    small, large = of.join(HostContext()), of.join(HostContext())
    threads = on_threads(
        lambda: [small(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)) for _ in range(20)],
        lambda: [large(torch.zeros(1, 1, 16, 8), torch.zeros(1, 1, 16, 8)) for _ in range(20)],
    )
    join(threads)
    assert network.batches == [1] * 40


def devices(pairs: int, **sharing: object) -> SharedDevices:
    return SharedDevices(SharingSettings.model_validate(sharing), pairs, SystemClock())


def fuser(by: SharedDevices | None, **fusion: object) -> Fuser:
    settings = FuseSettings.model_validate(
        {
            "visible": {"uri": "a"},
            "thermal": {"uri": "b"},
            "device": "cpu",
            "fusion": {"model": "lite", "precision": "float32", **fusion},
        }
    )
    visible, thermal = SourceInfo("a", *SIZE, "rgb24"), SourceInfo("b", *SIZE, "gray16le", 14)
    context = by.context("cpu") if by else HostContext()
    return Fuser(settings, visible, thermal, context, StageTimes(HandClock()), devices=by)


@pytest.mark.parametrize("fusion", [{}, {"steady": 0.0, "level": 0.0}, {"model": "full"}])
def test_pairs_together_give_what_each_gives_alone(fusion: dict[str, object]) -> None:
    """Each pair keeps its own gain, levels and steadiness; only the network is shared."""
    count = 1 if fusion.get("model") == "full" else 3
    frames = {number: [pair_of(10 * number + i) for i in range(count)] for number in range(count + 1)}
    by = devices(len(frames), batch=3, wait_ms=1000)
    together: dict[int, list[FusedFrame]] = {}
    fusers = {number: fuser(by, **fusion) for number in frames}

    def fuse(number: int) -> None:
        together[number] = landed(fusers[number], frames[number])
        fusers[number].close()

    join(on_threads(*(lambda number=number: fuse(number) for number in frames)))
    by.close()
    assert (
        sum(int(size) * count for size, count in next(iter(by.batches().values())).items())
        == len(frames) * count
    )
    for number, pairs in frames.items():
        alone = landed(fuser(None, **fusion), pairs)
        for one, other in zip(together[number], alone, strict=True):
            assert np.array_equal(one.thermal, other.thermal)
            # A batch may add up in another order.
            assert np.abs(one.pixels.astype(int) - other.pixels).max() <= 1


def test_weights_are_loaded_once_and_the_report_says_that_they_are_shared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded: list[str] = []

    def load(kind: str, weights: str, precision: str, device: torch.device) -> StripedLite:
        loaded.append(kind)
        return StripedLite(load_lite(precision="float32"), 2)

    monkeypatch.setattr("stream.fusion.shared.devices.load_whole", load)
    by = devices(2)
    one, other = fuser(by), fuser(by)
    assert loaded == ["lite"]
    assert one.device_usage["form"] == "lite, shared" and one.model == "lite" and other.precision == "float32"
    assert isinstance(by.network(FusionSettings(model="null"), HostContext()), NullModel)


def test_auto_chooses_for_all_pairs_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cameras of 25 frames a second; a machine that fuses 40 is enough for one of them, not for two."""
    monkeypatch.setattr("stream.fusion.model_choice.measured_rate", lambda *_: 40.0)
    for pairs, kind in ((1, "full"), (2, "lite")):
        by = devices(pairs)
        network = by.network(FusionSettings(), HostContext(), lambda: 25.0)
        assert isinstance(network, AutoNetwork) and kind_of(network) == "auto"
        network.settle((64, 48))
        assert kind_of(network) == kind and network.borrowed is not None
        network.close()
        by.close()


def test_a_batch_is_as_large_as_is_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.fusion.shared.devices.cores", lambda: 4)
    context = HostContext()
    assert devices(8)._most("lite", context) == 4
    assert devices(8)._most("full", context) == 1
    assert devices(3)._most("lite", context) == 3
    assert devices(8, batch=6)._most("full", context) == 6


def test_a_device_that_cannot_be_had_is_said_to_every_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    by = devices(2)
    for _ in range(2):
        with pytest.raises(DeviceError, match="--device cpu"):
            by.context("cuda")
