"""`gifnet.load`: weights, device and precision to a network that is ready to fuse."""

from __future__ import annotations

from pathlib import Path

from gifnet import weights as weight_files
from gifnet.model import GIFNet


def load(weights: str | Path = "default", device: str = "cpu", precision: str = "auto") -> GIFNet:
    """A GIFNet with weights."""
    model = GIFNet()
    weight_files.load_into(model, weight_files.read(weight_files.resolve(weights)))
    return model.to(device).eval()
