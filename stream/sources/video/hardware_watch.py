"""Watches a decoder in hardware, to tell one damaged packet from a decoder that has failed for good."""

from __future__ import annotations

import av

# Failures without a picture after which a hardware decoder is given up; one damaged packet may cause some.
HARDWARE_FAILURES = 8


class HardwareWatch:
    """Tells a damaged packet from a decoder in hardware that has failed for good."""

    def __init__(self) -> None:
        self._failures = 0

    def saw_picture(self) -> None:
        """The hardware is well."""
        self._failures = 0

    def gives_up(self, error: Exception) -> bool:
        """Count an error; True after `HARDWARE_FAILURES` of them without a picture.

        Errors of the data are not the hardware's, however many there are.
        """
        if not isinstance(error, av.error.InvalidDataError):
            self._failures += 1
        return self._failures >= HARDWARE_FAILURES
