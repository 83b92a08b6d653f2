"""`python -m tests.fuzz`: tries all readers, says what was found, and exits with 1 if anything was."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tests.fuzz.campaign import Outcome, try_reader
from tests.fuzz.readers import READERS


def main() -> int:
    """Run it; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="for all readers together (10)")
    parser.add_argument("--cases", type=int, default=10**9, help="at most for each reader (no limit)")
    parser.add_argument("--seed", type=int, default=None, help="decides the cases (the time of day)")
    parser.add_argument(
        "--only", action="append", choices=sorted(READERS), help="this reader; may be repeated"
    )
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="folder for inputs of findings")
    parser.add_argument("--json", type=Path, help="write the outcome there too")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int(time.time())
    names = options.only or list(READERS)
    seconds = 60 * options.minutes / len(names)
    outcomes = {}
    for name in names:
        outcomes[name] = try_reader(name, READERS[name], seed, seconds, options.cases, options.keep)
        _say(name, outcomes[name])
    print(f"seed {seed}")
    if options.json:
        options.json.write_text(json.dumps({name: _plain(each) for name, each in outcomes.items()}))
    return int(any(outcome.findings for outcome in outcomes.values()))


def _say(name: str, outcome: Outcome) -> None:
    print(f"{name:14} {outcome.cases:7} cases, {len(outcome.findings)} findings", flush=True)
    for finding in outcome.findings:
        print(f"    case {finding.case}: {finding.why}\n        {finding.path}", flush=True)


def _plain(outcome: Outcome) -> dict[str, object]:
    found = [f"case {each.case}: {each.why}; {each.path}" for each in outcome.findings]
    return {"cases": outcome.cases, "findings": found}


if __name__ == "__main__":
    sys.exit(main())
