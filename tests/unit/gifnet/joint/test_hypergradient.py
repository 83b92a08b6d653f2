"""Hypergradients against closed forms of quadratic problems."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from benchmarks.hypergradient import quadratic, table
from gifnet.joint.hypergradient import Loss, Parameters, hypergradient, solve


def curved(seed: int, lower: int = 6, upper: int = 4) -> tuple[Loss, Loss, Tensor, Tensor, Tensor]:
    """F, f, x, the lower minimum y(x) and the exact gradient of F(x, y(x)); f_yy is not the identity."""
    random = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=random, dtype=torch.float64)  # noqa: E731
    root, mix, aim, tilt, x = draw(lower, lower), draw(lower, upper), draw(lower), draw(upper), draw(upper)
    curve = root @ root.T + torch.eye(lower, dtype=torch.float64)

    def inner(above: Parameters, below: Parameters) -> Tensor:
        y = below["y"]
        return 0.5 * y @ curve @ y - y @ mix @ above["x"]

    def outer(above: Parameters, below: Parameters) -> Tensor:
        return 0.5 * (below["y"] - aim).square().sum() + tilt @ above["x"]

    y = torch.linalg.solve(curve, mix @ x)
    exact = tilt + mix.T @ torch.linalg.solve(curve, y - aim)
    return outer, inner, x, y, exact


@pytest.mark.parametrize("seed", range(5))
def test_the_implicit_form_is_the_closed_form(seed: int):
    outer, inner, x, y, exact = curved(seed)
    found = hypergradient(outer, inner, {"x": x}, {"y": y}, "implicit")["x"]
    assert torch.allclose(found, exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_an_unrolled_step_is_the_gradient_after_that_step(seed: int):
    outer, inner, x, y, _ = curved(seed)
    y = y + 0.3
    found = hypergradient(outer, inner, {"x": x}, {"y": y}, "unrolled", rate=0.1)["x"]
    differences = []
    for index in range(len(x)):
        sides = []
        for sign in (1, -1):
            moved = x.clone()
            moved[index] += sign * 1e-4
            below = y.clone().requires_grad_(True)
            (slope,) = torch.autograd.grad(inner({"x": moved}, {"y": below}), below)
            sides.append(outer({"x": moved}, {"y": y - 0.1 * slope}))
        differences.append((sides[0] - sides[1]) / 2e-4)
    assert torch.allclose(found, torch.stack(differences), atol=1e-6)


def test_the_outer_product_is_exact_for_one_lower_variable():
    for seed in range(10):
        outer, inner, x, _, exact = quadratic(seed, lower=1, near=False)
        y = {"y": torch.tensor([0.7], dtype=torch.float64)}
        found = hypergradient(outer, inner, {"x": x}, y, "outer_product")["x"]
        assert torch.allclose(found, exact(y["y"]), atol=1e-9)


def test_the_outer_product_takes_the_answer_of_the_lower_level_off_and_not_on():
    """f = (y - x)^2 / 2 and F = y^2 / 2: y follows x, so F grows with x, by y."""
    one = torch.ones(1, dtype=torch.float64)
    found = hypergradient(
        lambda above, below: 0.5 * below["y"].square().sum(),
        lambda above, below: 0.5 * (below["y"] - above["x"]).square().sum(),
        {"x": one},
        {"y": 3 * one},
        "outer_product",
    )["x"]
    assert found.item() == pytest.approx(3.0)


def test_at_the_lower_minimum_epsilon_leaves_the_direct_part():
    outer, inner, x, y, _ = curved(0)
    direct = hypergradient(outer, inner, {"x": x}, {"y": y}, "direct")["x"]
    minimum = hypergradient(outer, lambda above, below: 0 * inner(above, below), {"x": x}, {"y": y})["x"]
    assert torch.equal(minimum, direct)
    assert torch.isfinite(hypergradient(outer, inner, {"x": x}, {"y": y})["x"]).all()


def test_nothing_that_comes_in_is_changed():
    network = torch.nn.Linear(3, 1).double()
    x = torch.randn(3, dtype=torch.float64, requires_grad=True)
    before = {name: part.clone() for name, part in network.named_parameters()}

    def loss(above: Parameters, below: Parameters) -> Tensor:
        return torch.func.functional_call(network, dict(below), (above["x"],)).square().sum()

    for method in ("direct", "outer_product", "unrolled", "implicit"):
        found = hypergradient(loss, loss, {"x": x}, dict(network.named_parameters()), method, damping=1.0)
        assert not found["x"].requires_grad
    assert x.grad is None and all(part.grad is None for part in network.parameters())
    assert all(torch.equal(part, before[name]) for name, part in network.named_parameters())


def test_a_loss_that_leaves_parameters_out_has_no_gradient_there():
    unused = {"x": torch.ones(2), "z": torch.ones(3)}
    found = hypergradient(
        lambda above, below: (above["x"] * below["y"]).sum(),
        lambda above, below: below["y"].square().sum(),
        unused,
        {"y": torch.ones(2)},
        "implicit",
    )
    assert torch.equal(found["z"], torch.zeros(3)) and torch.equal(found["x"], torch.ones(2))


def test_conjugate_gradients_stop_where_the_curvature_is_not_positive():
    right = {"v": torch.tensor([1.0, 1.0])}
    found = solve(lambda v: {"v": -v["v"]}, right, steps=5, tolerance=1e-10)
    assert torch.equal(found["v"], torch.zeros(2))


def test_unknown_methods_and_losses_of_many_values_are_refused():
    one = {"x": torch.ones(2)}
    with pytest.raises(
        ValueError, match="must be one of direct, outer_product, unrolled, implicit, got 'magic'"
    ):
        hypergradient(lambda a, b: a["x"].sum(), lambda a, b: b["x"].sum(), one, one, "magic")
    with pytest.raises(ValueError, match=r"a loss must be a scalar, got shape \(2,\)"):
        hypergradient(lambda a, b: a["x"], lambda a, b: b["x"].sum(), one, one, "direct")


def test_the_table_of_the_documentation_comes_out_again():
    rows = {(row["lower_variables"], row["place"]): row for row in table((1, 64), problems=100)}
    assert rows[1, "far"]["cosine"] == pytest.approx(1) and rows[1, "near"]["downhill"] == 1
    far, near = rows[64, "far"], rows[64, "near"]
    assert far["cosine"] == pytest.approx(0.13, abs=0.06) and near["cosine"] == pytest.approx(0.30, abs=0.06)
    assert far["downhill"] == pytest.approx(0.62, abs=0.12) and near["downhill"] == pytest.approx(
        0.82, abs=0.12
    )
