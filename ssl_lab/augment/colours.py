"""What colour: each operation equals torchvision's functional one, with one parameter an image; and all of them at once, one affine map of RGB.

Unclamped, they commute: brightness scales; contrast moves away from the mean grey; saturation and the hue of YIQ leave every pixel's grey, and so
the mean grey, as it is. Grey is saturation 0. So with one clamp at the end their order is no matter.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_lab.augment.shapes import Batch, PerImage

LUMA = (0.2989, 0.587, 0.114)  # torchvision's grey, which adds up to 0.9999: grey of grey is not the same grey
YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))  # grey and two axes of colour (NTSC, 1953)


def in_colour_plane(matrix: list[list[float]]) -> list[list[float]]:
    """RGB to RGB by a matrix in YIQ."""
    yiq = torch.tensor(YIQ, dtype=torch.float64, device="cpu")
    return (torch.linalg.inv(yiq) @ torch.tensor(matrix, dtype=torch.float64, device="cpu") @ yiq).tolist()


GREY = in_colour_plane([[1, 0, 0], [0, 0, 0], [0, 0, 0]])
COLOUR = in_colour_plane([[0, 0, 0], [0, 1, 0], [0, 0, 1]])
QUARTER = in_colour_plane([[0, 0, 0], [0, 0, 1], [0, -1, 0]])  # red turns towards green


def brightness(x: Batch, factor: PerImage) -> Batch:
    """Towards black at factor 0, unchanged at 1."""
    return (x * column(factor)).clamp(0, 1)


def contrast(x: Batch, factor: PerImage) -> Batch:
    """Towards the image's mean grey at factor 0, unchanged at 1."""
    return blend(x, grey(x).mean((2, 3), keepdim=True), factor)


def saturation(x: Batch, factor: PerImage) -> Batch:
    """Towards its own grey at factor 0, unchanged at 1."""
    return blend(x, grey(x), factor)


def hue(x: Batch, turn: PerImage) -> Batch:
    """Hue shifted in HSV by a share of the circle, -0.5 to 0.5: exact, and costly on a CPU."""
    value, smallest = x.amax(1), x.amin(1)
    spread = value - smallest
    r, g, b = ((value[:, None] - x) / torch.where(spread == 0, 1.0, spread)[:, None]).unbind(1)
    sixth = torch.where(x[:, 0] == value, b - g, torch.where(x[:, 1] == value, 2 + r - b, 4 + g - r)) + 6 * turn[:, None, None]
    k = torch.stack([sixth + 5, sixth + 3, sixth + 1], 1) % 6  # the wheel, read at red, green and blue
    return (value[:, None] - spread[:, None] * torch.minimum(k, 4 - k).clamp(0, 1)).clamp(0, 1)


def hue_yiq(x: Batch, turn: PerImage) -> Batch:
    """Hue turned by a share of the circle about the grey axis (YIQ): one matrix an image, 20 times faster than HSV, and it keeps the grey."""
    one = torch.ones_like(turn)
    return jitter_colours(x, one, one, one, turn)


def greyscale(x: Batch, on: Bool[Tensor, " B"]) -> Batch:
    """Grey where `on`, three equal channels."""
    return torch.where(on[:, None, None, None], grey(x), x)


def solarise(x: Batch, threshold: float = 0.5) -> Batch:
    """Invert every value from the threshold up."""
    return torch.where(x >= threshold, 1 - x, x)


def grey(x: Batch) -> Float[Tensor, "B 1 H W"]:
    """torchvision's grey, one channel."""
    return torch.einsum("c,bchw->bhw", x.new_tensor(LUMA), x)[:, None]


def blend(x: Batch, other: Tensor, factor: PerImage) -> Batch:
    """Between another picture at factor 0 and this one at 1; beyond it at more."""
    return torch.lerp(other.expand_as(x), x, column(factor)).clamp(0, 1)


def column(factor: PerImage) -> Float[Tensor, "B 1 1 1"]:
    """One number an image, to multiply pictures with."""
    return factor[:, None, None, None]


def jitter_colours(x: Batch, b: PerImage, c: PerImage, s: PerImage, turn: PerImage) -> Batch:
    """Brightness b, contrast c, saturation s (0: grey) and hue, composed to one map of RGB and clamped once.

    b c (G + s cos(2π turn) (1 - G) + s sin(2π turn) Q) x + (1 - c) b m;   G takes the grey, Q turns colours by a quarter, m is the mean grey.
    torchvision clamps after each step; at the usual strengths that differs by 1 % of the range.
    """
    parts = torch.tensor([GREY, COLOUR, QUARTER], dtype=x.dtype, device=x.device).flatten(1)
    angle = 2 * math.pi * turn
    matrix = torch.stack([b * c, b * c * s * angle.cos(), b * c * s * angle.sin()], 1) @ parts
    mean = x.mean((2, 3)) @ torch.tensor(YIQ[0], dtype=x.dtype, device=x.device)
    shift = ((1 - c) * b * mean)[:, None, None].expand(-1, 3, 1)
    return torch.baddbmm(shift, matrix.view(-1, 3, 3), x.flatten(2)).clamp_(0, 1).view_as(x)
