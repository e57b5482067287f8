"""Random views of a batch, drawn on its device. Every image has its own parameters, and nothing waits for the device.

    Augmentation (strengths) → draw → Drawn (parameters of every image) → crop and flip → colour → blur → solarise

Strengths and drawn parameters are frozen values, so the same crop can be applied to an image, its depth, its normals and its mask.
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
