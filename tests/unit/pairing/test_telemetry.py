"""Telemetry rows of a Lepton: cut off, and the shutter read from them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stream.config import LiveSettings, PairingSettings
from stream.errors import RefusedError
from stream.frame import Frame
from stream.pairing.online import OnlinePairer
from stream.sources.live.lepton import read_lepton


def lepton(width: int, revision: int, state: int, index: int = 0) -> Frame:
    """A raw picture of noise with telemetry below it."""
    rows, telemetry_rows = (120, 2) if width == 160 else (60, 3)
    pixels = (
        np.random.default_rng(index).integers(3000, 9000, (rows + telemetry_rows, width)).astype(np.uint16)
    )
    words = np.zeros(telemetry_rows * width, np.uint16)
    words[0], words[3] = revision, state << 4 | 0x8
    pixels[rows:] = words.reshape(telemetry_rows, width)
    time_s = Fraction(1_700_000_000) + Fraction(index, 9)
    return Frame(pixels, "gray16le", time_s, "v4l2", index, 14, arrived_s=index / 9)


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize(
    ("revision", "state", "closed"),
    [(14, 0, False), (14, 1, False), (14, 2, True), (14, 3, False), (8, 1, True), (8, 2, False)],
)
def test_the_shutter_is_read_and_the_rows_are_cut_off(
    width: int, revision: int, state: int, closed: bool
) -> None:
    frame = lepton(width, revision, state)
    read = read_lepton(frame)
    assert read.stale is closed
    assert read.size == (width, width * 3 // 4)
    assert np.array_equal(read.pixels, np.asarray(frame.pixels)[: width * 3 // 4])


def test_what_is_no_lepton_is_refused() -> None:
    plain = Frame(np.zeros((120, 160), np.uint16), "gray16le", Fraction(0), "v4l2", 0, 14)
    with pytest.raises(RefusedError, match="160x122 or 80x63, got gray16le of 160x120; switch telemetry on"):
        read_lepton(plain)


def test_pairing_believes_the_camera_although_its_frames_differ() -> None:
    pairer = OnlinePairer(PairingSettings(unpaired="single", shutter="off"), LiveSettings())
    moments = []
    for index in range(30):
        state = 2 if 10 <= index < 20 else 3
        thermal = read_lepton(lepton(160, 14, state, index))
        visible = Frame(np.zeros((2, 2, 3), np.uint8), "rgb24", thermal.time_s, "v4l2", index, 8, index / 9)
        pairer.offer("visible", visible)
        pairer.offer("thermal", thermal)
        moments += pairer.due(index / 9)
    flags = ["+".join(sorted(moment.flags)) for moment in moments]
    assert flags == [""] * 10 + ["single+stale"] * 10 + [""] * 10
