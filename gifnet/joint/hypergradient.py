"""Gradient of an upper loss through the answer of a lower problem, by four formulas.

Bi-level: minimise F(x, y) over the upper parameters x, where the lower parameters y minimise f(x, y). With
subscripts for partial derivatives, all taken at the given x and y:

    direct          F_x                                         the answer of y is left out
    outer_product   F_x - (<F_y, f_y> / (<f_y, f_y> + epsilon)) f_x
    unrolled        d/dx F(x, y - rate f_y(x, y))               one step of gradient descent
    implicit        F_x - f_xy v   with   (f_yy + damping) v = F_y   by conjugate gradients

`implicit` is the exact one where y is the lower minimum (implicit function theorem; F. Pedregosa,
"Hyperparameter optimization with approximate gradient", 2016). `outer_product` puts the outer product
f_y f_y^T in place of f_yy and f_x f_y^T in place of f_xy (Gauss-Newton; R. Liu et al., "Learning with
constraint learning", 2024), as Z. Liu et al., "Bi-level Dynamic Learning for Jointly Multi-modality Image
Fusion and Beyond" (IJCAI 2023) do: it needs first derivatives only, and is exact for a single lower parameter
alone. `unrolled` is that of H. Liu et al., "DARTS" (2019). docs/joint.md derives them and shows how far they
are apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

Parameters: TypeAlias = Mapping[str, Tensor]
Loss: TypeAlias = Callable[[Parameters, Parameters], Tensor]
"""A scalar of the upper and the lower parameters, as `torch.func.functional_call` makes one."""
Method = Literal["direct", "outer_product", "unrolled", "implicit"]

EPSILON = 1e-12
"""Added to <f_y, f_y>: at the lower minimum the outer product would be 0/0."""


def hypergradient(
    upper_loss: Loss,
    lower_loss: Loss,
    upper_params: Parameters,
    lower_params: Parameters,
    method: Method = "outer_product",
    *,
    epsilon: float = EPSILON,
    rate: float = 1e-2,
    steps: int = 20,
    tolerance: float = 1e-10,
    damping: float = 0.0,
) -> dict[str, Tensor]:
    """Gradient of the upper loss by the upper parameters; nothing that comes in is changed.

    Args:
        upper_loss: F; smooth, deterministic.
        lower_loss: f; twice differentiable for `unrolled` and `implicit`.
        upper_params: x by name, floats of any shape.
        lower_params: y by name.
        method: one of the formulas above.
        epsilon: of `outer_product`, above 0.
        rate: step size of `unrolled`.
        steps: most steps of the conjugate gradients.
        tolerance: of their residual, relative to F_y; they stop there.
        damping: added to the curvature; above 0 where f is not convex in y.

    Returns:
        One tensor for each upper parameter, of its shape, detached.

    Raises:
        ValueError: the method is unknown, or a loss is no scalar.
    """
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}")
    upper, lower = _copies(upper_params), _copies(lower_params)
    if method == "unrolled":
        return _unrolled(upper_loss, lower_loss, upper, lower, rate)
    by_upper, by_lower = _partials(upper_loss, upper, lower)
    if method == "direct":
        return by_upper
    if method == "outer_product":
        lower_by_upper, lower_by_lower = _partials(lower_loss, upper, lower)
        scale = dot(by_lower, lower_by_lower) / (dot(lower_by_lower, lower_by_lower) + epsilon)
        return {name: by_upper[name] - scale * lower_by_upper[name] for name in upper}
    slope = _slope(lower_loss, upper, lower)
    solution = solve(lambda vector: _curve(slope, lower, vector, damping), by_lower, steps, tolerance)
    mixed = _gradient(dot(slope, solution), upper)
    return {name: by_upper[name] - mixed[name] for name in upper}


def solve(
    product: Callable[[Parameters], dict[str, Tensor]], right: Parameters, steps: int, tolerance: float
) -> dict[str, Tensor]:
    """Solve A v = right by conjugate gradients (M. Hestenes and E. Stiefel, 1952).

    Where A turns out not to be positive along a direction, what has been found up to there is returned.

    Args:
        product: v to A v, A symmetric.
        right: the right side.
        steps: most steps.
        tolerance: of the residual's norm relative to that of the right side.
    """
    solution = {name: torch.zeros_like(part) for name, part in right.items()}
    residual = {name: part.clone() for name, part in right.items()}
    direction = dict(residual)
    energy = dot(residual, residual)
    enough = tolerance**2 * energy
    for _ in range(steps):
        if energy <= enough:
            break
        turned = product(direction)
        curvature = dot(direction, turned)
        if curvature <= 0:
            break
        length = energy / curvature
        solution = {name: part + length * direction[name] for name, part in solution.items()}
        residual = {name: part - length * turned[name] for name, part in residual.items()}
        before, energy = energy, dot(residual, residual)
        direction = {name: part + energy / before * direction[name] for name, part in residual.items()}
    return solution


def dot(first: Parameters, second: Parameters) -> Tensor:
    """Inner product of two sets of tensors of equal names and shapes."""
    return torch.stack([(part * second[name]).sum() for name, part in first.items()]).sum()


def _unrolled(
    upper_loss: Loss, lower_loss: Loss, upper: Parameters, lower: Parameters, rate: float
) -> dict[str, Tensor]:
    slope = _slope(lower_loss, upper, lower)
    stepped = {name: part - rate * slope[name] for name, part in lower.items()}
    return _gradient(_scalar(upper_loss(upper, stepped)), upper)


def _partials(
    loss: Loss, upper: Parameters, lower: Parameters
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients of a loss by the upper and by the lower parameters."""
    found = _gradients(_scalar(loss(upper, lower)), [*upper.values(), *lower.values()], graph=False)
    return dict(zip(upper, found, strict=False)), dict(zip(lower, found[len(upper) :], strict=True))


def _slope(lower_loss: Loss, upper: Parameters, lower: Parameters) -> dict[str, Tensor]:
    """f_y, which can be differentiated again."""
    found = _gradients(_scalar(lower_loss(upper, lower)), list(lower.values()), graph=True)
    return dict(zip(lower, found, strict=True))


def _curve(slope: Parameters, lower: Parameters, vector: Parameters, damping: float) -> dict[str, Tensor]:
    """(f_yy + damping) times a vector; the graph of the slope is kept."""
    turned = _gradient(dot(slope, vector), lower)
    return {name: part + damping * vector[name] for name, part in turned.items()}


def _gradient(scalar: Tensor, parameters: Parameters) -> dict[str, Tensor]:
    found = _gradients(scalar, list(parameters.values()), graph=None)
    return dict(zip(parameters, found, strict=True))


def _gradients(scalar: Tensor, inputs: list[Tensor], graph: bool | None) -> list[Tensor]:
    """Zeros where nothing depends; `graph` None keeps the graph without making one of the result."""
    if not scalar.requires_grad:
        return [torch.zeros_like(part) for part in inputs]
    found = torch.autograd.grad(
        scalar, inputs, retain_graph=graph is None or graph, create_graph=bool(graph), allow_unused=True
    )
    return [
        torch.zeros_like(part) if each is None else each for part, each in zip(inputs, found, strict=True)
    ]


def _copies(parameters: Parameters) -> dict[str, Tensor]:
    return {name: part.detach().clone().requires_grad_(True) for name, part in parameters.items()}


def _scalar(loss: Tensor) -> Tensor:
    if loss.ndim:
        raise ValueError(f"a loss must be a scalar, got shape {tuple(loss.shape)}")
    return loss
