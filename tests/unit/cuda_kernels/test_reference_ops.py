"""The array operations against numpy, by their formulae."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cuda_kernels import reference

RNG = np.random.default_rng(1)
FORWARD = np.array([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]])
INVERSE = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]])


def random_rgb(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


def plane(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float32)


class TestLuma:
    def test_is_the_truncated_weighted_sum(self) -> None:
        rgb = random_rgb()
        exact = rgb.astype(np.int64) @ np.array([299, 587, 114])
        luma = reference.luma(torch.from_numpy(rgb)).numpy()
        whole = exact % 1000 == 0
        assert np.array_equal(luma[~whole], (exact // 1000)[~whole])
        # An exact whole sum may be rounded to just below it, and truncation then takes a level.
        assert np.abs(luma[whole] - (exact // 1000)[whole]).max(initial=0) <= 1

    @pytest.mark.parametrize(
        ("rgb", "expected"), [((255, 0, 0), 76), ((0, 255, 0), 149), ((0, 0, 255), 29), ((0, 0, 0), 0)]
    )
    def test_known_colours(self, rgb: tuple[int, int, int], expected: int) -> None:
        assert reference.luma(torch.tensor([[rgb]], dtype=torch.uint8)).item() == expected

    def test_is_float32_in_range(self) -> None:
        luma = reference.luma(torch.full((2, 2, 3), 255, dtype=torch.uint8))
        assert luma.dtype == torch.float32
        assert luma.max() <= 255


class TestChromaAndMerge:
    def test_chroma_is_the_two_rows(self) -> None:
        rgb = random_rgb()
        cb, cr = reference.chroma(torch.from_numpy(rgb))
        np.testing.assert_allclose(cb, rgb @ FORWARD[1], atol=1e-4)
        np.testing.assert_allclose(cr, rgb @ FORWARD[2], atol=1e-4)

    def test_grey_has_no_chroma(self) -> None:
        grey = torch.arange(256, dtype=torch.uint8)[:, None, None].expand(256, 1, 3)
        for component in reference.chroma(grey):
            assert component.abs().max() < 1e-4

    def test_merge_is_the_clipped_rounded_inverse(self) -> None:
        luma, cb, cr = (
            RNG.uniform(low, high, (48, 64)) for low, high in ((0, 255), (-128, 128), (-128, 128))
        )
        expected = np.round(np.clip(np.stack((luma, cb, cr), -1) @ INVERSE.T, 0, 255)).astype(int)
        merged = reference.merge(*(torch.from_numpy(part).float() for part in (luma, cb, cr))).numpy()
        assert merged.dtype == np.uint8
        assert np.abs(merged.astype(int) - expected).max() <= 1
        assert (merged == expected).mean() > 0.999

    def test_merge_rounds_half_to_even(self) -> None:
        zero = plane([0, 0, 0])
        assert reference.merge(plane([0.5, 1.5, 2.5]), zero, zero)[0, :, 0].tolist() == [0, 2, 2]

    def test_merge_gives_back_what_luma_and_chroma_took_apart(self) -> None:
        rgb = torch.from_numpy(random_rgb())
        merged = reference.merge(reference.luma(rgb), *reference.chroma(rgb))
        assert (merged.int() - rgb.int()).abs().max() <= 2


class TestBlendChroma:
    def test_follows_the_published_rule(self) -> None:
        first, second = RNG.uniform(-128, 128, (2, 2, 6, 7)).astype(np.float32)
        first[0, 0, 0] = second[0, 0, 0] = 128
        blended = reference.blend_chroma(*torch.from_numpy(first), *torch.from_numpy(second))
        for component, one, other in zip(blended, first.astype(float), second.astype(float), strict=True):
            for y, x in np.ndindex(one.shape):
                a, b = one[y, x], other[y, x]
                total = abs(a - 128) + abs(b - 128)
                expected = 128 if total == 0 else (a * abs(a - 128) + b * abs(b - 128)) / total
                assert component[y, x].item() == pytest.approx(expected, abs=1e-4)

    def test_does_not_depend_on_the_order(self) -> None:
        first, second = torch.rand(2, 2, 5, 5) * 200 - 100
        one = reference.blend_chroma(*first, *second)
        other = reference.blend_chroma(*second, *first)
        assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))


class TestPercentiles:
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.integers(0, 65535), min_size=1, max_size=60),
        st.integers(0, 200).map(lambda half: half / 2),
        st.integers(0, 200).map(lambda half: half / 2),
    )
    def test_are_exact(self, counts: list[int], low: float, high: float) -> None:
        raw = np.array([counts], dtype=np.uint16)
        expected = np.percentile(raw, [low, high], method="inverted_cdf")
        assert reference.percentiles(torch.from_numpy(raw), low, high).tolist() == expected.tolist()

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
    def test_every_dtype_gives_the_same(self, dtype: type) -> None:
        raw = torch.from_numpy(RNG.integers(0, 256, (30, 40)).astype(dtype))
        assert reference.percentiles(raw, 0, 100).tolist() == [raw.float().min(), raw.float().max()]

    def test_nan_is_left_out(self) -> None:
        assert reference.percentiles(plane([7, torch.nan, 9, torch.nan]), 0, 100).tolist() == [7, 9]
        assert reference.percentiles(plane([torch.nan]), 0, 100).tolist() == [0, 0]

    def test_floats_are_rounded_and_clipped(self) -> None:
        assert reference.percentiles(plane([-5, 2.4, 1e9]), 0, 100).tolist() == [0, 65535]
        assert reference.percentiles(plane([2.4]), 0, 100).tolist() == [2, 2]


class TestNormalise:
    def test_span_becomes_zero_to_one(self) -> None:
        counts = torch.tensor([[0, 100, 150, 200, 300]], dtype=torch.float32).to(torch.uint16)
        shares = reference.normalise(counts, torch.tensor([100.0, 200.0]))
        assert shares.tolist() == [[0, 0, 0.5, 1, 1]]
        assert shares.dtype == torch.float32

    def test_flat_picture_is_black(self) -> None:
        assert reference.normalise(plane([5, 5]), torch.tensor([5.0, 5.0])).tolist() == [[0, 0]]

    def test_special_numbers(self) -> None:
        special = plane([torch.nan, torch.inf, -torch.inf])
        assert reference.normalise(special, torch.tensor([0.0, 10.0])).tolist() == [[0, 1, 0]]
        assert reference.normalise(plane([1]), torch.tensor([torch.nan, 10.0])).tolist() == [[0]]

    def test_8_bits_are_divided_by_255(self) -> None:
        counts = torch.arange(256, dtype=torch.uint8)[None]
        assert torch.equal(reference.normalise(counts, torch.tensor([0.0, 255.0])), counts / 255)


class TestWarp:
    def test_whole_places_give_pixels(self) -> None:
        thermal = torch.rand(5, 7)
        maps = reference.homography_maps(torch.eye(3, dtype=torch.float64), (7, 5))
        warped, valid = reference.warp(thermal, *maps)
        assert torch.equal(warped, thermal)
        assert valid.all()

    def test_between_pixels_is_bilinear(self) -> None:
        thermal = plane([0, 10], [20, 30])
        warped, _ = reference.warp(thermal, plane([0.5, 0.25]), plane([0.5, 0]))
        assert warped.tolist() == [[15, 2.5]]

    def test_outside_takes_the_border_and_is_invalid(self) -> None:
        thermal = plane([1, 2], [3, 4])
        warped, valid = reference.warp(thermal, plane([-0.1, 1, 9, torch.nan]), plane([0, 1, -9, 0]))
        assert warped.tolist() == [[1, 4, 2, 0]]
        assert valid.tolist() == [[False, True, False, False]]

    def test_maps_invert_the_matrix(self) -> None:
        matrix = torch.tensor([[2, 0.1, 5], [0, 3, 7], [0.001, 0, 1]], dtype=torch.float64)
        map_x, map_y = reference.homography_maps(matrix, (40, 30))
        thermal = torch.stack((map_x[20, 30].double(), map_y[20, 30].double(), torch.ones(())))
        x, y, scale = matrix @ thermal
        assert (x / scale).item() == pytest.approx(30, abs=1e-4)
        assert (y / scale).item() == pytest.approx(20, abs=1e-4)

    @pytest.mark.parametrize("factor", [1.0, -1.0])
    def test_behind_the_camera_is_nowhere(self, factor: float) -> None:
        thermal_from_visible = torch.tensor([[1, 0, 0], [0, 1, 0], [-0.2, 0, 1]], dtype=torch.float64)
        map_x, map_y = reference.homography_maps(factor * torch.linalg.inv(thermal_from_visible), (9, 3))
        assert torch.isnan(map_x[0]).tolist() == [False] * 5 + [True] * 4
        assert torch.equal(torch.isnan(map_x), torch.isnan(map_y))
