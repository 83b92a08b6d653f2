"""Generated multi-focus pairs."""

import cv2
import numpy as np
import pytest

from gifnet.train.multifocus import focus_pair, random_mask


@pytest.mark.parametrize("seed", range(6))
def test_a_mask_has_two_regions_and_a_thin_boundary(seed: int):
    mask = random_mask(96, 128, np.random.default_rng(seed))
    assert mask.shape == (96, 128)
    assert (mask.min(), mask.max()) == (pytest.approx(0, abs=0.05), pytest.approx(1, abs=0.05))
    assert np.mean((mask > 0.1) & (mask < 0.9)) < 0.35


def test_the_two_pictures_complement_each_other():
    sharp = np.random.default_rng(0).random((64, 64), np.float32)
    near, far = focus_pair(sharp, np.random.default_rng(1), 2.0, 2.0)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 2.0, borderType=cv2.BORDER_REFLECT_101)
    np.testing.assert_allclose(near + far, sharp + blurred, atol=1e-5)
    assert not np.allclose(near, sharp, atol=0.05)
    assert not np.allclose(far, sharp, atol=0.05)


def test_every_pixel_is_sharp_in_one_of_them_but_at_the_boundary():
    sharp = np.random.default_rng(2).random((64, 64), np.float32)
    near, far = focus_pair(sharp, np.random.default_rng(3), 2.0, 2.0)
    nearest = np.minimum(np.abs(near - sharp), np.abs(far - sharp))
    assert np.mean(nearest < 0.02) > 0.7
