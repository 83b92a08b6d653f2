"""Exposure of lite's videos: the offset follows the brightness of the frames slowly, and at once at a cut."""

from __future__ import annotations

import torch
from torch import Tensor

from gifnet.lite.exposure import brightness_of, expose
from gifnet.model import Fusion

KEPT = 0.96
"""Share of the brightness before that is kept with each frame: a time constant of 25 frames, 1 s of video.

A lamp that fills a tenth of both pictures changes places far away by 0.5 grey levels in its first frame.
"""

# One sample in so many rows and columns is compared with the frame before.
_STEP_PX = 8
# A cut: more than this share of the samples of a source changes by more than a fifth of white.
_CHANGE, _CUT_SHARE = 0.2, 0.5


class ExposedVideo:
    """A lite network that does not expose its pictures itself, and exposure that does not pump.

    The brightness by which a frame is exposed is `KEPT` of that before and the rest of its own. The first
    frame, a frame of another size and a cut go by their own. Calls are frames in order of time; memory stays
    in place from the first call on, so that a step can be captured.
    """

    def __init__(self, network: Fusion) -> None:
        """Wrap a network whose `exposes` is False."""
        self._network = network
        self._samples = self._brightness = torch.empty(0)

    @property
    def own_threads(self) -> bool:
        """As stated by the network."""
        return bool(getattr(self._network, "own_threads", False))

    @torch.no_grad()
    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse a batch of frames that follow each other; the result is the caller's own."""
        fused = self._network(visible, thermal)
        return expose(fused, self._follow(visible, thermal))

    def forget(self) -> None:
        """Let the next frame go by its own brightness."""
        self._samples.fill_(-1)  # out of range, so that everything has changed

    def _follow(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Brightness by which each frame is exposed, [B, 1, 1, 1]."""
        now = brightness_of(visible, thermal)
        samples = torch.cat([part[..., ::_STEP_PX, ::_STEP_PX] for part in (visible, thermal)], dim=1).float()
        if self._samples.shape[1:] != samples.shape[1:]:
            self._samples, self._brightness = samples[:1].clone(), now[:1].clone()
            self.forget()
        followed = []
        for index in range(len(samples)):
            sample = samples[index : index + 1]
            changed = (sample - self._samples).abs_() > _CHANGE
            is_cut = changed.float().mean(dim=(2, 3)).amax() > _CUT_SHARE
            # No branch: a captured step decides on the device.
            self._brightness.lerp_(now[index : index + 1], is_cut.float().clamp_min_(1 - KEPT))
            self._samples.copy_(sample)
            followed.append(self._brightness.clone())
        return followed[0] if len(followed) == 1 else torch.cat(followed)
