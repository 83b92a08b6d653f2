"""The part of a check of nodes that runs on each of them; does not import Ray."""

from __future__ import annotations

import socket
from typing import Any

from stream.fleet.cluster.spec import PairSpec, other_files, unfit


def examine_node(specs: list[dict[str, Any]]) -> list[str]:
    """Reasons why this node cannot run such pairs as they are meant.

    Args:
        specs: of the pairs that may come here.
    """
    problems: dict[str, None] = {}
    for spec in map(PairSpec.from_json, specs):
        for why in filter(None, [unfit(spec), *other_files(spec)]):
            problems[why] = None
    return [f"{why} (host {socket.gethostname()})" for why in problems]
