"""Two cameras that stop pairing while they stream: the page, health and metrics say so, and take it back."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.helpers.patience import patience, wait_until
from tests.helpers.running import Running, running

PATIENCE_S = patience(20)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    report = tmp_path_factory.mktemp("run") / "report.json"
    with running("--preview", "127.0.0.1:0", "--report", report) as process:
        wait_until(lambda: asked(process, "api/status")["fused"] > 0)
        yield process
        assert "Traceback" not in process.stop()
    told = json.loads(Path(report).read_text())
    assert told["live"]["not_pairing"] == ""


def asked(run: Running, path: str, change: dict[str, Any] | None = None) -> Any:
    """A JSON answer of the page, or the text of its metrics."""
    parts = urlsplit(run.page)
    request = urllib.request.Request(
        f"{parts.scheme}://{parts.netloc}/{path}",
        None if change is None else json.dumps(change).encode(),
        {"Content-Type": "application/json"},
        method="GET" if change is None else "PATCH",
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        text = answer.read().decode()
    return json.loads(text) if text.startswith("{") else text


@pytest.fixture
def unpaired(run: Running) -> Iterator[str]:
    """The sentence of a run whose cameras do not pair while the test goes on."""
    asked(run, "api/settings", {"pairing.offset_ms": 2000})
    wait_until(lambda: asked(run, "healthz")["not_pairing"] != "")
    yield asked(run, "healthz")["not_pairing"]
    asked(run, "api/settings", {"pairing.offset_ms": 0})
    wait_until(lambda: asked(run, "healthz")["not_pairing"] == "")
    assert metric(run) == 0


def metric(run: Running) -> float:
    lines = asked(run, "metrics").splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith("gifnet_not_pairing "))
    return float(value)


def test_health_status_and_metrics_tell_it(run: Running, unpaired: str) -> None:
    assert unpaired.startswith("both cameras stream, but nothing pairs")
    assert "pass --offset-ms auto or --offset-ms 0" in unpaired
    health = asked(run, "healthz")
    assert health == {"alive": True, "not_pairing": unpaired}
    assert asked(run, "api/status")["not_pairing"] == unpaired
    assert metric(run) == 1
    run.wait_for("nothing pairs")


def test_the_page_tells_it(run: Running, unpaired: str, browser: Any, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.goto(run.page)
    health = page.locator("#health")
    until(page, lambda: health.inner_text() == "not pairing")
    assert health.get_attribute("data-state") == "bad"
    assert health.get_attribute("title") == unpaired
    page.screenshot(path=tmp_path / "page.png")
    asked(run, "api/settings", {"pairing.offset_ms": 0})
    until(page, lambda: health.inner_text() == "fusing")
    assert health.get_attribute("data-state") != "bad" and health.get_attribute("title") == ""
    page.close()


def until(page: Any, is_so: Any) -> None:
    for _ in range(int(PATIENCE_S * 20)):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come to be")
