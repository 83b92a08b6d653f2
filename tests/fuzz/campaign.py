"""Tries one reader for a while: starts its process, watches it, collects what it finds."""

from __future__ import annotations

import faulthandler
import json
import os
import re
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.readers import Reader
from tests.fuzz.worker import work

# A process that says nothing for so long waits for something; busy ones end after their processor time.
SILENT_S = 60.0
STRAY_STATUS = 70


@dataclass(frozen=True)
class Finding:
    """Something else than an error of ours came out.

    Attributes:
        reader: its name.
        case: number of the case, with the seed of the campaign.
        why: what came out.
        path: the input, kept.
    """

    reader: str
    case: int
    why: str
    path: Path


@dataclass
class Outcome:
    """Of one reader.

    Attributes:
        cases: that were read.
        findings: the first of each kind.
    """

    cases: int
    findings: list[Finding]


def try_reader(name: str, reader: Reader, seed: int, seconds: float, most_cases: int, kept: Path) -> Outcome:
    """Try a reader.

    Args:
        name: of the reader.
        reader: to be tried.
        seed: decides the cases.
        seconds: after which no new case begins.
        most_cases: after which it ends.
        kept: folder for the inputs of findings.
    """
    outcome, end_s, seen = Outcome(0, []), time.monotonic() + seconds, set()
    with tempfile.TemporaryDirectory() as folder:
        while outcome.cases < most_cases and time.monotonic() < end_s:
            for why, case, path in _run(name, reader, seed, outcome, most_cases, end_s, Path(folder)):
                kind = re.sub(r"\d+ MiB|0x[0-9a-f]+|'[^']*'|\"[^\"]*\"", "_", why)[:80]
                if kind not in seen:
                    seen.add(kind)
                    outcome.findings.append(Finding(name, case, why, _keep(path, name, seed, case, kept)))
    return outcome


def _run(
    name: str, reader: Reader, seed: int, outcome: Outcome, most_cases: int, end_s: float, folder: Path
) -> Iterator[tuple[str, int, Path]]:
    """One process until it ends or has to: what it finds, with the inputs."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        os.close(read_end)
        _become()
        try:
            work(name, reader, seed, outcome.cases, write_end, folder)
        finally:
            os._exit(STRAY_STATUS)
    os.close(write_end)
    path = folder
    why = ""
    try:
        for line in _lines(read_end):
            if line is None:
                why = f"waits for more than {SILENT_S:g} s"
                break
            values = json.loads(line)
            path = Path(values["path"])
            if "why" in values:
                yield values["why"], values["case"], path
            else:
                outcome.cases = values["case"]
                if outcome.cases >= most_cases or time.monotonic() > end_s:
                    return
    finally:
        os.close(read_end)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    why = why or _ending(os.waitstatus_to_exitcode(status))
    yield why, outcome.cases, path
    outcome.cases += 1


def _ending(status: int) -> str:
    if status >= 0:
        return f"ends with {status}"
    if status == -signal.SIGPROF:
        return "takes more than 5 s of processor time"
    return f"ends by {signal.Signals(-status).name}"


def _lines(descriptor: int) -> Iterator[bytes | None]:
    """Lines as they come; None after a silence."""
    rest = b""
    while True:
        ready, _, _ = select.select([descriptor], [], [], SILENT_S)
        if not ready:
            yield None
            return
        data = os.read(descriptor, 65536)
        if not data:
            return
        *whole, rest = (rest + data).split(b"\n")
        yield from whole


def _become() -> None:
    """In the child: libraries may say what they like."""
    faulthandler.disable()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def _keep(path: Path, name: str, seed: int, case: int, kept: Path) -> Path:
    """Copy an input, named so that it can go to the corpus as it is."""
    target = kept / name / f"{seed}-{case}+{path.name.removeprefix(f'found-{case}-')}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        shutil.copy(path, target)
    return target
