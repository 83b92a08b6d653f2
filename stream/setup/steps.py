"""The steps of a setup, told in the terminal and shown on the page in the same words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

StepName = Literal["sources", "clocks", "alignment", "points", "machine", "file"]
State = Literal["waiting", "running", "done", "left", "failed"]

TITLES: dict[StepName, str] = {
    "sources": "Look at both sources",
    "clocks": "Find the offset of the clocks",
    "alignment": "Align the pictures by what both show",
    "points": "Align them by hand",
    "machine": "Measure this machine",
    "file": "Write the configuration",
}
_MARKS: dict[State, str] = {"waiting": " ", "running": "…", "done": "+", "left": "-", "failed": "x"}


@dataclass(slots=True)
class Step:
    """One step.

    Attributes:
        name: of it.
        state: `left` is for a step that there was no need of.
        text: result, one sentence.
        notes: what was noticed on the way, one sentence each.
    """

    name: StepName
    state: State = "waiting"
    text: str = ""
    notes: list[str] = field(default_factory=list)


class Steps:
    """All steps in their order; may be used by several threads."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """All wait.

        Args:
            tell: called with each line for the terminal.
        """
        self._tell, self._lock = tell, threading.Lock()
        self._steps = {name: Step(name) for name in TITLES}
        self.command = ""

    def begin(self, name: StepName) -> None:
        """A step begins."""
        with self._lock:
            self._steps[name].state = "running"
        self._tell(f"{self._number(name)} {TITLES[name]}")

    def note(self, name: StepName, sentence: str) -> None:
        """Something was noticed."""
        with self._lock:
            self._steps[name].notes.append(sentence)
        self._tell(f"    ! {sentence}")

    def go_on(self, words: str) -> None:
        """A step is at a part that takes a while."""
        self._tell(f"    … {words}")

    def end(self, name: StepName, text: str, state: State = "done") -> None:
        """A step is over."""
        with self._lock:
            began = self._steps[name].state == "running"
            self._steps[name].state, self._steps[name].text = state, text
        if not began:
            self._tell(f"{self._number(name)} {TITLES[name]}")
        for line in text.splitlines():
            self._tell(f"    {_MARKS[state]} {line}")

    def finish(self, command: str) -> None:
        """All is done; the command is what comes next."""
        with self._lock:
            self.command = command

    def as_json(self) -> dict[str, Any]:
        """For the page."""
        with self._lock:
            steps = [
                {"title": TITLES[one.name], "state": one.state, "text": one.text, "notes": list(one.notes)}
                for one in self._steps.values()
            ]
            return {"steps": steps, "command": self.command}

    @staticmethod
    def _number(name: StepName) -> str:
        return f"[{list(TITLES).index(name) + 1}/{len(TITLES)}]"
