"""Flicker of fused clips: the network alone, with levels, with `--steady` too, and with smoothed statistics.

Also of the same clips cut out along a path, with what the network made of them, as if the camera panned.

    python -m benchmarks.quality.video                       # 12 frames of each M3SVD clip
    python -m benchmarks.quality.video --clip 1230_1202 --frames 40 --weights runs/new.safetensors

Also what smoothed statistics cost at a cut: frames of another scene against the same frames by their own
statistics. Reads the clips at GIFNET_TEST_DATA (default ../shared), writes to benchmarks/results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import av
import click
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import gifnet
from benchmarks.common import REFERENCE, circumstances, save
from benchmarks.quality.once import Once
from gifnet import weights as weight_files
from gifnet.eval import measure
from gifnet.eval.single import Grey
from gifnet.folding import FittedSide, FoldedSide
from gifnet.inference import FeatureMap
from gifnet.model import Fusion
from stream.fusion.steady import SteadyNetwork
from stream.quality import tables
from stream.quality.temporal import measure_video

_CLIPS = ("0111_1716", "0117_1605", "1230_1202")
_PANS = ((2.3, 0.6), (6.7, -1.4))  # pixels a frame
_PAN_SIZE, _PAN_BEGIN = (448, 336), (20.3, 40.7)
_STILLS = ("MI", "VIF", "Qabf", "SCD")
Picture = NDArray[np.float32]
Pairs = list[tuple[Grey, Grey]]


class Replayed:
    """Pictures that a network made of a clip, given again in their order."""

    def __init__(self, pictures: list[Tensor]) -> None:
        """Begin with the first picture."""
        self._next = iter(pictures)

    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """The next picture."""
        return next(self._next)


class SmoothedStatistics:
    """The network with mean and variance of each norm smoothed over the frames, for this experiment."""

    def __init__(self, network: Fusion, blocks: int, newest: float) -> None:
        """`newest`: share of a frame's own statistics, 0 to 1."""
        self._network, self._blocks, self._newest = network, blocks, newest
        self._known: dict[int, tuple[Tensor, Tensor]] = {}
        self._calls = 0

    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse the next frame."""
        fit = FeatureMap.fit
        FeatureMap.fit = self._fit  # type: ignore[method-assign, assignment]  # replaced for one call, to try other statistics
        try:
            return self._network(visible, thermal)
        finally:
            FeatureMap.fit = fit  # type: ignore[method-assign]  # put back

    @property
    def _fit(self) -> Callable[[FeatureMap, FoldedSide, torch.dtype], FittedSide]:
        def fit(features: FeatureMap, side: FoldedSide, dtype: torch.dtype) -> FittedSide:
            mean, variance = features.statistics()
            block = self._calls % self._blocks
            self._calls += 1
            if block in self._known:
                before = self._known[block]
                mean, variance = before[0].lerp(mean, self._newest), before[1].lerp(variance, self._newest)
            self._known[block] = mean, variance
            return side.fit(mean.float(), variance.float(), features.offset, dtype)

        return fit


def read_pairs(data: Path, clip: str, start: int, count: int) -> Pairs:
    """Visible and thermal luma of frames that follow each other."""
    files = (data / f"data/m3svd/clips/{clip}_{side}.mp4" for side in ("visible", "thermal"))
    return list(zip(*(list(islice(_luma(file), start, start + count)) for file in files), strict=True))


def _luma(path: Path) -> Iterator[Grey]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(cv2.cvtColor(frame.to_ndarray(format="rgb24"), cv2.COLOR_RGB2GRAY), np.uint8)


@torch.inference_mode()
def pictures_of(network: Fusion, pairs: Pairs) -> list[Tensor]:
    """Each pair fused: [1, 1, H, W] in [0, 1]."""
    return [
        network(*(torch.from_numpy(each.astype(np.float32))[None, None] / 255 for each in pair)).clone()
        for pair in pairs
    ]


def fused(network: Fusion, pairs: Pairs) -> list[Grey]:
    """Each pair fused, in 8 bits."""
    return [
        np.asarray((255 * picture[0, 0]).clamp(0, 255).round().to(torch.uint8).numpy())
        for picture in pictures_of(network, pairs)
    ]


def values_of(pictures: list[Grey], pairs: Pairs) -> dict[str, float]:
    """Temporal metrics from the second frame on, and metrics of the last picture."""
    trios = [(picture, *pair) for picture, pair in zip(pictures, pairs, strict=True)]
    return measure_video(trios[1:]) | measure(*trios[-1], names=_STILLS)


def ways_of(alone: list[Tensor], keep: float) -> dict[str, Fusion]:
    """Corrections behind the network, by name, for pictures that it made."""
    return {
        "network alone": Replayed(alone),
        "levels": gifnet.levelled(Replayed(alone)),
        "levels, steady": SteadyNetwork(gifnet.levelled(Replayed(alone)), keep),
    }


def panned(pairs: Pairs, alone: list[Tensor], step: tuple[float, float]) -> tuple[Pairs, list[Tensor]]:
    """Sources and pictures of a network, cut out along a path of `step` pixels a frame (x, y)."""

    def cut(picture: NDArray[Any], index: int) -> NDArray[Any]:
        path = np.array([[1, 0, _PAN_BEGIN[0] + step[0] * index], [0, 1, _PAN_BEGIN[1] + step[1] * index]])
        return cv2.warpAffine(picture, path, _PAN_SIZE, flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP)

    sources = [(cut(one, index), cut(other, index)) for index, (one, other) in enumerate(pairs)]
    pictures = [torch.from_numpy(cut(each[0, 0].float().numpy(), index)) for index, each in enumerate(alone)]
    return sources, [picture[None, None] for picture in pictures]


def cost_at_a_cut(data: Path, weights: str, newest: float) -> list[float]:
    """Mean distance in grey levels from frames by their own statistics, of five frames after a cut."""
    before, after = (
        read_pairs(data, clip, 40, count) for clip, count in (("0117_1605", 3), ("1230_1202", 5))
    )
    network = gifnet.load(weights)
    smoothed = SmoothedStatistics(network, len(network.interaction.blocks), newest)
    fused(smoothed, before)
    pictures = zip(fused(smoothed, after), fused(network, after), strict=True)
    return [round(float(np.abs(one.astype(int) - other.astype(int)).mean()), 3) for one, other in pictures]


@click.command()
@click.option("--clip", "clips", multiple=True, help="Name of a clip; repeatable, by default all three.")
@click.option("--frames", default=12, show_default=True, type=click.IntRange(4))
@click.option("--start", default=40, show_default=True, type=click.IntRange(0))
@click.option("--weights", default="default", show_default=True)
@click.option("--keep", default=0.5, show_default=True, help="As --steady of gifnet run.")
@click.option("--made", type=click.Path(path_type=Path), help="Folder that keeps what the network made.")
@click.option("--newest", default=0.1, show_default=True, help="Share of a frame's own statistics.")
def main(
    clips: tuple[str, ...],
    frames: int,
    start: int,
    weights: str,
    keep: float,
    made: Path | None,
    newest: float,
) -> None:
    """Make the table of flicker."""
    result: dict[str, Any] = {"circumstances": circumstances(), "weights": weights, "frames": frames}
    result |= {"keep": keep, "newest": newest, "clips": {}, "panned": {}}
    for clip in clips or _CLIPS:
        pairs = read_pairs(REFERENCE, clip, start, frames)
        alone = pictures_of(Once(gifnet.load(weights), made, weight_files.resolve(weights)), pairs)
        rows = {name: values_of(fused(way, pairs), pairs) for name, way in ways_of(alone, keep).items()}
        rows["maximum"] = values_of([np.maximum(*pair) for pair in pairs], pairs)
        click.echo(f"{clip}, frames {start} to {start + frames - 1}\n{tables.table(rows)}\n")
        result["clips"][clip] = rows
        for step in _PANS:
            cut_out, made_of_it = panned(pairs, alone, step)
            rows = {
                name: values_of(fused(way, cut_out), cut_out)
                for name, way in ways_of(made_of_it, keep).items()
            }
            click.echo(f"{clip}, panned by {step} pixels a frame\n{tables.table(rows)}\n")
            result["panned"][f"{clip} {step}"] = rows
    result["cut"] = cost_at_a_cut(REFERENCE, weights, newest)
    click.echo(f"smoothed statistics after a cut, grey levels off: {result['cut']}")
    click.echo(f"wrote {save('quality_video', result)}", err=True)


if __name__ == "__main__":
    main()
