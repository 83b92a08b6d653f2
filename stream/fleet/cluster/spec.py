"""The description of a pair that travels through the cluster: its command line, its files, its place."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Weights that come with the package lie elsewhere on each node.
PACKAGED = "packaged:"


@dataclass(frozen=True, slots=True)
class Placement:
    """Resources of a node that a pair takes.

    Attributes:
        cpus: cores that Ray sets aside.
        gpus: GPUs that Ray sets aside, 0.25 for a quarter of one.
        label: KEY=VALUE that the node must have; empty for any node.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    label: str = ""

    def fits(self, resources: dict[str, float], labels: dict[str, str]) -> bool:
        """True where a node with these resources in all, and these labels, can hold the pair."""
        key, _, value = self.label.partition("=")
        return (
            resources.get("CPU", 0) >= self.cpus
            and resources.get("GPU", 0) >= self.gpus
            and (not key or labels.get(key) == value)
        )

    def in_words(self) -> str:
        """Words for a sentence, as in `1 core, 0.5 GPUs and the label site=gate`."""
        words = [f"{self.cpus:g} core{'' if self.cpus == 1 else 's'}"]
        words += [f"{self.gpus:g} GPU{'' if self.gpus == 1 else 's'}"] if self.gpus else []
        words += [f"the label {self.label}"] if self.label else []
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


@dataclass(frozen=True, slots=True)
class PairSpec:
    """Everything that a node needs to run a pair.

    Attributes:
        name: of the pair in the fleet.
        words: command line behind `gifnet`.
        folder: of the pair on its node, for outputs with relative paths and logs.
        version: of gifnet-stream.
        files: configuration and calibration, by path, with their SHA-256.
        weights: files of weights, by path or `packaged:NAME`, with their SHA-256.
        placement: where it runs.
        is_quick: its runs start as forks of the node's starter.
        report: path of the report that its own settings name; empty for none.
        again: how often it was asked to start again without a change.
    """

    name: str
    words: tuple[str, ...]
    folder: str
    version: str
    files: dict[str, str] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    placement: Placement = Placement()
    is_quick: bool = True
    report: str = ""
    again: int = 0

    @property
    def digest(self) -> str:
        """Short hash of what is run; the placement does not count."""
        values = self.as_json()
        del values["placement"]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> PairSpec:
        """From what `as_json` gave."""
        return cls(
            **{
                **values,
                "words": tuple(values["words"]),
                "placement": Placement(**values["placement"]),
            }
        )


def unfit(spec: PairSpec) -> str:
    """The reason why this machine must not run the pair: another version or other weights; else empty."""
    found = version("gifnet-stream")
    if found != spec.version:
        return f"gifnet-stream {found} is installed here, and {spec.version} is to be used"
    for place, wanted in spec.weights.items():
        path = _weights_path(place)
        digest = sha256_of(path)
        if digest != wanted:
            return f"the weights {path} {'are other ones here' if digest else 'are not here'}"
    return ""


def other_files(spec: PairSpec) -> list[str]:
    """Configuration and calibration files that are missing here, or hold something else."""
    return [
        f"{path} {'is another file here' if found else 'is not here'}"
        for path, wanted in spec.files.items()
        if (found := sha256_of(Path(path))) != wanted
    ]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _weights_path(place: str) -> Path:
    if not place.startswith(PACKAGED):
        return Path(place)
    package = find_spec("gifnet")
    assert package and package.origin
    return Path(package.origin).parent / "data" / place.removeprefix(PACKAGED)
