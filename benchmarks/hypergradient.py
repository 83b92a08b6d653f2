"""Hypergradients by four formulas on random quadratic problems: cosine to the exact one, share downhill.

python -m benchmarks.hypergradient [--problems 1000]

F = |y - b|^2 / 2 + c x and f = |y - A x|^2 / 2 with six upper variables and standard normal A, b, c and x.
The exact hypergradient is c + A^T (y - b). The lower variables are standard normal (far), or within 0.001 of
the lower minimum A x (near). A gradient points downhill where its product with the exact one is positive.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.common import circumstances, save
from gifnet.joint.hypergradient import Loss, Method, Parameters, hypergradient

UPPER = 6
LOWER = 1, 2, 8, 64
NEAR = 1e-3
RATE = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", type=int, default=1000, help="for each row")
    problems = parser.parse_args().problems
    methods = get_args(Method)
    print("mean cosine to the exact hypergradient, and share that points downhill")
    print("| lower variables | place | " + " | ".join(methods) + " |")
    print("|---" * (2 + len(methods)) + "|")
    tables = {method: table(LOWER, problems, method) for method in methods}
    for rows in zip(*tables.values(), strict=True):
        cells = [f"{row['cosine']:.2f}, {100 * row['downhill']:.0f} %" for row in rows]
        print(f"| {rows[0]['lower_variables']} | {rows[0]['place']} | " + " | ".join(cells) + " |")
    print("written:", save("hypergradient", {"rows": tables, "circumstances": circumstances()}))


def table(lower: Sequence[int], problems: int, method: Method = "outer_product") -> list[dict[str, Any]]:
    """A row for each number of lower variables, far from the lower minimum and near it."""
    return [_row(count, near, problems, method) for count in lower for near in (False, True)]


def quadratic(
    seed: int, lower: int, near: bool
) -> tuple[Loss, Loss, Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """F, f, x, y, and the exact hypergradient at any y."""
    random = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    mix, aim, tilt, x, away = draw(lower, UPPER), draw(lower), draw(UPPER), draw(UPPER), draw(lower)

    def inner(above: Parameters, below: Parameters) -> Tensor:
        return 0.5 * (below["y"] - mix @ above["x"]).square().sum()

    def outer(above: Parameters, below: Parameters) -> Tensor:
        return 0.5 * (below["y"] - aim).square().sum() + tilt @ above["x"]

    y = mix @ x + NEAR * away if near else away
    return outer, inner, x, y, lambda place: tilt + mix.T @ (place - aim)


def _row(lower: int, near: bool, problems: int, method: Method) -> dict[str, Any]:
    cosines = []
    for seed in range(problems):
        outer, inner, x, y, exact = quadratic(seed, lower, near)
        found = hypergradient(outer, inner, {"x": x}, {"y": y}, method, rate=RATE)["x"]
        cosines.append(F.cosine_similarity(found, exact(y), dim=0))
    all_cosines = torch.stack(cosines)
    return {
        "lower_variables": lower,
        "place": "near" if near else "far",
        "cosine": round(float(all_cosines.mean()), 4),
        "downhill": round(float((all_cosines > 0).double().mean()), 4),
    }


if __name__ == "__main__":
    main()
