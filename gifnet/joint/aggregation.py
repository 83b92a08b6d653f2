"""Gradients of several tasks put together, by a named policy of torchjd.

| policy | the step is |
|---|---|
| random | a sum with new random weights each time (B. Lin et al. 2022): BDLFusion's dynamic aggregation |
| uniform | the mean |
| mgda | the shortest mixture, which harms no task (J.-A. Désidéri 2012, O. Sener and V. Koltun 2018) |
| upgrad | the mean of the gradients, each projected to harm no other task (P. Quinton and V. Rey 2024) |
| pcgrad | the sum of the gradients, each freed from what conflicts, task by task (T. Yu et al. 2020) |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gifnet.errors import TrainingError
from gifnet.joint.config import Policy

if TYPE_CHECKING:
    from torchjd.aggregation import Aggregator

_TINY = 1e-12


def aggregate(gradients: Sequence[Mapping[str, Tensor]], aggregator: Aggregator) -> dict[str, Tensor]:
    """One gradient of those of several tasks; nothing that comes in is changed.

    Args:
        gradients: of each task, by the same parameters.
        aggregator: of `make_aggregator`; random ones draw from torch's generator.
    """
    rows = torch.stack([torch.cat([part.flatten() for part in task.values()]) for task in gradients])
    mixed = aggregator(rows)
    parts = torch.split(mixed, [part.numel() for part in gradients[0].values()])
    return {name: part.view_as(like) for (name, like), part in zip(gradients[0].items(), parts, strict=True)}


def make_aggregator(policy: Policy) -> Aggregator:
    """The aggregator of a policy.

    Raises:
        TrainingError: torchjd is not installed.
    """
    try:
        from torchjd.aggregation import MGDA, Mean, PCGrad, Random, UPGrad
        from torchjd.linalg import DualConeProjector
    except ImportError:
        raise TrainingError(
            "joint training needs torchjd; install it by pip install 'gifnet-stream[joint]'"
        ) from None

    class Projector(DualConeProjector):
        """Projection onto the dual cone, see `project_weights`; torchjd's own needs a GPL solver."""

        def __call__(self, U: Tensor, G: Tensor) -> Tensor:
            """Weights [m, m] of the projections of rows [m, m], given the Gramian [m, m]."""
            return torch.stack([project_weights(row, G) for row in U])

    if policy == "upgrad":
        return UPGrad(projector=Projector())
    return {"random": Random, "uniform": Mean, "mgda": MGDA, "pcgrad": PCGrad}[policy]()


def project_weights(weights: Tensor, gramian: Tensor) -> Tensor:
    """The v of least v G v that is nowhere below the given weights, by trying every active set.

    J^T v is then the projection of J^T u onto the gradients that harm no task (P. Quinton and V. Rey 2024,
    proposition 1). There are 2^m active sets, which is nothing for the three tasks at hand.

    Args:
        weights: [m] u.
        gramian: [m, m] G = J J^T.
    """
    count = len(weights)
    scale = gramian.diagonal().mean().clamp_min(_TINY)
    matrix = (gramian / scale).double() + 1e-9 * torch.eye(count, device=gramian.device, dtype=torch.float64)
    least, best = torch.inf, weights.double()
    for raised in product((False, True), repeat=count):
        free = torch.tensor(raised, device=gramian.device)
        candidate = weights.double().clone()
        if free.any():
            right = -matrix[free][:, ~free] @ candidate[~free]
            candidate[free] = torch.linalg.solve(matrix[free][:, free], right)
        cost = float(candidate @ matrix @ candidate)
        if bool((candidate >= weights - 1e-9).all()) and cost < least:
            least, best = cost, candidate
    return best.to(weights)
