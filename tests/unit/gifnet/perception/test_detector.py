"""The detector: what goes in and comes out, which point finds which box, and that it can learn one."""

from __future__ import annotations

import pytest
import torch

from gifnet.perception import Boxes, Detector, DetectorConfig, Predictions, decode, detection_loss
from gifnet.perception.config import Stage
from gifnet.perception.decode import suppress
from gifnet.perception.detector import level_points
from gifnet.perception.losses import generalised_overlap, overlap
from gifnet.perception.targets import assign

TINY = DetectorConfig(
    stem=8,
    stages=(Stage(3, 2, 1, 8, 1), Stage(3, 2, 2, 16, 1), Stage(3, 2, 2, 16, 1), Stage(3, 2, 2, 16, 1)),
    neck=16,
    head_layers=1,
)


def _points() -> tuple[torch.Tensor, torch.Tensor]:
    levels = [(8, 12, 8), (4, 6, 16), (2, 3, 32)]
    points = torch.cat([level_points(*each) for each in levels])
    strides = torch.cat([torch.full((rows * columns,), float(stride)) for rows, columns, stride in levels])
    return points, strides


def test_any_size_grey_or_colour() -> None:
    network = Detector(TINY).eval()
    with torch.no_grad():
        grey = network(torch.rand(2, 1, 50, 70))
        colour = network(torch.rand(1, 3, 64, 96))
    assert grey.logits.shape == (2, 8 * 12 + 4 * 6 + 2 * 3, 2)
    assert grey.boxes.shape == (2, 126, 4)
    assert colour.boxes.shape == (1, 126, 4)
    assert (grey.boxes[..., 2:] > grey.boxes[..., :2]).all()


def test_grey_is_the_colour_of_three_equal_channels() -> None:
    network = Detector(TINY).eval()
    picture = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(picture).logits, network(picture.expand(-1, 3, -1, -1)).logits)


@pytest.mark.parametrize("shape", [(1, 2, 32, 32), (3, 32, 32), (0, 1, 32, 32)])
def test_refuses_what_is_no_picture(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="takes pictures"):
        Detector(TINY)(torch.zeros(shape))


def test_points_are_the_middles_of_cells() -> None:
    assert level_points(2, 2, 8).tolist() == [[4, 4], [12, 4], [4, 12], [12, 12]]


def test_backbone_needs_three_resolutions() -> None:
    with pytest.raises(ValueError, match="1/32"):
        Detector(DetectorConfig(stages=(Stage(3, 2, 1, 8, 1),)))


def test_points_in_the_middle_find_a_box_on_the_level_of_its_size() -> None:
    points, strides = _points()
    boxes = Boxes(torch.tensor([[0.0, 0, 40, 40], [0.0, 0, 80, 64]]), torch.tensor([0, 1]))
    index, counts = assign(points, strides, boxes)
    assert counts.all()
    assert set(strides[index == 0].tolist()) == {8.0}
    assert set(strides[index == 1].tolist()) == {16.0}
    assert (points[index == 0] - 20).abs().max() <= 12


def test_the_smaller_of_two_boxes_wins_a_point() -> None:
    points, strides = _points()
    boxes = Boxes(torch.tensor([[0.0, 0, 48, 48], [16.0, 16, 32, 32]]), torch.tensor([0, 0]))
    index, _ = assign(points, strides, boxes)
    assert index[(points == torch.tensor([20.0, 20.0])).all(dim=1) & (strides == 8)].tolist() == [1]


def test_a_box_between_points_is_found_by_the_nearest() -> None:
    points, strides = _points()
    index, _ = assign(points, strides, Boxes(torch.tensor([[22.0, 22, 25, 25]]), torch.tensor([0])))
    assert (index == 0).sum() == 1
    assert points[index == 0].tolist() == [[20.0, 20.0]]


def test_ignored_regions_count_neither_way() -> None:
    points, strides = _points()
    region = torch.tensor([[0.0, 0, 33, 33]])
    index, counts = assign(points, strides, Boxes(torch.zeros(0, 4), torch.zeros(0).long(), region))
    assert (index == -1).all()
    assert (~counts).sum() == 16 + 4 + 1
    found, counts = assign(
        points, strides, Boxes(torch.tensor([[0.0, 0, 24, 24]]), torch.tensor([0]), region)
    )
    assert counts[found == 0].all()


def test_overlaps_of_known_boxes() -> None:
    one = torch.tensor([[0.0, 0, 2, 2], [0.0, 0, 1, 1], [0.0, 0, 4, 4]])
    other = torch.tensor([[1.0, 0, 3, 2], [2.0, 0, 3, 1], [0.0, 0, 4, 4]])
    assert overlap(one, other).tolist() == pytest.approx([1 / 3, 0, 1])
    assert generalised_overlap(one, other).tolist() == pytest.approx([1 / 3, -1 / 3, 1])


def test_one_box_for_each_object_of_a_class() -> None:
    corners = torch.tensor([[0.0, 0, 10, 10], [1.0, 1, 10, 10], [1.0, 1, 10, 10], [20.0, 0, 30, 10]])
    assert suppress(corners, torch.tensor([0, 0, 1, 0]), 0.5).tolist() == [0, 2, 3]


def test_boxes_end_at_the_border_and_low_scores_fall_out() -> None:
    logits = torch.tensor([[[3.0, -9.0], [-9.0, -9.0], [-9.0, 2.0]]])
    boxes = torch.tensor([[[-5.0, 2, 20, 30], [0.0, 0, 9, 9], [30.0, 10, 90, 90]]])
    points = torch.zeros(3, 2)
    [found] = decode(Predictions(logits, boxes, points, torch.ones(3)), (40, 32))
    assert found.corners.tolist() == [[0, 2, 20, 30], [30, 10, 40, 32]]
    assert found.classes.tolist() == [0, 1]
    assert found.scores.tolist() == pytest.approx([0.95257, 0.88080], abs=1e-5)


def test_nothing_found_is_no_error() -> None:
    network = Detector(TINY).eval()
    with torch.no_grad():
        [found] = decode(network(torch.rand(1, 1, 32, 32)), (32, 32), least_score=0.99)
    assert found.corners.shape == (0, 4)


def test_loss_wants_a_list_of_boxes_for_each_picture() -> None:
    with pytest.raises(ValueError, match="2 pictures have 1"):
        detection_loss(Detector(TINY)(torch.rand(2, 1, 32, 32)), [Boxes(torch.zeros(0, 4), torch.zeros(0))])


def test_learns_to_find_two_kinds_of_things() -> None:
    torch.manual_seed(0)
    picture = torch.full((1, 1, 64, 96), 0.5)
    picture[..., 16:48, 8:24] = 1.0
    picture[..., 32:56, 48:88] = 0.0
    truth = Boxes(torch.tensor([[8.0, 16, 24, 48], [48.0, 32, 88, 56]]), torch.tensor([0, 1]))
    network = Detector(TINY).train()
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(60):
        optimiser.zero_grad()
        torch.autograd.backward(detection_loss(network(picture), [truth])["total"])
        optimiser.step()
    with torch.no_grad():
        [found] = decode(network(picture), (96, 64), least_score=0.3)
    assert sorted(found.classes.tolist()) == [0, 1]
    corners = found.corners[found.classes.argsort()]
    assert overlap(corners, truth.corners).min() > 0.7
