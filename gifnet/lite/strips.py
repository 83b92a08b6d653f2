"""GIFNet-lite on several cores: each fuses a strip of rows, or whole pictures of a batch.

Torch's own threads meet after every layer, some 40 times a picture. Where another program wants a core, each
meeting waits for the slowest, and the waiting itself costs more than the network. Strips meet once a picture
and compute the rows at their edges twice; whole pictures meet once a batch and do nothing twice.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from gifnet.lite.config import CELL, CELL_PX
from gifnet.lite.exposure import brightness_of, expose
from gifnet.lite.model import GIFNetLite, check_pair

CACHED_CELLS = 2400
"""Cells that are mixed at once by one core."""


class StripedLite:
    """Gives what the network itself gives, to rounding; without gradients, on the CPU.

    Torch should compute on the thread that calls it (`torch.set_num_threads(1)`).
    Its threads end with `close`, or when this object is forgotten.

    Attributes:
        network: it.
        own_threads: True: torch's threads would be in the way.
    """

    own_threads = True
    form = "lite"
    picture_dtype = torch.float32

    def __init__(self, network: GIFNetLite, threads: int) -> None:
        """Start no thread before the first picture.

        Args:
            network: ready to fuse.
            threads: as many strips are fused at once, one of them on the thread that calls.
        """
        self.network, self._threads = network, max(threads, 1)
        self._pool = ThreadPoolExecutor(max(threads - 1, 1), thread_name_prefix="lite")

    def close(self) -> None:
        """End the threads; may be called twice."""
        self._pool.shutdown()

    @property
    def weights_sha256(self) -> str:
        """Of the file that the parameters came from."""
        return self.network.weights_sha256

    @property
    def exposes(self) -> bool:
        """As stated by the network."""
        return self.network.exposes

    @property
    def precision(self) -> str:
        """Number format of the convolutions."""
        return self.network.precision

    @torch.inference_mode()
    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse two pictures [B, 1, H, W] in [0, 1] of any size into one, float32, as the network does.

        Raises:
            ValueError: when the two differ in shape or are no pictures.
        """
        check_pair(visible, thermal)
        pictures = [(visible[i : i + 1], thermal[i : i + 1]) for i in range(len(visible))]
        # As many whole pictures as keep every core busy; the others are cut.
        whole = len(pictures) // self._threads * self._threads if self._threads > 1 else len(pictures)
        fused = [*self._each_whole(pictures[:whole]), *(self._by_strips(*each) for each in pictures[whole:])]
        together = fused[0] if len(fused) == 1 else torch.cat(fused)
        # Of the whole picture, so that all strips get the same offset.
        return expose(together, brightness_of(visible, thermal)) if self.exposes else together

    def _each_whole(self, pictures: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
        """Fuse pictures, one by each core at a time."""
        if not pictures:
            return []
        parts = [pictures[first :: self._threads] for first in range(self._threads)]
        others = [self._pool.submit(self._in_turn, part) for part in parts[1:]]
        done = [self._in_turn(parts[0]), *(other.result() for other in others)]
        return [done[i % self._threads][i // self._threads] for i in range(len(pictures))]

    @torch.inference_mode()
    def _in_turn(self, pictures: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
        return [self._cut(*each, strips=1) for each in pictures]

    def _by_strips(self, visible: Tensor, thermal: Tensor) -> Tensor:
        return self._cut(visible, thermal, self._threads)

    def _cut(self, visible: Tensor, thermal: Tensor, strips: int) -> Tensor:
        """Fuse one picture in so many strips, the first of them on this thread."""
        height, width = visible.shape[2:]
        cells = self.network.cells_of(visible, thermal)
        rows = cells.shape[2] - 2
        each = -(-rows // min(strips, rows))
        parts = [(top, min(top + each, rows)) for top in range(0, rows, each)]
        fused = cells.new_empty(cells.shape[0], CELL, rows, cells.shape[3] - 2)
        fused = fused.contiguous(memory_format=torch.channels_last)
        others = [self._pool.submit(self._fuse, cells, fused, *part) for part in parts[1:]]
        self._fuse(cells, fused, *parts[0])
        for other in others:
            other.result()
        return _pixels_of(fused)[..., :height, :width]

    @torch.inference_mode()
    def _fuse(self, cells: Tensor, fused: Tensor, top: int, bottom: int) -> None:
        """Rows of cells of the fused picture; `cells` has a frame of one cell."""
        # Each layer spoils one more row at the edge of a strip, which it takes for that of the picture.
        halo = len(self.network.layers)
        above, below = max(top - halo, 0), min(bottom + halo, cells.shape[2] - 2)
        features = self.network.features(cells[:, :, above : below + 2])
        # Coefficients are many: those of a few rows, and what is made of them, stay in the processor's cache.
        few = max(CACHED_CELLS // fused.shape[3], 1)
        for begin in range(top, bottom, few):
            end = min(begin + few, bottom)
            coefficients = self.network.head(features[:, :, begin - above : end - above])
            fused[:, :, begin:end] = self.network.mix(cells[:, :, begin : end + 2], coefficients)


def _pixels_of(cells: Tensor) -> Tensor:
    """Cells [1, 16, h, w] in the order of channels last as a picture.

    `pixel_shuffle` gives the same in three times the time.
    """
    rows, columns = cells.shape[2:]
    pixels = cells.permute(0, 2, 3, 1).view(rows, columns, CELL_PX, CELL_PX).transpose(1, 2)
    return pixels.reshape(1, 1, rows * CELL_PX, columns * CELL_PX)
