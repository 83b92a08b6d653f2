"""Descriptions of array operations: their arguments and results."""

from __future__ import annotations

from dataclasses import dataclass

import torch

Dimension = int | str


@dataclass(frozen=True, slots=True)
class Array:
    """One tensor argument or result.

    Attributes:
        name: keyword of the argument.
        shape: sizes; a word stands for any size, the same wherever the word recurs in an operation.
        dtypes: those that are allowed.
        values: range and meaning, for people; not checked, since looking would wait for the device.
    """

    name: str
    shape: tuple[Dimension, ...]
    dtypes: tuple[torch.dtype, ...]
    values: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One array operation of `reference` and of every other back end.

    Attributes:
        name: of the function.
        arguments: tensors that it reads; none may overlap a result.
        results: tensors that it returns, and takes as `out=` (a tuple where there are two).
        edge: what happens at borders, ties and special numbers.
        at_setup: True for what runs once, before the first frame, and exists in torch only.
        band: largest difference of another back end from the reference in float32, 0 for none at all. Only
            interpolation has one: torch contracts it to fused multiply-adds in some of its code and not in
            other, so its own last bit depends on where in a tensor a number lies.
    """

    name: str
    arguments: tuple[Array, ...]
    results: tuple[Array, ...]
    edge: str
    at_setup: bool = False
    band: float = 0.0
