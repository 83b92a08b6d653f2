"""Labels of generated pairs: boxes as COCO JSON, and a PNG of classes for each picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from stream.synthetic.instances import Instance, contrast
from stream.synthetic.street import Street

CATEGORIES = {"person": 1, "car": 2}
"""Numbers in labels/*.png and in labels.json, where a car is called a vehicle; 0 is the street."""
LEAST_AREA_PX = 12
"""Of a box; what shows fewer pixels is marked as a crowd: it need not be found, and may be."""
MOST_HIDDEN = 0.8


class LabelBook:
    """Collects the labels of a folder; `close` writes labels.json."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._pictures: list[dict[str, Any]] = []
        self._boxes: list[dict[str, Any]] = []

    def add(self, street: Street, time_s: float, name: str) -> None:
        """Write the PNG of a pair and note its boxes."""
        numbers, instances = street.instances(time_s)
        classes = np.zeros(numbers.shape, np.uint8)
        picture = len(self._pictures) + 1
        height, width = numbers.shape
        self._pictures.append(
            {"id": picture, "file_name": f"visible/{name}", "width": width, "height": height}
        )
        grey = cv2.cvtColor(street.visible(time_s), cv2.COLOR_RGB2GRAY)
        warm = _grey(street.thermal(time_s), (width, height))
        for instance in instances:
            mask = numbers == instance.number
            classes[mask] = CATEGORIES[instance.kind]
            self._boxes.append(
                self._annotation(instance, picture)
                | {
                    "visible_contrast": round(contrast(grey, mask), 2),
                    "thermal_contrast": round(contrast(warm, mask), 2),
                }
            )
        cv2.imwrite(str(self._output / "labels" / name), classes)

    def close(self) -> None:
        """Write labels.json."""
        content = {
            "images": self._pictures,
            "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "vehicle"}],
            "annotations": self._boxes,
        }
        (self._output / "labels.json").write_text(json.dumps(content), encoding="utf-8")

    def _annotation(self, instance: Instance, picture: int) -> dict[str, Any]:
        left, top, right, bottom = instance.box
        hardly = instance.area_px < LEAST_AREA_PX or instance.hidden > MOST_HIDDEN
        return {
            "id": len(self._boxes) + 1,
            "image_id": picture,
            "category_id": CATEGORIES[instance.kind],
            "bbox": [left, top, right - left, bottom - top],
            "area": instance.area_px,
            "iscrowd": int(hardly),
            "name": instance.name,
            "hidden": round(instance.hidden, 3),
        }


def _grey(counts: Any, size: tuple[int, int]) -> Any:
    """Thermal counts stretched to 8 bits, on the visible grid where the sizes differ only."""
    low, high = np.percentile(counts, [1.0, 99.5])
    grey = np.clip((counts - low) * (255 / max(high - low, 1)), 0, 255).astype(np.uint8)
    return cv2.resize(grey, size) if (grey.shape[1], grey.shape[0]) != size else grey
