"""Training of a detector on every kind of picture that it may meet: fused, of one camera, mean, maximum."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from gifnet import loading
from gifnet.errors import TrainingError
from gifnet.joint.data import LabelledBatch, LabelledCrops, check_sizes
from gifnet.joint.validation import FIXED_MIXES, LEAST_SCORE, Mix, detection_score, pictures
from gifnet.labels import ClassNames, LabelledPair, check_apart, load_labelled
from gifnet.level import levelled
from gifnet.perception.decode import decode
from gifnet.perception.detector import Detector
from gifnet.perception.finder import PACKAGED_DETECTOR, load_detector
from gifnet.perception.losses import detection_loss
from gifnet.perception.training_config import DetectorSettings
from gifnet.train.degrade import degrade
from gifnet.train.pairs import split

SHOWN = 4
"""Held-out pairs on the sheet of a validation."""


class DetectorTraining:
    """See `gifnet.train.loop.Training`."""

    def __init__(self, settings: DetectorSettings, device: torch.device) -> None:
        """Load the pairs and the network that fuses; the detector is made by `begin`."""
        learned, self._test = load_detector_splits(settings)
        self._crops = LabelledCrops(learned, settings, 40)
        fuse = levelled(loading.load_lite(settings.fusion_weights, device, precision="float32"))
        self._mixes: dict[str, Mix] = {"fused": fuse, **FIXED_MIXES}
        self._settings, self._device = settings, device

    def begin(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The detector with the weights to begin from, and what moves them."""
        settings = self._settings
        if settings.start == "random":
            model = Detector()
        else:
            path = PACKAGED_DETECTOR if settings.start == "default" else Path(settings.start)
            model = load_detector(path)[0].requires_grad_(True)
        model.backbone.freeze(settings.frozen_stages)
        self._model = model.to(self._device).train()
        moved = [part for part in model.parameters() if part.requires_grad]
        self._optimiser = torch.optim.AdamW(moved, lr=settings.learning_rate)
        return model, self._optimiser

    def step(self, iteration: int, rate: float) -> dict[str, float]:
        """One step on new crops, counted from 0; returns the losses.

        Raises:
            TrainingError: the loss or its gradient is not finite; no step was taken.
        """
        batch = self._crops.batch(iteration)
        seen = self.seen(batch, iteration)
        parts = detection_loss(self._model(seen), batch.boxes)
        _check_finite(parts["total"], "the loss")
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        parts["total"].backward()  # type: ignore[no-untyped-call]  # missing in torch's types
        norm = nn.utils.clip_grad_norm_(self._model.parameters(), self._settings.clip_norm or math.inf)
        _check_finite(norm, "the gradient")
        self._optimiser.step()
        return {name: part.item() for name, part in parts.items()}

    @torch.no_grad()
    def seen(self, batch: LabelledBatch, iteration: int) -> Tensor:
        """The pictures that the detector sees, [B, 1, S, S]: of each crop one kind, by the shares."""
        shares = self._settings.kinds.model_dump()
        total = sum(shares.values())
        found = []
        for index in range(len(batch.visible)):
            random = np.random.default_rng([self._settings.seed, 41, iteration, index])
            sources = [part[index, 0].numpy() for part in (batch.visible, batch.thermal)]
            if random.random() < self._settings.degraded:
                sources = [degrade(part, random, number == 0) for number, part in enumerate(sources)]
            kind = str(random.choice(list(shares), p=[share / total for share in shares.values()]))
            visible, thermal = (torch.from_numpy(part)[None, None].to(self._device) for part in sources)
            found.append(self._mixes[kind](visible, thermal).clamp(0, 1))
        return torch.cat(found)

    def validate(self, model: nn.Module, sheet: Path) -> dict[str, float]:
        """mAP@.5 on each kind of picture of the pairs that are only measured on; boxes on some of them."""
        if not self._test:
            return {}
        _draw(model, self._mixes["fused"], self._test, sheet)
        classes = len(self._settings.classes)
        return {
            f"mAP@.5 {kind}": detection_score(mix, model, self._test, classes)
            for kind, mix in self._mixes.items()
        }


def load_detector_splits(settings: DetectorSettings) -> tuple[list[LabelledPair], list[LabelledPair]]:
    """Pairs to learn from, and pairs that are only measured on: `test_data`, and the scenes of `held_out`.

    Raises:
        TrainingError: data are missing or damaged, both share pictures, or there are no boxes.
    """
    names = ClassNames(settings.classes, settings.background, settings.ignored)
    pairs = load_labelled(settings.data, names, settings.layout)
    learned, held_out = split(pairs, settings.held_out)
    test = load_labelled(settings.test_data, names, settings.layout, "test") + held_out
    check_apart({"data": learned, "test_data": test})
    check_sizes(learned + test, settings.crop_px)
    bare = [pair.name for pair in learned + test if pair.corners is None]
    if bare:
        raise TrainingError(f"a detector needs boxes, but {bare[0]} has no labels")
    if not any(len(pair.classes) for pair in learned):
        raise TrainingError("not one box is in data; nothing could be learned from empty labels")
    return learned, test


@torch.no_grad()
def _draw(model: nn.Module, fuse: Mix, pairs: list[LabelledPair], sheet: Path) -> None:
    """Fused pictures with what is found in them, and what is known in white."""
    model.eval()
    rows = []
    for pair in pairs[:: max(1, len(pairs) // SHOWN)][:SHOWN]:
        fused = fuse(*pictures(pair, model)).clamp(0, 1)
        [found] = decode(model(fused), (fused.shape[3], fused.shape[2]), least_score=max(LEAST_SCORE, 0.4))
        grey = (255 * fused[0, 0]).round().byte().cpu().numpy()
        drawn = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
        known = [] if pair.corners is None else pair.corners.tolist()
        for boxes, colour in ((known, (255, 255, 255)), (found.corners.tolist(), (80, 220, 80))):
            for left, top, right, bottom in boxes:
                cv2.rectangle(drawn, (round(left), round(top)), (round(right), round(bottom)), colour, 1)
        rows.append(cv2.resize(drawn, (480, 480 * drawn.shape[0] // drawn.shape[1])))
    cv2.imwrite(str(sheet), np.vstack(rows))


def _check_finite(value: Tensor, what: str) -> None:
    if not torch.isfinite(value):
        raise TrainingError(f"{what} is {value.item()}; lower learning_rate, or look at the labels")
