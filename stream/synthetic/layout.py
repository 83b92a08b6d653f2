"""The objects of a generated street, drawn from its seed, and their positions over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Light = Literal["night", "dusk", "day"]
Colour = tuple[float, float, float]

LANE_M = 3.2
PARKING_M = 2.1
FAR_M = 130.0
# Cars drive through this stretch and start again at its other end.
CAR_RANGE_M = (-12.0, 150.0)
PAINTS: tuple[Colour, ...] = (
    (0.55, 0.55, 0.57),
    (0.05, 0.05, 0.06),
    (0.40, 0.05, 0.04),
    (0.06, 0.10, 0.28),
    (0.75, 0.74, 0.70),
    (0.18, 0.20, 0.22),
    (0.08, 0.20, 0.13),
)
CLOTHES: tuple[Colour, ...] = (
    (0.022, 0.023, 0.028),
    (0.028, 0.025, 0.022),
    (0.038, 0.038, 0.042),
    (0.018, 0.024, 0.042),
    (0.042, 0.022, 0.020),
)


@dataclass(frozen=True, slots=True)
class Building:
    """A house at one side of the street; `seed` draws its facade."""

    side: int
    x_m: float
    z_m: float
    length_m: float
    height_m: float
    seed: int


@dataclass(frozen=True, slots=True)
class Lamp:
    """A street lamp; `x_m` is its foot, its head hangs over the road."""

    x_m: float
    z_m: float
    height_m: float
    reach_m: float
    colour: Colour

    @property
    def head(self) -> tuple[float, float, float]:
        """Position of the light in metres."""
        return self.x_m - np.sign(self.x_m) * self.reach_m, self.height_m, self.z_m


@dataclass(frozen=True, slots=True)
class Car:
    """A car; `speed_m_s` is above 0 driving away, below 0 coming nearer, 0 parked."""

    name: str
    x_m: float
    z_m: float
    speed_m_s: float
    paint: Colour
    height_m: float
    engine_c: float

    def z_at(self, time_s: float) -> float:
        """Near end of the car at a time, in metres before the camera."""
        if not self.speed_m_s:
            return self.z_m
        low, high = CAR_RANGE_M
        return low + (self.z_m - low + self.speed_m_s * time_s) % (high - low)


@dataclass(frozen=True, slots=True)
class Person:
    """A person who walks to and fro between two points, or stands where both agree."""

    name: str
    start: tuple[float, float]
    end: tuple[float, float]
    speed_m_s: float
    phase_s: float
    height_m: float
    clothes: Colour
    trousers: Colour
    jacket_c: float

    @property
    def way_s(self) -> float:
        """Seconds from one end to the other."""
        length = float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))
        return length / self.speed_m_s if length else 0.0

    def at(self, time_s: float) -> tuple[float, float, float, float]:
        """X and z in metres, and the signed speed along x and z in metres a second."""
        if not self.way_s:
            return *self.start, 0.0, 0.0
        turn = ((time_s + self.phase_s) / self.way_s) % 2
        share, sign = (turn, 1) if turn < 1 else (2 - turn, -1)
        span = self.end[0] - self.start[0], self.end[1] - self.start[1]
        velocity = sign * span[0] / self.way_s, sign * span[1] / self.way_s
        return self.start[0] + share * span[0], self.start[1] + share * span[1], *velocity


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree on the pavement."""

    x_m: float
    z_m: float
    height_m: float
    seed: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that a seed decides."""

    seed: int
    light: Light
    wet: float
    focal: float
    centre: float
    horizon: float
    camera_x_m: float
    camera_height_m: float
    road_m: tuple[float, float]
    walk_m: float
    crossing_z_m: float
    air_c: float
    buildings: tuple[Building, ...]
    lamps: tuple[Lamp, ...]
    trees: tuple[Tree, ...]
    cars: tuple[Car, ...]
    people: tuple[Person, ...]


def light_of(seed: int) -> Light:
    """Three of five seeds are nights, one is a dusk and one a day."""
    kinds: tuple[Light, ...] = ("night", "night", "night", "dusk", "day")
    return kinds[seed % 5]


def make_layout(seed: int, light: Light | None = None) -> Layout:
    """Draw a street from its seed.

    Args:
        seed: equal seeds give equal streets.
        light: time of the day; by default `light_of(seed)`.
    """
    rng = np.random.default_rng([seed, 1])
    light = light or light_of(seed)
    parking = rng.random(2) < 0.65
    road = -(LANE_M + PARKING_M * parking[0]), LANE_M + PARKING_M * parking[1]
    walk = rng.uniform(2.6, 4.0)
    crossing = rng.uniform(13, 22)
    lamps = _lamps(rng, road)
    cars = _driving(rng) + _parked(rng, road, parking, crossing)
    people = _walkers(rng, road, walk) + _crossers(rng, road, crossing, cars)
    return Layout(
        seed=seed,
        light=light,
        wet=float(rng.uniform(0.4, 1.0)) if light != "day" and rng.random() < 0.6 else 0.0,
        focal=rng.uniform(0.80, 1.0),
        centre=rng.uniform(0.44, 0.56),
        horizon=rng.uniform(0.40, 0.47),
        camera_x_m=rng.uniform(-1.0, 1.0),
        camera_height_m=rng.uniform(2.3, 3.4),
        road_m=road,
        walk_m=walk,
        crossing_z_m=crossing,
        air_c=float({"night": 8, "dusk": 14, "day": 21}[light] + rng.uniform(-3, 3)),
        buildings=_buildings(rng, road, walk),
        lamps=lamps,
        trees=_trees(rng, road, lamps),
        cars=cars,
        people=people,
    )


def _buildings(rng: np.random.Generator, road: tuple[float, float], walk: float) -> tuple[Building, ...]:
    found = []
    for side in (-1, 1):
        x = road[0] - walk if side < 0 else road[1] + walk
        z = rng.uniform(1.5, 5.0)
        while z < FAR_M:
            length = rng.uniform(9, 19)
            height = rng.uniform(9, 23)
            found.append(Building(side, x, z, length, height, int(rng.integers(2**31))))
            z += length + (rng.uniform(2.5, 5.0) if rng.random() < 0.18 else 0.0)
    return tuple(sorted(found, key=lambda each: -each.z_m))


def _lamps(rng: np.random.Generator, road: tuple[float, float]) -> tuple[Lamp, ...]:
    colours: tuple[Colour, ...] = ((1.0, 0.60, 0.24), (1.0, 0.84, 0.62), (0.88, 0.95, 1.0))
    colour = colours[rng.integers(3)]
    spacing, height = rng.uniform(20, 27), rng.uniform(6.2, 7.8)
    side = rng.choice([-1, 1])
    places = np.arange(rng.uniform(7, 14), FAR_M, spacing / 2)
    lamps = []
    for index, z in enumerate(places):
        right = (side > 0) == (index % 2 == 0)
        x = road[1] + 0.5 if right else road[0] - 0.5
        lamps.append(Lamp(x, float(z), height, 1.3, colour))
    return tuple(lamps)


def _trees(rng: np.random.Generator, road: tuple[float, float], lamps: tuple[Lamp, ...]) -> tuple[Tree, ...]:
    if rng.random() < 0.4:
        return ()
    trees = []
    for first, second in zip(lamps, lamps[2:], strict=False):
        if rng.random() < 0.7:
            z = (first.z_m + second.z_m) / 2 + rng.uniform(-1.5, 1.5)
            trees.append(Tree(first.x_m, z, rng.uniform(4.5, 7.5), int(rng.integers(2**31))))
    return tuple(trees)


def _driving(rng: np.random.Generator) -> tuple[Car, ...]:
    cars: list[Car] = []
    for lane, sign in ((LANE_M / 2, 1), (-LANE_M / 2, -1)):
        count = int(rng.integers(1, 4))
        speed = rng.uniform(6.5, 11.0)
        gap = (CAR_RANGE_M[1] - CAR_RANGE_M[0]) / count
        start = rng.uniform(10, 45)
        for index in range(count):
            z = CAR_RANGE_M[0] + (start + index * gap + rng.uniform(-0.2, 0.2) * gap) % (
                CAR_RANGE_M[1] - CAR_RANGE_M[0]
            )
            cars.append(_car(rng, f"car-{len(cars)}", lane + rng.uniform(-0.2, 0.2), z, sign * speed))
    return tuple(cars)


def _parked(
    rng: np.random.Generator, road: tuple[float, float], parking: np.ndarray, crossing: float
) -> tuple[Car, ...]:
    cars: list[Car] = []
    for side, x in enumerate((road[0] + PARKING_M / 2, road[1] - PARKING_M / 2)):
        z = rng.uniform(6, 11)
        while parking[side] and z < 80:
            if rng.random() < 0.6 and not crossing - 6 < z < crossing + 4:
                cars.append(_car(rng, f"parked-{len(cars)}", x, z, 0.0))
            z += rng.uniform(5.4, 7.5)
    return tuple(cars)


def _car(rng: np.random.Generator, name: str, x: float, z: float, speed: float) -> Car:
    warm = speed != 0 or rng.random() < 0.35
    engine = rng.uniform(20, 34) if warm else rng.uniform(0, 2)
    paint = PAINTS[rng.integers(len(PAINTS))]
    return Car(name, float(x), float(z), speed, paint, rng.uniform(1.42, 1.68), float(engine))


def _walkers(rng: np.random.Generator, road: tuple[float, float], walk: float) -> tuple[Person, ...]:
    people = []
    for index in range(int(rng.integers(2, 9))):
        right = rng.random() < 0.5
        aside = rng.uniform(0.9, walk - 0.5)
        x = road[1] + aside if right else road[0] - aside
        z, way = rng.uniform(9, 34), rng.uniform(8, 22)
        end = z + way if rng.random() < 0.85 else z
        people.append(_person(rng, f"person-{index}", (x, z), (x + rng.uniform(-0.3, 0.3) * (end != z), end)))
    return tuple(people)


def _crossers(
    rng: np.random.Generator, road: tuple[float, float], crossing: float, cars: tuple[Car, ...]
) -> tuple[Person, ...]:
    """People on the crossing, at times when they meet few cars in the first minute."""
    people = []
    for index in range(int(rng.integers(1, 4))):
        z = crossing + rng.uniform(-0.8, 0.8)
        start, end = (road[0] - 1.2, z), (road[1] + 1.2, z)
        choices = [_person(rng, f"crossing-{index}", start, end) for _ in range(24)]
        people.append(min(choices, key=lambda person: _meetings(person, cars)))
    return tuple(people)


def _meetings(person: Person, cars: tuple[Car, ...]) -> int:
    count = 0
    driving = [car for car in cars if car.speed_m_s]
    for time_s in np.arange(0, 60, 0.4).tolist():
        x, z, _, _ = person.at(time_s)
        count += sum(abs(car.x_m - x) < 1.7 and -6 < car.z_at(time_s) - z < 2 for car in driving)
    return count


def _person(
    rng: np.random.Generator, name: str, start: tuple[float, float], end: tuple[float, float]
) -> Person:
    return Person(
        name=name,
        start=start,
        end=end,
        speed_m_s=rng.uniform(0.9, 1.6),
        phase_s=rng.uniform(0, 40),
        height_m=rng.uniform(1.55, 1.90),
        clothes=CLOTHES[rng.integers(len(CLOTHES))],
        trousers=CLOTHES[rng.integers(len(CLOTHES))],
        jacket_c=rng.uniform(6, 12),
    )
