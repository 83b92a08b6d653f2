"""Requests made up by schemathesis from the page's own description, while frames go on flowing."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from tests.helpers.patience import patience, wait_until
from tests.helpers.running import Running, running

PATIENCE_S = patience(20)
EXAMPLES = 50


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    clips = tmp_path_factory.mktemp("clips")
    with running("--preview", "127.0.0.1:0", "--preview-clips", clips) as process:
        wait_until(lambda: not status(process)["not_ready"])
        yield process


def status(run: Running) -> dict[str, Any]:
    with urllib.request.urlopen(run.page + "api/status", timeout=PATIENCE_S) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def test_no_request_breaks_the_page(run: Running) -> None:
    schema = schemathesis.openapi.from_url(run.page + "api/openapi.json")
    before = status(run)["fused"]
    asked: Counter[str] = Counter()
    for operation in schema.get_all_operations():
        for mode in GenerationMode:
            ask_much(operation.ok(), mode, asked)
    assert len(asked) == 10 and asked["PATCH /api/settings"] > EXAMPLES
    assert run.process.poll() is None
    after = status(run)
    assert after["fused"] > before and after["not_ready"] == ""


def ask_much(operation: Any, mode: GenerationMode, asked: Counter[str]) -> None:
    """Send what fits the description, or what does not, and hold the answers to it."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        asked[operation.label] += 1
        # That `low` lies below `high`, or that a nudge fits the picture, cannot be said in a schema.
        case.call_and_validate(excluded_checks=CHECKS.get_by_names(["positive_data_acceptance"]))

    # Some operations take nothing that could be wrong.
    with suppress(Unsatisfiable):
        ask()
