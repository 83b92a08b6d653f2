"""Registrars of a run: made from one calibration, which is read once."""

from __future__ import annotations

from typing import Any

from stream.config import RegistrationSettings
from stream.fusion.step import BatchShape
from stream.registration.calibration import Calibration, Size, load_calibration
from stream.registration.registrar import Registrar, build_registrar


class Registrars:
    """Makes registrars and keeps the last one, since its maps take long to work out.

    Attributes:
        calibration: of the run; None where both cameras share one grid.
        began_as: size that pictures of both cameras had when the stream began, see `build_registrar`.
    """

    def __init__(self, settings: RegistrationSettings, alignment: Calibration | None = None) -> None:
        """Read the calibration file, if there is one.

        Args:
            settings: with its name.
            alignment: the calibration without a file, of a camera that tells one.

        Raises:
            CalibrationError: it cannot be read, or is wrong.
        """
        self.calibration = load_calibration(settings.file) if settings.file else alignment
        self.began_as: Size | None = None
        self._last: tuple[Any, Registrar] | None = None

    def place(self, x: float, y: float) -> tuple[float, float] | None:
        """See `Registrar.place`, by the last registrar; may be called from any thread."""
        last = self._last
        return last[1].place(x, y) if last else None

    def get(self, settings: RegistrationSettings, shape: BatchShape) -> Registrar:
        """The registrar for pictures of a shape; may be called from any thread.

        Args:
            settings: distance and nudge; the file is the one that the run began with.
            shape: of the pictures.

        Raises:
            CalibrationError: no registration fits these pictures.
        """
        sizes = shape.visible_size, shape.thermal_size
        key = settings.geometry, sizes, self.began_as
        last = self._last
        if last is None or last[0] != key:
            made = build_registrar(settings, self.calibration, *sizes, self.began_as)
            last = self._last = (key, made)
        return last[1]
