"""The fusion tasks: number and order of their pictures, and their particulars."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from stream.errors import SourceError

TaskName = Literal[
    "infrared-visible",
    "multi-focus",
    "multi-exposure",
    "nir-visible",
    "medical",
    "pansharpen",
    "enhance",
]
TASK_NAMES: tuple[TaskName, ...] = get_args(TaskName)


@dataclass(frozen=True, slots=True)
class Task:
    """A fusion task.

    Attributes:
        name: as on the command line.
        pictures: the pictures it takes, in order, for messages.
        fewest: number of pictures, at least.
        most: number of pictures, at most; None for any number.
        two_cameras: the second picture may be registered onto the first by a calibration.
        thermal: the second picture is thermal: 16-bit counts are spread over their percentiles.
    """

    name: TaskName
    pictures: str
    fewest: int = 2
    most: int | None = 2
    two_cameras: bool = False
    thermal: bool = False

    @property
    def suffix(self) -> str:
        """Of outputs that the user names by their folder only."""
        return ".tif" if self.name == "pansharpen" else ".png"

    @property
    def is_stack(self) -> bool:
        """Any number of pictures of one kind, so that a folder alone is a stack of them."""
        return self.most is None and self.name != "pansharpen"

    def check_count(self, count: int) -> None:
        """Refuse a number of pictures that the task does not take.

        Raises:
            SourceError: it is one.
        """
        if count >= self.fewest and (self.most is None or count <= self.most):
            return
        number = (
            f"{self.fewest} or more"
            if self.most is None
            else {1: "one", 2: "two"}.get(self.fewest, self.fewest)
        )
        noun = "picture" if self.most == 1 else "pictures"
        raise SourceError(f"{self.name} takes {number} {noun} ({self.pictures}), got {count}")


TASKS = MappingProxyType(
    {
        task.name: task
        for task in (
            Task("infrared-visible", "visible, then thermal", two_cameras=True, thermal=True),
            Task("multi-focus", "the same view with different focus", most=None),
            Task("multi-exposure", "the same view with different exposure", most=None),
            Task("nir-visible", "visible, then near infrared", two_cameras=True),
            Task("medical", "MRI, then PET or SPECT"),
            Task("pansharpen", "the panchromatic picture, then the bands", most=None),
            Task("enhance", "the picture to enhance", fewest=1, most=1),
        )
    }
)
