"""Pictures of each view."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from stream.frame import ColourMap
from stream.render.colour_maps import colour_table, heat
from stream.render.views import render
from tests.helpers.fused import fused_frame


@pytest.mark.parametrize(("view", "name"), [("fused", "pixels"), ("visible", "visible")])
def test_colour_views_are_the_pictures_themselves(view, name):
    frame = fused_frame(3)
    np.testing.assert_array_equal(render(frame, view), getattr(frame, name))


def test_thermal_is_grey_in_three_channels():
    frame = fused_frame(3)
    picture = render(frame, "thermal")
    assert picture.shape == (48, 64, 3) and picture.dtype == np.uint8
    for channel in range(3):
        np.testing.assert_array_equal(picture[..., channel], frame.thermal)


def test_side_by_side_is_visible_thermal_fused():
    frame = fused_frame(3)
    picture = render(frame, "side-by-side")
    parts = np.split(picture, 3, axis=1)
    for part, view in zip(parts, ("visible", "thermal", "fused"), strict=True):
        np.testing.assert_array_equal(part, render(frame, view))


def test_checkerboard_begins_with_visible():
    frame = fused_frame(3)
    picture = render(frame, "checkerboard")
    thermal = render(frame, "thermal")
    np.testing.assert_array_equal(picture[:32, :32], frame.visible[:32, :32])
    np.testing.assert_array_equal(picture[:32, 32:], thermal[:32, 32:])
    np.testing.assert_array_equal(picture[32:, :32], thermal[32:, :32])
    np.testing.assert_array_equal(picture[32:, 32:], frame.visible[32:, 32:])


def test_heat_gets_lighter_all_the_way():
    table = heat().astype(float)
    luma = table @ (0.2126, 0.7152, 0.0722)
    assert table.shape == (256, 3)
    assert (np.diff(luma) > -0.75).all()  # rounding of each channel
    assert (np.diff(luma[::8]) > 0).all()
    assert luma[0] < 12 and luma[-1] > 225


def test_thermal_colour_is_the_table():
    frame = fused_frame(3)
    np.testing.assert_array_equal(render(frame, "thermal-colour"), heat()[frame.thermal])


def test_pictures_that_cannot_be_written_are_shown_too():
    frame = fused_frame(3)
    expected = render(frame, "side-by-side").copy()
    for pixels in (frame.visible, frame.thermal, frame.pixels):
        pixels.flags.writeable = False
    np.testing.assert_array_equal(render(frame, "side-by-side"), expected)


@pytest.mark.parametrize("name", get_args(ColourMap))
def test_every_colour_map_gives_each_grey_a_colour_of_its_own(name):
    table = colour_table(name)
    assert (table.shape, table.dtype) == ((256, 3), np.uint8)
    assert len(np.unique(table, axis=0)) > 240
    frame = fused_frame(3)
    np.testing.assert_array_equal(render(frame, "thermal-colour", name), table[frame.thermal])


@pytest.mark.parametrize("name", ["heat", "white-hot", "iron", "lava"])
def test_hotter_is_lighter(name):
    luma = colour_table(name).astype(float) @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(luma[::8]) > 0).all()


def test_white_hot_and_black_hot_are_the_grey_itself():
    np.testing.assert_array_equal(colour_table("white-hot")[:, 1], np.arange(256))
    np.testing.assert_array_equal(colour_table("black-hot"), colour_table("white-hot")[::-1])


def test_other_views_have_no_colour_map():
    frame = fused_frame(3)
    np.testing.assert_array_equal(render(frame, "thermal", "iron"), render(frame, "thermal"))
