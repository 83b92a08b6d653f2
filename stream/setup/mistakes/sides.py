"""Mistakes visible in one picture of each source: swapped, coloured, too large, the same source twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stream.calibrate.grey import grey_thermal, grey_visible
from stream.frame import Pixels
from stream.setup.look import SourceLook, sample
from stream.setup.mistakes.content import TWICE, likeness
from stream.setup.mistakes.finding import Finding

# Difference of the channels from which on a pixel is coloured (a codec's error is smaller), and the shares
# of coloured pixels below which a picture is grey and above which it is in natural colours.
FAINT, GREY_SHARE, NATURAL_SHARE = 12, 0.005, 0.05


def side_findings(visible: SourceLook, thermal: SourceLook) -> list[Finding]:
    """Mistakes that the first pictures of both sources tell.

    Args:
        visible: the source that was named first.
        thermal: the source that was named second.
    """
    if visible.settings.uri == thermal.settings.uri and _shows_the_same(visible, thermal):
        return [_same_source()]
    if _is_thermal(visible) and _is_natural(thermal):
        return [_swapped(visible)]
    return [*_visible_findings(visible), *_thermal_findings(visible, thermal), *_sizes(visible, thermal)]


def _visible_findings(visible: SourceLook) -> Iterator[Finding]:
    palette = visible.palette
    if _is_deep(visible):
        yield Finding(
            "visible-counts",
            "the first source holds grey counts of more than 8 bits, as thermal cameras give: name the "
            "visible camera first and the thermal one second",
            "stop",
        )
    elif palette:
        yield Finding(
            "visible-palette",
            f"the first source is a thermal picture in the colours of a palette ({palette}): name the "
            "visible camera first and the thermal one second",
            "stop",
        )


def _thermal_findings(visible: SourceLook, thermal: SourceLook) -> Iterator[Finding]:
    palette = thermal.palette
    if palette:
        yield Finding(
            "palette",
            f"the thermal picture is coloured by a palette ({palette}): its colours are taken back to 256 "
            "steps of warmth; set the camera to white hot, or to raw counts, for more detail and for "
            "temperatures",
        )
    elif _is_natural(thermal):
        both = " and so is the visible one" if _is_natural(visible) else ""
        yield Finding(
            "coloured-thermal",
            f"the thermal picture is in colour{both}, and by no palette that is known: name the thermal "
            "camera second, or set it to white hot, or state its colours by --thermal-palette",
            "stop",
        )


def _sizes(visible: SourceLook, thermal: SourceLook) -> Iterator[Finding]:
    (width, height), (other, high) = visible.size, thermal.size
    if other * high > width * height:
        yield Finding(
            "thermal-larger",
            f"the thermal picture ({other}x{high}) is larger than the visible one ({width}x{height}), whose "
            "size the fused picture has, so thermal detail is lost: take the main stream of the visible "
            "camera, or swap the two if they were named in the wrong order",
        )


def _same_source() -> Finding:
    return Finding(
        "same-source",
        "both names are one and the same source: name the visible camera first and the thermal one second, "
        "or state the halves of one picture by --visible-crop left --thermal-crop right",
        "stop",
    )


def _swapped(visible: SourceLook) -> Finding:
    palette = visible.palette
    seen = (
        "holds grey counts of more than 8 bits"
        if _is_deep(visible)
        else f"is coloured by a thermal palette ({palette})"
        if palette
        else "has no colours"
    )
    return Finding(
        "swapped",
        f"the two sources seem swapped: the first one {seen} and the second one is in natural colours; name "
        "the visible camera first and the thermal one second",
        "stop",
    )


def _shows_the_same(visible: SourceLook, thermal: SourceLook) -> bool:
    """True for one picture twice; some sources hold both sides under one name."""
    if visible.colours is None:
        return bool(np.array_equal(visible.picture, thermal.picture))
    return likeness(grey_visible(visible.colours), grey_thermal(thermal.picture)) > TWICE


def _is_thermal(look: SourceLook) -> bool:
    return _is_deep(look) or _is_grey(look.colours) or bool(look.palette)


def _is_deep(look: SourceLook) -> bool:
    return look.is_deep or look.stored.startswith(("gray1", "gray9"))


def _is_grey(picture: Pixels | None) -> bool:
    return picture is not None and _faint_share(picture) < GREY_SHARE


def _is_natural(look: SourceLook) -> bool:
    """In colours, and in none of a palette."""
    picture = look.colours
    return picture is not None and _faint_share(picture) > NATURAL_SHARE and not look.palette


def _faint_share(picture: Pixels) -> float:
    return float((np.ptp(sample(picture), axis=1) > FAINT).mean())
