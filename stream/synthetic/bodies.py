"""People, cars, lamps and trees as flat parts in space, in the order in which they are painted.

Temperatures of parts are degrees Celsius above the air.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.synthetic.layout import Car, Colour, Lamp, Person, Tree

Points = NDArray[np.float64]
BLACK: Colour = (0.0, 0.0, 0.0)
CAR_WIDTH_M, CAR_LENGTH_M = 1.78, 4.3
HEADLIGHT: Colour = (1.0, 0.94, 0.80)
TAIL_LIGHT: Colour = (1.0, 0.035, 0.02)


@dataclass(frozen=True, slots=True)
class Part:
    """A convex polygon of one material.

    Attributes:
        points: [N, 3] corners in metres.
        albedo: share of red, green and blue light that it scatters back.
        warm_c: temperature above the air.
        glow: light of its own.
        alpha: how much it covers, 0 to 1.
    """

    points: Points
    albedo: Colour
    warm_c: float
    glow: Colour = BLACK
    alpha: float = 1.0


@dataclass(frozen=True, slots=True)
class Glow:
    """A light that shines into the camera: where, its colour times its strength, and its size in metres."""

    place: tuple[float, float, float]
    colour: Colour
    radius_m: float


def shaded(colour: Colour, factor: float) -> Colour:
    """A colour times a factor."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def person_parts(person: Person, time_s: float) -> list[Part]:
    """A person facing or walking, as capsules in the plane of their distance."""
    x, z, speed_x, speed_z = person.at(time_s)
    size = person.height_m
    step = 2 * np.pi * 0.9 * (time_s + person.phase_s) if speed_x or speed_z else 0.0
    pace = np.hypot(speed_x, speed_z)
    stride = 0.17 * size * (speed_x / pace if pace else 0.0)
    # People who walk across the picture are seen from the side, and narrower.
    broad = 1 - 0.55 * abs(speed_x) / pace if pace else 1.0
    slim = np.sqrt(broad)
    coat, jacket_c = person.clothes, person.jacket_c
    stand = 0.045 * size * broad
    bob = 0.012 * size * abs(np.sin(step))
    hip, neck = 0.49 * size + bob, 0.83 * size + bob
    limbs: list[tuple[Any, Any, tuple[float, float]]] = []
    stuff: list[tuple[Colour, float]] = []

    def limb(start: Any, end: Any, widths: tuple[float, float], colour: Colour, warm_c: float) -> None:
        limbs.append((start, end, widths))
        stuff.append((colour, warm_c))

    for sign in (-1, 1):
        swing = sign * np.sin(step)
        # Walking along the street shows as a foot that is lifted; walking across it, as a stride.
        lift = 0.05 * size * max(0.0, sign * np.cos(step)) * bool(pace)
        foot = (sign * stand * 0.9 + stride * swing, lift + 0.03 * size)
        knee = (sign * stand + stride * (0.55 * swing + 0.12), 0.27 * size + lift * 0.6)
        limb((sign * stand * 0.8, hip), knee, (0.050, 0.038), person.trousers, 11.0)
        limb(knee, foot, (0.037, 0.026), person.trousers, 9.5)
        limb(foot, (foot[0] + 0.35 * stride, 0.02 * size + lift), (0.022, 0.022), (0.02, 0.02, 0.02), 6.0)
    for sign in (-1, 1):
        swing = -sign * np.sin(step)
        shoulder = (sign * 0.105 * size * broad, neck - 0.035 * size)
        elbow = (sign * 0.135 * size * broad + 0.7 * stride * swing, 0.63 * size + bob)
        hand = (sign * 0.125 * size * broad + 1.5 * stride * swing, 0.49 * size + bob + 0.02 * size * swing)
        limb(shoulder, elbow, (0.034, 0.030), coat, jacket_c + 1)
        limb(elbow, hand, (0.029, 0.020), coat, jacket_c + 0.5)
        limb(hand, (hand[0], hand[1] - 0.025 * size), (0.020, 0.017), (0.11, 0.075, 0.055), 20.0)
    limb((0, hip - 0.01 * size), (0, neck - 0.07 * size), (0.082 * slim, 0.105 * slim), coat, jacket_c)
    limb((0, neck - 0.08 * size), (0, neck - 0.05 * size), (0.100 * slim, 0.070 * slim), coat, jacket_c + 1.5)
    limb((0, neck - 0.02 * size), (0, neck + 0.03 * size), (0.030, 0.032), (0.10, 0.068, 0.050), 22.0)
    limb((0, neck + 0.065 * size), (0, neck + 0.105 * size), (0.050, 0.052), (0.11, 0.075, 0.055), 24.0)
    limb((0, neck + 0.115 * size), (0, neck + 0.125 * size), (0.052, 0.048), (0.02, 0.018, 0.016), 15.0)
    starts, ends, widths = (np.array(each) for each in zip(*limbs, strict=True))
    outlines = _capsules(starts, ends, widths * size)
    points = np.concatenate([outlines + np.array((x, 0.0)), np.full((*outlines.shape[:2], 1), z)], axis=2)
    return [Part(each, *material) for each, material in zip(points, stuff, strict=True)]


