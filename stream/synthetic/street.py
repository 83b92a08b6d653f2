"""Frames and truth of a generated street at any time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stream.synthetic.backdrop import Backdrop, draw_thermal, draw_visible, object_light
from stream.synthetic.bodies import CAR_LENGTH_M, Part, car_glows, car_parts, person_parts
from stream.synthetic.camera import NEAR_M, SyntheticCamera, clip_near
from stream.synthetic.conditions import Conditions
from stream.synthetic.instances import Instance, bounds, outline
from stream.synthetic.layout import FAR_M, Car, Layout, Light, Person, make_layout
from stream.synthetic.paint import Picture, add_halo, develop, paint_parts, soften
from stream.synthetic.sensor import ThermalSensor, VisibleSensor, misalignment, shift
from stream.synthetic.smoke import Smoke

Size = tuple[int, int]
BEAM_LIGHT = (0.050, 0.047, 0.040)
FARTHEST_M = FAR_M + 20


@dataclass(frozen=True, slots=True)
class Box:
    """The visible outline of a person or a car, without occlusion.

    Attributes:
        kind: what it is.
        name: the same at all times.
        left: pixels of the visible picture, from its left edge.
        top: from its upper edge.
        right: from its left edge.
        bottom: from its upper edge.
        distance_m: from the camera.
    """

    kind: Literal["person", "car"]
    name: str
    left: float
    top: float
    right: float
    bottom: float
    distance_m: float


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth about a frame of a generated scene.

    Attributes:
        time_s: on the visible clock.
        boxes: all people and cars in the visible picture, far ones first.
        visible_from_thermal: [3, 3] maps thermal pixels to visible ones (OpenCV's pixel coordinates).
        offset_ms: thermal clock minus visible clock.
    """

    time_s: float
    boxes: tuple[Box, ...]
    visible_from_thermal: NDArray[np.float64]
    offset_ms: float


