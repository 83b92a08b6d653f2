"""A model that fuses nothing: the pipeline with all its parts but the network."""

from __future__ import annotations

import torch
from torch import Tensor


class NullModel:
    """Gives the visible picture back; it shows what the pipeline itself costs.

    Attributes:
        weights_sha256: empty, for there are none.
        precision: number format.
        picture_dtype: of what goes in.
        form: name in reports.
    """

    weights_sha256 = ""
    precision = "float32"
    picture_dtype = torch.float32
    form = "null"

    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """The visible picture, [B, 1, H, W] float32."""
        return visible
