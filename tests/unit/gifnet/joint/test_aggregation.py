"""Gradients of two tasks put together by each policy."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from gifnet.joint.aggregation import aggregate, make_aggregator, project_weights
from gifnet.joint.config import Policy

TWO = [
    {"a": torch.tensor([1.0, 0.0]), "b": torch.tensor([[0.0]])},
    {"a": torch.tensor([-0.5, 1.0]), "b": torch.tensor([[2.0]])},
]


def flat(parts: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([part.flatten() for part in parts.values()])


def test_uniform_is_the_mean_and_keeps_shapes():
    mixed = aggregate(TWO, make_aggregator("uniform"))
    assert mixed["a"].tolist() == [0.25, 0.5] and mixed["b"].tolist() == [[1.0]]


def test_random_weights_are_positive_sum_to_one_and_change():
    policy, shares = make_aggregator("random"), []
    torch.manual_seed(0)
    for _ in range(3):
        mixed = aggregate(TWO, policy)
        second = float(mixed["a"][1])
        assert float(mixed["a"][0]) == pytest.approx(1 - second - 0.5 * second, abs=1e-5)
        shares.append(second)
    assert len(set(shares)) == 3 and all(0 < share < 1 for share in shares)


@pytest.mark.parametrize("policy", ["mgda", "upgrad"])
def test_a_step_harms_no_task(policy: Policy):
    mixed = flat(aggregate(TWO, make_aggregator(policy)))
    assert all(float(mixed @ flat(task)) >= -1e-4 for task in TWO)


@pytest.mark.parametrize("policy", get_args(Policy))
def test_weights_of_tasks_have_effect(policy: Policy):
    heavy = [{name: 10 * part for name, part in TWO[0].items()}, TWO[1]]
    torch.manual_seed(0)
    light = flat(aggregate(TWO, make_aggregator(policy)))
    torch.manual_seed(0)
    assert (flat(aggregate(heavy, make_aggregator(policy))) - light).abs().max() > 0.05


def test_pcgrad_of_two_is_each_freed_from_the_other():
    one, two = (flat(task) for task in TWO)
    freed = one - (one @ two) / (two @ two) * two + two - (one @ two) / (one @ one) * one
    assert torch.allclose(flat(aggregate(TWO, make_aggregator("pcgrad"))), freed, atol=1e-5)


def test_projection_onto_the_cone_meets_its_conditions():
    random = torch.Generator().manual_seed(3)
    for _ in range(20):
        rows = torch.randn(3, 5, generator=random, dtype=torch.float64)
        gramian, weights = rows @ rows.T, torch.rand(3, generator=random, dtype=torch.float64)
        found = project_weights(weights, gramian)
        product = gramian @ found
        assert (found >= weights - 1e-8).all() and (product >= -1e-6).all()
        assert ((found - weights) * product).abs().max() < 1e-6
