"""Views as pictures: colours are those of Lab, and every kind of view shows what it holds."""

import colorsys

import numpy as np
import pytest
import torch

from ssl_lab.augment import chrominance, luminance, rgb_to_lab
from ssl_lab.plots.multiview.seen import LIGHT, chroma, colours, distance, error, grey, picture, rgb
from ssl_lab.plots.scene import LAYERS

X = torch.randint(0, 256, (3, 3, 8, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def lab_of(pixels):
    """L, a and b of (N, H, W, 3) bytes, (N, 3, H, W)."""
    return rgb_to_lab(torch.from_numpy(pixels).permute(0, 3, 1, 2)).double().numpy()


def test_lab_and_back_are_the_same_pixels():
    back = rgb(rgb_to_lab(X).double().numpy())
    assert np.abs(back.astype(int) - X.permute(0, 2, 3, 1).numpy()).max() <= 1


def test_lightness_is_shown_as_the_grey_that_has_it():
    shown = grey(luminance(X).double().numpy())
    assert (shown[..., 0] == shown[..., 1]).all() and (shown[..., 1] == shown[..., 2]).all()
    np.testing.assert_allclose(lab_of(shown)[:, 0], rgb_to_lab(X)[:, 0].double().numpy(), atol=0.3)


def test_colour_is_shown_at_one_lightness():
    pale = torch.full((1, 3, 4, 4), 150, dtype=torch.uint8)
    pale[:, 0] += torch.arange(16).reshape(4, 4).to(torch.uint8)
    lab = lab_of(colours(chrominance(pale).double().numpy()))
    np.testing.assert_allclose(lab[:, 0], LIGHT, atol=0.5)
    np.testing.assert_allclose(lab[:, 1:], rgb_to_lab(pale)[:, 1:].double().numpy(), atol=0.8)


def test_a_distance_of_colours_is_that_of_lab_and_chroma_that_to_grey():
    one, other = chrominance(X).double().numpy(), chrominance(X.flip(0)).double().numpy()
    a, b = rgb_to_lab(X)[:, 1:].double().numpy(), rgb_to_lab(X.flip(0))[:, 1:].double().numpy()
    np.testing.assert_allclose(distance(one, other), np.sqrt(((a - b) ** 2).sum(1)), atol=1e-3)
    np.testing.assert_allclose(chroma(one), np.sqrt((a**2).sum(1)), atol=1e-3)


def test_no_error_is_white_and_a_large_one_black():
    shown = error(np.array([[[0.0, 30.0, 60.0, 90.0]]]))
    assert shown.shape == (1, 1, 4, 3) and shown[0, 0, :, 0].tolist() == [255, 128, 0, 0]


def test_the_nearest_is_white_on_one_scale_for_all():
    depth = np.array([[[[1.0, 2.0]]], [[[3.0, 2.0]]]])
    assert picture("depth", depth)[..., 0].tolist() == [[[255, 128]], [[0, 128]]]
    assert picture("depth", np.ones((1, 1, 2, 2))).shape == (1, 2, 2, 3)  # a flat one


def test_normals_are_colours_and_a_mask_has_three_tones():
    assert picture("normals", np.array([1.0, 0, -1]).reshape(1, 3, 1, 1)).tolist() == [[[[255, 128, 0]]]]
    parts = np.eye(3).reshape(1, 3, 1, 3)
    assert picture("mask", parts).reshape(3, 3).tolist() == LAYERS.tolist()


def test_flow_is_the_hue_of_its_mean_direction_and_white_where_nothing_moves():
    right, down, rest = (2.0, 0.0), (0.0, 1.0), (0.0, 0.0)
    flow = np.array([[*one, *one] for one in (right, down, rest)]).T.reshape(1, 4, 1, 3)
    fast, slow, still = picture("flow", flow)[0, 0]
    assert fast.tolist() == [255, 0, 0] and still.tolist() == [255, 255, 255]
    full = np.array(colorsys.hsv_to_rgb(90 / 360, 1, 1))
    np.testing.assert_allclose(slow, 255 * (1 - (1 - full) / 2), atol=1)
    back = np.concatenate([flow[:, :2], -flow[:, 2:]], 1)  # there and back again
    assert (picture("flow", back) == 255).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_any_other_view_is_shown_as_pixels(channels):
    values = np.linspace(0, 1, channels * 6).reshape(1, channels, 2, 3)
    shown = picture("infrared", values)
    assert shown.shape == (1, 2, 3, 3) and shown.dtype == np.uint8
    np.testing.assert_array_equal(shown[..., 0], (values[:, 0] * 255).round())
    assert picture("rgb", values).tolist() == shown.tolist()
    beyond = picture("infrared", 10 * values - 5)
    assert beyond.min() == 0 and beyond.max() == 255
