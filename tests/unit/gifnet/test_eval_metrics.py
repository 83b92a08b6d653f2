"""Every metric of `gifnet.eval` against values derived by hand or by an independent formula."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from gifnet.eval import METRICS, measure
from gifnet.eval.detail import lost_detail
from gifnet.eval.features import feature_mutual_information
from gifnet.eval.filters import convolve_valid, gaussian_window, sobel
from gifnet.eval.information import mutual_information, visual_information_fidelity
from gifnet.eval.similarity import multi_scale_ssim, structural_similarity
from gifnet.eval.single import Grey, entropy, entropy_of_counts


def noise(seed: int, shape: tuple[int, int] = (64, 80)) -> Grey:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def flat(value: int, shape: tuple[int, int] = (64, 80)) -> Grey:
    return np.full(shape, value, np.uint8)


def ramp(step: int = 2, shape: tuple[int, int] = (64, 80)) -> Grey:
    """`step` grey levels brighter with every column."""
    return np.broadcast_to(np.arange(shape[1]) * step, shape).astype(np.uint8)


def value(name: str, fused: Grey, visible: Grey, thermal: Grey) -> float:
    return METRICS[name].measure(fused, visible, thermal)


def test_entropy_of_four_equally_common_levels_is_two_bits() -> None:
    assert entropy(np.tile(np.array([0, 80, 160, 240], np.uint8), (64, 20))) == 2
    assert entropy(flat(7)) == 0


def test_standard_deviation_of_two_levels_is_half_their_distance() -> None:
    picture = np.tile(np.array([100, 140], np.uint8), (64, 40))
    assert value("SD", picture, picture, picture) == 20


def test_spatial_frequency_and_gradients_of_a_ramp_are_its_slope() -> None:
    picture = ramp(2)
    assert value("SF", picture, picture, picture) == 2
    assert value("AG", picture, picture, picture) == pytest.approx(math.sqrt(2**2 / 2))
    # Sobel: central difference 4 times 4 inside, half of it in the first and last column.
    assert value("EI", picture, picture, picture) == pytest.approx((78 * 16 + 2 * 8) / 80)


def test_mutual_information_of_a_picture_with_itself_is_its_entropy() -> None:
    picture = noise(1)
    assert mutual_information(picture, picture) == pytest.approx(entropy(picture))
    assert mutual_information(picture, flat(9)) == pytest.approx(0, abs=1e-12)
    # A one-to-one change of grey levels loses no information.
    assert mutual_information(picture, 255 - picture) == pytest.approx(entropy(picture))
    assert value("MI", picture, picture, 255 - picture) == pytest.approx(2 * entropy(picture))


def test_correlation_is_that_of_numpy_averaged_over_the_sources() -> None:
    fused, visible, thermal = noise(1), noise(2), noise(3)
    expected = [np.corrcoef(fused.ravel(), other.ravel())[0, 1] for other in (visible, thermal)]
    assert value("CC", fused, visible, thermal) == pytest.approx(np.mean(expected), abs=1e-12)
    assert value("CC", fused, fused, 255 - fused) == pytest.approx(0, abs=1e-12)
    assert value("CC", fused, fused, flat(3)) == pytest.approx(0.5)


def test_scd_of_a_sum_of_both_sources_is_two() -> None:
    visible, thermal = noise(1) // 2, noise(2) // 2
    assert value("SCD", visible + thermal, visible, thermal) == pytest.approx(2)
    # Nothing of the thermal picture is in a copy of the visible one.
    assert value("SCD", visible, visible, thermal) == pytest.approx(
        np.corrcoef((visible.astype(float) - thermal).ravel(), visible.ravel())[0, 1]
    )


def test_psnr_is_of_the_mean_of_both_errors() -> None:
    assert value("PSNR", flat(100), flat(110), flat(90)) == pytest.approx(10 * math.log10(255**2 / 100))
    assert value("PSNR", flat(1), flat(1), flat(1)) == math.inf


def test_ssim_of_flat_pictures_is_the_luminance_factor() -> None:
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert structural_similarity(flat(100), flat(120)) == pytest.approx(expected)
    assert value("SSIM", noise(1), noise(1), noise(1)) == pytest.approx(2)


def test_ssim_of_one_window_is_the_formula_with_sample_covariance() -> None:
    one, other = noise(1, (7, 7)), noise(2, (7, 7))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    both = np.cov(one.ravel(), other.ravel())
    means = one.mean(), other.mean()
    expected = (2 * means[0] * means[1] + c1) * (2 * both[0, 1] + c2)
    expected /= (means[0] ** 2 + means[1] ** 2 + c1) * (both[0, 0] + both[1, 1] + c2)
    assert structural_similarity(one, other) == pytest.approx(expected)


def test_ms_ssim_of_flat_pictures_has_luminance_at_the_coarsest_scale_alone() -> None:
    shape = (176, 180)
    c1 = (0.01 * 255) ** 2
    luminance = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert multi_scale_ssim(flat(100, shape), flat(120, shape)) == pytest.approx(luminance**0.1333)
    assert multi_scale_ssim(noise(1, shape), noise(1, shape)) == pytest.approx(1)
    assert math.isnan(multi_scale_ssim(noise(1), noise(1)))


def test_vif_of_equal_pictures_is_one_and_of_nothing_zero() -> None:
    picture = noise(1)
    assert visual_information_fidelity(picture, picture) == pytest.approx(1)
    assert visual_information_fidelity(picture, flat(100)) == pytest.approx(0, abs=1e-9)
    assert visual_information_fidelity(flat(100), picture) == 1
    assert value("VIF", picture, picture, picture) == pytest.approx(2)


def test_vif_of_a_picture_at_half_its_contrast_follows_from_its_variances() -> None:
    # With gain g and no residue VIF is sum log(1 + g^2 v / n) / sum log(1 + v / n), n = 2 and one scale
    # alone where the picture is too small for more than one window of 17.
    picture = (noise(5, (17, 17)) // 2 * 2).astype(np.uint8)
    halved = picture // 2
    weights = np.outer(gaussian_window(17, 3.4), gaussian_window(17, 3.4))
    variance = float(np.sum(weights * picture.astype(float) ** 2) - np.sum(weights * picture) ** 2)
    expected = math.log(1 + variance / 4 / 2) / math.log(1 + variance / 2)
    assert visual_information_fidelity(picture, halved) == pytest.approx(expected, abs=1e-6)


def test_qabf_of_equal_pictures_is_that_of_the_field_where_equal_strength_counts_as_itself() -> None:
    picture = noise(1)
    # The published code takes the strength, hundreds, for the ratio of equal strengths: the sigmoid is full.
    expected = 0.9994 * 0.9879 / (1 + math.exp(-4.4))
    same = value("Qabf", picture, picture, picture)
    assert same == pytest.approx(expected, abs=1e-6)
    assert value("Qabf", flat(0), flat(0), flat(0)) == 0


def test_qabf_of_a_ramp_at_half_strength() -> None:
    full, half = ramp(2), ramp(1)
    # Wherever the source changes, zeros around included, the fused edges are half as strong and alike.
    expected = 0.9994 / (1 + math.exp(0)) * 0.9879 / (1 + math.exp(-4.4))
    assert value("Qabf", half, full, full) == pytest.approx(expected, rel=1e-6)


def test_nabf_counts_edges_that_no_source_has() -> None:
    picture = ramp(1)
    assert value("Nabf", picture, picture, picture) == 0
    assert value("Nabf", flat(50), picture, noise(1)) == 0
    # Sources without edges weigh 0.001 a pixel each; added edges are alike to nothing, at right angles.
    added = np.zeros((64, 80), np.uint8)
    added[:, ::4] = 200
    along_x, along_y = sobel(added.astype(float), "wrap")
    share = float(np.mean(np.hypot(along_x, along_y) > 0))
    quality = math.sqrt(0.9999 / (1 + math.exp(9.5)) * 0.9995 / (1 + math.exp(11)))
    assert value("Nabf", added, flat(0), flat(0)) == pytest.approx(share * (1 - quality), rel=1e-9)


def test_fmi_is_one_for_equal_pictures_and_lower_for_others() -> None:
    picture = noise(1, (41, 41))
    assert feature_mutual_information(picture, picture, picture) == pytest.approx(1)
    assert feature_mutual_information(flat(3), flat(9), flat(9)) == 1
    other = feature_mutual_information(picture, noise(2, (41, 41)), noise(3, (41, 41)))
    assert 0 <= other < 0.6


def test_fmi_of_one_window_by_plain_loops() -> None:
    one, other = noise(4, (3, 3)), noise(5, (3, 3))
    assert feature_mutual_information(one, other, other) == pytest.approx(_plain_fmi(one, other), abs=1e-12)


def _plain_fmi(one: Grey, other: Grey) -> float:
    def shares(window: Grey) -> list[float]:
        values = [float(window[row, column]) for column in range(3) for row in range(3)]
        low, high = min(values), max(values)
        stretched = [(entry - low) / (high - low) for entry in values]
        return [entry / sum(stretched) for entry in stretched]

    def entropy_of(masses: list[float]) -> float:
        return -sum(mass * math.log2(mass) for mass in masses if mass > 1e-15)

    def spread(masses: list[float]) -> float:
        mean = sum((place + 1) * mass for place, mass in enumerate(masses))
        return math.sqrt(sum((place + 1 - mean) ** 2 * mass for place, mass in enumerate(masses)))

    first, second = shares(one), shares(other)
    correlation = float(np.corrcoef(first, second)[0, 1])

    def bound(row: int, column: int) -> float:
        left, right = sum(first[: row + 1]), sum(second[: column + 1])
        return min(left, right) if correlation >= 0 else max(left + right - 1, 0)

    places = range(9)
    covariance = sum(
        bound(row, column) - sum(first[: row + 1]) * sum(second[: column + 1])
        for row in places
        for column in places
    )
    share = min(max(correlation * spread(first) * spread(second) / covariance, 0), 1)
    joint = []
    for row in places:
        for column in places:
            mass = bound(row, column)
            mass -= bound(row - 1, column) if row else 0
            mass -= bound(row, column - 1) if column else 0
            mass += bound(row - 1, column - 1) if row and column else 0
            joint.append(share * mass + (1 - share) * first[row] * second[column])
    apart = entropy_of(first) + entropy_of(second)
    return 2 * (apart - entropy_of(joint)) / apart


def test_lost_detail_is_seen_where_both_sources_have_contrast() -> None:
    source = noise(1)
    fused = source.copy()
    fused[:, :40] = 128
    lost = lost_detail(fused, source, source)
    assert np.all(lost[8:-8, 8:30] == 1)
    assert np.all(lost[:, 50:] == 0)
    assert value("detail loss", source, source, flat(0)) == 0


def test_a_separable_filter_equals_the_sum_over_its_window() -> None:
    picture, weights = noise(3, (12, 15)).astype(float), gaussian_window(5, 1.2)
    windows = np.lib.stride_tricks.sliding_window_view(picture, (5, 5))
    expected = np.einsum("hwyx,y,x->hw", windows, weights, weights)
    np.testing.assert_allclose(convolve_valid(picture, weights), expected)


def test_all_metrics_are_measured_by_name() -> None:
    picture = noise(1)
    assert list(measure(picture, picture, picture)) == list(METRICS)
    assert list(measure(picture, picture, picture, ("SD", "EN"))) == ["SD", "EN"]


@pytest.mark.parametrize(
    "wrong", [flat(1, (64, 81)), np.zeros((64, 80, 3), np.uint8), np.zeros((64, 80)), flat(1, (40, 80))]
)
def test_pictures_that_cannot_be_compared_are_refused(wrong: Grey) -> None:
    with pytest.raises(ValueError, match=r"one size|uint8"):
        measure(wrong, flat(1), flat(1))


def _published(refdata: Path) -> list[tuple[dict[str, dict[str, float]], Grey, Grey, Grey]]:
    folder = refdata / "metrics"

    def read(name: str) -> Grey:
        return np.asarray(cv2.imread(str(folder / "images" / f"{name}.png"), cv2.IMREAD_GRAYSCALE), np.uint8)

    expected = json.loads((folder / "expected.json").read_text())
    return [
        (values, read(name), read(f"{name[:2]}_visible"), read(f"{name[:2]}_thermal"))
        for name, values in expected.items()
    ]


@pytest.mark.refdata
def test_values_of_the_published_python_evaluator(refdata: Path) -> None:
    names = {"EN": "EN", "SD": "SD", "SF": "SF", "AG": "AG", "CC": "CC", "SCD": "SCD", "VIF": "VIF_sum",
             "Qabf": "Qabf", "SSIM": "SSIM_sum", "PSNR": "PSNR"}  # fmt: skip
    for values, fused, visible, thermal in _published(refdata):
        ours = measure(fused, visible, thermal, (*names, "MI"))
        for name, theirs in names.items():
            assert ours[name] == pytest.approx(values["numpy"][theirs], abs=1e-6), name
        assert ours["MI"] * math.log(2) == pytest.approx(values["numpy"]["MI_nats"], abs=1e-6)


@pytest.mark.refdata
def test_values_of_the_matlab_toolbox_after_its_other_scales(refdata: Path) -> None:
    for values, fused, visible, thermal in _published(refdata):
        matlab, (height, width) = values["matlab"], fused.shape
        ours = measure(fused, visible, thermal, ("EN", "SF", "AG", "CC", "SCD", "Qabf"))
        ours["SF"] /= 255
        ours["AG"] *= height * width / ((height - 1) * (width - 1))
        for name, result in ours.items():
            assert result == pytest.approx(matlab[name], abs=1e-3), name
        # Its joint histogram takes grey 254 and 255 for one; its marginal ones do not.
        joint = [
            np.bincount((np.minimum(fused, 254) * np.int64(256) + np.minimum(source, 254)).ravel())
            for source in (visible, thermal)
        ]
        information = 2 * entropy(fused) + entropy(visible) + entropy(thermal)
        information -= sum(entropy_of_counts(counts) for counts in joint)
        assert information == pytest.approx(matlab["MI"], abs=1e-3)
