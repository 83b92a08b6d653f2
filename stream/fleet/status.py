"""The state of every pair of a fleet, asked of the runs themselves over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from stream.fleet.pairs import Pair

ANSWER_S = 3.0


@dataclass(frozen=True, slots=True)
class PairState:
    """The answer of a pair.

    Attributes:
        name: of the pair.
        state: `running`, `waiting` (alive, and nothing fused for a while), or why there is no answer.
        fused: frames since its start; None without an answer.
        dropped: frames by reason.
        cameras: states of both, by side.
    """

    name: str
    state: str
    fused: int | None = None
    dropped: dict[str, int] = field(default_factory=dict)
    cameras: dict[str, str] = field(default_factory=dict)


def ask_all(pairs: Sequence[Pair]) -> list[PairState]:
    """States in the order of the pairs; all are asked at once."""

    async def ask_each() -> list[PairState]:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_S)) as session:
            return await asyncio.gather(*(_ask(session, pair) for pair in pairs))

    return asyncio.run(ask_each())


async def _ask(session: aiohttp.ClientSession, pair: Pair) -> PairState:
    """The state of a pair, from its metrics or its page."""
    bind = pair.settings.metrics.bind or pair.settings.preview.bind
    if not bind:
        return PairState(pair.name, "has neither metrics nor a page to ask; give it --metrics")
    try:
        async with session.get(f"http://{bind}/readyz") as answer:
            ready = answer.status == 200
        async with session.get(f"http://{bind}/metrics") as answer:
            if answer.status != 200:
                return PairState(pair.name, f"answers with {answer.status} at {bind}; give it --metrics")
            return _state(pair.name, ready, await answer.text())
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return PairState(pair.name, f"does not answer at {bind} ({str(error) or type(error).__name__})")


def _state(name: str, ready: bool, text: str) -> PairState:
    fused, dropped, cameras = 0, dict[str, int](), dict[str, str]()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "gifnet_frames_fused_total":
                fused = int(sample.value)
            elif sample.name == "gifnet_frames_dropped_total" and sample.value:
                dropped[sample.labels["reason"]] = int(sample.value)
            elif sample.name == "gifnet_camera_state" and sample.value:
                cameras[sample.labels["camera"]] = sample.labels["state"]
    return PairState(name, "running" if ready else "waiting", fused, dropped, cameras)
