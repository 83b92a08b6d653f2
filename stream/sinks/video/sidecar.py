"""The pairing of every written frame, a line of JSON each, beside the video."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stream.errors import SinkError
from stream.files.atomic_write import check_replaceable, open_without_links
from stream.files.output_path import reason
from stream.frame import Frame, FusedFrame
from stream.radiometry import as_json

SCHEMA = "gifnet.pairing/1"
_LONGEST_LINE = 65_536


class Sidecar:
    """A JSONL file that is whole up to the last line, even after a crash."""

    def __init__(self, path: Path) -> None:
        """Begin the file.

        Raises:
            SinkError: when it cannot be made.
        """
        self._path = path
        try:
            self._file = open(  # noqa: SIM115  # closed by `close`
                path, "w", encoding="utf-8", buffering=1, opener=open_without_links
            )
        except OSError as error:
            raise SinkError(f"{path} cannot be written: {reason(error)}") from None

    def write(self, frame: FusedFrame, video: Path) -> None:
        """One line for a frame.

        Raises:
            SinkError: when it cannot be written.
        """
        try:
            self._file.write(json.dumps(pairing_of(frame) | {"file": video.name}) + "\n")
        except OSError as error:
            raise SinkError(f"{self._path} cannot be written: {reason(error)}") from None

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def check_sidecar(path: Path) -> None:
    """Refuse a name that belongs to anything but an earlier sidecar.

    Raises:
        SinkError: says what is there.
    """
    try:
        check_replaceable(path)
        with path.open("rb") as file:
            line = file.readline(_LONGEST_LINE)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SinkError(f"the sidecar {path} cannot be written: {reason(error)}") from None
    if line and f'"{SCHEMA}"'.encode() not in line:
        raise SinkError(
            f"the sidecar {path} would overwrite a file that is none; name another output, or move it away"
        )


def pairing_of(frame: FusedFrame) -> dict[str, Any]:
    """The pairing of a fused frame as plain values; times in nanoseconds, null where a side is absent."""
    pair = frame.pair
    error_s = pair.pairing_error_s
    return {
        "schema": SCHEMA,
        "seq": frame.index,
        "visible": _frame(pair.visible),
        "thermal": _frame(pair.thermal),
        "pairing_error_ms": None if error_s is None else round(error_s * 1000, 6),
        "flags": sorted(pair.flags),
    }


def _frame(frame: Frame | None) -> dict[str, Any] | None:
    if frame is None:
        return None
    values = {"index": frame.index, "time_ns": round(frame.time_s * 1_000_000_000), "clock": frame.clock}
    known = {} if frame.radiometry is None else {"radiometry": as_json(frame.radiometry)}
    return values | known
