"""The process in which a reader reads one case after the other, within bounds of memory and time."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.mutate import mutated
from tests.fuzz.readers import Reader
from tests.fuzz.seeds import Seeds

MOST_BYTES = 1 << 30
MOST_SECONDS = 5.0
# Beyond, a case gets an error and the machine no trouble; what is never touched counts here too.
HARD_BYTES = 3 << 30
CORPUS = Path(__file__).parent / "corpus"


def work(name: str, reader: Reader, seed: int, first: int, report: int, folder: Path) -> None:
    """Read cases until killed; writes a line of JSON for each to a file descriptor.

    A case that takes `MOST_SECONDS` of processor time ends the process by SIGPROF.

    Args:
        name: of the reader.
        reader: to be tried.
        seed: decides the cases.
        first: number of the first case.
        report: file descriptor to write to.
        folder: where the case that is being read lies.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    tempfile.tempdir = str(folder)
    base = _status_kb("VmRSS") * 1024
    limit = _status_kb("VmSize") * 1024 + HARD_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number, path, data in _cases(name, reader.seeds(), seed, first, folder):
        path.write_bytes(data)
        os.write(report, _line(case=number, path=str(path)))
        why = _read(reader, path, base)
        if why:
            kept = path.with_name(f"found-{number}-{path.name}")
            kept.write_bytes(data)
            os.write(report, _line(case=number, path=str(kept), why=why))
        path.unlink(missing_ok=True)


def _cases(name: str, seeds: Seeds, seed: int, first: int, folder: Path) -> Iterator[tuple[int, Path, bytes]]:
    """Numbered cases without an end: earlier findings, the seeds as they are, then mutations.

    A number always stands for the same case, whichever is the first.
    """
    known = sorted(path for path in (CORPUS / name).glob("*") if path.is_file())
    whole = [(path.name, path.read_bytes()) for path in known] + list(seeds.items())
    names, others = list(seeds), list(seeds.values())
    number = first
    while True:
        rng = random.Random(f"{name} {seed} {number}")
        if number < len(whole):
            chosen, data = whole[number]
        else:
            chosen = rng.choice(names)
            data = mutated(seeds[chosen], others, rng)
        # In the corpus, what stands before the plus sign says what the finding was.
        yield number, folder / chosen.split("+")[-1], data
        number += 1


def _read(reader: Reader, path: Path, base_bytes: int) -> str:
    """Finding; empty where all is well."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest use of memory so far
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        reader.read(path)
    except reader.errors as error:
        if "\n" in str(error).strip():
            return f"an error of several lines: {error!r}"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    peak = _status_kb("VmHWM") * 1024 - base_bytes
    return f"memory: {peak >> 20} MiB" if peak > MOST_BYTES else ""


def _status_kb(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{key}:")).split()[1])


def _line(**values: object) -> bytes:
    return json.dumps(values).encode() + b"\n"
