"""Rotations, shears and translations with one parameter an image, equal to torchvision's: the nearest pixel, grey where there is none."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.augment.operations import MIDDLE
from ssl_lab.augment.shapes import Batch, PerImage


def rotate(x: Batch, degrees: PerImage) -> Batch:
    """Turn the picture about its middle, anticlockwise."""
    angle = torch.deg2rad(degrees)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return warp(x, [[cos, -sin, zero], [sin, cos, zero]])


def shear_x(x: Batch, slope: PerImage) -> Batch:
    """Take row r from slope · r pixels further right: the top stays, and the rest leans to the left."""
    one, zero = torch.ones_like(slope), torch.zeros_like(slope)
    return warp(x, [[one, slope, slope * x.shape[2] / 2], [zero, one, zero]])


def shear_y(x: Batch, slope: PerImage) -> Batch:
    """Take column c from slope · c pixels further down: the left edge stays, and the rest rises."""
    one, zero = torch.ones_like(slope), torch.zeros_like(slope)
    return warp(x, [[one, zero, zero], [slope, one, slope * x.shape[3] / 2]])


def translate_x(x: Batch, pixels: PerImage) -> Batch:
    """Move the picture to the right."""
    one, zero = torch.ones_like(pixels), torch.zeros_like(pixels)
    return warp(x, [[one, zero, -pixels], [zero, one, zero]])


def translate_y(x: Batch, pixels: PerImage) -> Batch:
    """Move the picture down."""
    one, zero = torch.ones_like(pixels), torch.zeros_like(pixels)
    return warp(x, [[one, zero, zero], [zero, one, -pixels]])


def warp(x: Batch, matrix: list[list[PerImage]]) -> Batch:
    """Every pixel (c, r, 1), counted from the middle, takes the nearest one to matrix · (c, r, 1), or grey from outside."""
    (a, b, right), (c, d, down) = matrix
    _, _, H, W = x.shape
    share: Float[Tensor, "B 2 3"] = torch.stack([a, b * (H / W), right * (2 / W), c * (W / H), d, down * (2 / H)], 1).view(-1, 2, 3)
    grid = F.affine_grid(share, list(x.shape), align_corners=False)
    return F.grid_sample(x - MIDDLE, grid, mode="nearest", padding_mode="zeros", align_corners=False) + MIDDLE
