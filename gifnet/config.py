"""Sizes of the network, by name (paper section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["multi-modal", "multi-focus"]
Kind = Literal["full", "lite"]
"""Kind of network: GIFNet as published, or the small one for real time (`gifnet.lite`)."""


@dataclass(frozen=True, slots=True)
class GIFNetConfig:
    """Sizes of GIFNet; the defaults are the published ones.

    Attributes:
        growth: channels that each layer of the shared encoder adds.
        encoder_layers: layers of the shared encoder.
        heads: attention heads.
        window_px: side of an attention window.
        blocks: transformer blocks; every second one has its windows shifted by half.
        mlp_ratio: hidden over outer channels of the feed-forward layers.
        position_hidden: hidden units of the relative-position bias network.
        decoder: channels of the decoders' 3x3 layers, the last one being the picture.
        complement: channels that enter the fusion decoder's 3x3 layers.
        share_frozen_value: in the multi-modal task, compute the frozen side's depth-wise convolution from the
            trained side's value, as the published training code does (most likely by mistake).
    """

    growth: int = 32
    encoder_layers: int = 3
    heads: int = 2
    window_px: int = 8
    blocks: int = 2
    mlp_ratio: int = 2
    position_hidden: int = 256
    decoder: tuple[int, ...] = (64, 32, 16, 1)
    complement: int = 128
    share_frozen_value: bool = False

    @property
    def channels(self) -> int:
        """Channels of the shared features: both pictures and every encoder layer."""
        return 2 + self.growth * self.encoder_layers


MIN_SIDE_PX = 5
"""Smallest height and width: reflection cannot fill an attention window of 8 from fewer pixels."""

PAD_MULTIPLE_PX = 4
"""Features are padded by reflection to a multiple of this before the interaction."""
