"""Tells files whose time stamps are of decoding from those whose stamps are of showing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import av

# Containers that keep one time a packet, in decoding order.
FORMATS = ("avi", "asf", "asf_o")
# Pictures that are held back show themselves within this many packets, or are too rare to be sought.
LOOKED_AT = 32


def keeps_decoding_times(container: Any, stream: Any, look: Callable[[], tuple[Any, Any]] | None) -> bool:
    """True when the stamps of a video stream are decoding times.

    AVI and ASF keep no others. Elsewhere (an MP4 that lost its table of composition offsets, streams copied
    out of AVI) they are, if they rise from packet to packet although pictures come out in another order.

    Args:
        container: it is of.
        stream: without pictures that are held back, the two times are one.
        look: opens the same container and stream once more, as (container, stream); None where that cannot be
            done, as with a pipe.
    """
    if container.format.name in FORMATS:
        return True
    if not stream.codec_context.has_b_frames or look is None:
        return False
    again, same = look()
    with again:
        return _disordered(again, same)


def _disordered(container: Any, stream: Any) -> bool:
    """True when pictures of the first packets come out with stamps that fall, while those of packets rise."""
    stream.thread_type = "NONE"
    highest: int | None = None
    shown: int | None = None
    try:
        for number, packet in enumerate(container.demux(stream)):
            if packet.size:
                if (
                    number >= LOOKED_AT
                    or packet.pts is None
                    or (highest is not None and packet.pts <= highest)
                ):
                    return False
                highest = packet.pts
            for picture in packet.decode():
                if picture.pts is None:
                    return False
                if shown is not None and picture.pts < shown:
                    return True
                shown = picture.pts
    except av.error.FFmpegError:
        return False
    return False
