"""Pairs of frames to fused frames: batches of them on their way through the device, in order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import torch

import gifnet
from gifnet.config import MIN_SIDE_PX
from gifnet.loading import load_network
from stream.config import FuseSettings
from stream.device.context import DeviceContext
from stream.device.errors import mapped_cuda_errors
from stream.errors import CalibrationError, DeviceError, GifnetError, SourceError
from stream.frame import Frame, FramePair, FrameSet, FusedFrame, Pixels, SingleFrame
from stream.fusion.null_model import NullModel
from stream.fusion.slots import Batch, PendingBatch, ReadyBatch, Slot, SlotPool
from stream.fusion.step import BatchShape, FusionStep, timed
from stream.monitoring.report import RunReport
from stream.registration.calibration import load_calibration
from stream.registration.registrar import Registrar, build_registrar
from stream.sources.base import SourceInfo
from stream.thermal.agc import Agc
from stream.thermal.agc_plan import plan_gain

SLOTS = 3

Size = tuple[int, int]
# Called with frames that cannot be fused, and why.
OnUnregistrable = Callable[[FrameSet, GifnetError], None]
Network: TypeAlias = gifnet.GIFNet | gifnet.GIFNetLite | NullModel

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
        visible: SourceInfo | None,
        thermal: SourceInfo | None,
        context: DeviceContext,
        report: RunReport,
        on_misfit: OnUnregistrable | None = None,
    ) -> None:
        """Load the network, and prepare the step where the sources' frames are known.

        Args:
            settings: network, gain and registration.
            visible: what is known of the visible source; None while a camera has not been seen.
            thermal: what is known of the thermal source.
            context: the device.
            report: gets weights, precision and what the device takes.
            on_misfit: called, in place of an error, for frames of a size that the registration does not fit.

        Raises:
            WeightsError: the weights cannot be loaded.
            DeviceError: the device does not offer the precision, or has too little memory.
            CalibrationError: the sizes differ and no calibration is given, or it does not fit them.
        """
        self._settings, self._context, self._report = settings, context, report
        self._on_misfit = on_misfit
        self._fused = 0
        self._batch = settings.fusion.batch
        self._layout: BatchShape | None = None
        self._bits = 0
        self._gain: Agc
        self._radiometry = thermal.radiometry if thermal else None
        self._began_as: Size | None = None
        self._misfit: tuple[BatchShape, GifnetError] | None = None
        self._wanted: FuseSettings | None = None
        self._registered: tuple[Any, Registrar] | None = None
        self._lock = threading.Lock()
        self._coverage: Pixels | None = None
        self._network = _load_network(settings, context)
        name = _weights_name(settings)
        report.weights = {"name": name, "sha256": self._network.weights_sha256}
        report.precision = self._network.precision
        if settings.registration.file:
            load_calibration(settings.registration.file)
        if visible and thermal:
            counts = torch.uint16 if thermal.pixel_format == "gray16le" else torch.uint8
            layout = BatchShape((visible.width, visible.height), (thermal.width, thermal.height), counts)
            with mapped_cuda_errors():
                self._prepare(layout, thermal.bits)

    def fuse(self, moments: Iterable[FrameSet]) -> Iterator[Batch]:
        """Send pairs on their way, in batches; what is given out need not be home yet.

        A single visible frame is passed on as it is; a single thermal one goes through gain control and
        registration.

        Raises:
            DeviceError: the device fails.
        """
        waiting: list[FrameSet] = []
        for moment in moments:
            if waiting and (_is_visible(moment) or not self._alike(moment, waiting[0])):
                yield from self._send(waiting)
                waiting = []
            if _is_visible(moment):
                yield self._pass_on(moment)
                continue
            waiting.append(moment)
            if len(waiting) >= self._batch:
                yield from self._send(waiting)
                waiting = []
        if waiting:
            yield from self._send(waiting)

    def retune(self, settings: FuseSettings) -> None:
        """Register and stretch by other settings from the next frame on; may be called from any thread.

        Only `registration` and `gain` are taken over. Another method of gain begins with a new span.

        Raises:
            CalibrationError: the registration does not fit the pictures; everything stays as it was.
            ConfigError: the gain does not fit the camera; the same.
        """
        with self._lock:
            now = self._wanted or self._settings
            wanted = now.model_copy(update={"registration": settings.registration, "gain": settings.gain})
            if self._layout:
                self._registrar(wanted, self._layout)
            if self._layout and wanted.gain != now.gain:
                plan_gain(wanted.gain, self._bits, self._radiometry).check(self._layout.thermal_size)
            self._wanted = wanted

    def coverage(self) -> Pixels | None:
        """Where the thermal camera sees, see `Registrar.coverage`, on the host; None where it sees all."""
        return self._coverage

    def submit(self, moments: list[FrameSet]) -> PendingBatch:
        """Send up to a batch of pairs of one size on its way.

        Raises:
            DeviceError: the device fails.
            CalibrationError: the pairs have sizes that the calibration does not fit.
            SourceError: the pictures are too small for the network.
        """
        pairs = [self._as_pair(moment) for moment in moments]
        with torch.inference_mode(), mapped_cuda_errors():
            self._follow(pairs[0])
            slot = self._ring.take()
            with self._report.times.measure("upload"):
                slot.fill(pairs, [self._gain.next_ema_weight(frozen=bool(pair.flags)) for pair in pairs])
            slot.compute(self._work)
            slot.fetch()
        first, self._fused = self._fused, self._fused + len(pairs)
        return self._ring.launch(slot, moments, first)

    def _send(self, moments: list[FrameSet]) -> Iterator[Batch]:
        """One batch, or what becomes of it where no registration fits."""
        try:
            flight = self.submit(moments)
        except (CalibrationError, SourceError) as error:
            if self._on_misfit is None:
                raise
            for moment in moments:
                self._on_misfit(moment, error)
            return
        yield flight

    def _pass_on(self, moment: FrameSet) -> ReadyBatch:
        assert moment.visible is not None
        pixels = moment.visible.pixels
        picture = pixels.cpu().numpy() if isinstance(pixels, torch.Tensor) else pixels
        dark = np.zeros(picture.shape[:2], np.uint8)
        self._fused += 1
        return ReadyBatch([FusedFrame(picture, picture, dark, moment, self._fused - 1)])

    def _as_pair(self, moment: FrameSet) -> FramePair:
        """A single thermal frame goes with a black visible one."""
        if isinstance(moment, FramePair):
            return moment
        assert moment.thermal is not None
        width, height = self._visible_size(moment.thermal)
        black = np.zeros((height, width, 3), np.uint8)
        visible = Frame(black, "rgb24", moment.time_s, moment.frame.clock, 0)
        return FramePair(visible, moment.thermal, moment.time_s, 0.0)

    def _visible_size(self, thermal: Frame) -> Size:
        """Size of the pictures that a thermal frame is brought onto."""
        if self._layout:
            return self._layout.visible_size
        file = self._settings.registration.file
        return load_calibration(file).visible.size if file else thermal.size

    def _alike(self, one: FrameSet, other: FrameSet) -> bool:
        return _layout_of(self._as_pair(one)) == _layout_of(self._as_pair(other))

    def _follow(self, pair: FramePair) -> None:
        """Prepare anew where a camera changed its size."""
        wanted, layout = _layout_of(pair), self._layout
        self._radiometry = pair.thermal.radiometry or self._radiometry
        if self._take_over() and layout:
            self._prepare(layout, self._bits)
            layout = self._layout
        if self._misfit and self._misfit[0] == wanted:
            raise self._misfit[1]
        if layout and wanted == BatchShape(layout.visible_size, layout.thermal_size, layout.counts):
            return
        if layout:
            sizes = _by(wanted.visible_size), _by(wanted.thermal_size)
            _log.warning("visible pictures are now %s and thermal %s pixels: preparing for that", *sizes)
        try:
            check_size("the visible camera", wanted.visible_size)
            check_size("the thermal camera", wanted.thermal_size)
            self._prepare(wanted, pair.thermal.bits)
        except (CalibrationError, SourceError) as error:
            self._misfit = wanted, error
            raise

    def _take_over(self) -> bool:
        """Go by the settings that `retune` got; True where the step has to be another one."""
        with self._lock:
            wanted, self._wanted = self._wanted, None
            if wanted is None:
                return False
            now = self._settings
            if self._layout and not self._gain.retune(wanted.gain, self._radiometry):
                self._gain = self._new_gain(wanted)
            self._settings, self._misfit = wanted, None
            return (wanted.registration.geometry, wanted.gain) != (now.registration.geometry, now.gain)

    def _new_gain(self, settings: FuseSettings) -> Agc:
        context = self._context
        return Agc(settings.gain, self._bits, context.operations, context.device, self._radiometry)

    def _registrar(self, settings: FuseSettings, layout: BatchShape) -> Registrar:
        """The registrar for a layout; the last one is kept, since its maps take long to work out."""
        sizes = layout.visible_size, layout.thermal_size
        key = (settings.registration.geometry, sizes, self._began_as)
        kept = self._registered
        if kept is None or kept[0] != key:
            made = build_registrar(settings.registration, *sizes, self._context.device, self._began_as)
            kept = self._registered = (key, made)
        return kept[1]

    @torch.inference_mode()
    def _prepare(self, wanted: BatchShape, bits: int) -> None:
        """Take memory for a layout; where it does not suffice, for a smaller batch or ring."""
        registrar = self._registrar(self._settings, wanted)
        self._coverage = None if registrar.coverage is None else registrar.coverage.cpu().numpy()
        if self._layout is None and wanted.visible_size == wanted.thermal_size:
            self._began_as = wanted.visible_size
        if bits != self._bits:
            self._bits = bits
            self._gain = self._new_gain(self._settings)
        for batch, slots in _plans(self._batch):
            layout = BatchShape(wanted.visible_size, wanted.thermal_size, wanted.counts, batch)
            try:
                self._take_memory(layout, registrar, slots)
            except torch.OutOfMemoryError:
                _log.warning("too little memory on the device for %s", _words(batch, slots))
                continue
            self._layout, self._batch = layout, batch
            self._report.device |= {"batch": str(batch), "slots": str(slots), "form": self._network.form}
            return
        raise DeviceError(
            f"the device has too little memory to fuse pictures of {_by(wanted.visible_size)} pixels, "
            "even one by one; end other programs on it, take smaller pictures, or ask for --device cpu"
        )

    def _take_memory(self, layout: BatchShape, registrar: Registrar, slots: int) -> None:
        context, network = self._context, self._network
        # Nothing of an older step is needed any more; batches on their way keep their own slots.
        self._work, self._ring = _nothing, SlotPool([])
        step = FusionStep(layout, registrar, self._gain, network, context.operations, network.picture_dtype)
        self._work = context.prepare(step) or timed(step, self._report.times.measure)
        self._ring = SlotPool([Slot(step, context) for _ in range(slots)])


def check_sizes(visible: SourceInfo, thermal: SourceInfo) -> None:
    """Refuse streams that are too small for the network.

    Raises:
        SourceError: names the stream and the smallest size.
    """
    for source in (visible, thermal):
        check_size(source.uri, (source.width, source.height))


def check_size(name: str, size: Size) -> None:
    """Refuse pictures that are too small for the network.

    Raises:
        SourceError: names the stream and the smallest size.
    """
    if min(size) < MIN_SIDE_PX:
        raise SourceError(
            f"{name} has {_by(size)} pixels; the network needs at least {MIN_SIDE_PX}x{MIN_SIDE_PX}"
        )


def _load_network(settings: FuseSettings, context: DeviceContext) -> Network:
    fusion = settings.fusion
    if fusion.model == "null":
        return NullModel()
    return load_network(fusion.model, fusion.weights, context.device, fusion.precision)


def _weights_name(settings: FuseSettings) -> str:
    fusion = settings.fusion
    if fusion.model == "null":
        return "none"
    return "lite" if (fusion.model, fusion.weights) == ("lite", "default") else fusion.weights


def _plans(batch: int) -> Iterator[tuple[int, int]]:
    """Batch and slots to try, from the largest on."""
    while batch > 1:
        yield batch, SLOTS
        batch = (batch + 1) // 2
    yield 1, SLOTS
    yield 1, 1


def _words(batch: int, slots: int) -> str:
    return f"{batch} pair{'s' * (batch > 1)} at once with {slots} slot{'s' * (slots > 1)}; trying less"


def _by(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _nothing() -> None:
    """What a step is before there is memory for one."""


def _is_visible(moment: FrameSet) -> bool:
    return isinstance(moment, SingleFrame) and moment.side == "visible"


def _layout_of(pair: FramePair) -> BatchShape:
    counts = torch.uint16 if pair.thermal.pixel_format == "gray16le" else torch.uint8
    return BatchShape(pair.visible.size, pair.thermal.size, counts)
