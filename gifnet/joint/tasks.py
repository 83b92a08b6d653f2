"""The networks of the lower level, and what each level wants of them.

task           lower level makes small                    upper level makes small
visual         the discriminator's mistakes               picture losses, and its doubt
detection      the detector's loss on fused pictures      the same, on pictures of the other split
segmentation   the segmenter's loss on fused pictures     the same, on pictures of the other split
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.func import functional_call

from gifnet.errors import TrainingError
from gifnet.joint.config import JointSettings
from gifnet.joint.contrast import CoupledContrast
from gifnet.joint.data import LabelledBatch
from gifnet.joint.discriminator import Discriminator, adversarial_loss, discriminator_loss
from gifnet.joint.hypergradient import Parameters
from gifnet.joint.saliency import composite
from gifnet.perception import Detector, DetectorConfig, detection_loss
from gifnet.perception.finder import PACKAGED_DETECTOR
from gifnet.perception.segmenter import Segmenter, segmentation_loss
from gifnet.perception.torchvision_detector import TorchvisionDetector
from gifnet.train import picture_losses
from gifnet.train.lite import picture_parts
from gifnet.train.shared_settings import PictureLossSettings


class Task(Protocol):
    """A network of the lower level and its losses.

    With `parameters` a loss is a pure function of them; with None the network itself runs, and its batch norm
    keeps statistics.
    """

    name: str
    network: nn.Module

    def lower(self, parameters: Parameters | None, fused: Tensor, batch: LabelledBatch) -> Tensor:
        """Loss of the network on fused pictures [B, 1, H, W]."""

    def upper(self, parameters: Parameters | None, fused: Tensor, batch: LabelledBatch) -> Tensor:
        """Loss of the fusion network."""


class Visual:
    """The discriminator: composite of the sources or fused?"""

    name = "visual"

    def __init__(self, settings: JointSettings) -> None:
        self.network: nn.Module = Discriminator()
        self._contrast = CoupledContrast() if settings.contrast else None
        self._settings = settings

    def lower(self, parameters: Parameters | None, fused: Tensor, batch: LabelledBatch) -> Tensor:
        """See `Task`."""
        both = torch.cat([composite(batch.visible, batch.thermal), fused.clamp(0, 1)])
        real, seen = call(self.network, parameters, both).chunk(2)
        return discriminator_loss(real, seen)

    def upper(self, parameters: Parameters | None, fused: Tensor, batch: LabelledBatch) -> Tensor:
        """See `Task`."""
        settings = self._settings
        loss = fidelity(fused, batch.visible, batch.thermal, settings.losses)
        if settings.composite:
            target = composite(batch.visible, batch.thermal)
            distance = (fused - target).abs().mean()
            # 2 - SSIM with two equal sources counts 1 - SSIM twice, less 0.
            unlike = picture_losses.similarity_loss(fused, target, target) / 2
            loss = loss + settings.composite * (distance + 1.1 * unlike)
        if self._contrast:
            contrast = self._contrast.to(fused.device)
            loss = loss + settings.contrast * contrast(fused.clamp(0, 1), batch.visible, batch.thermal)
        if settings.adversarial:
            opinion = call(self.network, parameters, fused.clamp(0, 1))
            loss = loss + settings.adversarial * adversarial_loss(opinion)
        return loss


class Detection:
    """A detector of the settings' classes."""

    name = "detection"

    def __init__(self, settings: JointSettings) -> None:
        self.network: nn.Module = start_perception(settings)

    def lower(self, parameters: Parameters | None, fused: Tensor, batch: LabelledBatch) -> Tensor:
        """See `Task`."""
        if isinstance(self.network, TorchvisionDetector):
            loss: Tensor = call(self.network, parameters, fused.clamp(0, 1), batch.boxes)
            return loss
        predictions = call(self.network, parameters, fused.clamp(0, 1))
        return detection_loss(predictions, batch.boxes)["total"]

    upper = lower


class Segmentation:
    """A segmentation network of the settings' classes."""

    name = "segmentation"

    def __init__(self, settings: JointSettings) -> None:
        self.network: nn.Module = Segmenter(len(settings.classes))

    def lower(self, parameters: Parameters | None, fused: Tensor, batch: LabelledBatch) -> Tensor:
        """See `Task`."""
        assert batch.masks is not None
        return segmentation_loss(call(self.network, parameters, fused.clamp(0, 1)), batch.masks)

    upper = lower


def make_tasks(settings: JointSettings) -> list[Task]:
    """The visual task and those of the settings."""
    kinds: dict[str, Callable[[JointSettings], Task]] = {"detection": Detection, "segmentation": Segmentation}
    tasks: list[Task] = [Visual(settings)]
    return tasks + [kinds[name](settings) for name in settings.tasks]


def start_perception(settings: JointSettings) -> nn.Module:
    """The detector that the settings name, with the weights that it begins from.

    Raises:
        TrainingError: a package is missing, or weights are named that are not those of this detector.
    """
    if settings.detector != "torchvision":
        return start_detector(settings)
    if settings.detector_weights != "random" or settings.frozen_stages:
        raise TrainingError(
            "detector: torchvision begins at random and whole; set detector_weights: random and "
            "frozen_stages: 0"
        )
    return TorchvisionDetector(len(settings.classes), settings.crop_px)


def start_detector(settings: JointSettings) -> Detector:
    """The detector with the weights that the settings begin from.

    Raises:
        TrainingError: weights are named that are not those of this detector.
    """
    config = detector_config(settings)
    detector = Detector(config)
    detector.backbone.freeze(settings.frozen_stages)
    if settings.detector_weights == "random":
        return detector
    path = PACKAGED_DETECTOR if settings.detector_weights == "default" else Path(settings.detector_weights)
    if not path.is_file():
        raise TrainingError(
            f"detector_weights: there is no file {path}; allowed are random, default and a file"
        )
    state, known = load_file(path), detector.state_dict()
    unlike = [name for name, part in state.items() if name not in known or known[name].shape != part.shape]
    # Counters of batch norm are no part of a file of weights.
    missing = [name for name, part in known.items() if name not in state and part.is_floating_point()]
    if unlike or missing:
        raise TrainingError(
            f"detector_weights: {path} is of another detector than detector: {settings.detector} with the "
            f"classes {', '.join(config.classes)}; {len(unlike) + len(missing)} parameters do not fit"
        )
    detector.load_state_dict({name: part.float() for name, part in state.items()}, strict=False)
    return detector


def detector_config(settings: JointSettings) -> DetectorConfig:
    """Sizes of the detector, with the settings' classes."""
    config = replace(DetectorConfig(), classes=tuple(settings.classes))
    if settings.detector == "full":
        return config
    stages = tuple(
        replace(stage, channels=max(8, stage.channels // 4), blocks=1, expand=min(stage.expand, 4), kernel=3)
        for stage in config.stages
    )
    return replace(config, stem=16, stages=stages, neck=32, head_layers=1)


def fidelity(fused: Tensor, visible: Tensor, thermal: Tensor, weights: PictureLossSettings) -> Tensor:
    """Sum of the picture losses, each times its weight."""
    by_name = weights.model_dump()
    parts = picture_parts(fused, visible, thermal)
    return torch.stack([by_name[name] * part for name, part in parts.items()]).sum()


def call(network: nn.Module, parameters: Parameters | None, *inputs: Any) -> Any:
    """Output of a network with other parameters; its own and its buffers stay as they are."""
    if parameters is None:
        return network(*inputs)
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    return functional_call(network, {**parameters, **buffers}, inputs)
