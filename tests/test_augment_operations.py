"""Every operation on values equals PIL's to one grey level, image by image, each with its own parameter."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from ssl_lab import augment as A

FACTORS = torch.tensor([0.1, 0.5, 0.9, 1.0, 1.4, 1.9])


@pytest.fixture
def bytes_(pictures):
    """Pictures of few and of many levels, flat ones and one with an empty range, in bytes."""
    x = (255 * pictures).byte()
    x[0] = x[0] // 3 + 40
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


BITS = torch.tensor([1.0, 2.0, 4.0, 5.0, 7.0, 8.0])
PAIRS = {
    "autocontrast": (A.autocontrast, ImageOps.autocontrast),
    "equalise": (A.equalise, ImageOps.equalize),
    "invert": (A.invert, ImageOps.invert),
    "posterise": (A.posterise, lambda image, bits: ImageOps.posterize(image, int(bits)), BITS),
    "solarise": (lambda x, t: A.solarise(x, t[:, None, None, None] / 255), ImageOps.solarize, torch.tensor([0.0, 1.0, 77.0, 128.0, 255.0, 256.0])),
    "solarise_add": (lambda x, s: A.solarise_add(x, s / 255), solarised, torch.tensor([0.0, 11.0, 55.0, 110.0, 200.0, 330.0])),
    "saturation": (A.saturation, enhance(ImageEnhance.Color), FACTORS),
    "contrast": (A.contrast, enhance(ImageEnhance.Contrast), FACTORS),
    "brightness": (A.brightness, enhance(ImageEnhance.Brightness), FACTORS),
    "sharpness": (A.sharpness, enhance(ImageEnhance.Sharpness), FACTORS),
}


@pytest.mark.parametrize("ours, theirs, p", [(*pair, ())[:3] for pair in PAIRS.values()], ids=PAIRS)
def test_equals_pil_to_one_grey_level(ours, theirs, p, bytes_):
    given = [p] if len(p) else []
    found = ours(A.to_float(bytes_), *given)
    assert found.dtype == torch.float32 and found.min() >= 0 and found.max() <= 1
    assert ((255 * found).round() - pil(bytes_, theirs, *given).float()).abs().max() <= 1
