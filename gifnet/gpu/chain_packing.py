"""Weights of the kernel `chain`: its biases stand in rows that meet inputs of 1."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gifnet.folding import FoldedSide
from gifnet.gpu.padding import CHANNELS, HIDDEN, WIDTH, by_head, grown


@dataclass(frozen=True, slots=True)
class PackedChain:
    """See the kernel `chain` for the shapes."""

    project: Tensor
    enter: Tensor
    leave: Tensor


def pack_chain(sides: list[FoldedSide], heads: int, dtype: torch.dtype) -> PackedChain:
    """Lay out the weights of a block's sides; biases are a row as rounded, and a row of the rest."""
    enters, leaves = [], []
    for side in sides:
        units = side.mlp_in.weight.shape[1]
        enter, leave = grown(side.mlp_in.weight, WIDTH, HIDDEN), grown(side.mlp_out.weight, HIDDEN, WIDTH)
        enter[CHANNELS : CHANNELS + 2] = _in_two(grown(side.mlp_in.bias, HIDDEN), dtype)
        # Two hidden units that are always 1 carry the bias behind them.
        enter[CHANNELS, units : units + 2] = 1
        leave[units : units + 2] = _in_two(grown(side.mlp_out.bias, WIDTH), dtype)
        enters.append(enter)
        leaves.append(leave)
    project = torch.stack([grown(by_head(side.project.weight, heads), WIDTH, WIDTH) for side in sides])
    return PackedChain(project, torch.stack(enters).to(dtype), torch.stack(leaves).to(dtype))


def _in_two(bias: Tensor, dtype: torch.dtype) -> Tensor:
    """[2, N] float32 whose sum, rounded to `dtype` each, is the bias much closer than one could be."""
    rounded = bias.to(dtype).float()
    return torch.stack([rounded, bias - rounded])
