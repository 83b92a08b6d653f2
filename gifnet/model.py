"""GIFNet: one small network for every image fusion task (Cheng et al., CVPR 2025)."""

from __future__ import annotations

from typing import Any, Protocol, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gifnet.config import MIN_SIDE_PX, PAD_MULTIPLE_PX, GIFNetConfig, Task
from gifnet.layers import (
    BlockSide,
    DenseEncoder,
    FusionDecoder,
    PictureDecoder,
    RelativePositionBias,
    join_windows,
    reflect_conv,
    split_windows,
    window_attention,
)


class Fusion(Protocol):
    """Anything that fuses: two [B, 1, H, W] pictures in [0, 1] to one."""

    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse."""


_LARGEST = 2.0
"""Resampling may overshoot 1 a little; 8-bit pictures pass this in all but a black frame."""

OTHER: dict[Task, Task] = {"multi-modal": "multi-focus", "multi-focus": "multi-modal"}


class InteractionBlock(nn.Module):
    """One transformer block with a side for each task; the unshifted one lets the sides meet."""

    def __init__(self, config: GIFNetConfig, index: int) -> None:
        super().__init__()
        self.config = config
        self.meets = index % 2 == 0
        self.shift_px = 0 if self.meets else config.window_px // 2
        self.position = RelativePositionBias(config)
        self.sides = nn.ModuleDict({"multi-modal": BlockSide(config), "multi-focus": BlockSide(config)})

    def forward(self, main: Tensor, other: Tensor | None, task: Task) -> tuple[Tensor, Tensor | None]:
        """Both sides' features [B, 98, H, W]; the other side is frozen and comes back without gradient.

        Without the other side only the main one runs, as if its gate were 0.
        """
        own, frozen = self._side(task), self._side(OTHER[task])
        normed, rescale, rebias = own.norm(main)
        query, key = self._windows(own.query_key(normed)).chunk(2, dim=-1)
        value = own.value(normed)
        bias = self.position()
        if other is not None:
            with torch.no_grad():
                asked = query if self.meets else None
                shared = value if self.config.share_frozen_value and task == "multi-modal" else None
                other = self._frozen(frozen, other, bias, asked, shared)
        attended = self._attend(query, key, value, bias)
        main = main + own.project(own.depthwise(value) + attended) * rescale + rebias
        main = main + own.mlp(main)
        if self.meets and other is not None:
            main = main + own.gate * other
        return main, other

    def _frozen(
        self,
        side: BlockSide,
        features: Tensor,
        bias: Tensor,
        query: Tensor | None,
        value_of_main: Tensor | None,
    ) -> Tensor:
        normed, rescale, rebias = side.norm(features)
        own_query, key = self._windows(side.query_key(normed)).chunk(2, dim=-1)
        value = side.value(normed)
        attended = self._attend(own_query if query is None else query, key, value, bias)
        local = side.depthwise(value if value_of_main is None else value_of_main)
        features = features + side.project(local + attended) * rescale + rebias
        return features + cast(Tensor, side.mlp(features))

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        windows = window_attention(query, key, self._windows(value), bias)
        height, width = value.shape[2:]
        return join_windows(windows, height, width, self.config.window_px, self.shift_px)

    def _windows(self, features: Tensor) -> Tensor:
        return split_windows(features, self.config.window_px, self.shift_px)

    def _side(self, task: Task) -> BlockSide:
        return cast(BlockSide, self.sides[task])


class TaskInteraction(nn.Module):
    """Cross-fusion gating (CFGM): the features seen by one task, gated by those of the other."""

    def __init__(self, config: GIFNetConfig) -> None:
        super().__init__()
        channels = config.channels
        self.embed = nn.ModuleDict(
            {"multi-modal": reflect_conv(channels, channels), "multi-focus": reflect_conv(channels, channels)}
        )
        self.blocks = nn.ModuleList(InteractionBlock(config, i) for i in range(config.blocks))
        self.unembed = reflect_conv(channels, channels)

    def forward(self, main: Tensor, other: Tensor | None, task: Task) -> Tensor:
        """Two [B, 98, H, W] feature maps to one; without the second, that side is left out."""
        height, width = main.shape[2:]
        main = self.embed[task](pad_to_multiple(main))
        if other is not None:
            with torch.no_grad():
                other = self.embed[OTHER[task]](pad_to_multiple(other))
        for block in self.blocks:
            main, other = block(main, other, task)
        return cast(Tensor, self.unembed(main))[:, :, :height, :width]


class GIFNet(nn.Module):
    """The whole network: `forward` fuses; `encode`, `interact`, `decode`, `reconstruct` serve training.

    Pictures are [B, 1, H, W] float32 in [0, 1], at least 5 pixels high and wide; the visible one comes first
    (for tasks without a visible picture: the second input of the published network).
    """

    def __init__(self, config: GIFNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or GIFNetConfig()
        self.encoder = DenseEncoder(self.config)
        self.interaction = TaskInteraction(self.config)
        self.decoder = FusionDecoder(self.config)
        self.reconstruction = PictureDecoder(self.config.channels, self.config.decoder)
        self.precision = "float32"
        self.form = "full"
        self.weights_sha256 = ""
        self._inference: Fusion | None = None

    @property
    def picture_dtype(self) -> torch.dtype:
        """Number format of pictures that spares a conversion; float32 is taken too."""
        dtype: torch.dtype = getattr(torch, self.precision)
        return dtype

    def use_inference_form(self, form: Fusion, precision: str, name: str) -> None:
        """Let `forward` run `form`, made of these weights, until they may change (train, to, loading)."""
        self._inference, self.precision, self.form = form, precision, name

    def train(self, mode: bool = True) -> Self:
        """Training mode; the inference form is dropped, since the weights are about to change."""
        if mode:
            self._drop_inference_form()
        return super().train(mode)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Load parameters; the inference form of the old ones is dropped."""
        self._drop_inference_form()
        return super().load_state_dict(*args, **kwargs)

    def _apply(self, *args: Any, **kwargs: Any) -> Self:
        self._drop_inference_form()
        return super()._apply(*args, **kwargs)  # type: ignore[no-untyped-call, no-any-return]  # torch has no types here

    def _drop_inference_form(self) -> None:
        self._inference, self.precision, self.form = None, "float32", "full"

    def forward(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse two pictures into one, [B, 1, H, W] in [0, 1], by the multi-focus side as published.

        Raises:
            ValueError: when the two differ in shape or are too small.
        """
        if self._inference is not None:
            return self._inference(visible, thermal)
        check_pictures(visible, thermal)
        features = self.encode(visible, thermal)
        other = features if self.uses_auxiliary else None
        return self.decode(features, self.interact(features, other))

    def fuse_as_published(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse as `forward`, in no inference form and with both sides computed, also one whose gate is 0.

        The published network computes both, so this is what others are timed against.

        Raises:
            ValueError: when the two differ in shape or are too small.
        """
        check_pictures(visible, thermal)
        features = self.encode(visible, thermal)
        return self.decode(features, self.interact(features, features))

    @property
    def uses_auxiliary(self) -> bool:
        """True when inference needs the multi-modal side: its gate is not exactly 0."""
        return any(bool(gate != 0) for gate in self._gates())

    def drop_auxiliary(self) -> None:
        """Set that gate to 0 and keep it there; saves a third of the arithmetic."""
        for gate in self._gates():
            gate.data.zero_()
            gate.requires_grad_(False)

    def _gates(self) -> list[nn.Parameter]:
        blocks = cast(list[InteractionBlock], list(self.interaction.blocks))
        return [cast(BlockSide, block.sides["multi-focus"]).gate for block in blocks if block.meets]

    def encode(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Shared features [B, 98, H, W]; the published network stacks thermal before visible."""
        return cast(Tensor, self.encoder(torch.cat([thermal, visible], dim=1)))

    def interact(self, main: Tensor, other: Tensor | None, task: Task = "multi-focus") -> Tensor:
        """Interaction features [B, 98, H, W] of `main`, the features of the task's own pictures.

        Args:
            main: features that `task` works on.
            other: features that the frozen side works on; no gradient flows into that side. None: without it.
            task: which side is the main one; inference always takes "multi-focus".
        """
        return cast(Tensor, self.interaction(main, other, task))

    def decode(self, features: Tensor, interaction: Tensor) -> Tensor:
        """Fused picture [B, 1, H, W] in [0, 1]."""
        return cast(Tensor, self.decoder(features, interaction))

    def reconstruct(self, features: Tensor) -> Tensor:
        """Visible picture [B, 1, H, W] in [-1, 1] from the shared features; used in training only."""
        return cast(Tensor, self.reconstruction(features))


def check_pictures(visible: Tensor, thermal: Tensor) -> None:
    """Refuse pictures that the network cannot take.

    Raises:
        ValueError: says which rule was broken and what came.
    """
    for picture in (visible, thermal):
        _check_values(picture)
    if visible.ndim != 4 or visible.shape[1] != 1 or visible.shape != thermal.shape:
        raise ValueError(
            "GIFNet takes two pictures of one shape [B, 1, H, W], "
            f"got visible {tuple(visible.shape)} and thermal {tuple(thermal.shape)}"
        )
    height, width = visible.shape[2:]
    if min(height, width) < MIN_SIDE_PX:
        raise ValueError(
            f"GIFNet needs pictures of at least {MIN_SIDE_PX}x{MIN_SIDE_PX} pixels, got {width}x{height}"
        )


def _check_values(picture: object) -> None:
    if not isinstance(picture, Tensor):
        raise ValueError(
            f"GIFNet takes torch tensors, got {type(picture).__name__}; a grey uint8 array becomes one by "
            "torch.from_numpy(array)[None, None] / 255"
        )
    if not picture.is_floating_point():
        raise ValueError(f"GIFNet takes floats in [0, 1], got {picture.dtype}; divide 8-bit pictures by 255")
    # On a GPU looking at values would wait for the device.
    if picture.device.type == "cpu" and picture.numel() and float(picture.max()) > _LARGEST:
        raise ValueError(
            f"GIFNet takes pictures in [0, 1], got values up to {float(picture.max()):g}; "
            "divide 8-bit pictures by 255"
        )


def pad_to_multiple(features: Tensor) -> Tensor:
    """Reflect [B, C, H, W] at the bottom and right so that both sides divide by 4."""
    height, width = features.shape[2:]
    below, right = -height % PAD_MULTIPLE_PX, -width % PAD_MULTIPLE_PX
    return F.pad(features, (0, right, 0, below), mode="reflect")
