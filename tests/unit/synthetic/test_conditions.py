"""Conditions under which one camera sees little, exact masks, and the labels that are written of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from stream.cli.scenes import scenes
from stream.synthetic import Street
from stream.synthetic.conditions import Conditions, draw_conditions
from stream.synthetic.instances import Instance, contrast

SIZE = (160, 120)
SEED = 2


@pytest.fixture(scope="module")
def street() -> Street:
    return Street(SEED, SIZE, light="day", noise=0)


@pytest.fixture(scope="module")
def seen(street: Street) -> tuple[np.ndarray, tuple[Instance, ...]]:
    return street.instances(1.0)


def under(street: Street, **strengths: float) -> tuple[np.ndarray, np.ndarray]:
    """Both pictures of the street under other conditions; what does not move is not drawn again."""
    street._conditions = Conditions(seed=SEED, **strengths)
    street.__dict__.pop("_thermal_backdrop", None)
    return cv2.cvtColor(street.visible(1.0), cv2.COLOR_RGB2GRAY), street.thermal(1.0)


def mean_contrast(picture: np.ndarray, seen: tuple[np.ndarray, tuple[Instance, ...]]) -> float:
    numbers, instances = seen
    large = [each for each in instances if each.kind == "person" and each.area_px > 30]
    assert len(large) >= 2
    return float(np.mean([contrast(picture, numbers == each.number) for each in large]))


def test_masks_are_where_the_boxes_of_the_truth_are(street: Street, seen) -> None:
    numbers, instances = seen
    truth = {box.name: box for box in street.truth(1.0).boxes}
    assert {each.name for each in instances} <= set(truth) and len(instances) > 5
    for each in instances:
        left, top, right, bottom = each.box
        assert (numbers == each.number).sum() == each.area_px
        assert np.argwhere(numbers == each.number).min(0).tolist() == [top, left]
        box = truth[each.name]
        # Drawn edges are soft over a pixel.
        assert left >= box.left - 1.5 and top >= box.top - 1.5
        assert right <= box.right + 1.5 and bottom <= box.bottom + 1.5
        if each.hidden == 0 and each.kind == "person":
            assert [left, right] == pytest.approx([box.left, box.right], abs=1.5)


def test_what_stands_before_others_hides_them(street: Street, seen) -> None:
    hidden = [each for each in seen[1] if each.hidden > 0.2]
    assert hidden and all(each.hidden <= 1 for each in seen[1])


def test_people_in_camouflage_are_hard_to_see_and_as_warm_as_before(street: Street, seen) -> None:
    before = under(street)
    after = under(street, camouflage=1.0)
    assert mean_contrast(after[0], seen) < 0.8 * mean_contrast(before[0], seen)
    np.testing.assert_array_equal(before[1], after[1])


def test_heat_hides_people_from_the_thermal_camera_alone(street: Street, seen) -> None:
    before = under(street)
    after = under(street, heat=1.0)
    assert mean_contrast(after[1], seen) < 0.5 * mean_contrast(before[1], seen)
    np.testing.assert_array_equal(before[0], after[0])


def test_glare_dazzles_the_visible_camera_and_rain_both(street: Street, seen) -> None:
    before = under(street)
    dazzled = under(street, glare=1.0)
    assert dazzled[0].mean() > before[0].mean() + 20
    np.testing.assert_array_equal(before[1], dazzled[1])
    wet = under(street, rain=1.0)
    assert wet[1].std() < 0.5 * before[1].std()
    assert (wet[0] != before[0]).mean() > 0.3


def test_conditions_are_those_of_their_seed_and_vary() -> None:
    drawn = [draw_conditions(seed) for seed in range(60)]
    assert drawn[3] == draw_conditions(3)
    for kind in ("smoke", "glare", "rain", "camouflage", "heat"):
        assert 8 <= sum(kind in each for each in drawn) <= 45
    assert {each["light"] for each in drawn} == {"night", "dusk", "day"}
    assert replace(Conditions(), seed=3) == Conditions(seed=3)


def test_labels_are_written_beside_the_pairs(tmp_path: Path) -> None:
    words = ["synthetic://street?size=96x64&seed=3", "-o", str(tmp_path / "out"), "--count", "2"]
    done = CliRunner().invoke(scenes, [*words, "--labels", "--hard", "--bits", "8", "-q"])
    assert done.exit_code == 0, done.output
    labels = json.loads((tmp_path / "out/labels.json").read_text())
    assert [each["name"] for each in labels["categories"]] == ["person", "vehicle"]
    assert [each["file_name"] for each in labels["images"]] == [f"visible/00000{n}.png" for n in (0, 1)]
    line = json.loads((tmp_path / "out/truth.jsonl").read_text().splitlines()[0])
    assert line["light"] == draw_conditions(3)["light"]
    mask = cv2.imread(str(tmp_path / "out/labels/000000.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (64, 96) and set(np.unique(mask)) <= {0, 1, 2}
    boxes = [each for each in labels["annotations"] if each["image_id"] == 1]
    assert sum(each["area"] for each in boxes) == (mask > 0).sum() > 0
    for each in boxes:
        left, top, width, height = each["bbox"]
        assert (mask[top : top + height, left : left + width] == each["category_id"]).any()
        assert each["iscrowd"] == int(each["area"] < 12 or each["hidden"] > 0.8)
