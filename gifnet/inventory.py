"""Inventory of the weights on this machine, with their checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from gifnet.errors import WeightsError
from gifnet.weight_places import PACKAGED, PACKAGED_LITE, PUBLISHED_FILE, store
from gifnet.weights import SOURCES, State, empty, import_published, load_into, read

OWN_LICENCE = "Apache-2.0, trained by this project"
_TRIAL_SIZE_PX = (32, 40)


@dataclass(frozen=True, slots=True)
class Entry:
    """Weights that a name stands for.

    Attributes:
        name: what `--weights` takes; for other files in the store, their path.
        path: where they are, or would be.
        note: on their licence.
        state: their content; None when they are missing or damaged.
        problem: one sentence when they are damaged, else empty.
    """

    name: str
    path: Path
    note: str
    state: State | None = None
    problem: str = ""

    @property
    def present(self) -> bool:
        """True when the file is there, sound or not."""
        return self.state is not None or bool(self.problem)


def inventory() -> list[Entry]:
    """The packaged weights of both networks, the published ones, and every other file in the store."""
    packaged = [_entry("default", PACKAGED, OWN_LICENCE), _entry("lite", PACKAGED_LITE, OWN_LICENCE)]
    try:
        published = store() / PUBLISHED_FILE
    except WeightsError:  # who has no home folder has no weights there
        return packaged
    others = sorted(path for path in store().glob("*.safetensors") if path != published)
    entries = [*packaged, _entry("published", published, SOURCES["published"].note)]
    return entries + [_entry(str(path), path, "not known to this project") for path in others]


def _entry(name: str, path: Path, note: str) -> Entry:
    if not path.is_file():
        return Entry(name, path, note)
    try:
        return Entry(name, path, note, read(path))
    except WeightsError as error:
        return Entry(name, path, note, problem=str(error))


def parameters(state: State) -> int:
    """Count the numbers in a state."""
    return sum(tensor.numel() for tensor in state.tensors.values())


def standing(state: State) -> Literal["pinned", "other", "own"]:
    """The origin of weights: the pinned published file, another one, or this project."""
    source = state.metadata.get("source_sha256")
    if source is None:
        return "own"
    return "pinned" if source == SOURCES["published"].sha256 else "other"


def verify(path: Path) -> State:
    """Read weights strictly and fuse a small picture with them.

    Args:
        path: of a weight file.

    Returns:
        What is in it: names, shapes and finite values are those of one of the networks.

    Raises:
        WeightsError: when something of that is wrong, or what they fuse is not finite or the same everywhere.
    """
    state = read(path)
    model = empty(state.kind).eval()
    load_into(model, state)
    height, width = _TRIAL_SIZE_PX
    ramp = torch.linspace(0, 1, height * width).reshape(1, 1, height, width)
    with torch.inference_mode():
        fused = model(ramp, ramp.flip(-1))
    if not torch.isfinite(fused).all() or fused.std() == 0:
        raise WeightsError(f"{path} has the right parameters but fuses to nothing of use; get the file again")
    return state


def install(path: Path, name: str) -> Path:
    """Move downloaded weights into the store.

    Args:
        path: of the download; gone afterwards in any case.
        name: `published`, or a name of the user's own.

    Returns:
        Where they are now.

    Raises:
        WeightsError: when the file holds no weights of this network.
    """
    try:
        return _install(path, name)
    finally:
        path.unlink(missing_ok=True)


def _install(path: Path, name: str) -> Path:
    if name == "published":
        return import_published(path)
    if read(path).origin != "own":
        raise WeightsError(f"this is a published checkpoint; it can only get the name published, not {name}")
    return path.replace(store() / f"{name}.safetensors")
