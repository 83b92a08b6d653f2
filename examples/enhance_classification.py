"""Compares a classifier on pictures as they are and fused with themselves: the paper's experiment, in small.

    pip install scikit-learn
    python examples/enhance_classification.py
    python examples/enhance_classification.py --weights mine.safetensors --splits 10

Handwritten digits (1797 of scikit-learn, 8 x 8 pixels, enlarged to 32 x 32) are made worse as a camera makes
them worse: less contrast, blur, noise. A support vector machine learns from pictures as they are or from
enhanced ones, and is tested on others of the same kind. Both see the same pictures, split and noise.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

import gifnet

SIDE_PX = 32
TEST_SHARE = 0.3
# Name, contrast, standard deviation of a blur in pixels, and of noise in parts of the range.
CONDITIONS = (
    ("as they are", 1.0, 0.0, 0.0),
    ("faint", 0.15, 0.0, 0.03),
    ("blurred", 0.6, 2.5, 0.03),
    ("noisy", 1.0, 0.0, 0.25),
)

Pictures = NDArray[np.float32]


def main() -> None:
    """Print the share of digits recognised, plain and enhanced."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--weights", default="default", help="of the network, as in gifnet images")
    parser.add_argument("--splits", type=int, default=5, help="random splits, whose mean is shown")
    chosen = parser.parse_args()
    if chosen.splits < 1:
        parser.error(f"--splits must be at least 1, got {chosen.splits}")
    digits, labels = load_digits()
    network = gifnet.load(chosen.weights)
    print(f"{'digits':12}  {'plain':>7}  {'enhanced':>8}  {'gain':>6}  spread of the gain")
    for name, contrast, blur_px, noise in CONDITIONS:
        worse = degraded(digits, contrast, blur_px, noise)
        better = enhanced(worse, network)
        plain, helped = (recognised(each, labels, chosen.splits) for each in (worse, better))
        gain = helped - plain
        print(
            f"{name:12}  {plain.mean():7.1%}  {helped.mean():8.1%}  {100 * gain.mean():+6.2f}  "
            f"{100 * gain.std():.2f}"
        )


def load_digits() -> tuple[Pictures, NDArray[np.int64]]:
    """Pictures [N, S, S] in [0, 1] and which digit each shows."""
    try:
        from sklearn.datasets import load_digits as load
    except ImportError:
        raise SystemExit("scikit-learn is missing; pip install scikit-learn") from None
    found = load()
    enlarged = [
        cv2.resize(each / 16, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC) for each in found.images
    ]
    return np.clip(np.stack(enlarged), 0, 1).astype(np.float32), found.target


def degraded(pictures: Pictures, contrast: float, blur_px: float, noise: float) -> Pictures:
    """Less contrast about mid-grey, then blur and noise, in whole grey levels."""
    random = np.random.default_rng(1)
    worse = 0.5 + contrast * (pictures - 0.5)
    if blur_px:
        worse = np.stack([cv2.GaussianBlur(each, (0, 0), blur_px) for each in worse])
    worse = worse + noise * random.standard_normal(pictures.shape)
    return np.asarray(np.rint(255 * np.clip(worse, 0, 1)) / 255, np.float32)


def enhanced(pictures: Pictures, network: gifnet.GIFNet) -> Pictures:
    """Each picture fused with itself, as `gifnet images --task enhance` does, in whole grey levels."""
    both = torch.from_numpy(pictures)[:, None]
    fused = network(both, both)[:, 0].clamp(0, 1).numpy()
    return np.asarray(np.rint(255 * fused) / 255, np.float32)


def recognised(pictures: Pictures, labels: NDArray[np.int64], splits: int) -> NDArray[np.float64]:
    """Share of digits recognised, for each split."""
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    flat = pictures.reshape(len(pictures), -1)
    shares = []
    for split in range(splits):
        parts = train_test_split(flat, labels, test_size=TEST_SHARE, random_state=split, stratify=labels)
        classifier = make_pipeline(StandardScaler(), SVC()).fit(parts[0], parts[2])
        shares.append(classifier.score(parts[1], parts[3]))
    return np.array(shares)


if __name__ == "__main__":
    main()
