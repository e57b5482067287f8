"""Every operation equals torchvision's, image by image; all of them at once are one map, in whatever order."""

import itertools

import pytest
import torch
import torchvision.transforms.v2.functional as T

from ssl_lab import augment as A

FACTORS = torch.tensor([0.0, 0.3, 0.8, 1.0, 1.4, 2.0])
TURNS = torch.tensor([-0.5, -0.2, 0.0, 0.1, 0.3, 0.5])


@pytest.mark.parametrize("ours, theirs, p", [
    (A.brightness, T.adjust_brightness, FACTORS),
    (A.contrast, T.adjust_contrast, FACTORS),
    (A.saturation, T.adjust_saturation, FACTORS),
    (A.hue, T.adjust_hue, TURNS),
], ids=lambda value: getattr(value, "__name__", ""))
def test_equals_torchvision_with_one_parameter_an_image(ours, theirs, p, pictures, each):
    torch.testing.assert_close(ours(pictures, p), each(theirs, pictures, p), atol=2e-6, rtol=0)


def test_hue_leaves_greys_and_pure_colours_in_the_cube(each):
    corners = torch.tensor([[r, g, b] for r in (0.0, 1.0) for g in (0.0, 1.0) for b in (0.0, 1.0)]).T.reshape(1, 3, 2, 4)
    for turn in TURNS:
        torch.testing.assert_close(A.hue(corners, turn[None]), each(T.adjust_hue, corners, turn[None]), atol=1e-6, rtol=0)


def test_greyscale_turns_only_the_chosen_images_grey(pictures):
    on = torch.tensor([True, False, True, False, False, True])
    y = A.greyscale(pictures, on)
    torch.testing.assert_close(y[on], T.rgb_to_grayscale(pictures[on], num_output_channels=3), atol=1e-6, rtol=0)
    assert torch.equal(y[~on], pictures[~on])


def test_solarise_equals_torchvision(pictures):
    torch.testing.assert_close(A.solarise(pictures), T.solarize(pictures, 0.5))


def one_after_the_other(x, b, c, s, turn, order):
    """The four operations, not clamped, on one image in float64."""
    yiq = torch.tensor(A.YIQ, dtype=torch.float64)
    luma = yiq[0]
    angle = 2 * torch.pi * turn.double()
    rotation = torch.eye(3, dtype=torch.float64)
    rotation[1:, 1:] = torch.stack([torch.stack([angle.cos(), angle.sin()]), torch.stack([-angle.sin(), angle.cos()])])
    x = x.double()
    for step in order:
        grey = torch.einsum("c,chw->hw", luma, x)
        x = [b * x, c * x + (1 - c) * grey.mean(), s * x + (1 - s) * grey, torch.einsum("ij,jhw->ihw", yiq.inverse() @ rotation @ yiq, x)][step]
    return x


def test_the_one_map_is_the_four_operations_in_any_order(pictures):
    torch.manual_seed(1)
    b, c, s = torch.rand(3, 6) * 1.4 + 0.3
    turn = torch.rand(6) - 0.5
    found = A.jitter_colours(pictures, b, c, s, turn)
    for order in itertools.permutations(range(4)):
        expected = torch.stack([one_after_the_other(*one, order) for one in zip(pictures, b, c, s, turn, strict=True)]).clamp(0, 1)
        torch.testing.assert_close(found.double(), expected, atol=2e-6, rtol=0)


def test_saturation_0_is_grey_whatever_the_turn(pictures):
    one = torch.ones(6)
    found = A.jitter_colours(pictures, one, one, 0 * one, TURNS)
    grey = torch.einsum("c,bchw->bhw", torch.tensor(A.YIQ[0]), pictures)[:, None]
    torch.testing.assert_close(found, grey.expand_as(pictures), atol=1e-6, rtol=0)
    assert (grey - A.grey(pictures)).abs().max() < 1.1e-4, "torchvision's, but for its last digit"


def test_neutral_jitter_changes_nothing(pictures):
    one = torch.ones(6)
    torch.testing.assert_close(A.jitter_colours(pictures, one, one, one, 0 * one), pictures, atol=1e-6, rtol=0)


def test_yiq_turns_hue_the_way_hsv_does_and_keeps_the_luma(pictures):
    muted = 0.35 + 0.3 * pictures
    turn = torch.tensor([-0.1, -0.05, 0.02, 0.05, 0.1, 0.2])
    same, opposite = (A.hue_yiq(muted, s * turn) - A.hue(muted, turn) for s in (1, -1))
    assert same.abs().mean() < 0.5 * opposite.abs().mean()
    luma = torch.tensor(A.YIQ[0])[:, None, None]
    torch.testing.assert_close((luma * A.hue_yiq(muted, turn)).sum(1), (luma * muted).sum(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(A.hue_yiq(A.hue_yiq(muted, turn), -turn), muted, atol=1e-5, rtol=0)
