"""A short run of every reader with damaged input, and proof that a run finds what it is there for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz.campaign import try_reader
from tests.fuzz.mutate import mutated, with_checksums
from tests.fuzz.readers import READERS, Reader
from tests.fuzz.seeds import SEEDS
from tests.helpers.patience import patience

CASES = 300
# In which all readers together try their cases; what does not fit is left out.
MINUTES = 2.5


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """Cases and findings of each reader; always the same cases."""
    folder = tmp_path_factory.mktemp("fuzz")
    command = [sys.executable, "-m", "tests.fuzz", "--seed", "15", "--cases", str(CASES)]
    command += ["--minutes", str(MINUTES), "--keep", str(folder), "--json", str(folder / "outcome.json")]
    root = Path(__file__).parents[2]
    subprocess.run(command, cwd=root, capture_output=True, timeout=patience(240), check=False)
    found: dict[str, dict[str, object]] = json.loads((folder / "outcome.json").read_text())
    return found


@pytest.mark.parametrize("name", READERS)
def test_only_our_errors_come_out(outcome: dict[str, dict[str, object]], name: str) -> None:
    assert outcome[name]["findings"] == []
    assert outcome[name]["cases"] >= 1  # type: ignore[operator]  # on a busy machine hardly more


def wrong(path: Path) -> None:
    raise KeyError("stray")


def endless(path: Path) -> None:
    while True:
        pass


def waiting(path: Path) -> None:
    time.sleep(1000)


def large(path: Path) -> None:
    bytearray(1_300_000_000)


def crashing(path: Path) -> None:
    os.abort()


FAULTS = {
    wrong: "KeyError at test_readers.py",
    endless: "takes more than 5 s of processor time",
    waiting: "waits for more than 1 s",
    large: "memory: 1",
    crashing: "ends by SIGABRT",
}


@pytest.mark.parametrize("read", FAULTS, ids=lambda read: read.__name__)
def test_a_fault_is_found_and_its_input_is_kept(
    read: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fuzz.campaign.SILENT_S", 1 if read is waiting else 60)
    monkeypatch.setattr("tests.fuzz.worker.MOST_SECONDS", 0.2 if read is endless else 5)
    reader = Reader(lambda: {"a.txt": b"12 7"}, read)  # type: ignore[arg-type]
    outcome = try_reader("fault", reader, 1, patience(20), 2, tmp_path)
    assert [finding.why.startswith(FAULTS[read]) for finding in outcome.findings] == [True]  # type: ignore[index]
    assert outcome.findings[0].path.read_bytes() == b"12 7"
    assert outcome.findings[0].path.name == "1-0+a.txt"


def test_a_case_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    import random

    seeds = list(SEEDS["messages"]().values())
    first, second = ([mutated(seeds[0], seeds, random.Random(n)) for n in range(50)] for _ in range(2))
    assert first == second
    assert len({seeds[0], *first}) > 45


def test_checksums_of_a_png_are_put_right() -> None:
    good = SEEDS["pictures"]()["colour.png"]
    damaged = good[:29] + bytes(4) + good[33:]
    assert with_checksums(damaged) == good
