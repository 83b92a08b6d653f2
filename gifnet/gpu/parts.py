"""Parts of the network that have two forms on a GPU, and which of them run in the newer one.

A part stays in the form of today until a GPU has shown the fused one right and faster: `python -m
benchmarks.gpu` compares both, and says which parts belong into `FUSED`.
"""

from __future__ import annotations

from typing import Literal

Part = Literal["convolutions", "embed", "attend", "finish", "encoder", "picture"]

PARTS: dict[Part, str] = {
    "convolutions": "layers of 128 columns in 128 registers a thread, for two programs a multiprocessor",
    "embed": "both sides' patch embeddings by one program, which reads their input once",
    "attend": "one head and side a program, over many windows, its weights in shared memory",
    "finish": "depth-wise convolution by itself; then products whose weights stay in shared memory",
    "encoder": "three layers in one launch, each program with a halo of its own",
    "picture": "the last three layers likewise",
}
"""Fused form of each part, in a phrase."""

FUSED: frozenset[Part] = frozenset()
"""Parts that run fused unless `TritonForm` is told otherwise. None has run on a GPU yet."""
