"""The file of weights that recordings are fused with."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gifnet.weight_places import checked_sha256, resolve
from stream.config import FusionSettings


def weights_file(fusion: FusionSettings) -> Path | None:
    """The file that the settings mean for recordings; None where no network runs.

    Raises:
        WeightsError: it is not there.
    """
    if fusion.model == "null":
        return None
    return resolve(fusion.weights, "lite" if fusion.model == "lite" else "full")


@cache
def weights_sha256(fusion: FusionSettings) -> str:
    """SHA-256 of the weights that recordings are fused with; empty for no network."""
    path = weights_file(fusion)
    return checked_sha256(path) if path else ""
