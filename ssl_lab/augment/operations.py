"""Operations on the values of pixels with one parameter an image, equal to PIL's and torchvision's; those that jitter uses stand in `colours`.

Images are floats in [0, 1]; an operation that is made for bytes works on 256 levels, and takes the nearest one of every value.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.augment.colours import blend, column
from ssl_lab.augment.shapes import Batch, PerImage

MIDDLE = 128 / 255  # the grey that fills what a picture leaves empty; values from here on are bright


def autocontrast(x: Batch) -> Batch:
    """Stretch every channel so that it goes from 0 to 1; a channel of one value stays as it is."""
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    flat = low == high
    low, spread = torch.where(flat, 0.0, low), torch.where(flat, 1.0, high - low)
    return ((x - low) / spread).clamp(0, 1)


def equalise(x: Batch) -> Batch:
    """Spread the levels of every channel so that about equally many pixels have each; a channel with too few levels stays as it is."""
    level = levels(x).long().flatten(2)
    table = equal_shares(level)
    return (table.gather(2, level) / 255).view_as(x)


def equal_shares(level: Int64[Tensor, "B 3 n"]) -> Float[Tensor, "B 3 256"]:
    """PIL's table for each channel: new level = (half a step + pixels that are darker) // step; the pixels of the brightest level make no step."""
    count = level.new_zeros(*level.shape[:2], 256).scatter_add_(2, level, torch.ones_like(level))
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
    return (levels(x) / width).floor() * width / 255


def solarise_add(x: Batch, addition: PerImage) -> Batch:
    """Add so much, 0 to 1, to every value that is less than the middle, 128 of 255."""
    return torch.where(x < MIDDLE, (x + column(addition)).clamp(0, 1), x)


def sharpness(x: Batch, factor: PerImage) -> Batch:
    """Sharpness times a factor: 0 gives the mean of 3 × 3 pixels, in which the middle one counts five times, 1 changes nothing. Edges stay."""
    if min(x.shape[2:]) < 3:
        return x
    inner = x[:, :, 1:-1, 1:-1]
    smooth = (9 * F.avg_pool2d(x, 3, 1) + 4 * inner) / 13
    return F.pad(blend(inner, smooth, factor) - inner, (1, 1, 1, 1)) + x


def cutout(x: Batch, half: PerImage, across: PerImage, down: PerImage) -> Batch:
    """Grey out a square of 2 · half pixels around a pixel, where it lies in the picture; across and down, in [0, 1), say which pixel."""
    _, _, H, W = x.shape
    rows, columns = (within(place, half, n) for place, n in ((down, H), (across, W)))
    return torch.where((rows[:, :, None] & columns[:, None, :])[:, None], MIDDLE, x)


def within(place: PerImage, half: PerImage, n: int) -> Tensor:
    """Which of n pixels lie less than so far before a place, or from it on."""
    offset = torch.arange(n, device=place.device) - (place * n).floor()[:, None]
    return (offset >= -half[:, None]) & (offset < half[:, None])


def levels(x: Batch) -> Batch:
    """The nearest of the levels 0 to 255, as floats."""
    return (255 * x).round()
