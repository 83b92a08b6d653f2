"""Sizes of the detector, and the classes that it knows."""

from __future__ import annotations

from dataclasses import dataclass

CLASSES = ("person", "vehicle")
"""Names of the classes, by number; a vehicle is a car, bus, lorry, motorcycle or bicycle with its rider."""

STRIDES_PX = (8, 16, 32)
"""Distance between the points of a level, in pixels of the picture."""

LEVEL_SIZES_PX = ((0.0, 64.0), (64.0, 160.0), (160.0, float("inf")))
"""The longer side of boxes that a level has to find: from, to."""

MULTIPLE_PX = 32
"""Sides of pictures are filled up to a multiple of this."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks of one resolution.

    Attributes:
        kernel: side of the depthwise convolution.
        stride: of the first block.
        expand: channels inside a block, in multiples of those that go in.
        channels: that go out.
        blocks: how many.
    """

    kernel: int
    stride: int
    expand: int
    channels: int
    blocks: int


# EfficientNet-Lite0 (Tan and Le 2019, and the Lite variant of the TensorFlow TPU models), without its
# classifier and without the last, widest block.
EFFICIENT_LITE0 = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
)


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """Sizes of `Detector`; the defaults are those of the packaged weights.

    Attributes:
        stem: channels after the first convolution.
        stages: of the backbone; three of them end at 1/8, 1/16 and 1/32 of the resolution.
        neck: channels of every level after the pyramid.
        head_layers: convolutions of the head before its outputs.
        classes: names by number.
    """

    stem: int = 32
    stages: tuple[Stage, ...] = EFFICIENT_LITE0
    neck: int = 64
    head_layers: int = 2
    classes: tuple[str, ...] = CLASSES
