"""FCOS of torchvision with a ResNet-50, as the perception network of joint training where it is installed.

It is BDLFusion's detector (IJCAI 2023), and 32 million parameters: for a GPU. Weights begin at random:
torchvision would download trained ones, and training must not depend on a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from gifnet.errors import TrainingError
from gifnet.perception.decode import Detections
from gifnet.perception.targets import Boxes

LEAST_SCORE = 0.05


class TorchvisionDetector(nn.Module):
    """Takes pictures [B, 1, H, W] in [0, 1]; with boxes it gives the sum of the losses, else objects."""

    def __init__(self, classes: int, side_px: int) -> None:
        """Make the network with random weights.

        Args:
            classes: how many.
            side_px: shorter side to which pictures are brought.

        Raises:
            TrainingError: torchvision is not installed.
        """
        super().__init__()
        try:
            from torchvision.models.detection import fcos_resnet50_fpn
        except ImportError:
            raise TrainingError(
                "detector: torchvision needs torchvision, which is not installed; install the one that fits "
                "your torch, or choose detector: small or full"
            ) from None
        self.network: Any = fcos_resnet50_fpn(
            weights=None,
            weights_backbone=None,
            num_classes=classes,
            min_size=side_px,
            max_size=2 * side_px,
            image_mean=[0.5] * 3,
            image_std=[0.5] * 3,
            score_thresh=LEAST_SCORE,
            nms_thresh=0.5,
        )

    def forward(self, pictures: Tensor, boxes: Sequence[Boxes] | None = None) -> Any:
        """A scalar with boxes; `Detections` of each picture without.

        Regions in which it is not known what is there count as empty: this network has no place for them.
        """
        colour = list(pictures.expand(-1, 3, -1, -1))
        if boxes is None:
            return [
                Detections(each["boxes"], each["scores"], each["labels"]) for each in self.network(colour)
            ]
        targets = [
            {"boxes": each.corners.to(pictures), "labels": each.classes.to(pictures.device)} for each in boxes
        ]
        losses: dict[str, Tensor] = self.network(colour, targets)
        return sum(losses.values())
