"""The packaged lite weights fuse a fixed pair to a recorded picture: no change moves them unseen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from gifnet import loading, weights

GOLDEN = Path(__file__).parent / "lite_golden.npz"


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Two smooth pictures with an edge and a warm spot, [1, 1, 61, 83], made without random numbers."""
    rows, columns = torch.meshgrid(torch.arange(61.0), torch.arange(83.0), indexing="ij")
    visible = 0.45 + 0.25 * torch.sin(columns / 7) * torch.cos(rows / 5) + 0.2 * (columns > 40)
    away = (rows - 30).square() + (columns - 55).square()
    thermal = 0.2 + 0.6 * torch.exp(-away / 60) + 0.1 * torch.sin((rows + columns) / 9)
    return visible.clamp(0, 1)[None, None], thermal.clamp(0, 1)[None, None]


def test_the_packaged_weights_give_the_recorded_picture():
    """Recorded by `python -m tests.reference.test_lite`, with torch in float32."""
    golden = np.load(GOLDEN)
    assert weights.read(weights.PACKAGED_LITE).sha256 == str(golden["sha256"])
    fused = loading.load_lite(precision="float32")(*pair())[0, 0].numpy()
    assert np.abs(fused - golden["fused"]).max() < 5e-4  # recorded in 16 bits


if __name__ == "__main__":
    network = loading.load_lite(precision="float32")
    np.savez_compressed(
        GOLDEN,
        fused=network(*pair())[0, 0].numpy().astype(np.float16),
        sha256=network.weights_sha256,
    )
