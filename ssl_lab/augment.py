"""Random views of a batch, on its device: every image draws its own parameters, and nothing waits for the device.

    x → crop and flip (two small matrix products) → colour (one affine map of RGB an image) → blur (two products again)

Images are (B, 3, H, W) in [0, 1], bytes are divided by 255; parameters are (B,). The operations equal torchvision's functional ones, image by image.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Num
from torch import Tensor

from ssl_lab.errors import require

LUMA = (0.2989, 0.587, 0.114)  # torchvision's grey
YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))  # luma and two axes of colour (NTSC, 1953)
RGB = torch.linalg.inv(torch.tensor(YIQ, dtype=torch.float64, device="cpu")).tolist()  # and back
CACHED = 128  # images at a time on a CPU, so that a chunk stays in its cache: twice as fast as 512 (EPYC, torch 2.15)

Pixels = Num[Tensor, "B 3 H W"]
Batch = Float[Tensor, "B 3 H W"]
PerImage = Float[Tensor, " B"]


@torch.no_grad()
def augment(
    x: Pixels, area: tuple[float, float] = (0.08, 1.0), jitter: float = 1.0, hue: float = 0.1, blur_share: float = 0.0, solarise_share: float = 0.0,
    jitter_share: float = 0.8, grey_share: float = 0.2,
) -> Batch:
    """One random view of every image: SimCLR's augmentation (Chen et al. 2020, appendix A; the defaults are B.9's for CIFAR).

    area: share of the image that a crop keeps, drawn between these two.   jitter: strength of the colour distortion, 1 as in the paper; 0 switches it
    off, greyscale included.   hue: largest turn of the hue at jitter 1, 0.5 being half the circle.
    blur_share, solarise_share: share of the images that are blurred (sigma 0.1 to 2 pixels) or solarised.
    jitter_share, grey_share: share of the images whose colours are distorted or turned to grey, where jitter > 0.
    Raises: InputError for shares outside their range.
    """
    shares = {"blur_share": blur_share, "solarise_share": solarise_share, "jitter_share": jitter_share, "grey_share": grey_share}
    check_strengths(area, jitter, hue, **shares)
    if x.device.type == "cpu" and len(x) > CACHED:
        return torch.cat([augment(part, area, jitter, hue, **shares) for part in x.split(CACHED)])
    x = random_resized_crop(x, area)
    if jitter > 0:
        x = colour_distortion(x, jitter, hue, jitter_share, grey_share)
    if blur_share > 0:
        x = torch.where(chance(x, blur_share), blur(x, between(x, 0.1, 2.0)), x)
    if solarise_share > 0:
        x = torch.where(chance(x, solarise_share), solarise(x), x)
    return x


def check_strengths(area: tuple[float, float], jitter: float, hue: float, **shares: float) -> None:
    """Raise InputError for what `augment` cannot do."""
    pair = isinstance(area, tuple | list) and len(area) == 2
    fix = "a crop keeps a share between 0 and 1 of the image, drawn between two numbers, the smaller one first"
    require(pair and 0 < area[0] <= area[1] <= 1, f"area={area}: {fix}")
    require(jitter >= 0 and hue >= 0, f"jitter={jitter}, hue={hue}: strengths are 0 (none) or more")
    for name, share in shares.items():
        require(isinstance(share, int | float) and 0 <= share <= 1, f"{name}={share} must be a share of the images, a number from 0 to 1")


def between(x: Tensor, low: float, high: float) -> PerImage:
    """One uniform draw for every image of x."""
    return torch.empty(len(x), device=x.device).uniform_(low, high)


def chance(x: Tensor, share: float) -> Bool[Tensor, "B 1 1 1"]:
    """True for this share of the images, at random."""
    return (between(x, 0, 1) < share)[:, None, None, None]


def to_float(x: Pixels) -> Batch:
    """[0, 1] float32 from bytes; floats as they are."""
    return x if x.is_floating_point() else x.float() / 255


# ---- where: crop, flip and blur are one matrix for the rows and one for the columns


def mix_pixels(x: Batch, rows: Float[Tensor, "B h H"], columns: Float[Tensor, "B w W"]) -> Float[Tensor, "B 3 h w"]:
    """rows · x · columnsᵀ in every channel; each row of the two holds weights that add up to 1."""
    B, C, H, W = x.shape
    x = torch.bmm(x.reshape(B, C * H, W), columns.transpose(1, 2)).view(B, C, H, -1)
    mixed = torch.stack([rows @ channel for channel in x.unbind(1)], 1)  # broadcasting would copy `rows` for every channel
    return mixed.clamp_(0, 1)  # weights add up to 1 but for their rounding


def random_resized_crop(x: Pixels, area: tuple[float, float] = (0.08, 1.0), ratio: tuple[float, float] = (3 / 4, 4 / 3)) -> Batch:
    """Stretch a box of random area, aspect ratio (log-uniform) and place to the full size; flip one image in two.

    A box that area and ratio make longer than the image is cut to it (torchvision draws again instead, up to ten times).
    """
    _, _, H, W = x.shape
    share, aspect = between(x, *area), between(x, math.log(ratio[0]), math.log(ratio[1])).exp()
    height, width = (share / aspect).sqrt().clamp(max=1) * H, (share * aspect).sqrt().clamp(max=1) * W
    top, left = between(x, 0, 1) * (H - height), between(x, 0, 1) * (W - width)
    return resized_crop(x, top, left, height, width, flip=between(x, 0, 1) < 0.5)


def resized_crop(x: Pixels, top: PerImage, left: PerImage, height: PerImage, width: PerImage, flip: Bool[Tensor, " B"]) -> Batch:
    """Every image's box, in pixels, at the full size: bilinear, with nothing from outside the box."""
    _, _, H, W = x.shape
    columns = interpolation(left, width, W)
    return mix_pixels(to_float(x), interpolation(top, height, H), torch.where(flip[:, None, None], columns.flip(1), columns))