def car_parts(car: Car, time_s: float, camera_x_m: float) -> list[Part]:
    """A car seen from before or behind, with the side that the camera sees."""
    near = car.z_at(time_s)
    far = near + CAR_LENGTH_M
    facing = car.speed_m_s < 0
    half = CAR_WIDTH_M / 2
    side = car.x_m - half if car.x_m > camera_x_m else car.x_m + half
    low, deck, roof = 0.28, 0.60 * car.height_m, car.height_m
    hood_c, paint = car.engine_c * 0.55, car.paint
    glass: Colour = (0.035, 0.042, 0.050)
    # Bonnet 1.2 m long, boot 0.6 m.
    start, end = (near + 1.2, far - 0.6) if facing else (near + 0.6, far - 1.2)
    lean_near, lean_far = (0.75, 0.45) if facing else (0.45, 0.75)
    cabin = half * 0.84
    cabin_side = car.x_m - cabin if car.x_m > camera_x_m else car.x_m + cabin
    engine_from, engine_to = (near, near + 1.2) if facing else (far - 1.2, far)

    def across(z: float, *corners: tuple[float, float]) -> Points:
        return np.array([(car.x_m + right * half, y, z) for right, y in corners])

    def along(x: float, *corners: tuple[float, float]) -> Points:
        return np.array([(x, y, z) for z, y in corners])

    def flat(y: float, z0: float, z1: float, width: float) -> Points:
        left, right = car.x_m - width, car.x_m + width
        return np.array([(left, y, z0), (right, y, z0), (right, y, z1), (left, y, z1)])

    parts = [
        Part(flat(0.01, near - 0.15, far + 0.15, half * 1.08), BLACK, 0.20 * car.engine_c, alpha=0.75),
        Part(
            along(side, (near, low), (far, low), (far, deck - 0.03), (near, deck - 0.03)),
            shaded(paint, 0.6),
            1.5,
        ),
    ]
    for wheel in (near + 0.75, far - 0.80):
        rubber = 0.35 * car.engine_c + 1
        parts.append(Part(_wheel(side, wheel, 0.33), (0.02, 0.02, 0.02), rubber))
        parts.append(Part(_wheel(side, wheel, 0.18), (0.20, 0.20, 0.21), rubber * 1.35))
    parts += [
        Part(flat(deck, near, far, half * 0.97), paint, 1.5),
        Part(flat(deck + 0.005, engine_from, engine_to, half * 0.9), shaded(paint, 0.95), hood_c),
        Part(
            along(
                cabin_side,
                (start, deck),
                (end, deck),
                (end - lean_far, roof - 0.02),
                (start + lean_near, roof - 0.02),
            ),
            glass,
            -0.5,
        ),
        Part(flat(roof, start + lean_near, end - lean_far, cabin * 0.94), shaded(paint, 0.9), 0.5),
        Part(
            np.array(
                [
                    (car.x_m - cabin, deck, start),
                    (car.x_m + cabin, deck, start),
                    (car.x_m + cabin * 0.92, roof - 0.03, start + lean_near),
                    (car.x_m - cabin * 0.92, roof - 0.03, start + lean_near),
                ]
            ),
            glass,
            0.5 if car.engine_c > 5 else -1.0,
        ),
    ]
    body = [(-0.97, low), (0.97, low), (1.0, 0.45), (0.98, deck - 0.06), (0.90, deck), (-0.90, deck)]
    body += [(-0.98, deck - 0.06), (-1.0, 0.45)]
    parts.append(Part(across(near, *body), shaded(paint, 0.75), 0.45 * hood_c if facing else 2.5))
    parts.append(Part(across(near, *_box(0.95, low, 0.46)), shaded(paint, 0.35), 1.5))
    if facing:
        parts.append(Part(across(near, *_box(0.52, 0.50, deck - 0.12)), (0.015, 0.015, 0.017), car.engine_c))
        parts.append(
            Part(across(near, *_box(0.40, low + 0.02, 0.42)), (0.012, 0.012, 0.014), 0.8 * car.engine_c)
        )
    else:
        parts.append(Part(across(near, *_box(0.20, 0.60, 0.72)), (0.70, 0.70, 0.62), 2.0))
        pipe = [(0.52, 0.27), (0.66, 0.27), (0.66, 0.36), (0.52, 0.36)]
        parts.append(Part(across(near, *pipe), (0.05, 0.05, 0.05), 1.25 * car.engine_c))
    lit = car.speed_m_s != 0
    colour = HEADLIGHT if facing else TAIL_LIGHT
    dull: Colour = (0.55, 0.55, 0.50) if facing else (0.30, 0.02, 0.02)
    glow = shaded(colour, 9.0 if facing else 1.6) if lit else BLACK
    for sign in (-1, 1):
        inner, outer = (0.62 * sign, 0.93 * sign)
        lamp = [(inner, deck - 0.22), (outer, deck - 0.24), (outer, deck - 0.10), (inner, deck - 0.12)]
        parts.append(Part(across(near, *lamp), dull, 9.0 if lit and facing else 3.0, glow))
    return parts


