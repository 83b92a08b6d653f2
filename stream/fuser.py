"""Pairs of frames to fused frames: batches of them on their way through the device, in order."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import torch

import gifnet
from gifnet.config import MIN_SIDE_PX
from stream.config import FuseSettings
from stream.device import DeviceContext
from stream.device_errors import mapped_cuda_errors
from stream.errors import DeviceError, SourceError
from stream.frame import Frame, FramePair
from stream.gain import GainControl
from stream.register import Registrar, build_registrar
from stream.report import RunReport
from stream.ring import InFlight, Ring, Slot
from stream.sources.base import SourceInfo
from stream.step import FusionStep, Layout, timed

SLOTS = 3

_log = logging.getLogger(__name__)


class Fuser:
    """Fuses pairs in the order in which they come; used by one thread at a time.

    Memory is taken, and the step captured, once for each layout of frames. When a camera changes its size, a
    new step takes over, with the same gain control; batches that are on their way come home as they were.

    Where the device has too little memory, batches become smaller, then the ring of slots; that is logged and
    in the report. Nothing moves to another device by itself.
    """

    def __init__(
        self,
        settings: FuseSettings,
        visible: SourceInfo,
        thermal: SourceInfo,
        context: DeviceContext,
        report: RunReport,
    ) -> None:
        """Load the network and prepare the step for the sources' frames.

        Raises:
            WeightsError: the weights cannot be loaded.
            DeviceError: the device does not offer the precision, or has too little memory.
            CalibrationError: the sizes differ and no calibration is given, or it does not fit them.
        """
        fusion = settings.fusion
        self._settings, self._context, self._report = settings, context, report
        self._fused = 0
        self._batch = fusion.batch
        self._gain = GainControl(settings.gain, thermal.bits, context.operations, context.device)
        self._network = gifnet.load(fusion.weights, context.device, fusion.precision)
        report.weights = {"name": fusion.weights, "sha256": self._network.weights_sha256}
        report.precision = self._network.precision
        counts = torch.uint16 if thermal.pixel_format == "gray16le" else torch.uint8
        with mapped_cuda_errors():
            self._prepare((visible.width, visible.height), (thermal.width, thermal.height), counts)

    def fuse(self, pairs: Iterable[FramePair]) -> Iterator[InFlight]:
        """Send pairs on their way, in batches; what is given out need not be home yet.

        Raises:
            DeviceError: the device fails.
        """
        waiting: list[FramePair] = []
        for pair in pairs:
            if waiting and _sizes(pair) != _sizes(waiting[0]):
                yield self.submit(waiting)
                waiting = []
            waiting.append(pair)
            if len(waiting) >= self._batch:
                yield self.submit(waiting)
                waiting = []
        if waiting:
            yield self.submit(waiting)

    def submit(self, pairs: list[FramePair]) -> InFlight:
        """Send up to a batch of pairs of one size on its way.

        Raises:
            DeviceError: the device fails.
            CalibrationError: the pairs have sizes that the calibration does not fit.
        """
        with torch.inference_mode(), mapped_cuda_errors():
            self._follow(pairs[0])
            slot = self._ring.take()
            with self._report.times.measure("upload"):
                slot.fill(pairs, [self._gain.next_keep() for _ in pairs])
            slot.compute(self._work)
            slot.fetch()
        first, self._fused = self._fused, self._fused + len(pairs)
        return self._ring.launch(slot, pairs, first)

    def _follow(self, pair: FramePair) -> None:
        """Prepare anew where a camera changed its size."""
        visible_size, thermal_size, counts = _sizes(pair)
        layout = self._layout
        if (visible_size, thermal_size, counts) != (layout.visible_size, layout.thermal_size, layout.counts):
            _log.warning(
                "visible pictures are now %s and thermal %s pixels: preparing for that",
                _by(visible_size),
                _by(thermal_size),
            )
            self._prepare(visible_size, thermal_size, counts)

    @torch.inference_mode()
    def _prepare(
        self, visible_size: tuple[int, int], thermal_size: tuple[int, int], counts: torch.dtype
    ) -> None:
        """Take memory for a layout; where it does not suffice, for a smaller batch or ring."""
        registrar = build_registrar(
            self._settings.registration, visible_size, thermal_size, self._context.device
        )
        for batch, slots in _plans(self._batch):
            layout = Layout(visible_size, thermal_size, counts, batch)
            try:
                self._take_memory(layout, registrar, slots)
            except torch.OutOfMemoryError:
                _log.warning("too little memory on the device for %s", _words(batch, slots))
                continue
            self._layout, self._batch = layout, batch
            self._report.device |= {"batch": str(batch), "slots": str(slots), "form": self._network.form}
            return
        raise DeviceError(
            f"the device has too little memory to fuse pictures of {_by(visible_size)} pixels, "
            "even one by one; end other programs on it, take smaller pictures, or ask for --device cpu"
        )

    def _take_memory(self, layout: Layout, registrar: Registrar, slots: int) -> None:
        context, network = self._context, self._network
        precision: torch.dtype = getattr(torch, network.precision)
        # Nothing of an older step is needed any more; batches on their way keep their own slots.
        self._work, self._ring = _nothing, Ring([])
        step = FusionStep(layout, registrar, self._gain, network, context.operations, precision)
        self._work = context.prepare(step) or timed(step, self._report.times.measure)
        self._ring = Ring([Slot(step, context) for _ in range(slots)])


def check_sizes(visible: SourceInfo, thermal: SourceInfo) -> None:
    """Refuse streams that are too small for the network.

    Raises:
        SourceError: names the stream and the smallest size.
    """
    for source in (visible, thermal):
        if min(source.width, source.height) < MIN_SIDE_PX:
            raise SourceError(
                f"{source.uri} has {source.width}x{source.height} pixels; "
                f"the network needs at least {MIN_SIDE_PX}x{MIN_SIDE_PX}"
            )


def _plans(batch: int) -> Iterator[tuple[int, int]]:
    """Batch and slots to try, from the largest on."""
    while batch > 1:
        yield batch, SLOTS
        batch = (batch + 1) // 2
    yield 1, SLOTS
    yield 1, 1


def _words(batch: int, slots: int) -> str:
    return f"{batch} pair{'s' * (batch > 1)} at once with {slots} slot{'s' * (slots > 1)}; trying less"


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _nothing() -> None:
    """What a step is before there is memory for one."""


def _sizes(pair: FramePair) -> tuple[tuple[int, int], tuple[int, int], torch.dtype]:
    return pair.visible.size, pair.thermal.size, _counts(pair.thermal)


def _counts(frame: Frame) -> torch.dtype:
    return torch.uint16 if frame.pixel_format == "gray16le" else torch.uint8
