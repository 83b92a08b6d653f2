"""NVDEC for live streams, on surfaces of the host: it takes over with the first picture, and the CPU from it."""

from __future__ import annotations

import io
import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import av
import numpy as np
import pytest
import torch
from av import VideoFrame

from stream.config import InputSettings, LiveSettings, ThermalInputSettings
from stream.errors import RefusedError
from stream.frame import Frame, Side
from stream.runtime.clock import SystemClock
from stream.sources.live import open_live
from stream.sources.live.hardware import LiveHardware
from stream.sources.live.libav import LibavSource
from stream.sources.live.whole_pictures import WholePictures, set_for_live
from stream.sources.video.hardware_watch import HARDWARE_FAILURES
from stream.sources.video.nvdec import Surfaces
from stream.uri import parse_uri
from tests.helpers.rtsp_process import RtspProcess
from tests.helpers.senders import Streamed
from tests.helpers.surfaces import CUDA, HostSurfaces, NoDecoder
from tests.unit.sources.test_nvdec_choice import NO_GPU
from tests.unit.sources.test_whole_pictures import COUNT, GROUP, coded


class Failing:
    """A decoder in hardware that works for so many packets and then fails for good."""

    def __init__(self, codec: Any, good: int) -> None:
        self._inner: Any = av.CodecContext.create(codec.name, "r")
        self._inner.extradata = codec.extradata
        set_for_live(self._inner)
        self.codec, self.extradata, self._left = self._inner.codec, codec.extradata, good

    def decode(self, packet: Any) -> list[VideoFrame]:
        self._left -= 1
        if self._left < 0:
            raise av.error.ExternalError(1, "Generic error in an external library")
        pictures: list[VideoFrame] = self._inner.decode(packet)
        return pictures


def moved(
    parameters: str, make: Callable[[Any], Any], takes: bool = True
) -> tuple[list[int | None], Counter[str], bool]:
    """Stamps of the pictures of a stream where another decoder takes over from the first picture."""
    lost: Counter[str] = Counter()
    with av.open(io.BytesIO(coded("mpegts", "libx264", parameters)), format="mpegts") as opened:
        stream = opened.streams.video[0]
        set_for_live(stream.codec_context)
        whole = WholePictures("camera", stream, lost, False, timed=True)
        packets = iter([packet for packet in opened.demux(stream) if packet.size])
        next(whole.decode(packets))
        took = whole.move_to(make(stream.codec_context), lambda picture: takes)
        stamps = [picture.pts for picture in whole.decode(packets)]
    return stamps, lost, took


def plain(codec: Any) -> Any:
    return Failing(codec, 10**6)


@pytest.mark.parametrize("parameters", ["bframes=0:ref=1", "bframes=2:b-pyramid=normal:ref=4"])
def test_the_first_picture_comes_again_from_the_new_decoder_and_none_is_lost(parameters: str) -> None:
    stamps, lost, took = moved(parameters, plain)
    assert took and not lost
    assert stamps == sorted(set(stamps)) and len(stamps) >= COUNT - 4, "the last ones stay in the decoder"
    first, second = stamps[:2]
    assert first is not None and second is not None
    # 90 kHz, 25 pictures a second: the first one is that of the stream's beginning.
    assert second - first == 3600


def test_a_stream_that_the_hardware_does_not_decode_goes_on_as_it_was() -> None:
    stamps, lost, took = moved("bframes=0:ref=1", plain, takes=False)
    assert not took and not lost
    assert len(stamps) == COUNT - 1, "the first one was given out before"


def test_hardware_that_fails_leaves_the_rest_to_the_cpu_from_the_next_key_picture_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        stamps, lost, _ = moved("bframes=0:ref=1", lambda codec: Failing(codec, 5))
    assert "the GPU's video decoder fails; the CPU goes on" in caplog.text
    # Five pictures, then those from the first key picture behind `HARDWARE_FAILURES` failures on.
    assert 5 + HARDWARE_FAILURES <= GROUP
    assert len(stamps) == 5 + COUNT - GROUP
    assert lost.total() == GROUP - 5


def opened(
    uri: str, surfaces: Callable[[torch.device], Surfaces], role: Side = "visible", **values: Any
) -> LibavSource:
    model = ThermalInputSettings if role == "thermal" else InputSettings
    settings = model.model_validate({"uri": uri, **values})
    hardware = LiveHardware(CUDA, surfaces)
    wait = threading.Event().wait
    return LibavSource(settings, parse_uri(uri), role, SystemClock(), wait, LiveSettings(), hardware=hardware)


