"""Random views of a batch, on its device: every image draws its own parameters, and nothing waits for the device.

    Augmentation (strengths) → draw → Drawn (parameters of every image) → crop and flip → colour → blur → solarise

Strengths and drawn parameters are values: the same draw can be applied to an image, its depth, its normals and its mask.
"""

from ssl_lab.augment.colours import (
    LUMA,
    YIQ,
    blend,
    brightness,
    contrast,
    grey,
    greyscale,
    hue,
    hue_yiq,
    jitter_colours,
    saturation,
    solarise,
)  # fmt: skip
from ssl_lab.augment.places import blur, box, crop, nearest_crop
from ssl_lab.augment.shapes import Batch, PerImage, Pixels, in_range, to_float
from ssl_lab.augment.views import SMALL, Augmentation, Drawn, augment

__all__ = [
    "LUMA", "SMALL", "YIQ", "Augmentation", "Batch", "Drawn", "PerImage", "Pixels", "augment", "blend", "blur", "box", "brightness", "contrast",
    "crop", "grey", "greyscale", "hue", "hue_yiq", "in_range", "jitter_colours", "nearest_crop", "saturation", "solarise",
    "to_float",
]  # fmt: skip
