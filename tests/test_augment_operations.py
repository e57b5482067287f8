"""Every operation on values equals PIL's to one grey level, image by image, each with its own parameter."""

import inspect

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from ssl_lab import augment as A

FACTORS = torch.tensor([0.1, 0.5, 0.9, 1.0, 1.4, 1.9])
BITS = torch.tensor([1.0, 2.0, 4.0, 5.0, 7.0, 8.0])
THRESHOLDS = torch.tensor([0.0, 1.0, 77.0, 128.0, 255.0, 256.0])
ADDITIONS = torch.tensor([0.0, 11.0, 55.0, 110.0, 200.0, 330.0])

@pytest.fixture
def images(pictures):
    """Pictures of few and of many levels, flat ones and one with an empty range, in bytes."""
    x = (255 * pictures).byte()
    x[0] = x[0] // 3 + 40 * torch.arange(3, dtype=torch.uint8)[:, None, None]
    x[1, 0] = 77
    x[2] = x[2] // 64 * 60
    x[3] = torch.arange(32) * 8
    x[4, 1] = 255
    return x


def pil(x, function, *parameters):
    """The function of PIL on one image after the other, as bytes."""
    done = [function(Image.fromarray(image.permute(1, 2, 0).numpy()), *(p.item() for p in row)) for image, *row in zip(x, *parameters, strict=True)]
    return torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1) for image in done])


def enhance(kind):
    return lambda image, factor: kind(image).enhance(factor)


def solarised(image, addition):
    return image.point([min(i + int(addition), 255) if i < 128 else i for i in range(256)] * 3)


def column(p):
    return p[:, None, None, None]


PAIRS = {
    "autocontrast": (A.autocontrast, ImageOps.autocontrast),
    "equalise": (A.equalise, ImageOps.equalize),
    "invert": (A.invert, ImageOps.invert),
    "posterise": (A.posterise, lambda image, bits: ImageOps.posterize(image, int(bits)), BITS),
    "solarise": (lambda x, t: A.solarise(x, column(t / 255)), ImageOps.solarize, THRESHOLDS),
    "solarise_add": (lambda x, s: A.solarise_add(x, s / 255), solarised, ADDITIONS),
    "saturation": (A.saturation, enhance(ImageEnhance.Color), FACTORS),
    "contrast": (A.contrast, enhance(ImageEnhance.Contrast), FACTORS),
    "brightness": (A.brightness, enhance(ImageEnhance.Brightness), FACTORS),
    "sharpness": (A.sharpness, enhance(ImageEnhance.Sharpness), FACTORS),
}
EXACT = ("equalise", "invert", "posterise", "solarise", "solarise_add")


def off(ours, theirs, p, images) -> float:
    """How many grey levels two operations differ at most."""
    given = [p] if len(p) else []
    found = ours(A.to_float(images), *given)
    assert found.dtype == torch.float32 and found.min() >= 0 and found.max() <= 1
    return ((255 * found).round() - pil(images, theirs, *given).float()).abs().max().item()


@pytest.mark.parametrize("name", PAIRS)
def test_equals_pil_to_one_grey_level_and_exactly_where_levels_are_only_exchanged(name, images):
    ours, theirs, p = (*PAIRS[name], ())[:3]
    assert off(ours, theirs, p, images) <= (name not in EXACT)


