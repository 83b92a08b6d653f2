"""Pictures of a live stream of which nothing is missing: after damage, none before the next key picture."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import av
from av import VideoFrame

from stream.sources.live.frame_numbers import FrameNumbers
from stream.sources.video.hardware_watch import HardwareWatch

# Decoders of pictures that stand alone, although libav does not mark them so.
ALWAYS_WHOLE = ("rawvideo", "wrapped_avframe", "mjpeg")
# The first pictures of a connection may come without a stamp; with more of them, there are none at all.
UNSTAMPED = 3
# Decoders that say at once that a picture is damaged, or lacks a reference picture, if told to check for it.
STRICT, STRICT_CHECKS = ("h264", "hevc"), "explode+bitstream+buffer+aggressive"
# Packets that are kept for a decoder in hardware, until the first whole picture; some seconds of video.
MOST_BEGINNING = 300
# Groups of pictures with no whole one but the key picture, after which checks are taken to be too strict.
BAD_GROUPS = 2

_log = logging.getLogger(__name__)


def set_for_live(codec: Any) -> None:
    """One thread and no reordering delay: a picture comes out as soon as it is in."""
    codec.thread_type = "NONE"
    codec.flags |= av.codec.context.Flags.low_delay


class WholePictures:
    """Decodes packets, and leaves out damaged pictures and those that depend on them.

    A picture is damaged when the container or the decoder says so, or, with H.264, when the frame numbers
    show that a reference picture was lost, which decoders conceal. What is left out is counted by reason:
    `before_key_frame`, `corrupt` a damaged picture, `after_damage` a picture between it and the next key
    picture, `unstamped`.
    """

    def __init__(self, name: str, stream: Any, lost: Counter[str], keeps_damaged: bool, timed: bool) -> None:
        """Decode a stream from here.

        Args:
            name: of the stream, for messages.
            stream: PyAV's video stream.
            lost: counts what is left out.
            keeps_damaged: give damaged pictures out as the decoder made them.
            timed: pictures have stamps that mean something; the first ones may lack them.
        """
        self._name, self._lost, self._keeps_damaged, self._timed = name, lost, keeps_damaged, timed
        codec = stream.codec_context
        self._alone = codec.codec.intra_only or codec.name in ALWAYS_WHOLE
        self._numbers = FrameNumbers(codec.extradata) if codec.name == "h264" else None
        self._decoder, self._is_strict = codec, False
        if codec.name in STRICT and not keeps_damaged:
            codec.options, self._is_strict = {"err_detect": STRICT_CHECKS}, True
        self._any_whole = False
        # Packets up to the first whole picture, for a decoder in hardware that takes over from it; then None.
        self._begin: list[Any] | None = []
        self._given: list[VideoFrame] = []
        self._hardware: HardwareWatch | None = None
        # Of the group of pictures since the last key picture: whether the decoder refused one, how many were
        # whole; and how many groups in a row were refused as a whole.
        self._refused, self._whole, self._bad_groups = False, 0, 0
        self._seen_key, self._damaged, self._said = self._alone, False, False
        # After damage, the stamp of the key picture that ends it; what is shown before that is damaged too.
        self._whole_from: int | None = None

    def decode(self, packets: Iterable[Any]) -> Iterator[VideoFrame]:
        """Whole pictures in the order in which they are shown; may be called again with the packets left."""
        given, self._given = self._given, []
        yield from given
        for packet in packets:
            if self._is_of_use(packet):
                for picture in self._decode(packet):
                    if self._is_whole(picture) and self._is_stamped(picture):
                        yield picture
                        self._begin = None

    def move_to(self, decoder: Any, takes: Callable[[VideoFrame], bool]) -> bool:
        """Let a decoder in hardware go on from the first whole picture, which was just given out.

        `decode` is then to be called again, and gives that picture once more.

        Args:
            decoder: of the same codec, not yet used.
            takes: False for a picture that the hardware has not decoded.

        Returns:
            False, and nothing is changed, where the hardware does not decode the stream.

        Raises:
            av.error.FFmpegError: when the hardware cannot be opened.
        """
        begin, self._begin = self._begin or [], None
        given = [picture for packet in begin for picture in decoder.decode(packet)]
        if not given or not takes(given[0]):
            return False
        self._decoder, self._is_strict, self._hardware = decoder, False, HardwareWatch()
        self._given = given
        return True

    @property
    def in_hardware(self) -> bool:
        """True while a decoder in hardware is in charge."""
        return self._hardware is not None

    def leave_hardware(self) -> None:
        """Let the CPU go on from the next key picture."""
        self._hardware, self._damaged = None, not self._alone
        self._decoder = self._plain_decoder()

    def _is_of_use(self, packet: Any) -> bool:
        self._keep(packet)
        misses = self._numbers is not None and self._numbers.misses_reference(bytes(packet))
        self._seen_key = self._seen_key or packet.is_keyframe
        if not self._seen_key:
            self._lost["before_key_frame"] += 1
            return False
        if packet.is_keyframe:
            self._begin_group()
            if self._damaged:
                self._damaged, self._whole_from = False, packet.pts
        if packet.is_corrupt or (misses and not packet.is_keyframe):
            self._damage()
        return True

    def _keep(self, packet: Any) -> None:
        """Keep what a second decoder needs to begin with the first whole picture."""
        if self._begin is None:
            return
        if packet.is_keyframe:
            self._begin = [packet]
        elif 0 < len(self._begin) < MOST_BEGINNING:
            self._begin.append(packet)
        else:  # all of a long group is damaged; the next key picture begins anew
            self._begin = []

    def _decode(self, packet: Any) -> list[VideoFrame]:
        try:
            pictures: list[VideoFrame] = self._decoder.decode(packet)
        except av.error.FFmpegError as error:
            if self._hardware and self._hardware.gives_up(error):
                _log.warning("%s: the GPU's video decoder fails; the CPU goes on", self._name)
                self.leave_hardware()
            if packet.is_keyframe and self._is_strict and not self._any_whole:
                self._relax()
                return self._decode(packet)
            self._lost["corrupt"] += 1
            self._refused = True
            self._damage()
            return []
        if self._hardware and pictures:
            self._hardware.saw_picture()
        return pictures

    def _begin_group(self) -> None:
        """Judge the last group of pictures: tell a camera that violates the standard from lost packets."""
        is_bad = self._refused and self._whole <= 1
        self._bad_groups = self._bad_groups + 1 if is_bad else 0
        self._refused, self._whole = False, 0
        if self._is_strict and self._bad_groups >= BAD_GROUPS:
            self._relax()

    def _relax(self) -> None:
        """Let a decoder take over that tolerates more."""
        _log.info("%s: what it sends breaks the standard; it is decoded with fewer checks", self._name)
        self._is_strict, self._decoder = False, self._plain_decoder()

    def _plain_decoder(self) -> Any:
        """A decoder of the CPU that tolerates what can be tolerated."""
        decoder: Any = av.CodecContext.create(self._decoder.codec.name, "r")
        decoder.extradata = self._decoder.extradata
        set_for_live(decoder)
        return decoder

    def _is_whole(self, picture: VideoFrame) -> bool:
        if self._keeps_damaged:
            return True
        if self._whole_from is not None and picture.pts is not None:
            if picture.pts < self._whole_from:
                self._lost["after_damage"] += 1
                return False
            self._whole_from = None
        if picture.is_corrupt:
            self._lost["corrupt"] += 1
            self._damage()
            return False
        if self._damaged:
            self._lost["after_damage"] += 1
            return False
        self._any_whole, self._whole = True, self._whole + 1
        return True

    def _damage(self) -> None:
        if self._alone:
            return
        if not self._said and not self._keeps_damaged:
            self._said = True
            _log.warning(
                "%s: pictures are damaged, as by lost packets; they and what follows are left out until the "
                "next key picture (--damaged keep passes them on)",
                self._name,
            )
        self._damaged = True

    def _is_stamped(self, picture: VideoFrame) -> bool:
        if picture.pts is None and self._timed and self._lost["unstamped"] < UNSTAMPED:
            self._lost["unstamped"] += 1
            return False
        return True
