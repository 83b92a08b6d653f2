"""When a camera misbehaves, and how: the schedule of `chaos://`."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from typing import Literal, get_args

from stream.errors import RefusedError
from stream.uri import mask

Kind = Literal[
    "stall", "freeze", "drop", "reorder", "burst", "jump", "drift", "resize", "corrupt", "disconnect"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
# What a kind's number is where none is given.
AMOUNTS: dict[Kind, float] = {"drop": 0.5, "jump": 5.0, "drift": 200.0, "resize": 0.5, "corrupt": 0.2}
# Kinds that last for ever where no length is given; the others last a second.
LASTING = ("jump", "drift")
# Random faults are drawn for so long and then come again.
HORIZON_S = 3600.0
_FAULT = re.compile(
    r"(?P<kind>[a-z]+)@(?P<start>[\d.]+)(\+(?P<length>[\d.]+))?(\*(?P<amount>-?[\d.]+))?(/(?P<every>[\d.]+))?"
)
_SETTING = re.compile(r"(seed|random)=([\d.]+)")
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

    def active(self, kind: Kind, now_s: float) -> Fault | None:
        """The fault of a kind that is going on, if any."""
        return next(
            (fault for fault in self.faults if fault.kind == kind and fault.since_s(now_s) is not None), None
        )


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
    faults, seed, rate = [], 0, 0.0
    for part in filter(None, text.split(",")):
        setting, fault = _SETTING.fullmatch(part), _FAULT.fullmatch(part)
        try:
            if setting and setting[1] == "seed":
                seed = int(setting[2])
            elif setting:
                rate = float(setting[2])
            elif fault and fault["kind"] in KINDS:
                faults.append(_fault(fault))
            else:
                raise ValueError
        except ValueError:
            raise RefusedError(
                f"{part!r} is no fault: write KIND@START+LENGTH*AMOUNT/EVERY in seconds with KIND one of "
                f"{', '.join(KINDS)}, seed=N or random=FAULTS-A-MINUTE, as in {EXAMPLE}"
            ) from None
    return Schedule((*faults, *_random_faults(rate, seed)), seed)


def _fault(match: re.Match[str]) -> Fault:
    kind: Kind = next(kind for kind in KINDS if kind == match["kind"])
    default_s = math.inf if kind in LASTING else 1.0
    return Fault(
        kind,
        float(match["start"]),
        float(match["length"]) if match["length"] else default_s,
        float(match["amount"]) if match["amount"] else AMOUNTS.get(kind, 0.0),
        float(match["every"]) if match["every"] else None,
    )


def _random_faults(rate: float, seed: int) -> list[Fault]:
    """Faults at random moments, a rate of them a minute, of all kinds, of a tenth of a second to three."""
    rng, at_s, faults = random.Random(seed), 0.0, []
    while rate:
        at_s += rng.expovariate(rate / 60)
        if at_s >= HORIZON_S:
            break
        kind = rng.choice(KINDS)
        faults.append(Fault(kind, at_s, rng.uniform(0.1, 3.0), AMOUNTS.get(kind, 0.0), HORIZON_S))
    return faults
