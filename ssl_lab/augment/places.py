"""Crop and flip, which look up every pixel; blur, with one matrix for the rows of an image and one for its columns."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64, Num
from torch import Tensor

from ssl_lab.augment.shapes import Batch, PerImage, Pixels, to_float


def mix_pixels(x: Float[Tensor, "B c H W"], rows: Float[Tensor, "B h H"], columns: Float[Tensor, "B w W"]) -> Float[Tensor, "B c h w"]:
    """rows · x · columnsᵀ in every channel; each row of the two holds weights that add up to 1."""
    B, C, H, W = x.shape
    x = torch.bmm(x.reshape(B, C * H, W), columns.to(x.dtype).transpose(1, 2)).view(B, C, H, -1)
    return rows[:, None].to(x.dtype) @ x


def box(share: PerImage, aspect: PerImage, ratio: tuple[float, float], H: int, W: int) -> tuple[PerImage, PerImage]:
    """Height and width, in pixels, of boxes that cover these shares of an image; aspect, in [0, 1], chooses the ratio of width to height.

    It is log-uniform among the ratios, within `ratio`, with which the box fits into the image; torchvision draws again until a box fits. If no ratio
    fits, the end of `ratio` that is nearer to the image's own ratio is taken, and the box shrinks until it fits.
    """
    area = share * (H * W)
    low, high = (area / H**2).clamp(min=ratio[0]).log(), (W**2 / area).clamp(max=ratio[1]).log()
    fits = low <= high
    least, most = (torch.full_like(share, end).log() for end in ratio)
    nearer = most if W > H else least
    shape = torch.where(fits, torch.lerp(low, high, aspect), nearer).exp()
    height, width = (area / shape).sqrt(), (area * shape).sqrt()
    shrink = torch.minimum(H / height, W / width).clamp(max=1)
    return height * shrink, width * shrink


def crop(
    x: Float[Tensor, "B c H W"], top: PerImage, left: PerImage, height: PerImage, width: PerImage, flip: Bool[Tensor, " B"]
) -> Float[Tensor, "B c H W"]:
    """Enlarge every image's box, in pixels, to the full size: bilinear, without pixels from outside the box, flipped where `flip`."""
    B, _, H, W = x.shape
    rows, columns = inside(top, height, H), inside(left, width, W)
    columns = torch.where(flip[:, None], columns.flip(1), columns)
    grid = torch.stack([columns[:, None].expand(B, H, W), rows[:, :, None].expand(B, H, W)], dim=3)
    kind = torch.promote_types(x.dtype, grid.dtype)  # 16 bits are too few for places
    return F.grid_sample(x.to(kind), grid.to(kind), padding_mode="zeros", align_corners=False).to(x.dtype)


def nearest_crop(
    x: Num[Tensor, "B c H W"], top: PerImage, left: PerImage, height: PerImage, width: PerImage, flip: Bool[Tensor, " B"]
) -> Num[Tensor, "B c H W"]:
    """The same crop, but every pixel takes the nearest one. It is for classes, which cannot be mixed."""
    B, c, H, W = x.shape
    rows, columns = nearest(top, height, H), nearest(left, width, W)
    columns = torch.where(flip[:, None], columns.flip(1), columns)
    x = x.gather(2, rows[:, None, :, None].expand(B, c, H, W))
    return x.gather(3, columns[:, None, None, :].expand(B, c, H, W))


def nearest(start: PerImage, length: PerImage, n: int) -> Int64[Tensor, "B n"]:
    """Which of n pixels is nearest to each of n samples of [start, start + length)."""
    return (centres(start, length, n) + 0.5).floor().long().clamp(0, n - 1)


def inside(start: PerImage, length: PerImage, n: int) -> Float[Tensor, "B n"]:
    """Where n samples of [start, start + length) are taken, no further out than the box's own pixels; in half sides, as grid_sample counts."""
    at = centres(start, length, n).clamp(start[:, None], (start + length - 1)[:, None])
    return (2 * at + 1) / n - 1


def centres(start: PerImage, length: PerImage, n: int) -> Float[Tensor, "B n"]:
    """The centres of n samples of [start, start + length); the centre of pixel i is at i."""
    return start[:, None] + (torch.arange(n, dtype=length.dtype, device=start.device) + 0.5) * (length[:, None] / n) - 0.5


def blur(x: Pixels, sigma: PerImage) -> Batch:
    """Gaussian blur of sigma pixels. The kernel is a tenth of the shorter side wide (at least 3 pixels), and the edges are mirrored."""
    _, _, H, W = x.shape
    radius = min(max(1, round(0.1 * min(H, W)) // 2), min(H, W) - 1)  # a single row or column has nothing to mirror
    return mix_pixels(to_float(x), gaussian(sigma, radius, H), gaussian(sigma, radius, W)).clamp_(0, 1)


def gaussian(sigma: PerImage, radius: int, n: int) -> Float[Tensor, "B n n"]:
    """The matrix that convolves n pixels with a normalised Gaussian, cut at `radius` < n; taps beyond an end are mirrored back.

    At most two taps fall on one pixel, so the order of adding does not change the sum.
    """
    offset = torch.arange(-radius, radius + 1, device=sigma.device)
    kernel = (-0.5 * (offset / sigma[:, None]) ** 2).softmax(1)
    source = (torch.arange(n, device=sigma.device)[:, None] + offset).abs()
    source = (n - 1) - (n - 1 - source).abs()
    B, taps = kernel.shape
    return kernel.new_zeros(B, n, n).scatter_add_(2, source.expand(B, n, taps), kernel[:, None].expand(B, n, taps))
