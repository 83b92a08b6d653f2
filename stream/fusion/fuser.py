"""Pairs of frames to fused frames: batches of them on their way through the device, in order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch

from gifnet.config import MIN_SIDE_PX
from gifnet.lite.strips import StripedLite
from stream.config import FuseSettings
from stream.device.context import DeviceContext
from stream.device.errors import mapped_cuda_errors
from stream.errors import CalibrationError, GifnetError, SourceError
from stream.frame import Frame, FramePair, FrameSet, FusedFrame, Pixels, SingleFrame
from stream.fusion.devices import Devices, OwnDevices
from stream.fusion.model_choice import AutoNetwork, Borrowed, Rate, kind_of
from stream.fusion.planner import StepPlanner
from stream.fusion.registrars import Registrars
from stream.fusion.slots import Batch, PendingBatch, ReadyBatch
from stream.fusion.step import BatchShape
from stream.picture import YuvPlanes
from stream.registration.calibration import Calibration
from stream.runtime.stage_times import StageTimes
from stream.sources.base import SourceInfo
from stream.thermal.agc import Agc
from stream.thermal.agc_plan import plan_gain

Size = tuple[int, int]
# Called with frames that cannot be fused, and why.
OnUnregistrable = Callable[[FrameSet, GifnetError], None]

_log = logging.getLogger(__name__)


class Fuser:
    """Fuses pairs in the order in which they come; used by one thread at a time.

    Memory is taken, and the step captured, once for each shape of frames, see `StepPlanner`. When a camera
    changes its size, a new step takes over with the same gain control; batches on their way keep theirs.

    """

    def __init__(
        self,
        settings: FuseSettings,
        visible: SourceInfo | None,
        thermal: SourceInfo | None,
        context: DeviceContext,
        times: StageTimes,
        on_unregistrable: OnUnregistrable | None = None,
        rate: Rate | None = None,
        devices: Devices | None = None,
    ) -> None:
        """Load the network, and prepare the step where the sources' frames are known.

        Args:
            settings: network, gain and registration.
            visible: what is known of the visible source; None while a camera has not been seen.
            thermal: what is known of the thermal source.
            context: the device.
            times: gets the times of the stages.
            on_unregistrable: called, in place of an error, for frames that no registration fits.
            rate: frames a second of live cameras, by which the model `auto` is chosen; None for recordings.
            devices: gives the network; by default one of this run's own.

        Raises:
            WeightsError: the weights cannot be loaded.
            DeviceError: the device does not offer the precision, or has too little memory.
            CalibrationError: the sizes differ and no calibration is given, or it does not fit them.
        """
        self._settings, self._context, self._times = settings, context, times
        self._on_unregistrable = on_unregistrable
        self._count = 0
        self._shape: BatchShape | None = None
        self._bits = 0
        self._gain: Agc
        self._radiometry = thermal.radiometry if thermal else None
        self._refused: tuple[BatchShape, GifnetError] | None = None
        self._wanted: FuseSettings | None = None
        self._lock = threading.Lock()
        self._coverage: Pixels | None = None
        # In place of the visible pictures of a camera that is away.
        self._black: YuvPlanes | None = None
        self._network = (devices or OwnDevices()).network(settings.fusion, context, rate)
        fusion = settings.fusion
        self._planner = StepPlanner(
            self._network, context, fusion.batch, times, fusion.used_steady, fusion.used_level
        )
        self._registrars = Registrars(settings.registration, _alignment(visible, thermal))
        if visible and thermal:
            counts = torch.uint16 if thermal.pixel_format == "gray16le" else torch.uint8
            sizes = (visible.width, visible.height), (thermal.width, thermal.height)
            shape = BatchShape(*sizes, counts, luma=visible.luma if context.device.type == "cpu" else None)
            with mapped_cuda_errors():
                self._prepare(shape, thermal.bits)

    @property
    def model(self) -> str:
        """The network: `full`, `lite` or `null`, and `auto` before it is chosen."""
        return kind_of(self._network)

    @property
    def size(self) -> Size | None:
        """Width and height of the visible pictures of now; None before the first."""
        return self._shape.visible_size if self._shape else None

    @property
    def weights(self) -> dict[str, str]:
        """`name` and `sha256` of the weights."""
        return {
            "name": _weights_name(self.model, self._settings.fusion.weights),
            "sha256": self._network.weights_sha256,
        }

    @property
    def precision(self) -> str:
        """Number format that is really used."""
        return self._network.precision

    @property
    def device_usage(self) -> dict[str, str]:
        """Use of the device, see `StepPlanner.usage`."""
        return self._planner.usage

    @property
    def calibration(self) -> Calibration | None:
        """The calibration of the run; None where both cameras share one grid."""
        return self._registrars.calibration

    def fuse(self, frame_sets: Iterable[FrameSet]) -> Iterator[Batch]:
        """Start fusing pairs, in batches; results may still be on the device.

        A single visible frame is passed on as it is; a single thermal one goes through gain control and
        registration.

        Raises:
            DeviceError: the device fails.
        """
        waiting: list[FrameSet] = []
        for frame_set in frame_sets:
            if waiting and (_is_visible(frame_set) or not self._alike(frame_set, waiting[0])):
                yield from self._send(waiting)
                waiting = []
            if _is_visible(frame_set):
                yield self._pass_on(frame_set)
                continue
            waiting.append(frame_set)
            if len(waiting) >= self._planner.batch:
                yield from self._send(waiting)
                waiting = []
        if waiting:
            yield from self._send(waiting)

    def retune(self, settings: FuseSettings) -> None:
        """Use other settings of registration and gain from the next frame on; may be called from any thread.

        Only `registration`, but for its file, and `gain` are taken over. Another method of gain begins with
        a new span.

        Raises:
            CalibrationError: the registration does not fit the pictures; everything stays as it was.
            ConfigError: the gain does not fit the camera; the same.
        """
        with self._lock:
            now = self._wanted or self._settings
            wanted = now.model_copy(update={"registration": settings.registration, "gain": settings.gain})
            if self._shape:
                self._registrars.get(wanted.registration, self._shape)
            if self._shape and wanted.gain != now.gain:
                plan_gain(wanted.gain, self._bits, self._radiometry).check(self._shape.thermal_size)
            self._wanted = wanted

    def coverage(self) -> Pixels | None:
        """Coverage of the thermal camera, see `Registrar.coverage`, on the host; None where it sees all."""
        return self._coverage

    def thermal_place(self, x: float, y: float) -> tuple[float, float] | None:
        """Place of a visible pixel in the thermal picture, see `Registrar.place`; from any thread."""
        return self._registrars.place(x, y)

    def submit(self, frame_sets: list[FrameSet]) -> PendingBatch:
        """Send up to a batch of pairs of one size on its way.

        Raises:
            DeviceError: the device fails.
            CalibrationError: the pairs have sizes that the calibration does not fit.
            SourceError: the pictures are too small for the network.
        """
        pairs = [self._as_pair(frame_set) for frame_set in frame_sets]
        with torch.inference_mode(), mapped_cuda_errors():
            self._adapt(pairs[0])
            slots = self._planner.slots
            slot = slots.take()
            with self._times.measure("upload"):
                slot.upload(pairs, [self._gain.next_ema_weight(frozen=bool(pair.flags)) for pair in pairs])
            slot.compute(self._planner.work)
            slot.download()
        first, self._count = self._count, self._count + len(pairs)
        return slots.pending(slot, frame_sets, pairs, first)

    def close(self) -> None:
        """Wait for running work, and release the device's memory; results can still be taken."""
        self._planner.close()
        if isinstance(self._network, AutoNetwork | StripedLite | Borrowed):
            self._network.close()

    def _send(self, frame_sets: list[FrameSet]) -> Iterator[Batch]:
        """One batch, or what becomes of it where no registration fits."""
        try:
            batch = self.submit(frame_sets)
        except (CalibrationError, SourceError) as error:
            if self._on_unregistrable is None:
                raise
            for frame_set in frame_sets:
                self._on_unregistrable(frame_set, error)
            return
        yield batch

    def _pass_on(self, frame_set: FrameSet) -> ReadyBatch:
        assert frame_set.visible is not None
        picture = frame_set.visible.picture
        if isinstance(picture, torch.Tensor):
            picture = picture.cpu().numpy()
        dark = np.zeros(frame_set.visible.size[::-1], np.uint8)
        self._count += 1
        return ReadyBatch([FusedFrame(picture, picture, dark, frame_set, self._count - 1)])

    def _as_pair(self, frame_set: FrameSet) -> FramePair:
        """A single thermal frame goes with a black visible one."""
        if isinstance(frame_set, FramePair):
            return frame_set
        assert frame_set.thermal is not None
        width, height = self._visible_size(frame_set.thermal)
        black: Pixels | YuvPlanes = np.zeros((height, width, 3), np.uint8)
        if self._black is not None and self._black.size == (width, height):
            black = self._black
        visible = Frame(black, "rgb24", frame_set.time_s, frame_set.frame.clock, 0)
        return FramePair(visible, frame_set.thermal, frame_set.time_s, 0.0)

    def _visible_size(self, thermal: Frame) -> Size:
        """Size of the pictures that a thermal frame is brought onto."""
        if self._shape:
            return self._shape.visible_size
        return self.calibration.visible.size if self.calibration else thermal.size

    def _alike(self, one: FrameSet, other: FrameSet) -> bool:
        return self._shape_of(self._as_pair(one)) == self._shape_of(self._as_pair(other))

    def _adapt(self, pair: FramePair) -> None:
        """Go by changed settings, and prepare another step where a camera changed its size."""
        shape = self._shape_of(pair)
        self._radiometry = pair.thermal.radiometry or self._radiometry
        self._apply_settings()
        if self._refused and self._refused[0] == shape:
            # Without its traceback, which would grow and keep the frames of every refusal.
            raise self._refused[1].with_traceback(None)
        if shape == self._planner.shape:
            return
        if self._shape and not shape.is_alike(self._shape):
            sizes = _by(shape.visible_size), _by(shape.thermal_size)
            _log.warning("visible pictures are now %s and thermal %s pixels: preparing for that", *sizes)
        try:
            check_size("the visible camera", shape.visible_size)
            check_size("the thermal camera", shape.thermal_size)
            self._prepare(shape, pair.thermal.bits)
        except (CalibrationError, SourceError) as error:
            self._refused = shape, error
            raise

    def _apply_settings(self) -> None:
        """Go by the settings that `retune` got."""
        with self._lock:
            wanted, self._wanted = self._wanted, None
            if wanted is None:
                return
            now, self._settings, self._refused = self._settings, wanted, None
            if self._shape is None:
                return
            # Behind the frames before, which read the same memory.
            with self._context.compute.after():
                if not self._gain.retune(wanted.gain, self._radiometry):
                    self._gain = self._new_gain()
        if wanted.gain != now.gain:
            self._prepare(self._shape, self._bits)
        elif wanted.registration.geometry != now.registration.geometry:
            self._move(self._shape)

    def _move(self, shape: BatchShape) -> None:
        """Go by another place of the thermal picture, if it can be with the same step."""
        registrar = self._registrars.get(self._settings.registration, shape)
        if self._planner.move(registrar):
            self._coverage = _on_host(registrar.coverage)
        else:
            self._prepare(shape, self._bits)

    def _new_gain(self) -> Agc:
        context = self._context
        return Agc(self._settings.gain, self._bits, context.operations, context.device, self._radiometry)

    @torch.inference_mode()
    def _prepare(self, shape: BatchShape, bits: int) -> None:
        """Plan a step for pairs of a shape."""
        registrar = self._registrars.get(self._settings.registration, shape)
        if self._shape is None and shape.visible_size == shape.thermal_size:
            self._registrars.began_as = shape.visible_size
        if isinstance(self._network, AutoNetwork):
            self._network.settle(shape.visible_size)
        if bits != self._bits:
            self._bits = bits
            with self._context.compute.after():
                self._gain = self._new_gain()
        self._planner.plan(shape, registrar, self._gain)
        self._shape, self._coverage = shape, _on_host(registrar.coverage)

    def _shape_of(self, pair: FramePair) -> BatchShape:
        counts = torch.uint16 if pair.thermal.pixel_format == "gray16le" else torch.uint8
        kept = pair.visible.picture
        if isinstance(kept, YuvPlanes) and (self._black is None or self._black.size != kept.size):
            self._black = kept.black()
        on_host = self._context.device.type == "cpu"
        luma = kept.luma_range if isinstance(kept, YuvPlanes) and on_host else None
        return BatchShape(pair.visible.size, pair.thermal.size, counts, luma=luma)


def _alignment(visible: SourceInfo | None, thermal: SourceInfo | None) -> Calibration | None:
    """Registration of a camera's thermal pictures on its visible ones, as its files state it; said once."""
    found = visible.alignment if visible else None
    if visible is None or thermal is None or found is None:
        return None
    sizes = (visible.width, visible.height), (thermal.width, thermal.height)
    if (found.visible.size, found.thermal.size) != sizes:
        return None
    _log.warning(
        "registered by %s, a first alignment; --calibration takes a better one, see gifnet calibrate scene",
        found.made_by,
    )
    return found


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


def _weights_name(model: str, weights: str) -> str:
    if model == "null":
        return "none"
    return "lite" if (model, weights) == ("lite", "default") else weights


def _on_host(coverage: torch.Tensor | None) -> Pixels | None:
    return None if coverage is None else coverage.cpu().numpy()


def _by(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _is_visible(frame_set: FrameSet) -> bool:
    return isinstance(frame_set, SingleFrame) and frame_set.side == "visible"
