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
    H, W = x.shape[2:]
    (a, b, right), (c, d, down) = [[value * (2 / side) for value in row] for row, side in zip(matrix, (W, H))]  # in half sides, as grid_sample counts
    columns = torch.stack([a, c], 1)[:, None] * from_middle(W, x)
    rows = torch.stack([b, d], 1)[:, None] * from_middle(H, x) + torch.stack([right, down], 1)[:, None]
    grid = columns[:, None] + rows[:, :, None]
    return F.grid_sample(x - MIDDLE, grid, mode="nearest", padding_mode="zeros", align_corners=False).add_(MIDDLE)


def from_middle(n: int, x: Batch) -> Float[Tensor, "n 1"]:
    """How far the centres of n pixels lie from the middle."""
    return (torch.arange(n, dtype=x.dtype, device=x.device) + (1 - n) / 2)[:, None]