def car_glows(car: Car, time_s: float) -> list[Glow]:
    """The two lights of a driving car that point at the camera."""
    if not car.speed_m_s:
        return []
    near = car.z_at(time_s)
    facing = car.speed_m_s < 0
    colour = shaded(HEADLIGHT, 2.6) if facing else shaded(TAIL_LIGHT, 0.9)
    radius = 1.5 if facing else 0.55
    y = 0.60 * car.height_m - 0.17
    return [Glow((car.x_m + sign * 0.69, y, near), colour, radius) for sign in (-1, 1)]


def lamp_parts(lamp: Lamp) -> list[Part]:
    """Pole, arm and head of a street lamp."""
    x, z, top = lamp.x_m, lamp.z_m, lamp.height_m
    grey: Colour = (0.06, 0.065, 0.065)
    head_x, _, _ = lamp.head
    pole = np.array([(x - 0.08, 0, z), (x + 0.08, 0, z), (x + 0.05, top, z), (x - 0.05, top, z)])
    arm = np.array([(x, top - 0.05, z), (head_x, top + 0.05, z), (head_x, top + 0.13, z), (x, top + 0.05, z)])
    left, right = head_x - 0.34, head_x + 0.34
    head = np.array(
        [(left, top, z), (right, top, z), (right - 0.1, top + 0.16, z), (left + 0.1, top + 0.16, z)]
    )
    return [Part(pole, grey, 0.5), Part(arm, grey, 0.5), Part(head, grey, 14.0)]


def tree_parts(tree: Tree) -> list[Part]:
    """Trunk, boughs and clumps of leaves."""
    rng = np.random.default_rng(tree.seed)
    x, z, size = tree.x_m, tree.z_m, tree.height_m
    fork = 0.42 * size
    bark: Colour = (0.045, 0.035, 0.028)

    def limb(start: Points, end: Points, width: float) -> Part:
        flat = _capsules(start[None], end[None], np.array([[width, width * 0.6]]))[0]
        return Part(np.column_stack([flat + np.array((x, 0.0)), np.full(len(flat), z)]), bark, -0.3)

    parts = [limb(np.array([0.0, 0.0]), np.array([rng.normal(0, 0.05), fork]), 0.022 * size)]
    for _ in range(5):
        tip = np.array([rng.uniform(-0.24, 0.24) * size, rng.uniform(0.60, 0.95) * size])
        parts.append(limb(np.array([0.0, fork - 0.05 * size]), tip, 0.012 * size))
    for _ in range(110):
        angle, reach = rng.uniform(0, 2 * np.pi), 0.27 * size * np.sqrt(rng.random())
        middle = np.array([reach * np.cos(angle), 0.72 * size + reach * np.sin(angle)])
        green = rng.uniform(0.5, 1.3)
        leaf: Colour = (0.035 * green, 0.060 * green, 0.022 * green)
        radius = rng.uniform(0.02, 0.05) * size
        flat = _ellipse(middle, radius, radius * rng.uniform(0.5, 0.9), rng.uniform(0, np.pi))
        points = np.column_stack([flat + np.array((x, 0.0)), np.full(len(flat), z)])
        parts.append(Part(points, leaf, rng.uniform(-1.6, -0.6), alpha=0.8))
    return parts


def _box(half: float, low: float, high: float) -> list[tuple[float, float]]:
    return [(-half, low), (half, low), (half, high), (-half, high)]


def _wheel(x: float, z: float, radius: float) -> Points:
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    return np.column_stack([np.full(16, x), 0.33 + radius * np.sin(turn), z + radius * np.cos(turn)])


def _ellipse(middle: Points, long: float, short: float, angle: float) -> Points:
    turn = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    flat = np.column_stack([long * np.cos(turn), short * np.sin(turn)])
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(middle + flat @ np.array([[cos, sin], [-sin, cos]]))


_HALF_TURN = np.linspace(np.pi / 2, 3 * np.pi / 2, 7)


def _capsules(starts: Points, ends: Points, radii: Points) -> Points:
    """Outlines of pairs of half discs and what lies between them.

    Args:
        starts: [N, 2] middles of the first discs.
        ends: [N, 2] middles of the last discs.
        radii: [N, 2] of the first and the last disc.

    Returns:
        [N, 14, 2] corners in order.
    """
    way = ends - starts
    angle = np.arctan2(way[:, 1], way[:, 0])[:, None] + _HALF_TURN
    round_ = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    first = starts[:, None] + radii[:, :1, None] * round_
    last = ends[:, None] - radii[:, 1:, None] * round_
    return np.concatenate([first, last], axis=1)