class Street:
    """A generated street, seen by a visible and a thermal camera at one place.

    Pictures depend on the arguments and the time alone, so that any can be drawn at any time and order.
    """

    def __init__(
        self,
        seed: int = 1,
        size: Size = (640, 480),
        *,
        thermal_size: Size | None = None,
        light: Light | None = None,
        misalign_px: float = 0.0,
        baseline_m: float = 0.0,
        offset_ms: float = 0.0,
        noise: float = 1.0,
        smoke: float = 0.0,
        conditions: Conditions | None = None,
    ) -> None:
        """Lay the street out; the still parts are drawn when the first picture is asked for.

        Args:
            seed: decides the street; of five in a row three are nights, one a dusk, one a day.
            size: width and height of visible pictures.
            thermal_size: of thermal pictures, by default the same.
            light: `night`, `dusk` or `day` instead of the seed's.
            misalign_px: largest distance in thermal pixels between where a thing is in the thermal picture
                and where it would be for cameras that are perfectly registered.
            baseline_m: how far right of the visible camera the thermal one stands; what is near is then seen
                from two sides, and `visible_from_thermal` holds for what is far away.
            offset_ms: thermal clock minus visible clock.
            noise: strength of sensor noise, 1 for that of a usual camera.
            smoke: density of smoke that hides the visible street, 0 to 1.
            conditions: glare, rain, camouflage and heat.
        """
        self.layout = make_layout(seed, light)
        self.offset_ms = offset_ms
        self._noise = noise
        self._smoke = Smoke(seed, smoke) if smoke else None
        self._conditions = conditions or Conditions()
        self._camera = _camera(self.layout, size)
        beside = replace(self.layout, camera_x_m=self.layout.camera_x_m + baseline_m)
        self._unshifted = _camera(beside, thermal_size or size)
        self._misalign_px = misalign_px
        self._aligned_from_thermal = misalignment(seed, self._unshifted, misalign_px)

    @cached_property
    def visible_from_thermal(self) -> NDArray[np.float64]:
        """[3, 3] homography from thermal to visible pixels, of what is far away."""
        to_x, to_y = self._camera.middle_px
        from_x, from_y = self._unshifted.middle_px
        zoom = self._camera.width / self._unshifted.width
        scale = np.array([[zoom, 0, to_x - zoom * from_x], [0, zoom, to_y - zoom * from_y], [0, 0, 1]])
        return np.asarray(scale @ self._aligned_from_thermal)

    def visible(self, time_s: float) -> NDArray[np.uint8]:
        """The visible picture at a time on the visible clock, [H, W, 3] uint8 RGB."""
        still = self._visible_backdrop
        assert still.light is not None
        picture = still.light.copy()
        for thing in self._moving(time_s):
            self._paint_visible(picture, still, thing, time_s)
        if self._smoke:
            self._smoke.cover(picture, time_s, self.layout.light)
        self._conditions.dazzle(picture)
        self._conditions.streaks(picture, time_s)
        return develop(picture, self._visible_sensor.noise(time_s))

    def thermal(self, time_s: float, bits: int = 14) -> NDArray[np.uint16] | NDArray[np.uint8]:
        """The thermal picture at a time on the visible clock.

        Args:
            time_s: add nothing for the clock offset; it moves time stamps, not the world.
            bits: 10, 12, 14 or 16 for [H, W] uint16 counts; 8 for [H, W] uint8.
        """
        still = self._thermal_backdrop
        assert still.warm_c is not None
        warm = still.warm_c.copy()
        camera = self._thermal_camera
        for thing in self._moving(time_s):
            parts = self._conditions.felt(_parts(thing, time_s, self.layout.camera_x_m))
            paint_parts(warm, parts, camera, None, still.depth_m)
        self._conditions.cool(warm)
        warm = soften(warm, 0.55)
        if self._misalign_px:
            warm = shift(warm, self._aligned_from_thermal, camera)
        return self._thermal_sensor.counts(warm, time_s, bits)

    def truth(self, time_s: float) -> Truth:
        """Boxes of people and cars at a time, and how the two cameras relate."""
        boxes = [self._box(thing, time_s) for thing in self._things(time_s)]
        seen = tuple(box for box in boxes if box is not None)
        return Truth(time_s, seen, self.visible_from_thermal, self.offset_ms)

    def instances(self, time_s: float) -> tuple[NDArray[np.uint16], tuple[Instance, ...]]:
        """People and cars that are seen at a time, and [H, W] the number of the one that each pixel shows.

        Pixels are those of the visible picture; 0 is the street. Smoke and the like hide nothing here.
        """
        numbers = np.zeros(self._camera.shape, np.uint16)
        whole: list[tuple[Car | Person, int]] = []
        depth_m = self._visible_backdrop.depth_m
        for number, thing in enumerate(self._things(time_s), start=1):
            covered = outline(_parts(thing, time_s, self.layout.camera_x_m), self._camera)
            numbers[covered & (depth_m >= np.float32(_distance(thing, time_s)))] = number
            whole.append((thing, int(covered.sum())))
        found = []
        for number, (thing, area) in enumerate(whole, start=1):
            mask = numbers == number
            if (seen := int(mask.sum())) > 0:
                kind = "car" if isinstance(thing, Car) else "person"
                found.append(Instance(kind, thing.name, number, bounds(mask), seen, 1 - seen / area))
        return numbers, tuple(found)

    def _things(self, time_s: float) -> list[Car | Person]:
        """All people and cars between the camera and the end of the street, far ones first."""
        everything: list[Car | Person] = [*self.layout.cars, *self.layout.people]
        placed = [(_distance(thing, time_s), thing) for thing in everything]
        return [
            thing for z, thing in sorted(placed, key=lambda item: -item[0]) if -CAR_LENGTH_M < z < FARTHEST_M
        ]

    def _moving(self, time_s: float) -> list[Car | Person]:
        """Everything in front of the backdrop."""
        return [each for each in self._things(time_s) if isinstance(each, Person) or each.speed_m_s]

    def _paint_visible(self, picture: Picture, still: Backdrop, thing: Car | Person, time_s: float) -> None:
        car = thing if isinstance(thing, Car) and self.layout.light != "day" else None
        if car:
            self._paint_beam(picture, car, time_s)
        z = max(_distance(thing, time_s), 1.0)
        x = thing.x_m if isinstance(thing, Car) else thing.at(time_s)[0]
        light = object_light(self.layout, x, z)
        parts = self._conditions.seen(_parts(thing, time_s, self.layout.camera_x_m), thing.name)
        paint_parts(picture, parts, self._camera, light, still.depth_m)
        if car:
            self._paint_glows(picture, still, car, time_s)

    def _paint_beam(self, picture: Picture, car: Car, time_s: float) -> None:
        """Light of the headlights on the road before the car."""
        z = car.z_at(time_s)
        near, far = (z - 15, z - 1) if car.speed_m_s < 0 else (z + CAR_LENGTH_M, z + CAR_LENGTH_M + 14)
        if far < 2.5:
            return
        near = max(near, 2.5)
        low, high = self._camera.project([(car.x_m, 0, near), (car.x_m, 0, far)])
        middle, down = (low + high) / 2, abs(low[1] - high[1]) * 0.7
        across = self._camera.focal_px * 2.3 / (0.5 * (near + far)) * 1.3
        add_halo(picture, middle, (across, down), np.array(BEAM_LIGHT), soft=True)

    def _paint_glows(self, picture: Picture, still: Backdrop, car: Car, time_s: float) -> None:
        for glow in car_glows(car, time_s):
            x, y, z = glow.place
            if z < 2 * NEAR_M:
                continue
            middle = self._camera.project(glow.place)
            if _hidden(still.depth_m, middle, z):
                continue
            radius = min(self._camera.focal_px * glow.radius_m / z + 3, 0.2 * self._camera.width)
            add_halo(picture, middle, (radius, radius), np.array(glow.colour))
            if self.layout.wet:
                mirrored = self._camera.project((x, -1.5 * y, z))
                streak = radius * 0.35, self._camera.focal_px * 1.9 / z
                add_halo(picture, mirrored, streak, 0.22 * self.layout.wet * np.array(glow.colour))

    def _box(self, thing: Car | Person, time_s: float) -> Box | None:
        points = [
            clip_near(part.points)
            for part in _parts(thing, time_s, self.layout.camera_x_m)
            if part.alpha == 1
        ]
        corners = self._camera.project(np.concatenate(points))
        if not len(corners):
            return None
        # The edge of the first pixel is half a pixel before its middle.
        left, top = np.maximum(corners.min(axis=0) + 0.5, 0)
        right, bottom = np.minimum(corners.max(axis=0) + 0.5, (self._camera.width, self._camera.height))
        if right - left < 1 or bottom - top < 1:
            return None
        kind: Literal["person", "car"] = "car" if isinstance(thing, Car) else "person"
        distance = float(_distance(thing, time_s))
        return Box(kind, thing.name, float(left), float(top), float(right), float(bottom), distance)

    @cached_property
    def _visible_backdrop(self) -> Backdrop:
        return draw_visible(self.layout, self._camera, replace(self._camera, scale=2))

    @cached_property
    def _thermal_camera(self) -> SyntheticCamera:
        pad = int(np.ceil(self._misalign_px)) + 2 if self._misalign_px else 0
        return replace(self._unshifted, pad_px=pad)

    @cached_property
    def _thermal_backdrop(self) -> Backdrop:
        camera = self._thermal_camera
        still = draw_thermal(self.layout, camera, replace(camera, scale=2))
        assert still.warm_c is not None
        self._conditions.warm(still.warm_c, camera.middle_px[1])
        return still

    @cached_property
    def _visible_sensor(self) -> VisibleSensor:
        return VisibleSensor(self.layout.seed, self._camera, self._noise)

    @cached_property
    def _thermal_sensor(self) -> ThermalSensor:
        return ThermalSensor(self.layout.seed, self._unshifted, self._noise, self.layout.air_c)


def _camera(layout: Layout, size: Size) -> SyntheticCamera:
    place = layout.camera_x_m, layout.camera_height_m
    return SyntheticCamera(*size, layout.focal, layout.centre, layout.horizon, *place)


def _distance(thing: Car | Person, time_s: float) -> float:
    return thing.z_at(time_s) if isinstance(thing, Car) else thing.at(time_s)[1]


def _parts(thing: Car | Person, time_s: float, camera_x_m: float) -> list[Part]:
    return car_parts(thing, time_s, camera_x_m) if isinstance(thing, Car) else person_parts(thing, time_s)


def _hidden(depth_m: NDArray[np.float32], middle: NDArray[np.float64], z: float) -> bool:
    row, column = round(float(middle[1])), round(float(middle[0]))
    inside = 0 <= row < depth_m.shape[0] and 0 <= column < depth_m.shape[1]
    return inside and bool(depth_m[row, column] < z)