def equalised(x, half=True, last=True):
    """PIL's rule, one channel after the other; without its half step, or with the brightest pixels in it."""
    x = (255 * x).round().long()
    for channel in x.flatten(0, 1):
        count = torch.bincount(channel.flatten(), minlength=256)
        step = (channel.numel() - (count[channel.max()] if last else 0)) // 255
        if step:
            table = ((count.cumsum(0) - count + (step // 2 if half else 0)) // step).clamp(max=255)
            channel.copy_(table[channel])
    return x / 255


def smoothed(x, factor, middle=5.0, edges=True):
    kernel = torch.ones(3, 1, 3, 3)
    kernel[:, :, 1, 1] = middle
    smooth = torch.nn.functional.conv2d(x, kernel / kernel[0].sum(), groups=3, padding=1)
    if edges:
        inner, smooth = smooth, x.clone()
        smooth[:, :, 1:-1, 1:-1] = inner[:, :, 1:-1, 1:-1]
    return A.blend(x, smooth, factor)


MISTAKES = {
    "all channels stretched alike": ("autocontrast", lambda x: torch.stack([(one - one.min()) / (one.max() - one.min()) for one in x])),
    "no half step": ("equalise", lambda x: equalised(x, half=False)),
    "the brightest pixels make a step": ("equalise", lambda x: equalised(x, last=False)),
    "bits that are taken away": ("posterise", lambda x, bits: A.posterise(x, 8 - bits)),
    "one bit more": ("posterise", lambda x, bits: A.posterise(x, bits + 1)),
    "inverted below": ("solarise", lambda x, t: torch.where(x < column(t / 255), 1 - x, x)),
    "inverted only above": ("solarise", lambda x, t: torch.where(x > column(t / 255), 1 - x, x)),
    "added above": ("solarise_add", lambda x, s: torch.where(x >= 128 / 255, (x + column(s / 255)).clamp(0, 1), x)),
    "added everywhere": ("solarise_add", lambda x, s: (x + column(s / 255)).clamp(0, 1)),
    "around another factor": ("saturation", lambda x, f: A.saturation(x, 2 - f)),
    "away from each pixel's grey": ("contrast", A.saturation),
    "away from the middle": ("contrast", lambda x, f: A.blend(x, torch.full_like(x, 128 / 255), f)),
    "added brightness": ("brightness", lambda x, f: (x + column(f - 1)).clamp(0, 1)),
    "a plain mean": ("sharpness", lambda x, f: smoothed(x, f, middle=1.0)),
    "edges too": ("sharpness", lambda x, f: smoothed(x, f, edges=False)),
    "sharp for smooth": ("sharpness", lambda x, f: smoothed(x, 2 - f)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_differs_by_more(mistake, images):
    name, wrong = MISTAKES[mistake]
    _, theirs, p = (*PAIRS[name], ())[:3]
    assert off(wrong, theirs, p, images) > (name not in EXACT)


def test_the_mistakes_are_no_more_than_that(images):
    assert off(equalised, ImageOps.equalize, (), images) == 0
    assert off(smoothed, enhance(ImageEnhance.Sharpness), FACTORS, images) <= 1


def test_floats_between_two_levels_take_the_nearest(images):
    x = A.to_float(images)
    near = (x + 0.4 / 255 * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
    assert torch.equal(A.equalise(near), A.equalise(x))
    assert torch.equal(A.posterise(near, BITS), A.posterise(x, BITS))


def test_a_picture_too_small_to_be_smoothed_stays(images):
    x = A.to_float(images)[:, :, :2]
    assert torch.equal(A.sharpness(x, FACTORS), x)


def test_cutout_greys_a_square_around_its_pixel_as_far_as_there_is_one():
    x = torch.rand(40, 3, 20, 24)
    side, across, down = 2 * torch.randint(0, 6, (40,)).float(), torch.rand(40), torch.rand(40)
    found = A.cutout(x, side, across, down)
    for n, image in enumerate(x):
        expected, half = image.clone(), int(side[n]) // 2
        r, c = int(down[n] * 20), int(across[n] * 24)
        expected[:, max(r - half, 0) : r + half, max(c - half, 0) : c + half] = 128 / 255
        assert torch.equal(found[n], expected)


@pytest.mark.parametrize("function", [A.autocontrast, A.equalise, A.invert, A.sharpness, A.posterise, A.solarise_add, A.cutout])
def test_what_is_given_stays_as_it_is(function, pictures):
    kept = pictures.clone()
    function(pictures, *[torch.full((6,), 0.5)] * (len(inspect.signature(function).parameters) - 1))
    assert torch.equal(pictures, kept)
