"""A run in a process of its own, with its page."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.helpers.patience import patience

CAMERAS = ("loop://synthetic://street?seed=3&size=160x120", "loop://synthetic://street?seed=3&size=160x120")
PATIENCE_S = patience(30)


@dataclass
class Running:
    """A process that fuses.

    Attributes:
        process: it.
        said: lines that it wrote to standard error.
    """

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    _heard: threading.Condition = field(default_factory=threading.Condition)
    _listener: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first line that matches, once it is there."""
        with self._heard:
            found = self._heard.wait_for(lambda: self._find(pattern), PATIENCE_S)
            assert found, f"{pattern!r} was not said in: {self.said}"
        match = self._find(pattern)
        assert match
        return match

    @property
    def page(self) -> str:
        """Address of the page."""
        return self.wait_for(r"the page is at (http://\S+)")[1]

    def stop(self) -> str:
        """End it as Ctrl-C does; gives everything that it said."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE_S)
        self.hear_out()
        return "".join(self.said)

    def hear_out(self) -> None:
        """Wait for the last line; it may be read after the process has ended."""
        self._listener.join(PATIENCE_S)

    def _find(self, pattern: str) -> re.Match[str] | None:
        return next((match for line in list(self.said) if (match := re.search(pattern, line))), None)

    def _listen(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            with self._heard:
                self.said.append(line)
                self._heard.notify_all()


@contextmanager
def running(*words: object, cameras: tuple[str, str] = CAMERAS, model: str = "null") -> Iterator[Running]:
    """`gifnet run` with more words on its line, ended with the block."""
    line = [sys.executable, "-m", "stream", "run", *cameras, "--model", model, "--device", "cpu"]
    process = subprocess.Popen(
        [*line, *(str(word) for word in words)], stderr=subprocess.PIPE, text=True, bufsize=1
    )
    run = Running(process)
    try:
        yield run
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        run.hear_out()
        assert process.stderr
        process.stderr.close()
