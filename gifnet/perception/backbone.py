"""A light convolutional backbone of inverted residual blocks; its features come in three resolutions.

Blocks as in MobileNetV2 (Sandler et al. 2018): widen by 1x1, depthwise, narrow by 1x1, and the input is added
where shapes allow. Sizes are those of EfficientNet-Lite0, so that its ImageNet weights fit.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from gifnet.perception.config import DetectorConfig, Stage

NORM = {"eps": 1e-3, "momentum": 0.01}


def convolution(
    channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Sequential:
    """Convolution, batch norm and, by default, ReLU6."""
    layers: list[nn.Module] = [
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels_out, eps=NORM["eps"], momentum=NORM["momentum"]),
    ]
    return nn.Sequential(*layers, nn.ReLU6(inplace=True)) if act else nn.Sequential(*layers)


class Block(nn.Module):
    """An inverted residual block, [B, C, H, W] to [B, C', H / stride, W / stride]."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = channels_in * expand
        layers = [convolution(channels_in, wide, 1)] if expand > 1 else []
        layers.append(convolution(wide, wide, kernel, stride, groups=wide))
        layers.append(convolution(wide, channels_out, 1, act=False))
        self.layers = nn.Sequential(*layers)
        self.adds = stride == 1 and channels_in == channels_out

    def forward(self, features: Tensor) -> Tensor:
        """Features of the next block."""
        out = cast(Tensor, self.layers(features))
        return out + features if self.adds else out


class Backbone(nn.Module):
    """Pictures [B, 3, H, W], zero in the middle of their range, to features at 1/8, 1/16 and 1/32.

    Attributes:
        widths: channels of the three.
    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.stem = convolution(3, config.stem, 3, stride=2)
        self.stages = nn.ModuleList()
        channels = config.stem
        for stage in config.stages:
            self.stages.append(_stage(channels, stage))
            channels = stage.channels
        self._ends = _ends(config.stages)
        self._frozen: list[nn.Module] = []
        self.widths = tuple(config.stages[index].channels for index in self._ends)

    def freeze(self, stages: int) -> None:
        """Keep the weights and statistics of the stem and of so many stages as they are; 0 keeps nothing."""
        self._frozen = [self.stem, *self.stages[:stages]] if stages else []
        for part in self._frozen:
            part.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Backbone:
        """See torch; frozen stages never keep statistics."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Features of the three resolutions, the finest first."""
        features = self.stem(pictures)
        levels = []
        for index, stage in enumerate(self.stages):
            features = stage(features)
            if index in self._ends:
                levels.append(features)
        return levels


def _stage(channels: int, stage: Stage) -> nn.Sequential:
    first = Block(channels, stage.channels, stage.kernel, stage.stride, stage.expand)
    more = (
        Block(stage.channels, stage.channels, stage.kernel, 1, stage.expand) for _ in range(stage.blocks - 1)
    )
    return nn.Sequential(first, *more)


def _ends(stages: tuple[Stage, ...]) -> tuple[int, ...]:
    """The last stage at each resolution from 1/8 on.

    Raises:
        ValueError: there are not three resolutions from 1/8 to 1/32.
    """
    last: dict[int, int] = {}
    scale = 2
    for index, stage in enumerate(stages):
        scale *= stage.stride
        last[scale] = index
    if sorted(last)[-3:] != [8, 16, 32]:
        raise ValueError(f"the stages must end at 1/32 of the resolution by way of 1/8, got {sorted(last)}")
    return tuple(last[scale] for scale in (8, 16, 32))
