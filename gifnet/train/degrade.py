"""Degradation of pictures as cameras and scenes cause it: exposure, smoke, glare, blur, noise, JPEG.

Few scenes are at hand, and without this a network learns their cameras. Sources are made worse before both
the network and the losses see them, so that the fused picture is asked for what is there, not for what was.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


def degrade(picture: Picture, random: np.random.Generator, is_visible: bool) -> Picture:
    """A picture [H, W] in [0, 1] as another camera may have taken it, in whole grey levels."""
    if is_visible and random.random() < 0.12:
        picture = _smoke(picture, random)
    if is_visible and random.random() < 0.10:
        picture = _glare(picture, random)
    if is_visible and random.random() < 0.06:
        picture = picture * np.float32(random.uniform(0.05, 0.4))
    if random.random() < 0.15:
        picture = _blurred(picture, random.uniform(0.4, 1.3))
    elif not is_visible and random.random() < 0.15:
        sharper = picture - _blurred(picture, random.uniform(0.8, 2.0))
        picture = picture + np.float32(random.uniform(0.3, 1.5)) * sharper
    if random.random() < 0.7:
        picture = _exposed(picture, random)
    if random.random() < 0.3:
        noise = random.standard_normal(picture.shape, np.float32)
        picture = picture + np.float32(random.uniform(0, 0.02)) * noise
    levels = np.asarray(np.rint(255 * np.clip(picture, 0, 1)), np.uint8)
    if random.random() < 0.2:
        quality = int(random.integers(50, 95))
        packed = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        levels = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    return np.asarray(levels / np.float32(255), np.float32)


def _exposed(picture: Picture, random: np.random.Generator) -> Picture:
    """Another polarity, stretch, gamma, gain and black level, each in some of the pictures."""
    picture = np.clip(picture, 0, 1)
    if random.random() < 0.2:
        picture = 1 - picture
    if random.random() < 0.4:
        low, high = np.percentile(picture, (1, 99))
        picture = np.clip((picture - low) / max(float(high - low), 0.05), 0, 1)
    picture = picture ** np.float32(np.exp(random.uniform(-0.7, 0.7)))
    gain = random.uniform(0.3, 1.0)
    return np.asarray(picture * gain + random.uniform(0, 1 - gain), np.float32)


def _smoke(picture: Picture, random: np.random.Generator) -> Picture:
    cells = int(random.integers(2, 5))
    clouds = random.standard_normal((cells, cells), np.float32)
    height, width = picture.shape
    smooth = np.asarray(cv2.resize(clouds, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    cover = np.clip(0.5 * smooth + random.uniform(0.2, 0.9), 0, 1) * random.uniform(0.6, 1.0)
    return np.asarray(picture * (1 - cover) + cover * random.uniform(0.3, 0.9), np.float32)


def _glare(picture: Picture, random: np.random.Generator) -> Picture:
    height, width = picture.shape
    rows, columns = np.ogrid[:height, :width]
    row, column = random.uniform(0, height), random.uniform(0, width)
    away = (rows - row) ** 2 + (columns - column) ** 2
    radius = random.uniform(0.05, 0.6) * height
    light = random.uniform(0.3, 1.2) * np.exp(-away / (2 * radius**2))
    return np.asarray(np.clip(picture + light, 0, 1), np.float32)


def _blurred(picture: Picture, sigma_px: float) -> Picture:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.float32)
