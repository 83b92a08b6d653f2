"""Stored numbers of thermal pictures to counts of 16 bits, which travel.

    stored                     travels as
    uint8, uint16              itself
    int16                      number + 32768
    wider whole numbers        as uint16, or as int16 where any is negative; they must fit
    fractions in K or °C       kelvin times 100, or times 64 or 10 where that is too much for 16 bits
    fractions from 0 to 1      times 65535; no temperature is known
    larger fractions           rounded; no temperature is known

Fractions whose unit is not stated are taken for what they look like, and that is said once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from stream.config.thermal_layout import SIGN_OFFSET, CountLayout, shifted
from stream.errors import SourceError
from stream.frame import Pixels
from stream.radiometry import ZERO_CELSIUS_K, Linear

_log = logging.getLogger(__name__)

TOP = 65_535
# Counts a kelvin: 16 bits then reach to 382, 750 and 6280 °C.
SCALES_PER_K = (100, 64, 10)
# Room above the hottest of the first picture, in kelvin.
_ROOM_K = 50.0
# Largest temperature that numbers are taken for; no uncooled camera measures more.
_MOST_DEGREES = 3000.0
# A picture all of whose numbers lie here is one of surroundings in kelvin.
_KELVIN_LOW, _KELVIN_HIGH = 180.0, 700.0


@dataclass(frozen=True, slots=True)
class Scale:
    """The straight line from stored numbers to counts.

    Attributes:
        gain: counts for one of a stored number.
        offset: the count of a stored 0.
        unit: degrees Celsius of a count; None where it is not known.
    """

    gain: float
    offset: float
    unit: Linear | None


class CountReader:
    """Converts the stored numbers of a stream to counts, for all pictures as decided by the first.

    Attributes:
        unit: degrees Celsius of a count that travels, as far as it is known.
    """

    def __init__(self, first: Pixels, layout: CountLayout, unit: Linear | None, name: str) -> None:
        """Decide.

        Args:
            first: a picture as it is stored, of any number format.
            layout: as the user states it.
            unit: degrees Celsius of a stored number, as the user states it.
            name: of the stream, for messages.

        Raises:
            SourceError: the numbers are none that a picture can have, or do not go with the layout.
        """
        self._name, self._warned = name, False
        kind = first.dtype.kind
        if kind not in "uif" or first.dtype == np.int8 or (layout.is_float and kind != "f"):
            raise SourceError(
                f"{name} holds numbers of the type {first.dtype}"
                + (f", and the layout of counts says {layout.numbers}" if layout.is_float else "")
                + "; whole numbers of 8 or 16 bits and fractions of 16, 32 or 64 bits are read"
            )
        self._scale: Scale | None = None
        self._reinterpret = layout.is_signed and first.dtype == np.uint16
        if kind == "f" and layout.bits is None:
            self._scale = _float_scale(first, unit, name)
        elif kind != "u" or self._reinterpret or first.dtype.itemsize > 2:
            # Wide numbers may be counts above what 16 bits with a sign hold.
            unsigned = kind == "u" or (first.size > 0 and int(first.max()) >= SIGN_OFFSET)
            signed = layout.is_signed or (kind == "i" and not unsigned)
            offset = SIGN_OFFSET if signed else 0
            self._scale = Scale(1, offset, shifted(unit, offset) if unit else None)
        self.unit = self._scale.unit if self._scale else unit

    def __call__(self, stored: Pixels) -> Pixels:
        """Counts [H, W] uint8 or uint16 of numbers [H, W]; themselves where they are counts."""
        if self._scale is None:
            return stored
        if self._reinterpret:
            stored = stored.view(np.int16)
        if stored.dtype == np.int16 and self._scale.offset == SIGN_OFFSET:
            return np.asarray(stored.view(np.uint16) ^ np.uint16(SIGN_OFFSET))
        counts = stored.astype(np.float64) * self._scale.gain + self._scale.offset
        finite = np.isfinite(counts)
        if not finite.all():
            counts = np.where(finite, counts, counts[finite].min() if finite.any() else 0)
        self._check_range(counts)
        return np.asarray(np.rint(counts.clip(0, TOP)), np.uint16)

    def _check_range(self, counts: Pixels) -> None:
        if self._warned or not counts.size or (counts.min() >= -0.5 and counts.max() <= TOP + 0.5):
            return
        self._warned = True
        _log.warning(
            "%s: numbers outside the range of 16 bits that its first picture called for are cut off; state "
            "--thermal-layout if they mean something else",
            self._name,
        )


def _float_scale(first: Pixels, unit: Linear | None, name: str) -> Scale:
    values = first[np.isfinite(first)].astype(np.float64)
    if not values.size:
        raise SourceError(f"{name} holds no number at all in its first picture")
    low, high = float(values.min()), float(values.max())
    if unit is not None:
        return _kelvin_scale(unit, low, high, name)
    if low >= 0 and low < high <= 1:
        return _told(Scale(TOP, 0, None), name, "shares from 0 to 1, whose temperatures are not known")
    if low >= 0 and _MOST_DEGREES < high <= TOP:
        return _told(Scale(1, 0, None), name, "counts, whose temperatures are not known")
    if low >= _KELVIN_LOW and high <= _KELVIN_HIGH and low < 330:
        return _told(_kelvin_scale(Linear(1, -ZERO_CELSIUS_K), low, high, name), name, "kelvin")
    if low >= -ZERO_CELSIUS_K and high <= _MOST_DEGREES:
        return _told(_kelvin_scale(Linear(1, 0), low, high, name), name, "degrees Celsius")
    raise SourceError(
        f"{name} holds numbers from {low:g} to {high:g}, which are neither degrees nor counts of 16 bits; "
        "say what they are by --thermal-layout, as in 'float32 K*100'"
    )


def _kelvin_scale(unit: Linear, low: float, high: float, name: str) -> Scale:
    ends_k = [unit.celsius_per_count * end + unit.celsius_at_zero + ZERO_CELSIUS_K for end in (low, high)]
    hottest_k = max(ends_k)
    if min(ends_k) < -1 or hottest_k * SCALES_PER_K[-1] > TOP:
        low_c, high_c = min(ends_k) - ZERO_CELSIUS_K, hottest_k - ZERO_CELSIUS_K
        raise SourceError(
            f"{name} would be from {low_c:g} to {high_c:g} °C by the stated layout, which is not plausible; "
            "check number format, byte order and unit"
        )
    per_k = next((each for each in SCALES_PER_K if (hottest_k + _ROOM_K) * each <= TOP), SCALES_PER_K[-1])
    return Scale(
        unit.celsius_per_count * per_k,
        (unit.celsius_at_zero + ZERO_CELSIUS_K) * per_k,
        Linear(1 / per_k, -ZERO_CELSIUS_K),
    )


def _told(scale: Scale, name: str, words: str) -> Scale:
    _log.warning(
        "%s holds numbers with a fraction, taken for %s; --thermal-layout states it, as in 'float32 C'",
        name,
        words,
    )
    return scale
