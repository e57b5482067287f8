"""Operations on the values of pixels with one parameter an image, equal to PIL's and torchvision's; those that jitter uses stand in `colours`.

Images are floats in [0, 1]; an operation that is made for bytes works on 256 levels, and takes the nearest one of every value.
Which pixels are meant is a picture of 0 and 1, such as `at_least`, by which two pictures are mixed (see there).
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.augment.colours import at_least, blend, column
from ssl_lab.augment.shapes import Batch, PerImage

MIDDLE = 128 / 255  # the grey that fills what a picture leaves empty; values from here on are bright


def autocontrast(x: Batch) -> Batch:
    """Stretch every channel so that it goes from 0 to 1; a channel of one value stays as it is."""
    pixels = x.flatten(2)
    low, high = pixels.amin(2, keepdim=True), pixels.amax(2, keepdim=True)
    low, spread = torch.where(low == high, 0.0, low), torch.where(low == high, 1.0, high - low)
    return (pixels - low).div_(spread).clamp_(0, 1).view_as(x)


def equalise(x: Batch) -> Batch:
    """Spread the levels of every channel so that about equally many pixels have each; a channel with too few levels stays as it is."""
    level = levels(x).long().flatten(2)
    table = equal_shares(level)
    return (table.gather(2, level) / 255).view_as(x)


def equal_shares(level: Int64[Tensor, "B 3 n"]) -> Float[Tensor, "B 3 256"]:
    """PIL's table for each channel: new level = (half a step + pixels that are darker) // step; the pixels of the brightest level make no step."""
    count = level.new_zeros(*level.shape[:2], 256).scatter_add_(2, level, level.new_ones(()).expand_as(level))
    step = (level.shape[2] - count.gather(2, level.amax(2, keepdim=True))) // 255
    darker = count.cumsum(2) - count
    table = ((darker + step // 2) // step.clamp(min=1)).clamp(max=255)
    return torch.where(step > 0, table, torch.arange(256, device=level.device)).float()


def invert(x: Batch) -> Batch:
    """Dark for bright: 1 - x."""
    return 1 - x


def posterise(x: Batch, bits: PerImage) -> Batch:
    """Keep the upper bits, 1 to 8, of each value's byte; with 8 nothing changes but the rounding to bytes."""
    width = column(2 ** (8 - bits))
    return levels(x).div_(width).floor_().mul_(width / 255)


def solarise_add(x: Batch, addition: PerImage) -> Batch:
    """Add so much, 0 to 1, to every value that is less than the middle, 128 of 255."""
    return torch.lerp((x + column(addition)).clamp_(0, 1), x, at_least(x, MIDDLE))


def sharpness(x: Batch, factor: PerImage) -> Batch:
    """Sharpness times a factor: 0 gives the mean of 3 × 3 pixels, in which the middle one counts five times, 1 changes nothing. Edges stay."""
    if min(x.shape[2:]) < 3:
        return x
    inner = x[:, :, 1:-1, 1:-1]
    rows = x[:, :, :-2] + x[:, :, 1:-1] + x[:, :, 2:]
    smooth = (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]).add_(inner, alpha=4).div_(13)
    sharp = x.clone()
    sharp[:, :, 1:-1, 1:-1] = blend(inner, smooth, factor)
    return sharp


def cutout(x: Batch, side: PerImage, across: PerImage, down: PerImage) -> Batch:
    """Grey out a square, so many pixels wide, as far as it lies in the picture; across and down, in [0, 1), say around which pixel."""
    _, _, H, W = x.shape
    cut = within(down, side, H)[:, None, :, None] * within(across, side, W)[:, None, None, :]
    return (x * (1 - cut)).add_(cut * MIDDLE)


def within(place: PerImage, side: PerImage, n: int) -> Float[Tensor, "B n"]:
    """1 for the pixels, of n, from half a side before the one at this share of them to less than half a side behind it; 0 for the others."""
    offset = torch.arange(n, device=place.device) - (place * n).floor()[:, None]
    return ((2 * offset >= -side[:, None]) & (2 * offset < side[:, None])).to(place)


def levels(x: Batch) -> Batch:
    """The nearest of the levels 0 to 255, as floats."""
    return (255 * x).round_()
