"""Weights and a command line for end-to-end tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from gifnet.model import GIFNet
from gifnet.weights import save
from stream.cli import main


@dataclass(frozen=True)
class Done:
    """Result of a command."""

    status: int
    out: str
    err: str


Gifnet = Callable[..., Done]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network as it is before training."""
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(7)
        save(path, GIFNet(), {"note": "untrained"})
    return path


@pytest.fixture
def gifnet(capfd: pytest.CaptureFixture[str]) -> Gifnet:
    """Runs the command line in this process."""

    def call(*words: object) -> Done:
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            main([str(word) for word in words])
        captured = capfd.readouterr()
        return Done(int(caught.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def run(gifnet: Gifnet, weights: Path) -> Gifnet:
    """`gifnet run` on the CPU with untrained weights; nothing but the error sentence on standard error."""

    def call(*words: object) -> Done:
        return gifnet("run", *words, "--weights", weights, "--device", "cpu", "--quiet")

    return call


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; skips without one, fails where REQUIRE_BROWSER=1.

    Its driver keeps an event loop running in this thread, which other modules must not meet.
    """
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        message = "no chromium; install it, or name it by CHROMIUM"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright drives a browser on Linux only"
    )
    with playwright.sync_playwright() as driver:
        # Inside containers Chromium's own sandbox cannot be set up.
        names = "--host-resolver-rules=MAP *.example 127.0.0.1"
        opened = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", names])
        yield opened
        opened.close()
