"""The pairs of a fleet file as they travel through a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gifnet.config import Kind
from gifnet.weight_places import PACKAGED, checked_sha256, resolve
from stream.config import FusionSettings
from stream.errors import ConfigError
from stream.fleet.cluster.spec import PACKAGED as PACKAGED_PLACE
from stream.fleet.cluster.spec import PairSpec, Placement, sha256_of
from stream.fleet.pairs import Pair
from stream.monitoring.report import versions


def make_specs(pairs: Sequence[Pair], folder: Path, is_quick: bool = True) -> list[PairSpec]:
    """Specs of all pairs.

    Args:
        pairs: of a fleet file.
        folder: of the fleet on its nodes.
        is_quick: runs start as forks of the starter of their node.

    Raises:
        ConfigError: a calibration cannot be read.
        WeightsError: weights are not there.
    """
    return [_spec(pair, folder, is_quick) for pair in pairs]


def _spec(pair: Pair, folder: Path, is_quick: bool) -> PairSpec:
    settings = pair.settings
    words = pair.words()
    if not settings.preview.bind:
        # By this page its actor asks for its state; the port is the system's choice.
        words.append("--preview=127.0.0.1:0")
    return PairSpec(
        pair.name,
        tuple(words),
        str(folder / pair.name),
        versions()["gifnet-stream"],
        {str(path): _digest(path) for path in _files(pair)},
        _weights(settings.fusion),
        Placement(pair.own.cpus, pair.own.gpus, pair.own.label or ""),
        is_quick,
        str(settings.report or ""),
    )


def _files(pair: Pair) -> list[Path]:
    """Files that must be alike on all nodes; relative paths lie in the folder of the pair on its node."""
    calibration = pair.settings.registration.file
    return [pair.config, *([calibration] if calibration and calibration.is_absolute() else [])]


def _digest(path: Path) -> str:
    digest = sha256_of(path)
    if not digest:
        raise ConfigError(f"{path} cannot be read")
    return digest


def _weights(fusion: FusionSettings) -> dict[str, str]:
    named = Path(fusion.weights)
    if fusion.model == "null" or (len(named.parts) > 1 and not named.is_absolute()):
        return {}
    kinds: tuple[Kind, ...] = ("full", "lite")
    if fusion.model in kinds:
        kinds = ("lite",) if fusion.model == "lite" else ("full",)
    if fusion.weights != "default":
        kinds = kinds[:1]
    paths = [resolve(fusion.weights, kind) for kind in kinds]
    return {_place(path): checked_sha256(path) for path in paths}


def _place(path: Path) -> str:
    """The place of weights on any node: those of the package by their name."""
    return f"{PACKAGED_PLACE}{path.name}" if path.parent == PACKAGED.parent else str(path)
