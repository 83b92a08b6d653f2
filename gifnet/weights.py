"""Weights: packaged, imported, verified. The only file that knows the published parameter names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gifnet.config import Kind
from gifnet.errors import WeightsError
from gifnet.lite.model import GIFNetLite
from gifnet.model import GIFNet
from gifnet.weight_places import PACKAGED as PACKAGED
from gifnet.weight_places import PACKAGED_LITE as PACKAGED_LITE
from gifnet.weight_places import PUBLISHED_FILE, checked_sha256, store
from gifnet.weight_places import resolve as resolve
from gifnet.weight_reading import is_safetensors, read_checkpoint, read_safetensors


@dataclass(frozen=True, slots=True)
class Remote:
    """A file that `gifnet weights fetch` can download; the SHA-256 is pinned."""

    url: str
    sha256: str
    note: str
    size_bytes: int | None = None


SOURCES: dict[str, Remote] = {
    "published": Remote(
        url="https://raw.githubusercontent.com/AWCXV/GIFNet/main/model/Final.model",
        sha256="bfc1dfef0d5b386b0c04f172daf8f6af52ba395f26dc3dd5757425fd32eb1038",
        note="the authors' checkpoint; it carries no licence: ask them before you use it beyond comparison",
    )
}


@dataclass(frozen=True, slots=True)
class State:
    """A weight file that was read.

    Attributes:
        tensors: parameters under this project's names, float32.
        metadata: free text that travels in the file.
        sha256: of the file's bytes.
        origin: "own" for our file format, "published" for a published checkpoint.
        kind: the network that they belong to.
    """

    tensors: dict[str, Tensor]
    sha256: str
    origin: Literal["own", "published"]
    metadata: dict[str, str] = field(default_factory=dict)
    kind: Kind = "full"


def read(path: Path) -> State:
    """Read a weight file of ours (safetensors) or a published checkpoint (torch pickle, tensors only).

    Names and shapes are checked before the tensors of a safetensors file are read.

    Raises:
        WeightsError: when the file is damaged, unsafe, or of another network.
    """
    sha256 = checked_sha256(path)
    if is_safetensors(path):
        tensors, metadata = read_safetensors(path, _check_shapes)
        kind = _kind(tensors)
        return State(_checked(tensors, path), sha256, "own", metadata, kind)
    tensors = _from_published(read_checkpoint(path), path)
    _check_shapes({name: tuple(tensor.shape) for name, tensor in tensors.items()}, path, "full")
    return State(_checked(tensors, path), sha256, "published", {"source_sha256": sha256})


def load_into(model: GIFNet | GIFNetLite, state: State) -> None:
    """Copy checked tensors into a model.

    Raises:
        WeightsError: they belong to the other network.
    """
    wanted = _kind(model.state_dict())
    if wanted != state.kind:
        raise WeightsError(
            f"these are weights of the {state.kind} network, and the {wanted} one is to run; "
            f"take --model {state.kind}, or other --weights"
        )
    model.load_state_dict(state.tensors, strict=True)


def save(path: Path, model: nn.Module, metadata: Mapping[str, str]) -> None:
    """Write a model's parameters as safetensors; the file appears whole or not at all."""
    part = path.with_name(path.name + ".part")
    tensors = {
        name: tensor.detach().float().contiguous().cpu() for name, tensor in model.state_dict().items()
    }
    save_file(tensors, part, metadata=dict(metadata))
    part.chmod(0o644)  # safetensors makes it private; weights are there to be shared
    part.replace(path)


def import_published(path: Path) -> Path:
    """Check a published checkpoint and keep it in the store under our names.

    Raises:
        WeightsError: when the file is not a published GIFNet checkpoint.
    """
    state = read(path)
    if state.origin != "published":
        raise WeightsError(
            f"{path} is already a gifnet-stream weight file; give its path to --weights as it is"
        )
    model = GIFNet()
    load_into(model, state)
    store().mkdir(parents=True, exist_ok=True)
    target = store() / PUBLISHED_FILE
    save(target, model, {"name": "published", **state.metadata})
    return target


def empty(kind: Kind) -> GIFNet | GIFNetLite:
    """A network with random parameters."""
    return GIFNetLite() if kind == "lite" else GIFNet()


def _kind(tensors: Mapping[str, object]) -> Kind:
    return "lite" if "head.weight" in tensors else "full"


