"""Random views of a batch, drawn on its device. Every image has its own parameters, and nothing waits for the device.

    Augmentation (strengths) → draw → Drawn (parameters of every image) → crop and flip → colour → blur → solarise
    RandAugment (operations, magnitude) → draw → Chosen (which operation, how strong, in each round) → one operation after the other
    patches of every image → PatchAugmentation (shares, strengths) → draw → DrawnPatches → every patch is changed on its own

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
from ssl_lab.augment.distort import drop_colours, elastic, tone
from ssl_lab.augment.lab import chrominance, luminance, normalised_lab, rgb_to_lab
from ssl_lab.augment.operations import autocontrast, cutout, equalise, invert, posterise, sharpness, solarise_add
from ssl_lab.augment.patch_augmentation import DrawnPatches, PatchAugmentation
from ssl_lab.augment.patches import grid_shape, patches
from ssl_lab.augment.places import blur, box, crop, nearest_crop
from ssl_lab.augment.rand_augment import OPERATIONS, Chosen, RandAugment, rand_augment
from ssl_lab.augment.shapes import Batch, PerImage, Pixels, in_range, to_float
from ssl_lab.augment.views import GREYER, SMALL, Augmentation, Drawn, augment
from ssl_lab.augment.warps import rotate, shear_x, shear_y, translate_x, translate_y

__all__ = [
    "GREYER", "LUMA", "OPERATIONS", "SMALL", "YIQ", "Augmentation", "Batch", "Chosen", "Drawn", "DrawnPatches", "PatchAugmentation", "PerImage",
    "Pixels", "RandAugment", "augment", "autocontrast", "blend", "blur", "box", "brightness", "chrominance", "contrast", "crop", "cutout",
    "drop_colours", "elastic", "equalise", "grey", "greyscale", "grid_shape", "hue", "hue_yiq", "in_range", "invert", "jitter_colours",
    "luminance", "nearest_crop", "normalised_lab", "patches", "posterise", "rand_augment", "rgb_to_lab", "rotate", "saturation", "sharpness",
    "shear_x", "shear_y", "solarise", "solarise_add", "to_float", "tone", "translate_x", "translate_y",
]  # fmt: skip
