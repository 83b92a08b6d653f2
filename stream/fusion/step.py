"""The fusion of a batch of pairs on the device, from pixels to pixels, in memory that stays in place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from gifnet.model import Fusion
from stream.device.context import Operations, Work
from stream.picture import LumaRange
from stream.registration.registrar import Registrar
from stream.runtime.cpu_threads import all_cores
from stream.thermal.agc import Agc
from stream.thermal.front_end import ThermalFrontEnd

# Place of the network among the stages of a step.
NETWORK = 3


@dataclass(frozen=True, slots=True)
class BatchShape:
    """Sizes and formats of a batch; one step serves one shape.

    Attributes:
        visible_size: width and height.
        thermal_size: width and height.
        counts: number format of the thermal counts, uint8 or uint16.
        batch: pairs that are fused at once.
        luma: range of the visible luma where pictures are kept as planes; None for RGB.
    """

    visible_size: tuple[int, int]
    thermal_size: tuple[int, int]
    counts: torch.dtype
    batch: int = 1
    luma: LumaRange | None = None

    def is_alike(self, other: BatchShape) -> bool:
        """True where only the form of the visible pictures differs."""
        return (self.visible_size, self.thermal_size, self.counts) == (
            other.visible_size,
            other.thermal_size,
            other.counts,
        )


class FusionStep:
    """Gain control, registration, network and colour for a batch of RGB pairs; `stages` make the step.

    Nothing is allocated and nothing waits for the device once the step has run, so that it can be captured.
    The formulae are the published ones: whole-number luma goes in, `255 *` the network's picture takes its
    place, and the visible chroma is merged back. Where the thermal camera does not reach, the network sees
    visible luma in its place and the result is visible luma.

    Attributes:
        shape: what it is for.
        visible: input, [B, H, W, 3] uint8 RGB.
        counts: input, [B, Ht, Wt] uint8 or uint16.
        ema_weight: input, [B, 1] float32, see `Agc.next_ema_weight`.
        fused: result, [B, H, W, 3] uint8.
        thermal: result, [B, H, W] uint8, registered and after gain control, black where nothing is seen.
    """

    def __init__(
        self,
        shape: BatchShape,
        registrar: Registrar,
        gain: Agc,
        network: Fusion,
        operations: Operations,
        precision: torch.dtype,
    ) -> None:
        """Take the memory.

        Args:
            shape: of the batches.
            registrar: for these sizes; its maps are copied.
            gain: shared with the steps of other shapes, so that its span survives a change.
            network: takes [B, 1, H, W] pictures of `precision` or float32, gives float32.
            operations: for tensors of the registrar's device.
            precision: number format of the network's inputs.

        Raises:
            ConfigError: the file of bad pixels cannot be read.
            CalibrationError: it is for thermal pictures of another size.
        """
        width, height = shape.visible_size
        thermal_width, thermal_height = shape.thermal_size
        batch, device = shape.batch, gain.device
        self.shape = shape
        self._network, self._operations = network, operations
        self._front_end = ThermalFrontEnd(gain, shape.thermal_size, shape.counts, operations, batch)
        self._shown: list[tuple[Tensor, Tensor]] = []

        def planes(dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(batch, height, width, dtype=dtype, device=device)

        self.visible = self._visible_memory(batch, height, width, device)
        self.counts = torch.zeros(batch, thermal_height, thermal_width, dtype=shape.counts, device=device)
        # Whole: a capture warms the step up, and must not move the span of a stream that is going on.
        self.ema_weight = torch.ones(batch, 1, device=device)
        self.fused, self.thermal = torch.zeros_like(self.visible), planes(torch.uint8)
        self._brightness = planes()
        self._valid = planes(torch.bool)
        self._visible_in, self._thermal_in = planes(precision), planes(precision)
        self._picture = planes()
        self._take_memory(planes)
        self._coverage, self._sees_all = torch.ones(height, width, device=device), True
        self._maps: tuple[Tensor, Tensor] | None = None
        if registrar.maps is not None:
            map_x, map_y = (each.to(device) for each in registrar.maps)
            self._maps = map_x, map_y
        self._each = range(batch)
        self.move(registrar)

    @property
    def own_threads(self) -> bool:
        """True for a network that shares its work among threads of its own."""
        return bool(getattr(self._network, "own_threads", False))

    @property
    def stages(self) -> list[tuple[str, Work]]:
        """Name and work of each part, in their order."""
        # Not an attribute: methods in it would make a cycle, and the memory would outlive its last user.
        return [
            ("luma", self._split),
            ("gain", self._gain_control),
            ("register", self._register),
            ("network", self._fuse),
            ("merge", self._merge),
        ]

    def move(self, registrar: Registrar) -> bool:
        """Take over where the thermal picture lies, in the same memory, so that a captured step stays valid.

        Args:
            registrar: for the same sizes.

        Returns:
            False, and nothing is changed, where only one of the two resamples: that needs another step.
        """
        if (self._maps is None) != (registrar.maps is None):
            return False
        if self._coverage.device.type == "cpu":
            # Nothing is captured here, and the host's operations know maps by identity: they must not change.
            self._maps = registrar.maps
        else:
            for own, new in zip(self._maps or (), registrar.maps or (), strict=True):
                own.copy_(new)
        self._sees_all = registrar.coverage is None
        if registrar.coverage is None:
            self._coverage.fill_(1)
        else:
            self._coverage.copy_(registrar.coverage)
        return True

    @property
    def inputs(self) -> tuple[Tensor, Tensor, Tensor]:
        """`visible`, `counts`, `ema_weight`."""
        return self.visible, self.counts, self.ema_weight

    @property
    def network_inputs(self) -> tuple[Tensor, Tensor]:
        """Inputs of the network, visible and thermal, each [B, 1, H, W]."""
        return self._visible_in.unsqueeze(1), self._thermal_in.unsqueeze(1)

    @property
    def results(self) -> tuple[Tensor, Tensor, Tensor]:
        """`fused`, `thermal`, and the visible picture again."""
        return self.fused, self.thermal, self.visible

    def __call__(self) -> None:
        """Run all stages."""
        for _, work in self.stages:
            work()

    def before_network(self) -> None:
        """Run the stages that make what goes into the network."""
        for _, work in self.stages[:NETWORK]:
            work()

    def from_network(self) -> None:
        """Run the network and the stages behind it."""
        for _, work in self.stages[NETWORK:]:
            work()

    def _visible_memory(self, batch: int, height: int, width: int, device: torch.device) -> Tensor:
        return torch.zeros(batch, height, width, 3, dtype=torch.uint8, device=device)

    def _take_memory(self, planes: Callable[[], Tensor]) -> None:
        self._luma, self._cb, self._cr, self._merged = planes(), planes(), planes(), planes()

    def _split(self) -> None:
        for i in self._each:
            self._operations.luma(self.visible[i], out=self._luma[i])
            self._operations.chroma(self.visible[i], out=(self._cb[i], self._cr[i]))

    def _gain_control(self) -> None:
        self._shown = [self._front_end(self.counts[i], self.ema_weight[i], i) for i in self._each]

    def _register(self) -> None:
        for i in self._each:
            picture, limits = self._shown[i]
            brightness = self._brightness[i]
            if self._maps is None:
                self._operations.normalise(picture, limits, out=brightness)
            else:
                self._operations.remap_normalise(
                    picture, *self._maps, limits, out=(brightness, self._valid[i])
                )
            self._to_network(i)

    def _to_network(self, i: int) -> None:
        planes = (self._visible_in[i], self._thermal_in[i])
        self._operations.to_network_input(self._luma[i], self._brightness[i], self._coverage, out=planes)

    def _fuse(self) -> None:
        fused = self._network(*self.network_inputs)
        self._picture.copy_(fused[:, 0])

    def _merge(self) -> None:
        for i in self._each:
            merged = self._merged[i]
            self._operations.blend_by_coverage(self._luma[i], self._picture[i], self._coverage, out=merged)
            self._operations.merge(merged, self._cb[i], self._cr[i], out=self.fused[i])
            self._operations.to_gray8(self._brightness[i], self._coverage, out=self.thermal[i])


def timed(step: FusionStep, measure: Callable[[str], AbstractContextManager[None]]) -> Work:
    """The step with each stage inside `measure(name)`."""
    return timed_stages(step.stages, measure, helped=not step.own_threads)


def timed_stages(
    stages: list[tuple[str, Work]], measure: Callable[[str], AbstractContextManager[None]], helped: bool
) -> Work:
    """Stages with each inside `measure(name)`; torch's threads help the network where they are `helped`."""

    def work() -> None:
        for name, stage in stages:
            # The other stages are over before threads would be awake.
            with measure(name), all_cores() if helped and name == "network" else nullcontext():
                stage()

    return work
