"""Names of classes, as data sets spell them, to numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gifnet.errors import TrainingError

DEFAULT_CLASSES: dict[str, tuple[str, ...]] = {
    "person": ("person", "people", "pedestrian"),
    "vehicle": (
        "vehicle",
        "car",
        "bus",
        "truck",
        "lorry",
        "van",
        "motorcycle",
        "bicycle",
        "bike",
        "cyclist",
        "rider",
        "other vehicle",
        "othervehicle",
    ),
}
DEFAULT_BACKGROUND = (
    "unlabelled",
    "street",
    "lamp",
    "dog",
    "curve",
    "car stop",
    "guardrail",
    "color cone",
    "bump",
)
DEFAULT_IGNORED = ("person?", "group of people", "dontcare", "don't care")


class ClassNames:
    """Spellings of each class, and of what is none.

    Attributes:
        names: of the classes, by number.
    """

    def __init__(
        self,
        classes: Mapping[str, Sequence[str]] = DEFAULT_CLASSES,
        background: Sequence[str] = DEFAULT_BACKGROUND,
        ignored: Sequence[str] = DEFAULT_IGNORED,
    ) -> None:
        """Keep the names; capitals, hyphens and underscores do not count.

        Args:
            classes: spellings by the name of a class, whose own name counts too.
            background: classes of the data that count as nothing.
            ignored: of what it is not known; neither right nor wrong to find.
        """
        self.names = tuple(classes)
        self._numbers = {
            _plain(spelling): number
            for number, (name, spellings) in enumerate(classes.items())
            for spelling in (name, *spellings)
        }
        self._background = {_plain(name) for name in background} - set(self._numbers)
        self._ignored = {_plain(name) for name in ignored} - set(self._numbers)

    def number(self, name: str, where: object) -> int | None:
        """Number of a class, or None for background.

        Args:
            name: as the data spell it.
            where: file, for the message.

        Raises:
            TrainingError: the name is known neither as a class nor as background nor as ignored.
        """
        plain = _plain(name)
        if plain in self._numbers:
            return self._numbers[plain]
        if plain in self._background:
            return None
        known = ", ".join(sorted(set(self._numbers) | self._background | self._ignored))
        raise TrainingError(
            f"{where}: unknown class {name!r}; known are {known}; add it to classes, background or ignored"
        )

    def is_ignored(self, name: str) -> bool:
        """True for what is neither right nor wrong to find."""
        return _plain(name) in self._ignored


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", " ").replace("-", " ")
