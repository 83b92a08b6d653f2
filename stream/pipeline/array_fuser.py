"""Fusion of arrays, pair by pair, in a caller's own loop."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray

from stream.config import FuseSettings, validate
from stream.config.merge import overlay
from stream.device.context import open_device
from stream.errors import GifnetError
from stream.frame import Frame, FramePair, FusedFrame, Side
from stream.fusion import fuser
from stream.pipeline.excerpt import Excerpt
from stream.pipeline.fuse import check_names
from stream.runtime.clock import SystemClock
from stream.runtime.stage_times import StageTimes
from stream.sources.arrays import DEFAULT_RATE, array_frame

_HERE = "arrays://here"


class Fuser:
    """Fuses pairs of arrays, one by one, with gain control that follows the scene.

    For one's own loop: `with stream.Fuser(calibration="front.yaml") as fuser: fuser(visible, thermal)`. The
    network is loaded once. Used by one thread at a time.
    """

    def __init__(self, **settings: Any) -> None:
        """Load the network.

        Args:
            settings: options of `gifnet run` by name that concern fusion, for example `model="lite"`,
                `calibration="front.yaml"`, `gain="fixed"`, `thermal_bits=14` or `device="cpu"`.

        Raises:
            GifnetError: a setting, the weights, the device or the calibration.
        """
        check_names(settings, "stream.Fuser")
        named = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
        inputs = {"visible": _HERE, "thermal": _HERE}
        self._settings = validate(FuseSettings, overlay({}, inputs | named), "stream.Fuser")
        self._excerpt = Excerpt(self._settings)
        context = open_device(self._settings.device)
        self._fuser = fuser.Fuser(self._settings, None, None, context, StageTimes(SystemClock()))
        self._count, self._closed = 0, False

    def __call__(
        self, visible: NDArray[Any], thermal: NDArray[Any], time_s: float | Fraction | None = None
    ) -> FusedFrame:
        """Fuse two pictures of one time.

        Args:
            visible: [H, W, 3] uint8 RGB.
            thermal: [H, W] uint8 or uint16, raw counts; of the visible size, or of any with a calibration.
            time_s: capture time in seconds; 25 pairs a second where none is given.

        Returns:
            The fused frame; its arrays belong to the caller.

        Raises:
            SourceError: an array is not what its camera gives, or too small.
            CalibrationError: the sizes differ and there is no calibration, or it does not fit.
            GifnetError: the fuser is closed, or the device fails.
        """
        if self._closed:
            raise GifnetError("this fuser is closed; make another one with stream.Fuser()")
        seen, warm = self._frame("visible", visible, time_s), self._frame("thermal", thermal, time_s)
        pair = FramePair(seen, warm, seen.time_s, 0.0)
        (fused,) = self._fuser.submit([self._excerpt.scaled(pair)]).result()
        self._count += 1
        return fused

    def _frame(self, side: Side, pixels: NDArray[Any], time_s: float | Fraction | None) -> Frame:
        source = getattr(self._settings, side)
        rate = Fraction(DEFAULT_RATE)
        return array_frame((pixels, time_s), side, source.bits, source.radiometry, self._count, rate)

    def close(self) -> None:
        """Release the memory; may be called twice."""
        self._closed = True
        self._fuser.close()

    def __enter__(self) -> Self:
        """The fuser itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()


def fuse_pair(visible: NDArray[Any], thermal: NDArray[Any], **settings: Any) -> FusedFrame:
    """Fuse one pair of pictures: `stream.fuse_pair(visible, thermal, calibration="front.yaml").pixels`.

    Args:
        visible: [H, W, 3] uint8 RGB.
        thermal: [H, W] uint8 or uint16, raw counts; of the visible size, or of any with a calibration.
        settings: see `Fuser`, which is faster for more than one pair.

    Raises:
        GifnetError: see `Fuser`.
    """
    with Fuser(**settings) as once:
        return once(visible, thermal)