def interpolation(start: PerImage, length: PerImage, n: int) -> Float[Tensor, "B n n"]:
    """Weights by which n samples of [start, start + length) are mixed from n pixels: a triangle around each sample's centre."""
    pixels = torch.arange(n, device=start.device)
    start, last = start[:, None], (start + length - 1)[:, None]
    centres = (start + (pixels + 0.5) * (length[:, None] / n) - 0.5).clamp(start, last)
    return (1 - (pixels - centres[:, :, None]).abs_()).clamp_(min=0)


def blur(x: Pixels, sigma: PerImage) -> Batch:
    """Gaussian blur of sigma pixels over a tenth of the side (at least 3 pixels), the image mirrored at its edges."""
    _, _, H, W = x.shape
    radius = max(1, round(0.1 * H) // 2)
    return mix_pixels(to_float(x), gaussian(sigma, radius, H), gaussian(sigma, radius, W))


def gaussian(sigma: PerImage, radius: int, n: int) -> Float[Tensor, "B n n"]:
    """The matrix that convolves n pixels with a normalised Gaussian cut at `radius`; what falls off an end is folded back."""
    offset = torch.arange(-radius, radius + 1, device=sigma.device)
    kernel = (-0.5 * (offset / sigma[:, None]) ** 2).softmax(1)
    source = (torch.arange(n, device=sigma.device)[:, None] + offset).abs()
    source = (n - 1) - (n - 1 - source).abs()
    return (kernel[:, None, :, None] * F.one_hot(source, n)).sum(2)


# ---- what colour: four operations and grey, each an affine map of RGB


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
    """Hue turned by a share of the circle about the luma axis (YIQ): one matrix an image, 20 times faster than HSV, and it keeps the grey."""
    return torch.einsum("bij,bjhw->bihw", turn_matrix(turn), x).clamp(0, 1)


def greyscale(x: Batch, on: Bool[Tensor, " B"]) -> Batch:
    """Grey where `on`, three equal channels."""
    return torch.where(on[:, None, None, None], grey(x), x)


def solarise(x: Batch, threshold: float = 0.5) -> Batch:
    """Invert every value from the threshold up."""
    return torch.where(x >= threshold, 1 - x, x)


def grey(x: Batch) -> Float[Tensor, "B 1 H W"]:
    return torch.einsum("c,bchw->bhw", x.new_tensor(LUMA), x)[:, None]


def blend(x: Batch, other: Tensor, factor: PerImage) -> Batch:
    return torch.lerp(other.expand_as(x), x, column(factor)).clamp(0, 1)


def column(factor: PerImage) -> Float[Tensor, "B 1 1 1"]:
    return factor[:, None, None, None]


def colour_distortion(x: Batch, jitter: float = 1.0, hue: float = 0.1, share: float = 0.8, grey_share: float = 0.2) -> Batch:
    """Brightness, contrast and saturation by up to ±0.4, hue by up to ±`hue`, for `share` of the images; then grey for `grey_share` of them.

    jitter scales all four; each image has its own order of them.
    """
    B, device = len(x), x.device
    on = (between(x, 0, 1) < share).float()
    factors = 1 + on[:, None] * jitter * 0.4 * torch.empty(B, 3, device=device).uniform_(-1, 1)
    turn = on * min(jitter * hue, 0.5) * between(x, -1, 1)
    order = torch.rand(B, 4, device=device).argsort(1)
    return jitter_colours(x, factors.clamp(min=0), turn, order, on=between(x, 0, 1) < grey_share)


def jitter_colours(x: Batch, factors: Float[Tensor, "B 3"], turn: PerImage, order: Int[Tensor, "B 4"], on: Bool[Tensor, " B"]) -> Batch:
    """Brightness 0, contrast 1, saturation 2 and hue 3, in every image's own order, then greyscale where `on`: composed to one map, clamped once.

    The separate operations clamp after each step; at these strengths that differs by 1 % of the range, as much as another order would.
    """
    eye, luma = torch.eye(3, device=x.device), torch.tensor(LUMA, device=x.device)
    to_grey = luma.expand(3, 3)
    scale = factors[:, :, None, None] * eye
    maps = torch.stack([scale[:, 0], scale[:, 1], scale[:, 2] + (1 - factors[:, 2, None, None]) * to_grey, turn_matrix(turn)], 1)
    matrix, shift = eye.expand(len(x), 3, 3), torch.zeros(len(x), 3, 1, device=x.device)
    mean = x.mean((2, 3))[:, :, None]
    for step in order.unbind(1):
        one = maps.gather(1, step[:, None, None, None].expand(-1, 1, 3, 3))[:, 0]
        middle = luma @ (matrix @ mean + shift)  # the mean grey that contrast moves away from
        matrix, shift = one @ matrix, one @ shift + torch.where(step == 1, 1 - factors[:, 1], 0.0)[:, None, None] * middle[:, :, None]
    last = torch.where(on[:, None, None], to_grey, eye)
    return torch.baddbmm(last @ shift, last @ matrix, x.flatten(2)).clamp_(0, 1).view_as(x)


def turn_matrix(turn: PerImage) -> Float[Tensor, "B 3 3"]:
    """RGB to RGB: a rotation by `turn` of the circle in the colour plane of YIQ, positive from red towards green as in HSV."""
    yiq, back = torch.tensor(YIQ, device=turn.device), torch.tensor(RGB, device=turn.device)
    cos, sin, one, zero = (2 * math.pi * turn).cos(), (2 * math.pi * turn).sin(), torch.ones_like(turn), torch.zeros_like(turn)
    rotation = torch.stack([one, zero, zero, zero, cos, sin, zero, -sin, cos], 1).view(-1, 3, 3)
    return back @ rotation @ yiq


from dataclasses import dataclass, asdict


@dataclass(frozen=True)
class Augmentation:
    area: tuple[float, float] = (0.08, 1.0)
    jitter: float = 1.0
    hue: float = 0.1
    blur_share: float = 0.0
    solarise_share: float = 0.0
    jitter_share: float = 0.8
    grey_share: float = 0.2

    def __call__(self, x, generator=None):
        return augment(x, **vars(self))


SMALL = Augmentation(area=(0.5, 1.0), hue=0.5)
