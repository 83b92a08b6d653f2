"""The network of a run: as asked for, or the better one of those that hold the rate of the cameras."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor

from gifnet import weights as weight_files
from gifnet.config import Kind
from gifnet.lite.model import GIFNetLite
from gifnet.lite.strips import StripedLite
from gifnet.loading import load_network
from gifnet.model import GIFNet
from stream.config import FusionSettings, Precision
from stream.device.context import DeviceContext
from stream.fusion.null_model import NullModel
from stream.runtime.cpu_threads import all_cores, cores

# Decoding and encoding keep the network from having the processor to itself.
SPARE = 1.25
# Taken where neither a camera nor its frames tell their rate.
USUAL_RATE = 25.0
# A network that takes longer for one picture is timed on a small one: the cost goes by the pixels.
PATIENCE_S = 0.3
SMALL = (160, 120)
ROUNDS = 3

Size = tuple[int, int]
Rate = Callable[[], float | None]

WholeNetwork: TypeAlias = "GIFNet | GIFNetLite | StripedLite"

_log = logging.getLogger(__name__)


@runtime_checkable
class Borrowed(Protocol):
    """A network that other pairs of the process use too, see `stream.fusion.shared`."""

    kind: Kind
    own_threads: bool
    weights_sha256: str
    precision: str
    picture_dtype: torch.dtype
    form: str

    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse a [1, 1, H, W] picture."""

    def fuse(self, visible: Tensor, thermal: Tensor, result: Tensor) -> None:
        """Fuse a [1, 1, H, W] picture, together with those of other pairs, into memory of the caller's."""

    def exclusive(self) -> AbstractContextManager[WholeNetwork]:
        """The network itself, for a block in which no other pair uses it."""

    def close(self) -> None:
        """Leave it to the others."""


Load = Callable[[Kind], "WholeNetwork | Borrowed"]


class AutoNetwork:
    """The full network where this machine fuses with it at the rate of the cameras, else lite.

    Until `settle` there is none.
    """

    def __init__(
        self, fusion: FusionSettings, device: torch.device, rate: Rate, load: Load | None = None
    ) -> None:
        """Load nothing yet.

        Args:
            fusion: number format; the weights are the packaged ones.
            device: where to compute.
            rate: frames a second of the cameras, None while that is not known.
            load: gives a network of a kind; by default one of this pair's own.
        """
        self._fusion, self._device, self._rate = fusion, device, rate
        self._load = load or self._load_own
        self._network: WholeNetwork | Borrowed | None = None

    @property
    def borrowed(self) -> Borrowed | None:
        """The network, where other pairs use it too; None otherwise and before the choice."""
        return self._network if isinstance(self._network, Borrowed) else None

    @property
    def kind(self) -> Kind | None:
        """`full` or `lite`; None before the choice."""
        if self._network is None:
            return None
        return _kind_of_whole(self._network)

    @property
    def own_threads(self) -> bool:
        """True where torch's threads would be in the way of the network's own."""
        return bool(getattr(self._network, "own_threads", False))

    @property
    def exposes(self) -> bool:
        """False where the pictures of the network are still to be exposed, see `ExposedVideo`."""
        return bool(getattr(self._network, "exposes", True))

    @property
    def weights_sha256(self) -> str:
        """Of the chosen weights; empty before the choice."""
        return self._network.weights_sha256 if self._network else ""

    @property
    def precision(self) -> str:
        """Name of the number format; empty before the choice."""
        return self._network.precision if self._network else ""

    @property
    def picture_dtype(self) -> torch.dtype:
        """Number format of the pictures that go in."""
        return self._network.picture_dtype if self._network else torch.float32

    @property
    def form(self) -> str:
        """Name of the form in reports."""
        return self._network.form if self._network else ""

    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse [B, 1, H, W] pictures by the chosen network."""
        assert self._network, "settle comes first"
        result: Tensor = self._network(visible, thermal)
        return result

    def close(self) -> None:
        """End the network's own threads; may be called twice."""
        if isinstance(self._network, StripedLite | Borrowed):
            self._network.close()

    def settle(self, size: Size) -> None:
        """Measure for about a second, choose, and say so; a second call changes nothing.

        Args:
            size: width and height of the pictures.

        Raises:
            WeightsError, DeviceError: a network cannot be loaded.
        """
        if self._network:
            return
        full = self._load("full")
        with _alone(full) as network, all_cores():
            full_rate = measured_rate(network, size, self._device)
        wanted = self._rate() or USUAL_RATE
        if full_rate >= SPARE * wanted:
            self._network = full
            _log.info("this machine fuses %s frames/s with full: full", figure(full_rate))
            return
        if isinstance(full, Borrowed):
            full.close()
        del full
        lite = self._load("lite")
        with _alone(lite) as network:
            lite_rate = measured_rate(network, size, self._device)
        self._network = lite
        _log.warning(
            "this machine fuses %s frames/s with full, %s with lite: lite, --model full to insist",
            figure(full_rate),
            figure(lite_rate),
        )

    def _load_own(self, kind: Kind) -> WholeNetwork:
        return load_whole(kind, "default", self._fusion.precision, self._device)


