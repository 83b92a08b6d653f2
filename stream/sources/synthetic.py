"""A generated street as a source."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import cast
from weakref import WeakValueDictionary

import numpy as np

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Frame, Pixels, Side
from stream.sources.base import SourceBase, SourceInfo, ends_before
from stream.sources.options import check_options, fraction_option, integer_option
from stream.synthetic import Street
from stream.synthetic.conditions import KINDS, Conditions
from stream.synthetic.layout import Light
from stream.uri import Uri

SCENES = {"street"}
LIGHTS = {"night", "dusk", "day"}
BITS = {8, 10, 12, 14, 16}
OPTIONS = {
    "seed",
    "size",
    "rate",
    "duration",
    "offset_ms",
    "misalign_px",
    "baseline_m",
    "bits",
    "noise",
    "jitter_ms",
    "smoke",
    "light",
    *KINDS,
}
# A frame may come this share of a period early or late, so that the order stays.
LARGEST_JITTER = Fraction(9, 20)
# Streets of sources that are open.
_streets: WeakValueDictionary[tuple[object, ...], Street] = WeakValueDictionary()
_laying_out = threading.Lock()


class SyntheticSource(SourceBase):
    """`synthetic://street`: the visible or the thermal side of a generated street.

    The same URI opened as visible and as thermal gives two cameras in one world. Options, with defaults:
    `seed=1`; `size=640x480`; `rate=25`; `duration=4` in seconds; `offset_ms=0`, how far the thermal clock is
    ahead of the visible one; `misalign_px=0`, how far the thermal picture is off registration;
    `baseline_m=0`, how far right of the visible camera the thermal one stands; `bits=14`, or 8, 10, 12, 16,
    of thermal counts; `noise=1`, strength of sensor noise; `jitter_ms=0`, largest deviation of capture times;
    `smoke=0`, `glare=0`, `rain=0`, `camouflage=0` and `heat=0`, each up to 1; `light=night`, `dusk` or `day`,
    by default the seed's.

    Attributes:
        street: the world, which knows the truth of every moment.
    """

    def __init__(self, settings: InputSettings, uri: Uri, role: Side) -> None:
        """Lay the street out.

        Args:
            settings: of the input; its `bits` and `rate` hold where the URI has none.
            uri: `synthetic://street` with options.
            role: which of the two cameras.

        Raises:
            SourceError: when the scene is unknown or an option is wrong.
        """
        super().__init__()
        if uri.path.strip("/") not in SCENES:
            raise SourceError(f"{uri}: unknown scene {uri.path!r}; known are {', '.join(sorted(SCENES))}")
        check_options(uri, OPTIONS)
        self._role = role
        width, height = _size(uri)
        rate = _number(uri, "rate", str(settings.rate or 25), "0.1", "1000")
        self._bits = _bits(settings, uri)
        self._seed = integer_option(uri, "seed", 1, 0, 2**31 - 1)
        offset_ms = _number(uri, "offset_ms", "0", "-3600000", "3600000")
        self.street = _street(
            self._seed,
            (width, height),
            _light(uri),
            Conditions(seed=self._seed, **{kind: float(_number(uri, kind, "0", "0", "1")) for kind in KINDS}),
            misalign_px=float(_number(uri, "misalign_px", "0", "0", "200")),
            baseline_m=float(_number(uri, "baseline_m", "0", "-5", "5")),
            offset_ms=float(offset_ms),
            noise=float(_number(uri, "noise", "1", "0", "20")),
            smoke=float(_number(uri, "smoke", "0", "0", "1")),
        )
        self._offset_s = offset_ms / 1000 if role == "thermal" else Fraction(0)
        self._rate, self._begin = rate, 0
        self._jitter_ms = _number(uri, "jitter_ms", "0", "0", str(LARGEST_JITTER * 1000 / rate))
        is_visible, is_deep = role == "visible", self._bits > 8
        self.stored_format = "generated"
        self.stored_bits = 8 if is_visible else self._bits
        self.info = SourceInfo(
            uri=str(uri),
            width=width,
            height=height,
            pixel_format="rgb24" if is_visible else "gray16le" if is_deep else "gray8",
            bits=8 if is_visible else self._bits,
            rate=rate,
            frames=max(1, round(_number(uri, "duration", "4", "0.001", "86400") * rate)),
            time_base=_time_base(rate),
            codec="street",
        )

    @property
    def first_s(self) -> Fraction | None:
        """Time of the first frame."""
        return self.world_time_s(0) + self._offset_s

    def skip_before(self, time_s: Fraction) -> int:
        """Begin at a time, or a frame or two before it."""
        last = (self.info.frames or 1) - 1
        last_s = self.world_time_s(last) + self._offset_s
        if last_s < time_s:
            raise ends_before(self.info.uri, last_s, time_s)
        self._begin = max(0, int((time_s - self._offset_s) * self._rate) - 1)
        return self._begin

    def _read(self) -> Iterator[Frame]:
        info = self.info
        for index in range(self._begin, info.frames or 0):
            world_s = self.world_time_s(index)
            pixels = self._picture(float(world_s))
            time_s = world_s + self._offset_s
            yield Frame(pixels, info.pixel_format, time_s, "device", index, info.bits)

    def _picture(self, time_s: float) -> Pixels:
        return (
            self.street.visible(time_s)
            if self._role == "visible"
            else self.street.thermal(time_s, self._bits)
        )

    def world_time_s(self, index: int) -> Fraction:
        """Capture time of a frame in seconds on the visible clock; jitter is whole units of the time base."""
        even_s = index / self._rate
        if not self._jitter_ms:
            return even_s
        rng = np.random.default_rng([self._seed, 9, self._role == "thermal", index])
        units = self._jitter_ms / 1000 / self.info.time_base * Fraction(rng.uniform(-1, 1))
        return even_s + int(units) * self.info.time_base


def _street(
    seed: int, size: tuple[int, int], light: Light | None, conditions: Conditions, **more: float
) -> Street:
    """The street of these options: that of another source which is open, since drawing one takes a second."""
    key = seed, size, light, conditions, *more.values()
    with _laying_out:
        street = _streets.get(key)
        if street is None:
            _streets[key] = street = Street(
                seed, size, thermal_size=None, light=light, conditions=conditions, **more
            )
        return street


def _number(uri: Uri, key: str, default: str, low: str, high: str) -> Fraction:
    return fraction_option(uri, key, Fraction(default), Fraction(low), Fraction(high))


def _size(uri: Uri) -> tuple[int, int]:
    text = uri.options.get("size", "640x480")
    width, times, height = text.partition("x")
    if not (times and width.isascii() and height.isascii() and width.isdigit() and height.isdigit()):
        raise SourceError(f"{uri}: size must be WIDTHxHEIGHT in pixels, such as 640x480, got {text!r}")
    if not (16 <= int(width) <= 4096 and 16 <= int(height) <= 4096):
        raise SourceError(f"{uri}: size must be from 16x16 to 4096x4096, got {text}")
    return int(width), int(height)


def _bits(settings: InputSettings, uri: Uri) -> int:
    bits = integer_option(uri, "bits", settings.bits or 14, 0, 64)
    if bits not in BITS:
        raise SourceError(f"{uri}: bits must be 8, 10, 12, 14 or 16, got {bits}")
    return bits


def _light(uri: Uri) -> Light | None:
    light = uri.options.get("light")
    if light is not None and light not in LIGHTS:
        raise SourceError(f"{uri}: light must be night, dusk or day, got {light!r}")
    return cast("Light | None", light)


def _time_base(rate: Fraction) -> Fraction:
    """A unit in which frame times are whole, and milliseconds too where the rate is whole."""
    return Fraction(1, rate.numerator * (1000 if rate.numerator <= 1000 else 1))
