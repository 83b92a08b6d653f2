"""Bad pixels, damped spans, equalisation and detail against numpy, by their formulae."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cuda_kernels import reference
from cuda_kernels.reference.detail import EDGE, RADIUS
from cuda_kernels.reference.equalise import LEVELS, TILES

RNG = np.random.default_rng(1)


def some_counts(height: int = 24, width: int = 40, most: int = 400) -> NDArray[np.uint16]:
    return RNG.integers(0, most, (height, width)).astype(np.uint16)


def tensor(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float32)


class TestMend:
    def test_takes_the_mean_of_four_and_leaves_the_rest(self) -> None:
        counts = torch.tensor([[1, 2, 3], [4, 60000, 7]], dtype=torch.int32).to(torch.uint16)
        places, sources = (
            torch.tensor([4], dtype=torch.int32),
            torch.tensor([[1, 3, 5, 5]], dtype=torch.int32),
        )
        assert reference.replace_bad_pixels(counts, places, sources).tolist() == [[1, 2, 3], [4, 5, 7]]


class TestDamp:
    @pytest.mark.parametrize(
        ("measured", "expected"),
        [
            ((100, 1e4), (100, 300 + 200 * 0.25 / 1.5)),  # a bound of the whole width
            ((0, 300), (100 - 100 * 0.25, 300)),  # below the bound: a quarter of the way
            (
                (200, 1e4),
                (125, 300 + 200 * 0.25 / 1.5 * 2),
            ),  # half of the last span in common: twice the bound
            ((900, 1000), (300, 475)),  # nothing in common: a quarter of the way
        ],
    )
    def test_ends_go_their_share_within_the_bound(
        self, measured: tuple[float, float], expected: tuple[float, float]
    ) -> None:
        damped = reference.damp_span(tensor(*map(float, measured)), tensor(100, 300), tensor(0.75))
        assert damped.tolist() == pytest.approx(expected)

    @pytest.mark.parametrize(("ema_weight", "expected"), [(0.0, [7, 9000]), (1.0, [5, 6])])
    def test_keeps_nothing_or_everything(self, ema_weight: float, expected: list[float]) -> None:
        damped = reference.damp_span(tensor(7.0, 9000.0), tensor(5.0, 6.0), tensor(ema_weight))
        assert damped.tolist() == expected


def test_a_span_the_other_way_round_makes_hot_black() -> None:
    counts = tensor(0, 100, 150, 200, 300)[None]
    shares = reference.normalise(counts, tensor(200.0, 100.0))
    assert shares.tolist() == [[1, 1, 0.5, 0, 0]]


class TestPlateau:
    @pytest.mark.parametrize("plateau", [0.0, 0.5, 100.0])
    def test_is_the_cumulative_sum_of_the_clipped_histogram(self, plateau: float) -> None:
        counts = np.minimum(some_counts(), 100)
        bins = np.bincount(counts.ravel(), minlength=1 << 16)
        clipped = np.minimum(bins, max(np.ceil(counts.size * plateau / 100), 1))
        expected = (np.cumsum(clipped) - clipped / 2) / clipped.sum()
        found = reference.plateau_curve(torch.from_numpy(counts), plateau)
        np.testing.assert_allclose(found, expected, atol=1e-7)

    def test_a_curve_is_linear_between_counts(self) -> None:
        curve = torch.linspace(0, 1, 1 << 16).square()
        found = reference.equalise(tensor(0.0, 40000.25, 70000.0, torch.nan)[None], curve)
        between = float(0.75 * curve[40000] + 0.25 * curve[40001])
        assert found.tolist()[0] == pytest.approx([0, between, 1, 0], abs=1e-6)


class TestClahe:
    def test_curves_are_those_of_the_tiles_with_what_was_clipped_spread(self) -> None:
        counts, contrast = some_counts(), 2.0
        found = reference.tile_curves(torch.from_numpy(counts), tensor(0.0, 400.0), contrast)
        for tile in (0, 11, TILES * TILES - 1):
            row, column = divmod(tile, TILES)
            part = counts[row * 3 : row * 3 + 3, column * 5 : column * 5 + 5]
            bins = np.bincount(part.ravel().astype(int) * LEVELS // 400, minlength=LEVELS)
            clipped = np.minimum(bins, max(round(part.size * contrast / LEVELS), 1)).astype(float)
            clipped += (part.size - clipped.sum()) / LEVELS
            np.testing.assert_allclose(found[tile], (np.cumsum(clipped) - clipped / 2) / part.size, atol=1e-6)

    def test_without_contrast_beyond_an_even_one_it_is_the_span(self) -> None:
        counts, span = torch.from_numpy(some_counts(160, 200)), tensor(0.0, 400.0)
        straight = reference.tile_curves(counts, span, 1.0)
        found = reference.equalise_tiles(counts, span, straight)
        assert (found - reference.normalise(counts, span)).abs().max() < 0.05

    def test_tiles_go_over_into_each_other(self) -> None:
        """Pixels of one count: brightness is the tiles' own, bilinear between their middles."""
        counts, values = torch.full((16, 32), 7, dtype=torch.uint8), torch.rand(TILES, TILES)
        curves = values.reshape(-1, 1).repeat(1, LEVELS)
        found = reference.equalise_tiles(counts, tensor(0.0, 9.0), curves)
        expected = torch.nn.functional.interpolate(values[None, None], (16, 32), mode="bilinear")[0, 0]
        torch.testing.assert_close(found, expected)


class TestEnhance:
    def test_is_the_guided_filter(self) -> None:
        counts, span, gain = some_counts(9, 11), (0.0, 2000.0), 3.0

        def windows(plane: NDArray[np.float64]) -> NDArray[np.float64]:
            padded, size = np.pad(plane, RADIUS, mode="edge"), 2 * RADIUS + 1
            return np.lib.stride_tricks.sliding_window_view(padded, (size, size)).reshape(*plane.shape, -1)

        around = windows(counts.astype(float))
        mean, variance = around.mean(-1), around.var(-1)
        edge = (EDGE * (span[1] - span[0])) ** 2
        follow = variance / (variance + edge)
        base = windows(follow).mean(-1) * counts + windows((1 - follow) * mean).mean(-1)
        found = reference.enhance(torch.from_numpy(counts), tensor(*span), gain)
        np.testing.assert_allclose(found, base + gain * (counts - base), atol=0.01)

    def test_edges_get_no_halo_and_noise_is_raised(self) -> None:
        step = np.where(np.arange(40) < 20, 1000, 9000) + RNG.integers(-5, 6, (30, 40))
        counts = torch.from_numpy(step.astype(np.uint16))
        found = reference.enhance(counts, tensor(900.0, 9100.0), 4.0)
        assert (found - counts.float())[:, 15:25].abs().max() < 0.02 * 8000
        assert found[:, :12].std() > 3 * counts.float()[:, :12].std()

    def test_a_gain_of_one_changes_nothing(self) -> None:
        counts = torch.from_numpy(some_counts())
        assert torch.equal(reference.enhance(counts, tensor(0.0, 400.0), 1.0), counts.float())
