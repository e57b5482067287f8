"""Every warp equals torchvision's, image by image, each with its own parameter, also where it leaves the picture."""

import math

import pytest
import torch
import torchvision.transforms.v2.functional as T

from ssl_lab import augment as A

GREY = [128 / 255] * 3
PARTS = torch.tensor([-0.81, -0.3, -0.04, 0.0, 0.13, 0.27])


def affine(image, shear=(0.0, 0.0), translate=(0, 0)):
    return T.affine(image, angle=0.0, translate=list(translate), scale=1.0, shear=list(shear), center=[0, 0], fill=GREY)


def leaning(slope):
    return math.degrees(math.atan(slope))


WARPS = {
    "rotate": (A.rotate, lambda image, degrees: T.rotate(image, degrees, fill=GREY), 100 * PARTS),
    "shear_x": (A.shear_x, lambda image, slope: affine(image, shear=(leaning(slope), 0.0)), PARTS),
    "shear_y": (A.shear_y, lambda image, slope: affine(image, shear=(0.0, leaning(slope))), PARTS),
    "translate_x": (A.translate_x, lambda image, pixels: affine(image, translate=(pixels, 0)), (40 * PARTS).round()),
    "translate_y": (A.translate_y, lambda image, pixels: affine(image, translate=(0, pixels)), (40 * PARTS).round()),
}


def unlike(ours, theirs, p, x, each) -> float:
    """The share of pixels in which two warps differ: where two pixels are equally near, rounding may take either."""
    return ((ours(x, p) - each(theirs, x, p)).abs().amax(1) > 1e-5).float().mean().item()


@pytest.mark.parametrize("name", WARPS)
def test_equals_torchvision(name, pictures, each):
    assert unlike(*WARPS[name], pictures, each) < 0.005


def about_the_middle(x, slope):
    """A shear that leaves the middle row where it is."""
    return A.translate_x(A.shear_x(x, slope), (slope * x.shape[2] / 2).round())


MISTAKES = {
    "clockwise": ("rotate", lambda x, p: A.rotate(x, -p)),
    "degrees for radians": ("rotate", lambda x, p: A.rotate(x, torch.rad2deg(p))),
    "the sides taken for equal": ("rotate", lambda x, p: T.resize(A.rotate(T.resize(x, [32, 32]), p), list(x.shape[2:]))),
    "across for down": ("shear_x", A.shear_y),
    "leaning to the other side": ("shear_x", lambda x, p: A.shear_x(x, -p)),
    "sheared about the middle": ("shear_x", about_the_middle),
    "down for across": ("shear_y", A.shear_x),
    "to the left": ("translate_x", lambda x, p: A.translate_x(x, -p)),
    "shares for pixels": ("translate_x", lambda x, p: A.translate_x(x, p * x.shape[3])),
    "up": ("translate_y", lambda x, p: A.translate_y(x, -p)),
    "black where nothing is": ("translate_y", lambda x, p: A.translate_y(x - 128 / 255, p) + 0 * x),
    "one parameter for all": ("rotate", lambda x, p: A.rotate(x, p[:1].expand(6))),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_differs(mistake, pictures, each):
    name, wrong = MISTAKES[mistake]
    _, theirs, p = WARPS[name]
    assert unlike(wrong, theirs, p, pictures, each) > 0.05


def test_every_pixel_is_one_of_the_picture_or_grey(pictures):
    for ours, _, p in WARPS.values():
        for image, found in zip(pictures[-2:], ours(pictures, p)[-2:]):
            values = torch.cat([image.flatten(), torch.tensor([128 / 255])])
            assert (found.flatten()[:, None] - values).abs().amin(1).max() < 1e-6


def test_nothing_changes_at_0(pictures):
    for ours, *_ in WARPS.values():
        torch.testing.assert_close(ours(pictures, torch.zeros(6)), pictures, atol=1e-6, rtol=0)


def test_a_quarter_turn_is_anticlockwise():
    x = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(A.rotate(x, torch.tensor([90.0])), x.rot90(1, (2, 3)), atol=1e-6, rtol=0)
