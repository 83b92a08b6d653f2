"""GIFNet: one small network for every image fusion task.

model = gifnet.load()                       # our own weights, on the CPU; load_lite() for camera rate
fused = model(visible, thermal)             # two [B, 1, H, W] tensors in [0, 1] to one
fused = levelled(model)(visible, thermal)   # as in fused videos: no veil, people stand out
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gifnet.config import GIFNetConfig
    from gifnet.level import levelled
    from gifnet.lite.model import GIFNetLite
    from gifnet.loading import load, load_lite
    from gifnet.model import GIFNet

__all__ = ["GIFNet", "GIFNetConfig", "GIFNetLite", "levelled", "load", "load_lite"]

# Imported on first use, so that `gifnet.errors` and with it every help text do not wait for torch.
_PUBLIC = {
    "GIFNet": "gifnet.model",
    "GIFNetConfig": "gifnet.config",
    "GIFNetLite": "gifnet.lite.model",
    "levelled": "gifnet.level",
    "load": "gifnet.loading",
    "load_lite": "gifnet.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
