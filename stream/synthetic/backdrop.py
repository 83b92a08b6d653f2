"""The static backdrop of a generated street, drawn once for each camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.synthetic.bodies import Part, car_parts, lamp_parts, tree_parts
from stream.synthetic.camera import Points, SyntheticCamera
from stream.synthetic.facades import facade_surface
from stream.synthetic.layout import Building, Layout
from stream.synthetic.materials import (
    SKY_LIGHT,
    Surface,
    ground_surface,
    noise_tile,
    received_light,
)
from stream.synthetic.paint import (
    Picture,
    add_halo,
    blend,
    corners_of,
    paint_parts,
    polygon_mask,
    soften,
    subpixels,
)

# Degrees that the sky is colder than the air, at the horizon and far above it.
SKY_COLD_C = (6.0, 17.0)
DOWN, ACROSS = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Backdrop:
    """The still part of a picture.

    Attributes:
        light: [H, W, 3] float32, or None for a thermal camera.
        warm_c: [H, W] float32 degrees above the air, or None for a visible camera.
        depth_m: [H, W] distance of the still things that can hide moving ones; infinite elsewhere.
    """

    light: Picture | None
    warm_c: Picture | None
    depth_m: NDArray[np.float32]


def draw_visible(layout: Layout, camera: SyntheticCamera, detail: SyntheticCamera) -> Backdrop:
    """Draw the still street as light.

    Args:
        layout: the street.
        camera: of the picture.
        detail: the same with more pixels, in which edges are drawn before they are averaged.
    """
    picture = _sky_light(layout, detail)
    x, z = detail.ground()
    ground = ground_surface(layout, x, z)
    lit = ground.albedo * _ground_light(layout, x, z)
    below = _below_horizon(detail)
    picture[below:] = _haze(layout, lit[below:], z[below:])
    for building in layout.buildings:
        _paint_building(picture, layout, building, detail)
    if layout.wet:
        _reflect(picture, layout, detail)
    _paint_still_things(picture, layout, detail)
    picture = _average(picture, camera)
    _add_lamp_glow(picture, layout, camera)
    return Backdrop(_bloom(picture), None, _still_depth(layout, camera))


def draw_thermal(layout: Layout, camera: SyntheticCamera, detail: SyntheticCamera) -> Backdrop:
    """Draw the still street as degrees above the air; see `draw_visible`."""
    picture = _sky_cold(layout, detail)
    x, z = detail.ground()
    below = _below_horizon(detail)
    ground = ground_surface(layout, x, z).warm_c
    far = np.clip(z / 200, 0, 1)
    picture[below:] = (ground * (1 - far))[below:]
    for building in layout.buildings:
        _paint_building(picture, layout, building, detail)
    _paint_still_things(picture, layout, detail)
    picture = _average(picture, camera)
    return Backdrop(None, soften(picture, 0.6), _still_depth(layout, camera))


def _ground_light(layout: Layout, x: Points, z: Points) -> Picture:
    """Light on the road, computed on every third pixel since it is smooth."""
    few = x[::3, ::3], np.zeros_like(x[::3, ::3]), z[::3, ::3]
    light = received_light(layout, np.stack(few, axis=-1), DOWN)
    return np.asarray(cv2.resize(light, (x.shape[1], x.shape[0]), interpolation=cv2.INTER_LINEAR))


def _average(picture: Picture, camera: SyntheticCamera) -> Picture:
    rows, columns = camera.shape
    return np.asarray(cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA))


def _below_horizon(camera: SyntheticCamera) -> int:
    return int(np.clip(np.ceil(camera.middle_px[1] + 0.5), 0, camera.shape[0]))


def _elevation(camera: SyntheticCamera) -> Points:
    """Tangent of the angle above the horizon, [rows, 1]; at least 0."""
    rows = np.arange(camera.shape[0])
    return np.asarray(np.maximum((camera.middle_px[1] - rows) / camera.focal_px, 0)[:, None])


def _sky_light(layout: Layout, camera: SyntheticCamera) -> Picture:
    high, low = {
        "night": ((0.0020, 0.0030, 0.0075), (0.022, 0.017, 0.016)),
        "dusk": ((0.045, 0.065, 0.160), (0.62, 0.30, 0.16)),
        "day": ((0.55, 0.72, 1.00), (0.95, 0.97, 1.00)),
    }[layout.light]
    rise = np.clip(_elevation(camera) / 0.42, 0, 1)[..., None] ** 0.6
    sky = np.asarray(low) * (1 - rise) + np.asarray(high) * rise
    clouds = _clouds(layout, camera)[..., None]
    tint = {"night": 0.006, "dusk": 0.10, "day": 0.16}[layout.light]
    picture = (sky + tint * clouds * np.asarray(low) / max(low)).astype(np.float32)
    if layout.light == "night":
        _add_stars(picture, layout)
    return np.ascontiguousarray(np.maximum(picture, 0))


def _clouds(layout: Layout, camera: SyntheticCamera) -> Picture:
    rows, columns = camera.shape
    tile = cv2.GaussianBlur(noise_tile(layout.seed + 1, 512), (0, 0), 4)
    cut = tile[:128, :256]
    return np.asarray(np.clip(cv2.resize(cut, (columns, rows), interpolation=cv2.INTER_CUBIC) + 0.1, 0, 1))


def _add_stars(picture: Picture, layout: Layout) -> None:
    rng = np.random.default_rng([layout.seed, 3])
    rows, columns = picture.shape[:2]
    for share_y, share_x, strength in rng.random((90, 3)):
        middle = share_x * columns, share_y * rows * 0.4
        add_halo(picture, middle, (columns / 320, columns / 320), [0.30 * strength**3] * 3)


def _sky_cold(layout: Layout, camera: SyntheticCamera) -> Picture:
    rows, columns = camera.shape
    rise = np.clip(_elevation(camera) / 0.5, 0, 1)
    cold = -SKY_COLD_C[0] - (SKY_COLD_C[1] - SKY_COLD_C[0]) * np.broadcast_to(rise, (rows, columns))
    return np.ascontiguousarray(cold + 3.0 * _clouds(layout, camera), dtype=np.float32)


def _haze(layout: Layout, picture: Picture, z: Points) -> Picture:
    air = np.asarray(SKY_LIGHT[layout.light], np.float32) * (0.8 if layout.light != "night" else 0.6)
    share = (1 - np.exp(-z / 180)).astype(np.float32)[..., None]
    return np.asarray(picture * (1 - share) + air * share)


def _paint_building(picture: Picture, layout: Layout, building: Building, camera: SyntheticCamera) -> None:
    _paint_gable(picture, layout, building, camera)
    near, far = building.z_m, building.z_m + building.length_m
    top, x = building.height_m, building.x_m
    corners = camera.project([(x, top, near), (x, top, far), (x, 0, far), (x, 0, near)])
    found = polygon_mask(picture.shape, subpixels(corners))
    if found is None:
        return
    where, mask = found
    pixels_per_metre = camera.focal_px / max(near, 4.0)
    face = facade_surface(layout, building, float(np.clip(pixels_per_metre, 8, 40)))
    texture = _lit_facade(layout, building, face) if picture.ndim == 3 else face.warm_c
    rows, columns = texture.shape[:2]
    source = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32) - 0.5
    target = (corners - (where[1].start, where[0].start)).astype(np.float32)
    size = where[1].stop - where[1].start, where[0].stop - where[0].start
    warp = cv2.getPerspectiveTransform(source, target)
    seen = cv2.warpPerspective(texture, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    blend(picture, where, mask * np.float32(1 / 255), seen)


def _paint_gable(picture: Picture, layout: Layout, building: Building, camera: SyntheticCamera) -> None:
    """The end wall that faces the camera; the nearer house hides most of it."""
    x, z, top = building.x_m, building.z_m, building.height_m
    wall = np.array(
        [(x, 0, z), (x + building.side * 14, 0, z), (x + building.side * 14, top, z), (x, top, z)]
    )
    share = float(np.exp(-z / 180))
    light = np.asarray(SKY_LIGHT[layout.light]) * 0.7
    tone = 0.16 + 0.12 * (building.seed % 7) / 7
    paint_parts(picture, [Part(wall, (tone, tone * 0.95, tone * 0.9), -1.0 * share)], camera, light)


def _lit_facade(layout: Layout, building: Building, face: Surface) -> Picture:
    rows, columns = face.warm_c.shape
    coarse_y = np.linspace(building.height_m, 0, 40)
    coarse_z = np.linspace(building.z_m, building.z_m + building.length_m, 40)
    z, y = np.meshgrid(coarse_z, coarse_y)
    points = np.stack([np.full_like(z, building.x_m), y, z], axis=-1)
    light = received_light(layout, points, (-float(building.side), 0.0, 0.0))
    seen = face.albedo * cv2.resize(light, (columns, rows)) + face.glow
    along = np.linspace(building.z_m, building.z_m + building.length_m, columns)
    return _haze(layout, seen, along[None, :])


def _paint_still_things(picture: Picture, layout: Layout, camera: SyntheticCamera) -> None:
    for z, parts in _still_things(layout):
        x = float(parts[0].points[:, 0].mean())
        paint_parts(picture, parts, camera, object_light(layout, x, z))


def _still_things(layout: Layout) -> list[tuple[float, list[Part]]]:
    """Parked cars, trees and lamps with their distances, far ones first."""
    things = [(car.z_m, car_parts(car, 0.0, layout.camera_x_m)) for car in layout.cars if not car.speed_m_s]
    things += [(lamp.z_m, lamp_parts(lamp)) for lamp in layout.lamps]
    things += [(tree.z_m, tree_parts(tree)) for tree in layout.trees]
    return sorted(things, key=lambda thing: -thing[0])


def object_light(layout: Layout, x_m: float, z_m: float) -> Picture:
    """Light that falls on a thing that stands on the road, [3]."""
    point = np.array([x_m, 1.0, z_m])
    return received_light(layout, point, (0.0, 0.7, -0.7))


def _still_depth(layout: Layout, camera: SyntheticCamera) -> NDArray[np.float32]:
    depth = np.full(camera.shape, np.inf, np.float32)
    for z, parts in _still_things(layout):
        solid = [part for part in parts if part.alpha > 0.77]
        for corners in corners_of(solid, camera):
            found = polygon_mask(depth.shape, corners)
            if found is not None:
                where, mask = found
                depth[where][mask > 127] = z
    return depth


def _reflect(picture: Picture, layout: Layout, camera: SyntheticCamera) -> None:
    """Streaks of bright things on the wet road, which mirrors what is above it."""
    horizon = _below_horizon(camera)
    rows = picture.shape[0] - horizon
    above = picture[max(0, horizon - rows) : horizon][::-1]
    if not len(above):
        return
    bright = np.maximum(above - 0.05, 0)
    squeezed = cv2.resize(bright, (picture.shape[1], rows), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(squeezed, (0, 0), sigmaX=camera.width * camera.scale / 250, sigmaY=rows / 9)
    x, _ = camera.ground()
    left, right = layout.road_m
    road = np.clip(np.minimum(x - left, right - x) / 0.3, 0, 1)[horizon:, :, None]
    picture[horizon:] += 0.35 * layout.wet * blurred * road.astype(np.float32)


def _add_lamp_glow(picture: Picture, layout: Layout, camera: SyntheticCamera) -> None:
    if layout.light == "day":
        return
    strength = 1.0 if layout.light == "night" else 0.6
    for lamp in layout.lamps:
        x, y, z = lamp.head
        middle = camera.project((x, y - 0.05, z))
        radius = min(camera.focal_px * 1.9 / z + camera.width * 0.01, 0.16 * camera.width)
        colour = np.asarray(lamp.colour) * strength
        add_halo(picture, middle, (radius, radius), 3.0 * colour)
        if layout.wet:
            mirrored = camera.project((x, -0.72 * y, z))
            streak = camera.focal_px * 0.5 / z, camera.focal_px * 2.6 / z
            add_halo(picture, mirrored, streak, 0.35 * layout.wet * colour)


def _bloom(picture: Picture) -> Picture:
    """Light that spreads in the lens."""
    bright = np.maximum(picture - 0.15, 0)
    spread = picture.shape[1] / 160
    for share, sigma in ((0.10, spread), (0.06, 4 * spread)):
        picture = picture + share * cv2.GaussianBlur(bright, (0, 0), sigma)
    return np.asarray(picture, np.float32)
