"""AAC as transport streams have it, with a header before each packet, for files that want one for all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from av import Packet
from av.bitstream import BitStreamFilterContext


def without_headers(packets: Iterator[Any], source: Any) -> tuple[Iterator[Any], bytes | None]:
    """Take the headers (ISO/IEC 14496-3, 1.A.3) off the packets of an audio stream, where it has some.

    Args:
        packets: of the stream, from its beginning.
        source: the stream.

    Returns:
        The packets, and what the headers said, as codec data for the output; None where there are none.
    """
    first = next((packet for packet in packets if packet.dts is not None), None)
    if first is None or source.codec_context.name != "aac" or not _has_header(first):
        return (iter(()) if first is None else chain((first,), packets)), None
    cutter = BitStreamFilterContext("aac_adtstoasc", source)
    (start,) = cutter.filter(first)
    said = bytes(start.get_sidedata("new_extradata"))
    rest = (cut for packet in packets if packet.dts is not None for cut in cutter.filter(packet))
    return chain((_plain(start),), rest), said


def _has_header(packet: Any) -> bool:
    start = bytes(memoryview(packet)[:2])
    return len(start) == 2 and start[0] == 0xFF and start[1] & 0xF0 == 0xF0


def _plain(packet: Any) -> Any:
    """The same packet without side data, which an output would write a second time."""
    plain: Any = Packet(bytes(packet))
    plain.time_base, plain.dts, plain.pts = packet.time_base, packet.dts, packet.pts
    plain.duration, plain.is_keyframe = packet.duration, True
    return plain
