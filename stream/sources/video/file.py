"""Video files of every container and codec that PyAV reads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av import VideoFrame

from stream.config import Deinterlace, InputSettings
from stream.errors import SourceError
from stream.frame import Frame, Side
from stream.picture import Picture
from stream.sources.base import SourceBase, SourceInfo
from stream.sources.video import hdr
from stream.sources.video.containers import video_streams
from stream.sources.video.decoder_choice import SURFACES, Video, video_of, why_cpu
from stream.sources.video.deinterlace import deinterlaced, to_weave
from stream.sources.video.packets import PictureReader, Timed
from stream.sources.video.pixel_aspect import pixel_aspect_of
from stream.sources.video.pixels import (
    colour_of,
    display_matrix,
    rotation_degrees,
    stored_colour,
)
from stream.sources.video.thermal import choose_conversion, needs_colours
from stream.sources.video.to_picture import UPRIGHT
from stream.sources.video.tracks import tracks_in_words
from stream.sources.video.yuv import yuv_of
from stream.uri import mask
from stream.yuv import luma_range

if TYPE_CHECKING:
    import torch

    from stream.sources.video.nvdec import Surfaces

_log = logging.getLogger(__name__)

# Errors of opening NVDEC without a GPU, without its decoder, or for an unsupported stream.
HARDWARE_ERRORS = (av.error.FFmpegError, NotImplementedError, RuntimeError)


def open_cuda_surfaces(device: torch.device) -> Surfaces:
    """NVDEC of a CUDA device; torch is imported here, so that files can be looked at without it."""
    from stream.sources.video.nvdec import CudaSurfaces

    return CudaSurfaces(device)


class VideoSource(SourceBase):
    """Frames of the main video stream of a file, at the times that the file states.

    Times are `pts * time_base`, exact and not shifted to zero, where the file has them in order; what else is
    done tells `timeline.py`. A frame that does not decode, or that the decoder marks as damaged, is left out
    and counted in `lost["corrupt"]`; one that has no place behind those before, in `lost["out_of_order"]`.
    Positions (`Frame.index`) count the lost frames too. Where no matrix is tagged, video of up to 576 lines
    is taken for BT.601 and larger video for BT.709. Interlaced frames become whole pictures, and visible
    HDR becomes SDR.

    Everything that is known of a video is what the CPU's decoder finds in its first picture; then NVDEC takes
    over where it is wanted and possible.

    Attributes:
        container: name of the container format.
    """

    def __init__(
        self,
        settings: InputSettings,
        path: Path,
        role: Side,
        device: torch.device | None = None,
        open_surfaces: Callable[[torch.device], Surfaces] = open_cuda_surfaces,
    ) -> None:
        """Open a file and decode its first frame.

        Args:
            settings: of the input; `bits` holds for thermal counts.
            path: the file.
            role: decides the pixel format of the frames.
            device: where the network runs; frames may stay there. None for the CPU.
            open_surfaces: gives what NVDEC decodes into.

        Raises:
            SourceError: when the file holds no video that can be decoded, or not by the decoder asked for.
        """
        super().__init__()
        self._name, self._role = str(path), role
        self._convert: Callable[[VideoFrame], Picture]
        self._yielded = self._skipped = 0
        self._track = settings.track
        self._pictures = PictureReader(path, track=self._track)
        try:
            video = self._prepare(settings, on_gpu=device is not None and device.type == "cuda")
            self._choose_decoder(settings, path, video, device, open_surfaces)
        except BaseException:
            self.close()
            raise
        self.lost = self._pictures.lost

    def _prepare(self, settings: InputSettings, on_gpu: bool) -> Video:
        pictures, first = self._pictures, self._pictures.first
        self._size = first.width, first.height
        matrix = display_matrix(first)
        self.stored_format = first.format.name
        self.stored_bits = first.format.components[0].bits
        self.container: str = pictures.container.format.name
        self.rotation = rotation_degrees(matrix)
        aspect = pixel_aspect_of(pictures.stream)
        is_visible = self._role == "visible"
        # A GPU takes RGB; it is made here, on the source's own thread.
        keeps_planes = is_visible and not on_gpu
        codec = pictures.stream.codec_context.name
        self._target, self._convert = choose_conversion(
            first, self._role, settings, codec, self._name, keeps_planes
        )
        width, height = self._size if matrix[0] else self._size[::-1]
        context = pictures.stream.codec_context
        self.stored_colour = stored_colour(context)
        self.interlaced = first.interlaced_frame
        # Counts of a thermal camera are what they are, unless the user says otherwise.
        has_counts = not is_visible and first.format.name.startswith("gray")
        self._deinterlace: Deinterlace = settings.deinterlace
        if has_counts and settings.deinterlace == "auto":
            self._deinterlace = "off"
        self.info = SourceInfo(
            uri=mask(settings.uri),
            width=width,
            height=height,
            pixel_format=self._target.pixel_format,
            bits=self._target.bits,
            rate=pictures.rate,
            frames=pictures.frames,
            time_base=pictures.stream.time_base,
            colour=colour_of(context),
            codec=context.name,
            audio=bool(pictures.container.streams.audio),
            # Steps of a palette are not counts.
            radiometry=None if needs_colours(self._convert, first) else settings.radiometry,
            luma=luma_range(first) if keeps_planes and matrix == UPRIGHT else None,
            pixel_aspect=aspect if matrix[0] else 1 / aspect,
            tracks=tracks_in_words(
                video_streams(pictures.container), pictures.stream, self._track, self._name
            ),
        )
        return video_of(
            context.codec,
            first,
            is_woven=to_weave(first, self._deinterlace),
            is_hdr=is_visible and first.color_trc in hdr.NAMES,
        )

    def _choose_decoder(
        self,
        settings: InputSettings,
        path: Path,
        video: Video,
        device: torch.device | None,
        open_surfaces: Callable[[torch.device], Surfaces],
    ) -> None:
        decoder, why = f"cpu (libav {video.codec})", why_cpu(settings.decoder, device, video)
        if why is None and needs_colours(self._convert, self._pictures.first):
            why = "the colours of a palette are taken back to warmth"
        if why is None:
            assert device is not None
            why = self._move(path, video, open_surfaces(device))
        if why is None:
            decoder, why = f"cuda (NVDEC {video.codec})", "the network runs on this GPU"
        elif settings.decoder == "cuda":
            raise SourceError(
                f"{self._name} cannot be decoded by NVDEC: {why}; take --{self._role}-decoder auto or cpu"
            )
        self.info = replace(self.info, decoder=decoder, decoder_why=why)
        _log.info("%s: decoder %s: %s", self._name, decoder, why)

    def _move(self, path: Path, video: Video, surfaces: Surfaces) -> str | None:
        """Restart NVDEC; gives the reason, in one phrase, where it does not."""
        from stream.sources.video.nvdec import SurfaceConverter

        yuv = yuv_of(self._pictures.first, SURFACES[video.pixel_format])
        try:
            with surfaces.hardware() as hardware:
                moved = PictureReader(path, hardware, self._track)
        except HARDWARE_ERRORS as error:
            return f"NVDEC cannot be opened here ({getattr(error, 'strerror', None) or error})"
        except SourceError:
            return "NVDEC decodes no frame of it"
        if surfaces.surface(moved.first) is None:
            moved.close()
            return "this GPU's NVDEC does not take its profile or size"
        self._pictures.close()
        self._pictures = moved
        self._convert = SurfaceConverter(surfaces, self._target, yuv)
        return None

    @property
    def first_s(self) -> Fraction | None:
        """Time of the first picture."""
        return self._pictures.first_s

    def skip_before(self, time_s: Fraction) -> int:
        """Begin with the first picture at a time or later; see `PictureReader.skip_before`."""
        self._skipped = self._pictures.skip_before(time_s)
        return self._skipped

    def _read(self) -> Generator[Frame, None, None]:
        for picture, time_s in deinterlaced(self._sized(), self._deinterlace):
            yield self._frame(picture, time_s)
            self._yielded += 1
        self._pictures.check_end()

    def _sized(self) -> Iterator[Timed]:
        for picture, time_s in self._pictures:
            self._check_size(picture)
            yield picture, time_s

    def _frame(self, picture: VideoFrame, time_s: Fraction) -> Frame:
        target = self._target
        try:
            kept = self._convert(picture)
        except (av.error.FFmpegError, ValueError):
            raise SourceError(
                f"{self._name} has pixels of the format {picture.format.name} at frame {self._position()}, "
                f"which cannot be converted ({self.info.decoder}); another decoder or another file may do"
            ) from None
        index, radiometry = self._position(), self.info.radiometry
        return Frame(kept, target.pixel_format, time_s, "pts", index, target.bits, radiometry=radiometry)

    def _position(self) -> int:
        return self._skipped + self._yielded + self.lost.total()

    def _check_size(self, picture: VideoFrame) -> None:
        size = picture.width, picture.height
        if size != self._size:
            raise SourceError(
                f"{self._name} changes size at frame {self._position()}: from {_by(self._size)} to "
                f"{_by(size)} pixels; cut it there and give the parts one by one"
            )

    def close(self) -> None:
        """Close the file; may be called twice."""
        # It holds the last picture, which may be memory of the GPU.
        self._end_reading()
        self._pictures.close()


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
