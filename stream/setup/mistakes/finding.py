"""Something that was seen while looking at two sources, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# A `stop` ends the setup unless the user insists; a `note` is said and the setup goes on.
Weight = Literal["stop", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence on a likely mistake.

    Attributes:
        kind: short name, for programs and tests.
        sentence: what was seen, and what to do.
        weight: whether the setup goes on.
    """

    kind: str
    sentence: str
    weight: Weight = "note"