LoadedNetwork: TypeAlias = "WholeNetwork | NullModel | AutoNetwork | Borrowed"


def _alone(network: WholeNetwork | Borrowed) -> AbstractContextManager[WholeNetwork]:
    return network.exclusive() if isinstance(network, Borrowed) else nullcontext(network)


def open_network(fusion: FusionSettings, context: DeviceContext, rate: Rate | None = None) -> LoadedNetwork:
    """The network that the settings ask for.

    `auto` is the full one for recordings, which wait for it; for cameras it is chosen with the first pair.
    Weights that are named bring their own network.

    Args:
        fusion: the settings.
        context: the device.
        rate: of live cameras; None for recordings.

    Raises:
        WeightsError: the weights cannot be loaded.
        DeviceError: the device does not offer the precision.
    """
    if fusion.model == "null":
        return NullModel()
    if chooses_by_rate(fusion, rate):
        assert rate is not None
        return AutoNetwork(fusion, context.device, rate)
    return load_whole(wanted_kind(fusion), fusion.weights, fusion.precision, context.device)


def chooses_by_rate(fusion: FusionSettings, rate: Rate | None) -> bool:
    """True where the network is chosen once the rate of the cameras is known."""
    return fusion.model == "auto" and fusion.weights == "default" and rate is not None


def wanted_kind(fusion: FusionSettings) -> Kind:
    """The network of settings that name one, or weights; full for recordings.

    Raises:
        WeightsError: the weights cannot be read.
    """
    if fusion.model in ("full", "lite"):
        return fusion.model
    return weight_files.read(weight_files.resolve(fusion.weights)).kind


def load_whole(
    kind: Kind, weights: str | Path, precision: Precision, device: torch.device
) -> GIFNet | GIFNetLite | StripedLite:
    """A network on a device for videos: lite on a CPU by strips, and its pictures not exposed yet.

    Raises:
        WeightsError: the weights cannot be loaded.
        DeviceError: the device does not offer the precision.
    """
    network = load_network(kind, weights, device, precision)
    if isinstance(network, GIFNetLite):
        network.exposes = False
        return StripedLite(network, cores()) if device.type == "cpu" else network
    return network


def kind_of(network: LoadedNetwork) -> str:
    """`full`, `lite`, `null`, or `auto` where the choice is still to come."""
    if isinstance(network, AutoNetwork):
        return network.kind or "auto"
    return "null" if isinstance(network, NullModel) else _kind_of_whole(network)


def borrowed(network: object) -> Borrowed | None:
    """The network, where other pairs use it too; None otherwise."""
    if isinstance(network, AutoNetwork):
        return network.borrowed
    return network if isinstance(network, Borrowed) else None


def _kind_of_whole(network: WholeNetwork | Borrowed) -> Kind:
    if isinstance(network, Borrowed):
        return network.kind
    return "full" if isinstance(network, GIFNet) else "lite"


def measured_rate(network: Callable[[Tensor, Tensor], Tensor], size: Size, device: torch.device) -> float:
    """Pictures of a size that a network fuses in a second here; by the best of a few rounds.

    Args:
        network: it.
        size: width and height.
        device: where it is.
    """
    small_s = _seconds(network, SMALL, device)
    expected_s = small_s * (size[0] * size[1]) / (SMALL[0] * SMALL[1])
    return 1 / (expected_s if expected_s > PATIENCE_S else _seconds(network, size, device))


def figure(rate: float) -> str:
    """A rate with two figures."""
    return f"{rate:.1f}" if rate < 10 else f"{rate:.0f}"


@torch.inference_mode()
def _seconds(network: Callable[[Tensor, Tensor], Tensor], size: Size, device: torch.device) -> float:
    # The time does not depend on the content of a picture; noise would also do.
    pictures = torch.linspace(0, 1, size[0] * size[1], device=device).reshape(1, 1, size[1], size[0])
    network(pictures, pictures)
    times_s = []
    for _ in range(ROUNDS):
        _wait_for(device)
        began_s = time.perf_counter()
        network(pictures, pictures)
        _wait_for(device)
        times_s.append(time.perf_counter() - began_s)
    return max(min(times_s), 1e-9)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