@pytest.fixture(scope="module")
def camera() -> Iterator[str]:
    with RtspProcess() as server:
        yield server.url


@pytest.fixture(scope="module")
def broadcast() -> Iterator[str]:
    with Streamed("mpegts") as url:
        yield url


def taken(source: LibavSource, count: int = 6) -> list[Frame]:
    with source:
        return list(itertools.islice(source, count))


@pytest.mark.parametrize("sender", ["camera", "broadcast"])
@pytest.mark.parametrize("role", ["visible", "thermal"])
def test_frames_of_a_camera_stay_on_the_device(
    sender: str, role: Side, request: pytest.FixtureRequest
) -> None:
    """By our own RTSP client, and by libav's reader of transport streams."""
    source = opened(request.getfixturevalue(sender), HostSurfaces, role)
    assert (source.info.decoder, source.info.decoder_why) == (
        "cuda (NVDEC h264)",
        "the network runs on this GPU",
    )
    frames = taken(source)
    assert all(isinstance(frame.pixels, torch.Tensor) for frame in frames)
    assert [frame.index for frame in frames] == list(range(6))
    assert [frame.time_s for frame in frames] == sorted({frame.time_s for frame in frames})
    assert all(int(frame.pixels.max()) > int(frame.pixels.min()) for frame in frames), "pictures, not grey"


@NO_GPU
def test_without_a_gpu_the_cpu_decodes_and_one_sentence_says_why(
    camera: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        source = opened(camera, NoDecoder)
    assert source.info.decoder == "cpu (libav h264)"
    assert source.info.decoder_why.startswith("NVDEC cannot be opened here (")
    assert caplog.text.count("decoder cpu (libav h264): NVDEC cannot be opened here") == 1
    assert all(isinstance(np.asarray(frame.pixels), np.ndarray) for frame in taken(source))


def test_what_the_gpu_does_not_take_is_decoded_by_the_cpu(camera: str) -> None:
    source = opened(camera, lambda device: HostSurfaces(device, gone_after=0))
    assert source.info.decoder == "cpu (libav h264)"
    assert source.info.decoder_why == "this GPU's NVDEC does not take its profile or size"
    assert len(taken(source)) == 6


def test_pictures_that_leave_the_device_are_converted_by_the_cpu_from_then_on(camera: str) -> None:
    source = opened(camera, lambda device: HostSurfaces(device, gone_after=3))
    frames = taken(source)
    assert [isinstance(frame.picture, torch.Tensor) for frame in frames] == [True] * 3 + [False] * 3
    assert (source.info.decoder, source.info.decoder_why) == (
        "cpu (libav h264)",
        "the GPU's video decoder failed",
    )


@pytest.mark.parametrize(
    ("decoder", "surfaces", "words"),
    [("cpu", HostSurfaces, "as asked for"), ("auto", HostSurfaces, "the network runs on this GPU")],
)
def test_the_option_decides(camera: str, decoder: str, surfaces: Any, words: str) -> None:
    source = opened(camera, surfaces, decoder=decoder)
    source.close()
    assert source.info.decoder_why == words


@NO_GPU
def test_nvdec_that_was_asked_for_and_cannot_be_had_is_refused(camera: str) -> None:
    with pytest.raises(
        RefusedError, match=r"by NVDEC: NVDEC cannot be opened.*--visible-decoder auto or cpu"
    ):
        opened(camera, NoDecoder, decoder="cuda")
    settings = InputSettings(uri=camera, decoder="cuda")
    with pytest.raises(RefusedError, match="the network does not run on a GPU"):
        open_live(settings, "visible", SystemClock(), threading.Event().wait)
    given = InputSettings(uri="python://tests.helpers.python_camera:visible", decoder="cuda")
    with pytest.raises(RefusedError, match="holds no video that NVDEC decodes"):
        open_live(given, "visible", SystemClock(), threading.Event().wait, device=CUDA)


def test_telemetry_of_a_thermal_camera_is_read_by_the_cpu(camera: str) -> None:
    source = opened(camera, HostSurfaces, "thermal", telemetry="lepton")
    source.close()
    assert source.info.decoder_why == "its telemetry is read by the CPU"
