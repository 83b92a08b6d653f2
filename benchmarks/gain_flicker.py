"""Flicker of gain control: brightness of a static background while something extremely hot comes.

python -m benchmarks.gain_flicker

Scenes are 120 frames of 320x256 counts: a background between 3000 and 3400, smooth with texture, into whose
right edge something hot comes after 20 frames. Flicker is the mean absolute change of the background's
brightness from one frame to the next, 0 to 1: `worst` of all frames and `mean` over them, each with how many
times calmer that is than per-frame min-max. `contrast` is the standard deviation of the background's
brightness at the end, in 255ths: what is left of the picture beside the hot thing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.common import circumstances, save
from cuda_kernels import cpu as host
from stream.config import GainSettings
from stream.thermal.agc import Agc

FRAMES, ENTERS_AT, WIDTH, HEIGHT = 120, 20, 320, 256
BACKGROUND = slice(0, WIDTH // 2)
# Pixels of what is hot in a frame, and its counts: one for all, or one for each.
Scene = Callable[[int], tuple[int, int | NDArray[np.int64]]]


def steps_in(count: int, share: float) -> Scene:
    """Area in pixels and counts of something that is there all at once."""
    return lambda index: (round(share * WIDTH * HEIGHT), count)


def moves_in(count: int, share: float) -> Scene:
    """The same, entering over 40 frames."""
    return lambda index: (round(share * WIDTH * HEIGHT * min(1, (index - ENTERS_AT + 1) / 40)), count)


def flares(count: int, share: float) -> Scene:
    """A fire: each of its pixels has counts of its own, and others in each frame."""
    rng, area = np.random.default_rng(3), round(share * WIDTH * HEIGHT)
    return lambda index: (area, rng.integers(count // 4, round(count * rng.uniform(0.5, 1)), area))


def passes(count: int, share: float) -> Scene:
    """Something that is there for half a second of 30 frames, again and again."""
    return lambda index: (round(share * WIDTH * HEIGHT) if index % 30 < 15 else 0, count)


SCENES: dict[str, Scene] = {
    "warm, 5 % of the picture, steps in": steps_in(3800, 0.05),
    "hot, 0.3 %, steps in": steps_in(16000, 0.003),
    "hot, 5 %, steps in": steps_in(16000, 0.05),
    "extremely hot, 0.3 %, steps in": steps_in(65000, 0.003),
    "extremely hot, 5 %, steps in": steps_in(65000, 0.05),
    "extremely hot, 5 %, moves in": moves_in(65000, 0.05),
    "extremely hot, 5 %, passes": passes(65000, 0.05),
    "fire, 0.3 %": flares(65000, 0.003),
    "fire, 5 %": flares(65000, 0.05),
}
METHODS: dict[str, dict[str, Any]] = {
    "minmax, not damped": {"method": "minmax", "damping": 0},
    "minmax": {"method": "minmax"},
    "percentile": {"method": "percentile"},
    "percentile, high 95": {"method": "percentile", "high": 95},
    "plateau": {"method": "plateau"},
    "clahe": {"method": "clahe"},
    "fixed": {"method": "fixed", "span_low": 3000, "span_high": 3400},
}


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    table = {scene: {method: one(scene, keys) for method, keys in METHODS.items()} for scene in SCENES}
    for scene, methods in table.items():
        print_scene(scene, methods)
    result = {"what": __doc__.splitlines()[0] if __doc__ else "", "methods": METHODS, "scenes": table}
    print("written:", save("gain_flicker", result | {"circumstances": circumstances()}))


def one(scene: str, keys: dict[str, Any]) -> dict[str, float]:
    """Flicker of one method in one scene."""
    gain = Agc(GainSettings.model_validate(keys), 16, host)
    shown = torch.stack([gain.show(raw)[:, BACKGROUND] for raw in frames(SCENES[scene])])
    changes = shown.diff(dim=0).abs().mean(dim=(1, 2))
    return {
        "worst": float(changes.max()),
        "mean": float(changes.mean()),
        "contrast": float(shown[-1].std() * 255),
    }


def frames(scene: Scene) -> Iterator[Tensor]:
    still = background()
    for index in range(FRAMES):
        area, count = scene(index) if index >= ENTERS_AT else (0, 0)
        # Column by column from the right.
        columns = np.ascontiguousarray(still.T[::-1])
        columns.reshape(-1)[:area] = count
        yield torch.from_numpy(np.ascontiguousarray(columns[::-1].T))


def background() -> NDArray[np.uint16]:
    """3000 to 3400 counts: smooth, with texture."""
    rng = np.random.default_rng(1)
    smooth, fine = (
        cv2.GaussianBlur(rng.normal(size=(HEIGHT, WIDTH)), (0, 0), sigma) for sigma in (20.0, 2.0)
    )
    mixed = smooth / smooth.std() + 0.5 * fine / fine.std()
    mixed = (mixed - mixed.min()) / (mixed.max() - mixed.min())
    return np.asarray((3000 + 400 * mixed).round(), np.uint16)


def print_scene(scene: str, methods: dict[str, dict[str, float]]) -> None:
    print(f"{scene:38}   worst   calmer     mean   calmer   contrast")
    plain = methods["minmax, not damped"]
    for method, row in methods.items():
        calmer = {key: plain[key] / row[key] if row[key] else float("inf") for key in ("worst", "mean")}
        print(
            f"  {method:36} {row['worst']:7.4f} {calmer['worst']:8.1f} {row['mean']:8.5f} "
            f"{calmer['mean']:8.1f} {row['contrast']:10.1f}"
        )


if __name__ == "__main__":
    main()
