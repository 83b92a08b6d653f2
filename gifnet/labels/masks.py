"""PNG files that say of each pixel what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gifnet.errors import TrainingError
from gifnet.labels.classes import ClassNames

IGNORED = 255
"""Of a pixel of which it is not known what it shows."""


def read_mask(path: Path, names: Sequence[str], classes: ClassNames) -> NDArray[np.uint8]:
    """A PNG of classes to ours: 0 for background, the class's number plus 1, or `IGNORED`.

    Args:
        path: the file, one channel; its values are numbers of `names`, or 255 for unknown.
        names: of the data set's classes, by value.
        classes: ours.

    Raises:
        TrainingError: the file cannot be read, or holds a value that has no name.
    """
    values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise TrainingError(f"the labels {path} cannot be read; expected a PNG with one channel")
    if values.ndim != 2 or values.dtype != np.uint8:
        raise TrainingError(
            f"the labels {path} must be a PNG with one channel of 8 bits, got {values.shape} {values.dtype}; "
            "a coloured picture of the labels is not what is wanted"
        )
    table = np.full(256, IGNORED, np.uint8)
    for value in np.unique(values):
        if value == IGNORED:
            continue
        if value >= len(names):
            raise TrainingError(
                f"the labels {path} hold the value {value}, but there are {len(names)} classes"
            )
        name = names[value]
        if not classes.is_ignored(name):
            number = classes.number(name, path)
            table[value] = 0 if number is None else number + 1
    return np.asarray(table[values])
