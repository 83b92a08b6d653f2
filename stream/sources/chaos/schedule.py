"""The schedule of faults of `chaos://`."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from typing import Literal, get_args

from stream.errors import RefusedError
from stream.uri import mask

Kind = Literal[
    "stall",
    "freeze",
    "drop",
    "reorder",
    "burst",
    "jump",
    "drift",
    "resize",
    "corrupt",
    "disconnect",
    "refuse",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class _Amount:
    """Meaning, range and default of a fault's number."""

    meaning: str
    least: float
    most: float
    default: float


AMOUNTS: dict[Kind, _Amount] = {
    "drop": _Amount("share of frames", 0, 1, 0.5),
    "jump": _Amount("seconds", -1e9, 1e9, 5),
    "drift": _Amount("ppm", -1e5, 1e5, 200),
    "resize": _Amount("share of width and height", 0.05, 4, 0.5),
    "corrupt": _Amount("share of blocks", 0, 1, 0.2),
}
# Kinds that never end where no length is given, the others last a second; where two of them are on at
# once, their effects add up.
LASTING = ("jump", "drift")
# Seconds for which random faults are drawn; then the schedule repeats.
HORIZON_S = 3600.0
# Every frame looks at every fault.
MOST_RANDOM = 60.0
_NUMBER = r"\d+\.?\d*|\.\d+"
_FAULT = re.compile(
    rf"(?P<kind>[a-z]+)@(?P<start>{_NUMBER})(\+(?P<length>{_NUMBER}))?"
    rf"(\*(?P<amount>-?({_NUMBER})))?(/(?P<every>{_NUMBER}))?"
)
_SEED = re.compile(r"seed=(\d{1,18})")
_RANDOM = re.compile(rf"random=({_NUMBER})")
EXAMPLE = "chaos://stall@10+3,drop@20+5*0.3,disconnect@40+2/60,seed=7!rtsp://camera/stream"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, or one that comes again and again; times in seconds since the camera was first opened."""

    kind: Kind
    start_s: float
    length_s: float
    amount: float = 0.0
    every_s: float | None = None

    def since_s(self, now_s: float) -> float | None:
        """For how long it has been going on; None when it does not."""
        passed_s = now_s - self.start_s
        if passed_s >= 0 and self.every_s is not None:
            passed_s %= self.every_s
        return passed_s if 0 <= passed_s < self.length_s else None


@dataclass(frozen=True, slots=True)
class Schedule:
    """All faults of a camera.

    Attributes:
        faults: each with its times.
        seed: of everything that is left to chance.
    """

    faults: tuple[Fault, ...]
    seed: int

    def at(self, now_s: float) -> dict[Kind, float]:
        """The kinds that go on at a moment, each with its amount.

        Of several faults of one kind the first one counts. The amounts of `jump` and `drift` are the seconds
        by which the clock is ahead, those of all their faults together.
        """
        amounts: dict[Kind, float] = {}
        for fault in self.faults:
            since_s = fault.since_s(now_s)
            if since_s is None:
                continue
            amount = fault.amount * since_s * 1e-6 if fault.kind == "drift" else fault.amount
            if fault.kind in LASTING:
                amounts[fault.kind] = amounts.get(fault.kind, 0.0) + amount
            else:
                amounts.setdefault(fault.kind, amount)
        return amounts


def split(text: str) -> tuple[str, str]:
    """The schedule and the inner URI of `chaos://SCHEDULE!INNER`.

    Raises:
        RefusedError: there is no inner URI.
    """
    schedule, mark, inner = text.split("://", 1)[1].partition("!")
    if not mark or not inner:
        raise RefusedError(f"{mask(text)} names no camera behind a '!'; write it as {EXAMPLE}")
    return schedule, inner


def parse_schedule(text: str) -> Schedule:
    """Read a schedule, comma-separated `KIND@START[+LENGTH][*AMOUNT][/EVERY]`, `seed=N` and `random=RATE`.

    Args:
        text: times in seconds; the rate in faults a minute.

    Raises:
        RefusedError: names the part that is wrong, and what is allowed.
    """
    if "://" in text:
        # Nothing of it is shown: a comma may have cut a password in two.
        raise RefusedError(f"a camera stands before the '!', where faults belong; write it as {EXAMPLE}")
    faults, seed, rate = [], 0, 0.0
    for part in filter(None, map(str.strip, text.split(","))):
        if given := _SEED.fullmatch(part):
            seed = int(given[1])
        elif given := _RANDOM.fullmatch(part):
            rate = _rate(part, float(given[1]))
        else:
            faults.append(_fault(part))
    return Schedule((*faults, *_random_faults(rate, seed)), seed)


def _fault(part: str) -> Fault:
    match = _FAULT.fullmatch(part)
    kind = next((kind for kind in KINDS if match and kind == match["kind"]), None)
    if match is None or kind is None:
        raise RefusedError(
            f"{part!r} is not a fault: write KIND@START+LENGTH*AMOUNT/EVERY in seconds with KIND one of "
            f"{', '.join(KINDS)}, seed=N or random=FAULTS-A-MINUTE, as in {EXAMPLE}"
        )
    length_s = float(match["length"] or (math.inf if kind in LASTING else 1))
    if length_s == 0:
        raise RefusedError(f"{part!r} lasts no time: its length, behind the '+', must be above 0 s")
    every_s = float(match["every"]) if match["every"] else None
    if every_s is not None and every_s <= length_s:
        lasting = "endlessly" if math.isinf(length_s) else f"{length_s:g} s"
        raise RefusedError(
            f"{part!r} would come again every {every_s:g} s and last {lasting}; "
            f"give it a length (+) below its distance (/)"
        )
    return Fault(kind, float(match["start"]), length_s, _amount(part, kind, match["amount"]), every_s)


def _amount(part: str, kind: Kind, given: str | None) -> float:
    amount = AMOUNTS.get(kind)
    if amount is None:
        if given:
            raise RefusedError(
                f"{part!r}: {kind} takes no amount, got *{given}; {', '.join(AMOUNTS)} take one"
            )
        return 0.0
    value = float(given) if given else amount.default
    if not amount.least <= value <= amount.most:
        raise RefusedError(
            f"{part!r}: the amount of {kind} ({amount.meaning}) must be from {amount.least:g} to "
            f"{amount.most:g}, got {value:g}"
        )
    return value


def _rate(part: str, rate: float) -> float:
    if rate > MOST_RANDOM:
        raise RefusedError(f"{part!r}: there may be at most {MOST_RANDOM:g} random faults a minute")
    return rate


def _random_faults(rate: float, seed: int) -> list[Fault]:
    """Faults at random moments, a rate of them a minute, of all kinds, of a tenth of a second to three."""
    rng, at_s, faults = random.Random(seed), 0.0, []
    while rate:
        at_s += rng.expovariate(rate / 60)
        if at_s >= HORIZON_S:
            break
        kind = rng.choice(KINDS)
        length_s = rng.uniform(0.1, 3.0)
        faults.append(Fault(kind, at_s, length_s, _amount("random", kind, None), HORIZON_S))
    return faults
