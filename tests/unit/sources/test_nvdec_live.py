"""NVDEC for live streams, on surfaces of the host: it takes over from the CPU, and the CPU from it."""

from __future__ import annotations

import io
import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import av
import pytest
import torch
from av import VideoFrame

from stream.config import InputSettings, LiveSettings, ThermalInputSettings
from stream.errors import RefusedError
from stream.frame import Frame
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
    assert lost["corrupt"] == HARDWARE_FAILURES


def opened(
    uri: str, surfaces: Callable[[torch.device], Surfaces], role: Any = "visible", **values: Any
) -> LibavSource:
    model = ThermalInputSettings if role == "thermal" else InputSettings
    settings = model.model_validate({"uri": uri, **values})
    hardware = LiveHardware(CUDA, surfaces)
    wait = threading.Event().wait
    return LibavSource(settings, parse_uri(uri), role, SystemClock(), wait, LiveSettings(), hardware=hardware)


def taken(source: LibavSource, count: int = 4) -> list[Frame]:
    with source:
        return list(itertools.islice(source, count))


def check_on_device(source: LibavSource) -> None:
    decoder = source.info.decoder, source.info.decoder_why
    assert decoder == ("cuda (NVDEC h264)", "the network runs on this GPU")
    frames = taken(source)
    assert all(isinstance(frame.pixels, torch.Tensor) for frame in frames)
    assert [frame.index for frame in frames] == list(range(4))
    times_s = [frame.time_s for frame in frames]
    assert times_s == sorted(set(times_s))
    assert all(int(frame.pixels.max()) > int(frame.pixels.min()) for frame in frames), "pictures, not grey"


def test_frames_of_transport_streams_stay_on_the_device() -> None:
    with Streamed("mpegts") as url:
        check_on_device(opened(url, HostSurfaces))


def test_frames_by_our_own_rtsp_client_stay_on_the_device_as_the_option_says() -> None:
    with RtspProcess() as server:
        for role in ("visible", "thermal"):
            check_on_device(opened(server.url, HostSurfaces, role))
        check_on_device(opened(server.url, HostSurfaces, decoder="cuda"))
        for why, more in (
            ("as asked for", {"decoder": "cpu"}),
            ("its telemetry is read by the CPU", {"role": "thermal", "telemetry": "lepton"}),
        ):
            source = opened(server.url, HostSurfaces, **more)
            source.close()
            assert (source.info.decoder, source.info.decoder_why) == ("cpu (libav h264)", why)


def test_the_cpu_takes_over_where_the_gpu_cannot_and_one_sentence_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with RtspProcess() as server:
        source = opened(server.url, lambda device: HostSurfaces(device, gone_after=0))
        assert source.info.decoder_why == "this GPU's NVDEC does not take its profile or size"
        assert source.info.decoder == "cpu (libav h264)" and len(taken(source)) == 4
        # Pictures that leave the device on the way.
        source = opened(server.url, lambda device: HostSurfaces(device, gone_after=2))
        frames = taken(source)
        assert [isinstance(frame.picture, torch.Tensor) for frame in frames] == [True] * 2 + [False] * 2
        assert source.info.decoder_why == "the GPU's video decoder failed"
        if torch.cuda.is_available():
            return
        with caplog.at_level(logging.INFO):
            source = opened(server.url, NoDecoder)
        assert caplog.text.count("decoder cpu (libav h264): NVDEC cannot be opened here (") == 1
        assert len(taken(source)) == 4
        with pytest.raises(RefusedError, match=r"NVDEC cannot be opened.*--visible-decoder auto or cpu"):
            opened(server.url, NoDecoder, decoder="cuda")
        with pytest.raises(RefusedError, match="the network does not run on a GPU"):
            open_live(
                InputSettings(uri=server.url, decoder="cuda"),
                "visible",
                SystemClock(),
                threading.Event().wait,
            )


def test_pictures_of_python_code_are_not_decoded_by_nvdec() -> None:
    given = InputSettings(uri="python://tests.helpers.python_camera:visible", decoder="cuda")
    with pytest.raises(RefusedError, match="holds no video that NVDEC decodes"):
        open_live(given, "visible", SystemClock(), threading.Event().wait, device=CUDA)
