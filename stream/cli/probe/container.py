"""Lines of `gifnet probe` on a video's container: shape of its pixels, half pictures, colours, tracks."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from stream.sources.base import SourceBase
from stream.sources.video.hdr import NAMES as HDR_NAMES

# ITU-T H.273 code points that are common in video.
PRIMARIES = {1: "BT.709", 5: "BT.601 (625 lines)", 6: "BT.601 (525 lines)", 9: "BT.2020", 12: "Display P3"}
TRANSFERS = {1: "BT.709", 6: "BT.601", 8: "linear", 13: "sRGB", 14: "BT.2020", 15: "BT.2020", **HDR_NAMES}
UNSPECIFIED = 2


def container_facts(source: SourceBase) -> dict[str, Any]:
    """Facts for programs."""
    colour = source.stored_colour or source.info.colour
    return {
        "matrix": colour.matrix,
        "primaries": colour.primaries,
        "transfer": colour.transfer,
        "hdr": HDR_NAMES.get(colour.transfer),
        "pixel_aspect": str(source.info.pixel_aspect),
        "interlaced": source.interlaced,
        "tracks": list(source.info.tracks),
    }


def container_lines(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same as titles and texts for display."""
    yield "primaries", _name(PRIMARIES, facts["primaries"])
    yield "transfer", _name(TRANSFERS, facts["transfer"]) + (", shown as SDR" if facts["hdr"] else "")
    aspect = Fraction(facts["pixel_aspect"])
    yield "pixel shape", "square" if aspect == 1 else f"{aspect.numerator}:{aspect.denominator}"
    yield "scan", "interlaced" if facts["interlaced"] else "progressive"
    if len(facts["tracks"]) > 1:
        yield "tracks", ", ".join(facts["tracks"])


def _name(names: dict[int, str], code: int) -> str:
    return "unspecified" if code == UNSPECIFIED else names.get(code, f"H.273 code {code}")
