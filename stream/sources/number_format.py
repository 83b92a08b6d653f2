"""Signs that numbers without a header are of another format than they are read as."""

from __future__ import annotations

import numpy as np

from stream.errors import RefusedError, SourceError
from stream.frame import Pixels

# Width and height that sensors' pictures have with a second picture above or below.
TWO_PICTURES = frozenset({(256, 384), (384, 576), (160, 240), (640, 1024)})
# Neighbouring pixels are alike: least correlation in the right format, and largest ratio of its missing
# correlation to that of the wrong format.
_ALIKE, _CLEARLY_LESS = 0.85, 0.35
# Numbers with a sign around zero lie at both ends of the unsigned ones.
_CLEARLY_SMALLER = 0.5


def check_unsigned(counts: Pixels, name: str) -> None:
    """Refuse numbers that are clearly not the unsigned ones of 16 bits that they were taken for.

    Args:
        counts: [H, W] uint16, as they were read without a stated format.
        name: of the file, for messages.

    Raises:
        SourceError: as numbers with a sign or a fraction they make a far smoother picture.
    """
    likely = _likely_format(np.ascontiguousarray(counts))
    if likely:
        raise SourceError(
            f"{name} looks like numbers of the type {likely}, not like little-endian counts of 16 bits; say "
            f"so by --thermal-layout '{likely} C' (or another unit), or uint16 if they are counts"
        )


def check_one_picture(size: tuple[int, int], name: str) -> None:
    """Refuse pictures whose size is that of two in one, as small UVC cameras send them.

    Args:
        size: width and height, of a thermal stream whose layout is not stated.
        name: of the stream, for messages.

    Raises:
        RefusedError: the size is one of `TWO_PICTURES`.
    """
    if size in TWO_PICTURES:
        raise RefusedError(
            f"{name} has pictures of {size[0]}x{size[1]} pixels, as cameras send that put a picture above "
            "its counts; name the camera, as in --thermal-camera p2pro or tc001, or say --thermal-layout "
            "'yuyv lower' (counts below), 'upper' (the picture above) or 'whole' (it is one picture)"
        )


def _likely_format(counts: Pixels) -> str | None:
    if _span(counts.view(np.int16)) < _CLEARLY_SMALLER * _span(counts):
        return "int16"
    swapped = counts.byteswap()
    views = {"int16": counts.view(np.int16), "big": swapped, "int16 big": swapped.view(np.int16)}
    if counts.size % 2 == 0:
        pairs = counts.reshape(1, -1)
        # Bytes of a number of 32 bits lie in the order of the file, not of pairs of 16 bits.
        views |= {"float32": pairs.view(np.float32), "float32 big": pairs.view(np.float32).byteswap()}
    found = {words: _unlike(view) for words, view in views.items() if _is_plausible(view)}
    best = min(found, key=lambda words: found[words], default=None)
    if best is None or found[best] > 1 - _ALIKE:
        return None
    return best if found[best] < _CLEARLY_LESS * _unlike(counts) else None


def _unlike(numbers: Pixels) -> float:
    """1 minus the correlation of neighbours in a row."""
    values = numbers.astype(np.float64)
    values = values.clip(*np.percentile(values, (1, 99)))
    one, other = values[:, :-1].ravel(), values[:, 1:].ravel()
    if one.size < 2 or not (one.std() and other.std()):
        return 0.0
    return 1 - float(np.corrcoef(one, other)[0, 1])


def _is_plausible(numbers: Pixels) -> bool:
    if numbers.dtype.kind != "f":
        return True
    with np.errstate(all="ignore"):
        magnitudes = np.abs(numbers)
        return bool(np.isfinite(numbers).all() and float(magnitudes.max()) < 1e5 and magnitudes.max() > 1e-3)


def _span(numbers: Pixels) -> float:
    """Distance from the lowest to the highest of all but a few."""
    low, high = np.percentile(numbers, (1, 99))
    return float(high - low)


def roughness(numbers: Pixels) -> float:
    """Mean difference of neighbours in a row, as a share of the span of all but a few."""
    values = numbers.astype(np.float64)
    low, high = np.percentile(values, (1, 99))
    if values.shape[1] < 2 or high <= low:
        return 0.0
    return float(np.abs(np.diff(values.clip(low, high), axis=1)).mean() / (high - low))
