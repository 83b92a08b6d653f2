"""Fan-out: every sink gets every fused frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from stream.config import OutputSettings, RunSettings
from stream.files.run_paths import local_path
from stream.frame import ColourMap, FusedFrame, View
from stream.monitoring.report import Output
from stream.runtime.stage_times import StageTimes
from stream.sinks import sink_settings
from stream.sinks.base import Sink, SinkOptions
from stream.sources.base import SourceInfo
from stream.uri import mask
from stream.zeromq.objects import FoundObjects

KEEP_FREE_MB = 200.0

Weights = Callable[[], Mapping[str, str]]


class FanOut:
    """Owns the sinks of a run; used by one thread.

    Leaving the block finishes every sink, also when one of them or the run failed; no exception is masked.

    Attributes:
        outputs: every output with its counts.
        fused: frames that every sink got.
    """

    def __init__(
        self,
        settings: RunSettings,
        visible: SourceInfo,
        times: StageTimes,
        device: str = "cpu",
        weights: Weights = dict,
    ) -> None:
        """Open nothing before the `with` block.

        Args:
            settings: of the outputs, and where sound comes from.
            visible: gives rate, time base, colour and size.
            times: gets the time that writing takes.
            device: type of the device that fuses, `cpu` or `cuda`.
            weights: gives `name` and `sha256` of the weights, for sinks that state them.
        """
        self._settings, self._times = settings, times
        self._open = partial(_open_output, settings, visible, device, weights)
        self._sinks: list[Sink] = []
        self.outputs = [Output(mask(output.uri), output.view) for output in settings.outputs]
        self.fused = 0

    def write(
        self, frame: FusedFrame, drawn: FusedFrame | None = None, found: Iterable[FoundObjects] = ()
    ) -> None:
        """Give a frame to every sink.

        Args:
            frame: it.
            drawn: the same with boxes, for sinks that show them.
            found: objects that were found since the last frame.

        Raises:
            SinkError: when one cannot write it.
        """
        with self._times.measure("write"):
            for sink in self._sinks:
                sink.write(drawn if drawn is not None and sink.draws_boxes else frame)
                for objects in found:
                    sink.tell(objects)
        self._count()
        self.fused += 1

    @property
    def is_full(self) -> bool:
        """True where there are sinks, none of which takes another frame."""
        return bool(self._sinks) and all(sink.is_full for sink in self._sinks)

    def open_clip(self, path: Path, view: View, colour_map: ColourMap) -> Sink:
        """A video file beside the outputs, without sound; the caller closes it.

        Raises:
            SinkError: when it cannot be opened.
        """
        return self._open(OutputSettings(uri=str(path), view=view, colour_map=colour_map, audio=False))

    def __enter__(self) -> Self:
        """Open all sinks.

        Raises:
            SinkError: when one cannot be opened; those before it are closed again.
        """
        outputs = enumerate(self._settings.outputs)
        with ExitStack() as stack:
            # The first opened is closed last: files are whole before a network library has the last word.
            opened = {
                number: stack.enter_context(self._open(output))
                for number, output in sorted(outputs, key=partial(_files_last, self._settings))
            }
            self._sinks = [opened[number] for number in range(len(opened))]
            self._stack = stack.pop_all()
        for sink, noted in zip(self._sinks, self.outputs, strict=True):
            noted.encoder = sink.encoder
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every sink; an error of closing is raised only where no other is on its way."""
        try:
            self._stack.__exit__(kind, error, trace)
        finally:
            self._count()  # what a sink still had in its hands when it was closed

    def _count(self) -> None:
        for sink, output in zip(self._sinks, self.outputs, strict=True):
            output.frames, output.skipped = sink.written, sink.skipped


def _files_last(settings: RunSettings, numbered: tuple[int, OutputSettings]) -> bool:
    return bool(sink_settings(numbered[1], settings.outputs).places())


def _open_output(
    settings: RunSettings,
    visible: SourceInfo,
    device: str,
    weights: Weights,
    output: OutputSettings,
) -> Sink:
    sink = sink_settings(output, settings.outputs)
    return sink.open(_options(output, settings, visible, device, weights))


def _options(
    output: OutputSettings,
    settings: RunSettings,
    visible: SourceInfo,
    device: str,
    weights: Weights,
) -> SinkOptions:
    audio = local_path(settings.visible.uri) if visible.audio else None
    return SinkOptions(
        rate=visible.rate,
        time_base=visible.time_base,
        colour=visible.colour,
        pixel_aspect=visible.pixel_aspect,
        audio_from=str(audio) if audio else None,
        device=device,
        size=None if visible.live else _picture_size(output.view, visible),
        live=visible.live,
        keep_free_mb=_keep_free_mb(output, visible),
        model=lambda: (weights().get("name", ""), weights().get("sha256", "")),
        calibration=settings.registration.file,
    )


def _keep_free_mb(output: OutputSettings, visible: SourceInfo) -> float | None:
    """A camera never stops, so that by default it does not fill the disk to the brim."""
    return KEEP_FREE_MB if output.keep_free_mb is None and visible.live else output.keep_free_mb


def _picture_size(view: View, visible: SourceInfo) -> tuple[int, int]:
    side_by_side = view == "side-by-side"
    return visible.width * (3 if side_by_side else 1), visible.height
