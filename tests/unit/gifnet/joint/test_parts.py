"""Saliency, crops with boxes, and scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gifnet.joint.config import JointSettings
from gifnet.joint.data import LabelledCrops
from gifnet.joint.saliency import composite, saliency, thermal_share
from gifnet.joint.scores import class_overlap, confusion, judge, precision_of
from gifnet.labels import LabelledPair
from gifnet.perception import Boxes, Detections, Segmenter, segmentation_loss


def test_what_is_rare_is_salient():
    picture = torch.zeros(1, 1, 8, 8)
    picture[..., 2:4, 2:4] = 1
    found = saliency(picture)
    assert found[0, 0, 2, 2] == 1 and found[0, 0, 0, 0] == pytest.approx(4 / 60)


def test_the_composite_takes_the_source_that_stands_out():
    visible, thermal = torch.full((1, 1, 8, 8), 0.4), torch.zeros(1, 1, 8, 8)
    visible[..., 0, 0], thermal[..., 5:7, 5:7] = 0.9, 1.0
    share = thermal_share(visible, thermal)
    assert share[0, 0, 6, 6] > 0.95 and share[0, 0, 0, 0] < 0.1
    assert torch.allclose(composite(visible, thermal), share * thermal + (1 - share) * visible)


def test_boxes_follow_their_crop(tiny: JointSettings):
    """Each crop is cut around a bright square, whose place in the crop is known from its pixels."""
    random = np.random.default_rng(0)
    pairs = []
    for _ in range(4):
        left, top = (int(place) for place in random.integers(0, 70, 2))
        visible = np.zeros((100, 120), np.uint8)
        visible[top : top + 24, left : left + 24] = 255
        corners = np.array([[left, top, left + 24, top + 24]], np.float32)
        mask = (visible > 0).astype(np.uint8)
        pairs.append(LabelledPair("n", "s", visible, visible, corners, np.zeros(1, np.int64), mask=mask))
    crops = LabelledCrops(pairs, tiny, 1)
    shown = 0
    for iteration in range(12):
        batch = crops.batch(iteration)
        assert batch.masks is not None
        for picture, boxes, mask in zip(batch.visible[:, 0], batch.boxes, batch.masks, strict=True):
            bright = (picture > 0.5).numpy()
            assert (bright == (mask.numpy() == 1)).mean() > 0.97
            for left, top, right, bottom in boxes.corners.tolist():
                columns, rows = np.flatnonzero(bright.any(0)), np.flatnonzero(bright.any(1))
                assert [left, top] == pytest.approx([columns[0], rows[0]], abs=1)
                assert [right, bottom] == pytest.approx([columns[-1] + 1, rows[-1] + 1], abs=1)
                shown += 1
    assert shown > 8


def detections(rows: list[tuple[list[float], float]]) -> Detections:
    corners = torch.tensor([row[0] for row in rows]).reshape(-1, 4)
    scores = torch.tensor([row[1] for row in rows])
    return Detections(corners, scores, torch.zeros(len(rows), dtype=torch.int64))


def test_average_precision_of_known_lists():
    right = Boxes(torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30]]), torch.zeros(2, dtype=torch.int64))
    both = [([0.0, 0, 10, 10], 0.9), ([20.0, 20, 30, 30], 0.8)]
    assert precision(both, right) == pytest.approx(1)
    one = [both[0], ([50.0, 50, 60, 60], 0.85)]
    assert precision(one, right) == pytest.approx(51 / 101)
    twice = [both[0], ([0.0, 0, 10, 9], 0.85), both[1]]
    assert precision(twice, right) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert math.isnan(precision(both, right, 1))


def precision(rows: list[tuple[list[float], float]], right: Boxes, number: int = 0) -> float:
    return precision_of([judge(detections(rows), right, number)])


def test_what_lies_in_an_ignored_region_is_neither_right_nor_wrong():
    known = Boxes(
        torch.tensor([[0.0, 0, 10, 10]]),
        torch.zeros(1, dtype=torch.int64),
        torch.tensor([[40.0, 40, 80, 80]]),
    )
    found = [([45.0, 45, 60, 60], 0.9), ([0.0, 0, 10, 10], 0.8)]
    assert precision(found, known) == pytest.approx(1)


def test_overlap_of_masks():
    right, found = torch.tensor([[0, 1, 1, 255]]), torch.tensor([[0, 1, 0, 1]])
    assert class_overlap(confusion(found, right, 3))[:2] == [0.5, 0.5]


def test_a_segmenter_takes_any_size_and_learns_one_picture():
    torch.manual_seed(0)
    network = Segmenter(2)
    picture = torch.zeros(1, 1, 37, 50)
    picture[..., 8:24, 10:30] = 1
    masks = picture[:, 0].long()
    masks[0, 0] = 255
    assert network(picture).shape == (1, 3, 37, 50)
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(25):
        loss = segmentation_loss(network(picture), masks)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    found = network(picture).argmax(1)
    assert ((found == masks) | (masks == 255)).float().mean() > 0.95


def test_a_batch_of_unknown_pixels_has_no_loss():
    logits = torch.zeros(1, 3, 4, 4, requires_grad=True)
    assert segmentation_loss(logits, torch.full((1, 4, 4), 255)).item() == 0
