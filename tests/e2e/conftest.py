"""Weights and a command line for end-to-end tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from gifnet.model import GIFNet
from gifnet.weights import save
from stream.cli import main


@dataclass(frozen=True)
class Done:
    """How a command ended."""

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
