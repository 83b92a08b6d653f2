"""Near and far focused pictures from one sharp picture, for the multi-focus task.

The paper makes such pairs by partly blurring clear pictures and publishes neither details nor code. Here:
complementary masks of three kinds, one Gaussian blur of random strength and a soft boundary. Blurring with
several Gaussian sizes and joining by a mask and its inverse follows the recipe that the authors of FusionGCN
describe (issue 2 of ouyangbaicai/FusionGCN); the soft boundary stands for the alpha matte of a real defocus
(MMF-Net, arXiv 1910.13136).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


def focus_pair(
    sharp: Picture, random: np.random.Generator, sigma_min_px: float, sigma_max_px: float
) -> tuple[Picture, Picture]:
    """Blur the two sides of a random mask in turn.

    Args:
        sharp: `[H, W]` float32.
        random: source of the mask and of the blur.
        sigma_min_px: weakest blur, standard deviation.
        sigma_max_px: strongest blur.

    Returns:
        `(near, far)`, `[H, W]` float32 in the range of `sharp`: near is sharp inside the mask, far outside.
    """
    mask = random_mask(sharp.shape[0], sharp.shape[1], random)
    sigma_px = random.uniform(sigma_min_px, sigma_max_px)
    blurred = cv2.GaussianBlur(sharp, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101)
    near = blurred + mask * (sharp - blurred)
    far = sharp + mask * (blurred - sharp)
    return near.astype(np.float32), far.astype(np.float32)


def random_mask(height: int, width: int, random: np.random.Generator) -> Picture:
    """A mask `[height, width]` in [0, 1] with two regions and a boundary 1 to 8 pixels wide."""
    shape = (_field, _ellipse, _half_plane)[int(random.integers(3))]
    distance_px = shape(height, width, random)
    softness_px = random.uniform(0.25, 2.0)
    mask = 1 / (1 + np.exp(np.clip(-distance_px / softness_px, -60, 60)))
    return (mask if random.random() < 0.5 else 1 - mask).astype(np.float32)


def _field(height: int, width: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Smooth noise, cut at its median, over its mean slope: roughly the distance in pixels to the cut."""
    cells = int(random.integers(3, 8))
    noise = cv2.resize(random.standard_normal((cells, cells)), (width, height), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.gradient(noise)
    return np.asarray((noise - np.median(noise)) / (np.mean(np.hypot(rows, columns)) + 1e-6))


def _ellipse(height: int, width: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Roughly the distance in pixels to the outline of a turned ellipse."""
    axes = random.uniform(0.15, 0.45, 2) * min(height, width)
    along, across = _turned(height, width, random)
    return np.asarray((1 - np.hypot(along / axes[0], across / axes[1])) * axes.min())


def _half_plane(height: int, width: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Distance in pixels to a line."""
    along, _ = _turned(height, width, random)
    return along


def _turned(
    height: int, width: int, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates in pixels around a random centre in the middle half, turned by a random angle."""
    centre_y, centre_x = random.uniform(0.25, 0.75, 2) * (height, width)
    angle = random.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[0:height, 0:width]
    along = (columns - centre_x) * np.cos(angle) + (rows - centre_y) * np.sin(angle)
    across = (rows - centre_y) * np.cos(angle) - (columns - centre_x) * np.sin(angle)
    return along, across
