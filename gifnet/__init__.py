"""GIFNet: one small network for every image fusion task.

model = gifnet.load()                       # our own weights, on the CPU
fused = model(visible, thermal)             # two [B, 1, H, W] tensors in [0, 1] to one
"""

from gifnet.config import GIFNetConfig
from gifnet.loading import load
from gifnet.model import GIFNet

__all__ = ["GIFNet", "GIFNetConfig", "load"]