def _check_shapes(shapes: Mapping[str, tuple[int, ...]], path: Path, kind: Kind | None = None) -> None:
    """Refuse names and shapes that are not those of a network, by default of the one that they look like.

    Raises:
        WeightsError: some differ.
    """
    expected = {name: tuple(each.shape) for name, each in empty(kind or _kind(shapes)).state_dict().items()}
    missing, unknown = expected.keys() - shapes.keys(), shapes.keys() - expected.keys()
    if missing or unknown:
        raise WeightsError(
            f"{path} is not a GIFNet checkpoint: {len(missing)} parameters are missing ({_some(missing)}), "
            f"{len(unknown)} are unknown ({_some(unknown)})"
        )
    for name, shape in expected.items():
        if shapes[name] != shape:
            raise WeightsError(f"{path}: {name} must be {shape}, got {shapes[name]}")


def _checked(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors as float32, all of them finite."""
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(f"{path}: {name} holds values that are not finite; get the file again")
    return {name: tensor.float() for name, tensor in tensors.items()}


def _some(names: set[str]) -> str:
    return ", ".join(name[:80] for name in sorted(names)[:3]) or "none"


# Published names, as regular expressions, and ours. `S` stands for an optional side suffix.
_LAYER = r"extractor_multask\.SwinTransformerSpecific\.layer1"
_RENAMES: tuple[tuple[str, str], ...] = (
    (r"getSharedFeatures\.conv_(\d)\.conv2d\.(.*)", "encoder.layers.{minus1}.{2}"),
    (r"cnnDecoder\.fuseComplementFeatures\.mlp\.0\.weight", "decoder.reduce.weight"),
    (r"cnnDecoder\.fuseComplementFeatures\.mlp\.2\.weight", "decoder.expand.weight"),
    (r"cnnDecoder\.decoder\.(\d+)\.(.*)", "decoder.picture.layers.{third}.{2}"),
    (r"decoder_rec\.decoder\.(\d+)\.(.*)", "reconstruction.layers.{third}.{2}"),
    (
        r"extractor_multask\.SwinTransformerSpecific\.patch_embed_(ivif|mfif)\.proj\.(.*)",
        "interaction.embed.{1}.{2}",
    ),
    (r"extractor_multask\.SwinTransformerSpecific\.patch_unembed\.proj\.0\.(.*)", "interaction.unembed.{1}"),
    (_LAYER + r"\.blocks\.(\d)\.attn\.attn\.meta\.0\.(.*)", "interaction.blocks.{1}.position.hidden.{2}"),
    (_LAYER + r"\.blocks\.(\d)\.attn\.attn\.meta\.2\.(.*)", "interaction.blocks.{1}.position.output.{2}"),
    (_LAYER + r"\.blocks\.(\d)\.norm1(S)\.meta1\.(.*)", "interaction.blocks.{1}.sides.{2}.norm.rescale.{3}"),
    (_LAYER + r"\.blocks\.(\d)\.norm1(S)\.meta2\.(.*)", "interaction.blocks.{1}.sides.{2}.norm.rebias.{3}"),
    (_LAYER + r"\.blocks\.(\d)\.norm1(S)\.(.*)", "interaction.blocks.{1}.sides.{2}.norm.{3}"),
    (_LAYER + r"\.blocks\.(\d)\.attn\.QK(S)\.(.*)", "interaction.blocks.{1}.sides.{2}.query_key.{3}"),
    (_LAYER + r"\.blocks\.(\d)\.attn\.V(S)\.(.*)", "interaction.blocks.{1}.sides.{2}.value.{3}"),
    (_LAYER + r"\.blocks\.(\d)\.attn\.conv(S)\.(.*)", "interaction.blocks.{1}.sides.{2}.depthwise.{3}"),
    (_LAYER + r"\.blocks\.(\d)\.attn\.proj(S)\.(.*)", "interaction.blocks.{1}.sides.{2}.project.{3}"),
    (_LAYER + r"\.blocks\.(\d)\.mlp(S)\.mlp\.(.*)", "interaction.blocks.{1}.sides.{2}.mlp.{3}"),
    (_LAYER + r"\.weights(S)\.(\d)", "interaction.blocks.{2}.sides.{1}.gate"),
)
_SIDES = {"": "multi-modal", "ivif": "multi-modal", "_mfif": "multi-focus", "mfif": "multi-focus"}


def rename_published(name: str) -> str | None:
    """Our name of a published parameter; None for the position table, which is computed, or a stranger."""
    for pattern, ours in _RENAMES:
        match = re.fullmatch(pattern.replace("(S)", "(_mfif|)"), name)
        if match:
            parts = [_SIDES.get(part, part) for part in match.groups()]
            number = int(parts[0]) if parts and parts[0].isdigit() else 0
            return ours.format(name, *parts, minus1=number - 1, third=number // 3)
    return None


def _from_published(published: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, tensor in published.items():
        if name.endswith(".relative_positions"):
            continue
        ours = rename_published(name)
        if ours is None:
            raise WeightsError(f"{path} is not a published GIFNet checkpoint: it holds {name}")
        tensors[ours] = tensor
    return tensors
