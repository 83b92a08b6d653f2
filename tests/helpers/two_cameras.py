"""Two cameras as a live pairer meets them: frames that arrive late, unevenly, on clocks of their own."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from stream.config import LiveSettings, PairingSettings
from stream.frame import ClockSource, Frame, FrameSet, Side
from stream.pairing.online import OnlinePairer

BEGIN_S = 1_700_000_000.0
MOMENT_S = 0.005


@dataclass(frozen=True)
class Shot:
    """A frame, when the light arrived and when the frame did, both on this machine's clock."""

    side: Side
    frame: Frame
    true_s: float


@dataclass
class Film:
    """A camera.

    Attributes:
        side: which camera.
        rate: frames a second.
        phase_s: when the first frame is taken.
        delay_s: the least time from light to arrival.
        jitter_s: what may come on top, evenly spread.
        ahead_s: its clock minus this machine's clock.
        drift_ppm: how fast its clock runs.
        clock: where its times come from.
        gone: spans (from, to) in seconds in which nothing arrives.
        pixels: picture of a frame by its number.
    """

    side: Side
    rate: float = 30.0
    phase_s: float = 0.0
    delay_s: float = 0.03
    jitter_s: float = 0.0
    ahead_s: float = 0.0
    drift_ppm: float = 0.0
    clock: ClockSource = "rtcp"
    gone: tuple[tuple[float, float], ...] = ()
    pixels: Callable[[int], np.ndarray] | None = None
    seed: int = 1
    _rng: random.Random = field(init=False)

    def shots(self, duration_s: float) -> Iterator[Shot]:
        """All frames, in the order of arrival."""
        rng = random.Random(f"{self.seed} {self.side}")
        last_s = 0.0
        for index in range(int(duration_s * self.rate)):
            true_s = self.phase_s + index / self.rate
            last_s = max(last_s, true_s + self.delay_s + rng.random() * self.jitter_s)
            if any(begin <= last_s < end for begin, end in self.gone):
                continue
            own_s = BEGIN_S + true_s * (1 + self.drift_ppm * 1e-6) + self.ahead_s
            yield Shot(self.side, self._frame(index, own_s, last_s), true_s)

    def _frame(self, index: int, own_s: float, arrived_s: float) -> Frame:
        if self.pixels is not None:
            pixels = self.pixels(index)
        elif self.side == "visible":
            pixels = np.zeros((2, 2, 3), np.uint8)
        else:
            pixels = np.full((2, 2), index % 60_000, np.uint16)
        kind = "rgb24" if pixels.ndim == 3 else "gray16le" if pixels.dtype == np.uint16 else "gray8"
        return Frame(
            pixels, kind, Fraction(own_s), self.clock, index, 8 if kind != "gray16le" else 14, arrived_s
        )


@dataclass
class Played:
    """Frame sets, their decision times, and the true time between the frames of each pair in seconds."""

    pairer: OnlinePairer
    moments: list[FrameSet]
    decided_s: list[float]
    true_errors_s: list[float]

    @property
    def waits_s(self) -> list[float]:
        """From the arrival of the last frame of each moment to its decision."""
        arrivals = [
            max(frame.arrived_s or 0 for frame in (moment.visible, moment.thermal) if frame is not None)
            for moment in self.moments
        ]
        return [decided - arrived for decided, arrived in zip(self.decided_s, arrivals, strict=True)]


def play(
    visible: Film, thermal: Film, duration_s: float, limits: LiveSettings | None = None, **pairing: object
) -> Played:
    """Let two cameras film and pair them, asking for what is due at every arrival and every 5 ms."""
    pairer = OnlinePairer(PairingSettings.model_validate(pairing), LiveSettings())
    shots = list(heapq.merge(visible.shots(duration_s), thermal.shots(duration_s), key=_arrival))
    true_s = {id(shot.frame): shot.true_s for shot in shots}
    played = Played(pairer, [], [], [])
    now_s = 0.0
    for shot in shots:
        arrived_s = _arrival(shot)
        while now_s + MOMENT_S < arrived_s:
            now_s += MOMENT_S
            _collect(played, true_s, now_s)
        now_s = arrived_s
        pairer.offer(shot.side, shot.frame)
        _collect(played, true_s, now_s)
    _collect(played, true_s, now_s + 10)
    pairer.finish()
    return played


def _arrival(shot: Shot) -> float:
    assert shot.frame.arrived_s is not None
    return shot.frame.arrived_s


def _collect(played: Played, true_s: dict[int, float], now_s: float) -> None:
    for moment in played.pairer.due(now_s):
        played.moments.append(moment)
        played.decided_s.append(now_s)
        if moment.visible is not None and moment.thermal is not None and not moment.flags:
            played.true_errors_s.append(true_s[id(moment.thermal)] - true_s[id(moment.visible)])


def share_below(values: Iterable[float], bound: float) -> float:
    """The share of values whose size is below a bound."""
    sizes = [abs(value) for value in values]
    return sum(size < bound for size in sizes) / len(sizes)
