"""Crops and blurs equal torchvision's, image by image; boxes keep area and ratio on images of any shape."""

import pytest
import torch
import torch.nn.functional as F
import torchvision.transforms.v2.functional as T
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.transforms import RandomResizedCrop

from ssl_lab import augment as A
from ssl_lab.augment.places import gaussian

NEVER = torch.zeros(6, dtype=torch.bool)


@pytest.mark.parametrize("side", [16, 32, 96])
def test_blur_equals_torchvision_with_one_sigma_an_image(side, each):
    x, sigma = torch.rand(4, 3, side, side), torch.tensor([0.1, 0.5, 1.0, 2.0])
    k = 2 * max(1, round(0.1 * side) // 2) + 1
    torch.testing.assert_close(A.blur(x, sigma), each(lambda image, s: T.gaussian_blur(image, [k, k], [s, s]), x, sigma), atol=1e-6, rtol=0)


def one_hot_gaussian(sigma, radius, n):
    """Tap by tap: (B, n, taps, n) numbers, 1.7 GB for one image of 1,024 pixels."""
    offset = torch.arange(-radius, radius + 1)
    kernel = (-0.5 * (offset / sigma[:, None]) ** 2).softmax(1)
    source = (n - 1) - (n - 1 - (torch.arange(n)[:, None] + offset).abs()).abs()
    return (kernel[:, None, :, None] * F.one_hot(source, n)).sum(2)


@pytest.mark.parametrize("n, radius", [(2, 1), (3, 1), (8, 1), (32, 1), (32, 2), (64, 3), (96, 5), (100, 40)])
def test_the_matrix_of_a_blur_is_that_of_its_taps_to_the_bit(n, radius):
    sigma = torch.rand(20) * 1.9 + 0.1
    assert torch.equal(gaussian(sigma, radius, n), one_hot_gaussian(sigma, radius, n))


@pytest.mark.parametrize("H, W", [(32, 96), (96, 32), (8, 200), (200, 8), (1, 9), (9, 1), (1, 1), (2, 50)])
def test_a_blur_of_any_shape_is_that_of_its_shorter_side_along_both(H, W, each):
    x, sigma = torch.rand(3, 3, H, W), torch.tensor([0.1, 1.0, 2.0])
    blurred = A.blur(x, sigma)
    torch.testing.assert_close(A.blur(x.transpose(2, 3), sigma), blurred.transpose(2, 3), atol=1e-6, rtol=0)
    k = 2 * min(max(1, round(0.1 * min(H, W)) // 2), min(H, W) - 1) + 1
    torch.testing.assert_close(blurred, each(lambda image, s: T.gaussian_blur(image, [k, k], [s, s]), x, sigma), atol=1e-6, rtol=0)


class Largest(TorchDispatchMode):
    """Bytes of the largest tensor that is made inside, other than those of one size."""

    def __init__(self, but: int = 0):
        super().__init__()
        self.bytes, self.but = 0, but

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for one in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(one, torch.Tensor) and one.untyped_storage().nbytes() != self.but:
                self.bytes = max(self.bytes, one.untyped_storage().nbytes())
        return made


@pytest.mark.parametrize("H, W", [(300, 300), (100, 400), (400, 100)])
def test_no_tensor_of_a_blur_is_larger_than_a_square_picture(H, W):
    x = torch.rand(2, 3, H, W)
    with Largest() as largest:
        A.blur(x, torch.ones(2))
    assert largest.bytes <= 2 * 3 * max(H, W) ** 2 * 4


@pytest.mark.parametrize("count, H, W", [(1, 512, 512), (40, 300, 300), (20, 1, 1500)])
def test_a_view_of_many_large_images_is_made_of_few_at_a_time(count, H, W):
    x = torch.zeros(count, 3, H, W, dtype=torch.uint8)
    with Largest(but=x.numel() * 4) as largest:
        A.augment(x, blur_share=1.0, solarise_share=1.0)
    assert largest.bytes <= 32 * 2**16 * 3 * 4


def test_resized_crop_equals_torchvision_on_whole_pixels(pictures, each):
    top, left = torch.tensor([0.0, 3, 5, 8, 10, 2]), torch.tensor([0.0, 1, 12, 4, 0, 2])
    height, width = torch.tensor([24.0, 20, 11, 16, 9, 22]), torch.tensor([32.0, 31, 20, 9, 16, 30])
    expected = each(lambda image, *box: T.resized_crop(image, *map(int, box), [24, 32], antialias=False), pictures, top, left, height, width)
    torch.testing.assert_close(A.crop(pictures, top, left, height, width, NEVER), expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(A.crop(pictures, top, left, height, width, ~NEVER), expected.flip(3), atol=1e-6, rtol=0)


def test_whole_image_is_left_as_it_is(pictures):
    zero, height, width = torch.zeros(6), torch.full((6,), 24.0), torch.full((6,), 32.0)
    torch.testing.assert_close(A.crop(pictures, zero, zero, height, width, NEVER), pictures, atol=2e-6, rtol=0)


@pytest.mark.parametrize("H, W", [(32, 32), (64, 16), (1, 1)])
def test_an_image_whose_sides_are_powers_of_two_is_left_as_it_is_to_the_bit(H, W):
    x, zero = torch.rand(6, 3, H, W), torch.zeros(6)
    assert torch.equal(A.crop(x, zero, zero, zero + H, zero + W, NEVER), x)
    assert torch.equal(A.crop(x, zero, zero, zero + H, zero + W, ~NEVER), x.flip(3))


def test_crops_show_nothing_from_outside_the_box():
    x = torch.zeros(1, 3, 32, 32)
    x[:, :, 8:24, 8:24] = 1
    inside = A.crop(x, torch.tensor([8.0]), torch.tensor([8.0]), torch.tensor([16.0]), torch.tensor([16.0]), NEVER[:1])
    assert torch.equal(inside, torch.ones_like(inside))


def boxes(H: int, W: int, area, ratio=(3 / 4, 4 / 3), count: int = 4000) -> tuple[torch.Tensor, torch.Tensor]:
    """Heights and widths of random boxes."""
    torch.manual_seed(0)
    share, aspect = torch.rand(2, count)
    return A.box(area[0] + (area[1] - area[0]) * share, aspect, ratio, H, W)


@pytest.mark.parametrize("H, W", [(32, 32), (64, 48), (32, 96), (96, 32)])
@pytest.mark.parametrize("area", [(0.08, 1.0), (0.5, 1.0), (0.2, 0.3)])
def test_boxes_fit_and_keep_their_ratio_on_images_of_any_shape(H, W, area):
    height, width = boxes(H, W, area)
    assert height.max() <= H * (1 + 1e-6) and width.max() <= W * (1 + 1e-6)
    ratio = width / height
    assert ratio.min() >= 3 / 4 - 1e-5 and ratio.max() <= 4 / 3 + 1e-5
    share = height * width / (H * W)
    assert share.max() <= area[1] + 1e-5
    if H == W:
        assert share.min() >= area[0] - 1e-5 and share.mean() == pytest.approx(sum(area) / 2, abs=0.02), "no square is too small for its box"


@pytest.mark.parametrize("H, W", [(32, 32), (32, 96)])
def test_boxes_are_spread_as_torchvisions_are(H, W):
    """Of crops of 8 to 30 %, which torchvision seldom has to draw again: quartiles of area and of log ratio."""
    area = (0.08, 0.3)
    height, width = boxes(H, W, area)
    torch.manual_seed(0)
    image = torch.empty(3, H, W)
    theirs = torch.tensor([RandomResizedCrop.get_params(image, area, (3 / 4, 4 / 3))[2:] for _ in range(4000)], dtype=torch.float32)
    quartiles = torch.tensor([0.25, 0.5, 0.75])
    for ours, others, close in (
        ((height * width) / (H * W), theirs.prod(1) / (H * W), 0.012),
        ((width / height).log(), (theirs[:, 1] / theirs[:, 0]).log(), 0.04),
    ):
        assert (ours.quantile(quartiles) - others.quantile(quartiles)).abs().max() < close


def test_a_box_that_no_ratio_fits_is_as_high_as_the_image_and_as_wide_as_may_be():
    """As torchvision's, when it gives up: all of a strip of 32 × 96 is 3 times as wide as high, a crop at most 4/3."""
    height, width = A.box(torch.ones(2), torch.tensor([0.0, 1.0]), (3 / 4, 4 / 3), 32, 96)
    torch.testing.assert_close(torch.stack([height, width]), torch.tensor([[32.0, 32.0], [32 * 4 / 3] * 2]))


def test_nearest_takes_whole_pixels_in_their_own_kind():
    mask = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8)
    zero, eight = torch.zeros(1), torch.full((1,), 8.0)
    off, on = torch.tensor([False]), torch.tensor([True])
    assert torch.equal(A.nearest_crop(mask, zero, zero, eight, eight, off), mask)
    assert torch.equal(A.nearest_crop(mask, zero, zero, eight, eight, on), mask.flip(3))
    part = A.nearest_crop(mask, zero + 2, zero + 4, zero + 4, zero + 4, off)
    assert part.dtype == torch.uint8 and torch.equal(part, mask[:, :, 2:6, 4:8].repeat_interleave(2, 2).repeat_interleave(2, 3))
