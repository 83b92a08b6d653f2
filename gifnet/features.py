"""Dense features in which a visible and a thermal picture of one thing look alike, and their agreement.

Edges alone are a poor measure for two kinds of cameras: what is warm need not be bright, most visible
texture is no thermal texture, and small pictures hold few edges. Two small networks, one for each camera,
turn a picture into eight numbers a pixel that are alike where the same thing is seen. They are trained
together so that a piece of one picture is found in the other by correlation, see `gifnet.train.matching`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from gifnet.errors import WeightsError

PACKAGED = Path(__file__).parent / "data" / "features.safetensors"
"""Our own weights, trained by this project; see data/FEATURES_CARD.md."""

CHANNELS = 8
FINE, WIDE = 16, 24
DILATIONS = (1, 2, 4, 1)
SLOPE = 0.1
# Radius in pixels of the local spread that brightness is divided by, beside a little of the global one.
LOCAL_PX = 6.0
LEAST_VARIANCE = 0.05
# Features of a pixel that are always counted as chance: pieces without any agree with nothing.
CHANCE_FLOOR = 5e-4


class Encoder(nn.Module):
    """A picture to features; half of the layers work on half the size and see some 60 pixels around."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, FINE, 3, padding=1)
        self.second = nn.Conv2d(FINE, FINE, 3, padding=1)
        self.shrink = nn.Conv2d(FINE, WIDE, 3, stride=2, padding=1)
        self.wide = nn.ModuleList(nn.Conv2d(WIDE, WIDE, 3, padding=by, dilation=by) for by in DILATIONS)
        self.narrow = nn.Conv2d(WIDE, FINE, 1)
        self.last = nn.Conv2d(FINE, FINE, 3, padding=1)
        self.head = nn.Conv2d(FINE, CHANNELS, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """`[B, 1, H, W]` float32 of any range, sides of 4 pixels or more, to `[B, 8, H, W]` in (-1, 1)."""
        fine = _bent(self.second(_bent(self.first(normalised(picture)))))
        wide = _bent(self.shrink(fine))
        for layer in self.wide:
            wide = wide + _bent(layer(wide))
        wide = functional.interpolate(self.narrow(wide), scale_factor=2, mode="bilinear", align_corners=False)
        fine = _bent(fine + wide[..., : picture.shape[-2], : picture.shape[-1]])
        features: Tensor = torch.tanh(self.head(fine + _bent(self.last(fine))))
        return features


class FeaturePair(nn.Module):
    """The encoders of both cameras.

    Attributes:
        visible: of luma.
        thermal: of counts or grey; white-hot and black-hot are alike.
        log_sharpness: logarithm of what multiples of chance are multiplied by to become log-likelihoods in
            training.
    """

    def __init__(self) -> None:
        super().__init__()
        self.visible, self.thermal = Encoder(), Encoder()
        self.log_sharpness = nn.Parameter(torch.zeros(()))

    @property
    def sharpness(self) -> Tensor:
        """The scale of multiples of chance, a scalar."""
        return self.log_sharpness.exp()


def load_features(path: Path = PACKAGED) -> FeaturePair:
    """The packaged features, ready to be used.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    pair = FeaturePair()
    try:
        pair.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise WeightsError(
            f"the features {path} cannot be read: {error}; install gifnet-stream again"
        ) from None
    return pair.eval().requires_grad_(False)


def normalised(picture: Tensor) -> Tensor:
    """`[B, 1, H, W]` with the local mean taken out, divided by the local spread (local contrast)."""
    detail = picture - _blurred(picture)
    usual = detail.square().mean((-2, -1), keepdim=True)
    return detail / torch.sqrt(_blurred(detail.square()) + LEAST_VARIANCE * usual + 1e-6)


def agreement(seen: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
    """Agreement of pieces of one picture with larger pieces of the other at every shift.

    Args:
        seen: `[B, C, h, w]` features.
        moved: `[B, C, H, W]` features of the other camera, H >= h and W >= w.

    Returns:
        Sums of products `[B, H - h + 1, W - w + 1]`, `moved(place + shift) * seen(place)`, and their variance
        were the features independent of each other. Both may be added up over moments.
    """
    shape = fast(moved.shape[-2]), fast(moved.shape[-1])
    rows, columns = moved.shape[-2] - seen.shape[-2] + 1, moved.shape[-1] - seen.shape[-1] + 1
    sums = _correlated(seen, moved, shape)
    seen_power, moved_power = (one.square().sum(1, keepdim=True) for one in (seen, moved))
    variance = _correlated(seen_power, moved_power, shape).clamp(min=0) / seen.shape[1]
    return sums[..., :rows, :columns], variance[..., :rows, :columns]


def chances(sums: Tensor, variance: Tensor, pixels: int) -> Tensor:
    """Agreement in multiples of what chance does; `pixels` is the size of a piece times moments."""
    return sums / torch.sqrt(variance + CHANCE_FLOOR * pixels)


def fast(length: int) -> int:
    """The next length whose Fourier transform is fast: 2, 3 and 5 alone divide it."""
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1


def _correlated(seen: Tensor, moved: Tensor, shape: tuple[int, int]) -> Tensor:
    product = torch.fft.rfft2(moved, s=shape) * torch.fft.rfft2(seen, s=shape).conj()
    sums: Tensor = torch.fft.irfft2(product.sum(1), s=shape)
    return sums


def _bent(values: Tensor) -> Tensor:
    return functional.leaky_relu(values, SLOPE)


def _blurred(picture: Tensor) -> Tensor:
    """A Gaussian blur of LOCAL_PX; borders go on as they are."""
    reach = round(3 * LOCAL_PX)
    places = torch.arange(-reach, reach + 1, dtype=picture.dtype, device=picture.device)
    weights = torch.exp(-places.square() / (2 * LOCAL_PX**2))
    weights = weights / weights.sum()
    across = functional.conv2d(_padded(picture, reach, 0), weights.view(1, 1, 1, -1))
    return functional.conv2d(_padded(across, 0, reach), weights.view(1, 1, -1, 1))


def _padded(picture: Tensor, across: int, down: int) -> Tensor:
    return functional.pad(picture, (across, across, down, down), mode="replicate")
