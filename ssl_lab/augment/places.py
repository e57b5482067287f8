"""Where: crop, flip and blur are one matrix for the rows of an image and one for its columns."""

import torch
from jaxtyping import Bool, Float, Int64, Num
from torch import Tensor

from ssl_lab.augment.shapes import Batch, PerImage, Pixels, to_float


def mix_pixels(x: Float[Tensor, "B c H W"], rows: Float[Tensor, "B h H"], columns: Float[Tensor, "B w W"]) -> Float[Tensor, "B c h w"]:
    """rows · x · columnsᵀ in every channel; each row of the two holds weights that add up to 1."""
    B, C, H, W = x.shape
    x = torch.bmm(x.reshape(B, C * H, W), columns.to(x.dtype).transpose(1, 2)).view(B, C, H, -1)
    return rows[:, None].to(x.dtype) @ x


def box(share: PerImage, aspect: PerImage, ratio: tuple[float, float], H: int, W: int) -> tuple[PerImage, PerImage]:
    """Height and width in pixels of boxes of these shares of an image's area; aspect, in [0, 1], places their ratio, width to height.

    The ratio is log-uniform among those of `ratio` with which the box fits into the image, as torchvision finds by drawing again. Where none fits,
    it is the end of `ratio` that is nearer to the image's own, and the box shrinks until it fits.
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
    """Every image's box, in pixels, at the full size: bilinear, with nothing from outside the box; mirrored where `flip`."""
    _, _, H, W = x.shape
    return mix_pixels(x, interpolation(top, height, H), interpolation(left, width, W, flip))


def nearest_crop(
    x: Num[Tensor, "B c H W"], top: PerImage, left: PerImage, height: PerImage, width: PerImage, flip: Bool[Tensor, " B"]
) -> Num[Tensor, "B c H W"]:
    """The same box, every pixel the nearest one: for classes, which cannot be mixed."""
    B, c, H, W = x.shape
    rows, columns = nearest(top, height, H), nearest(left, width, W)
    columns = torch.where(flip[:, None], columns.flip(1), columns)
    x = x.gather(2, rows[:, None, :, None].expand(B, c, H, W))
    return x.gather(3, columns[:, None, None, :].expand(B, c, H, W))


def nearest(start: PerImage, length: PerImage, n: int) -> Int64[Tensor, "B n"]:
    """Which of n pixels is nearest to each of n samples of [start, start + length)."""
    return (centres(start, length, n) + 0.5).floor().long().clamp(0, n - 1)


def interpolation(start: PerImage, length: PerImage, n: int, flip: Bool[Tensor, " B"] | None = None) -> Float[Tensor, "B n n"]:
    """Weights by which n samples of [start, start + length) are mixed from n pixels: a triangle around each sample's centre."""
    at = centres(start, length, n).clamp(start[:, None], (start + length - 1)[:, None])
    at = at if flip is None else torch.where(flip[:, None], at.flip(1), at)
    return (1 - (torch.arange(n, device=start.device) - at[:, :, None]).abs_()).clamp_(min=0)


def centres(start: PerImage, length: PerImage, n: int) -> Float[Tensor, "B n"]:
    """Where n samples of [start, start + length) lie; a pixel's own number is its centre."""
    return start[:, None] + (torch.arange(n, dtype=length.dtype, device=start.device) + 0.5) * (length[:, None] / n) - 0.5


def blur(x: Pixels, sigma: PerImage) -> Batch:
    """Gaussian blur of sigma pixels over a tenth of the shorter side (at least 3 pixels), in all directions alike, mirrored at the edges."""
    _, _, H, W = x.shape
    radius = min(max(1, round(0.1 * min(H, W)) // 2), min(H, W) - 1)  # a single row has nothing to mirror
    return mix_pixels(to_float(x), gaussian(sigma, radius, H), gaussian(sigma, radius, W)).clamp_(0, 1)


def gaussian(sigma: PerImage, radius: int, n: int) -> Float[Tensor, "B n n"]:
    """The matrix that convolves n pixels with a normalised Gaussian cut at `radius` < n; what falls off an end is folded back.

    No more than two taps fall on one pixel, so that it does not matter which is added first.
    """
    offset = torch.arange(-radius, radius + 1, device=sigma.device)
    kernel = (-0.5 * (offset / sigma[:, None]) ** 2).softmax(1)
    source = (torch.arange(n, device=sigma.device)[:, None] + offset).abs()
    source = (n - 1) - (n - 1 - source).abs()
    B, taps = kernel.shape
    return kernel.new_zeros(B, n, n).scatter_add_(2, source.expand(B, n, taps), kernel[:, None].expand(B, n, taps))
