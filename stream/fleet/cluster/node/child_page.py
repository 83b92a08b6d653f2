"""Questions to the page of a run on this machine; with the standard library alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

# Said by `stream.web.servers` when the page is open, with a token that it made up if there is one.
_PLACE = re.compile(r"the page is at http://(?P<address>\S+?:\d+)/?(?:\?token=(?P<token>[\w-]+))?")
_ANSWER_S = 2.0
LARGEST_BYTES = 1 << 20
PICTURE_WIDTH = 320
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}


@dataclass(frozen=True, slots=True)
class ChildPage:
    """The page of a run.

    Attributes:
        address: HOST:PORT.
        token: that it asks for; empty for none.
    """

    address: str
    token: str = ""

    def status(self) -> dict[str, Any] | None:
        """The state of the run; None while it does not answer."""
        body = self._get("/api/status")
        try:
            status = json.loads(body) if body else None
        except ValueError:
            return None
        return status if isinstance(status, dict) else None

    def metrics(self) -> str:
        """Numbers in the text format of Prometheus; empty where it does not answer."""
        return (self._get("/metrics") or b"").decode("utf-8", "replace")

    def picture(self) -> bytes:
        """The newest fused picture as a small JPEG; empty before the first."""
        return self._get(f"/api/picture?width={PICTURE_WIDTH}") or b""

    def _get(self, path: str) -> bytes | None:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            with closing(HTTPConnection(self.address, timeout=_ANSWER_S)) as connection:
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                body = answer.read(LARGEST_BYTES + 1)
        except (HTTPException, OSError, ValueError):
            return None
        return body if answer.status == 200 and len(body) <= LARGEST_BYTES else None


def page_in(line: str) -> ChildPage | None:
    """The page that a line of a run's log names; None where it names none."""
    match = _PLACE.search(line)
    if not match:
        return None
    host, _, port = match["address"].rpartition(":")
    return ChildPage(f"{_EVERYWHERE.get(host, host)}:{port}", match["token"] or "")


def own_token(words: tuple[str, ...]) -> str:
    """The token that a pair's own settings name; empty for none.

    Read by another process, since settings take memory that only this moment needs, and sent to nobody.

    Args:
        words: command line behind `gifnet`.
    """
    place = words.index("-c") + 1
    script = (
        "import sys; from pathlib import Path; from stream.config.environment import load_config; "
        "print(load_config(Path(sys.argv[1])).get('preview', {}).get('token') or '')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, words[place]], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""
