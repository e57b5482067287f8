"""The network of the one-minute trainings."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.errors import one_of, require
from ssl_lab.models.conv import Conv3x3

NORMS = {
    "batch": nn.BatchNorm2d,
    "group": lambda width: nn.GroupNorm(math.gcd(8, width), width),
    "layer": lambda width: nn.GroupNorm(1, width),  # over channels and positions of one image (Ba et al. 2016); a weight for each channel
}


class Block(nn.Module):
    """A basic residual block (He et al. 2016) that halves the side and doubles the width.

    The shortcut is the pooled input, twice (their option A, without parameters): on two cores a 1×1 convolution would cost as much as a 3×3.
    """

    def __init__(self, width: int, norm):
        super().__init__()
        self.conv1, self.norm1 = Conv3x3(width, 2 * width, stride=2), norm(2 * width)
        self.conv2, self.norm2 = Conv3x3(2 * width, 2 * width), norm(2 * width)

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B 2*c h w"]:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        shortcut = F.avg_pool2d(x, 2, ceil_mode=True)
        return F.relu(y + torch.cat([shortcut, shortcut], 1))


class SmallResNet(nn.Module):
    """Seven convolutions: a stem of stride 4 and three residual blocks."""

    def __init__(self, width: int, channels: int, norm):
        super().__init__()
        self.dim = 8 * width
        self.stem = nn.Sequential(nn.Conv2d(channels, width, 6, stride=4, padding=1, bias=False), norm(width), nn.ReLU())
        self.blocks = nn.Sequential(*(Block(scale * width, norm) for scale in (1, 2, 4)))

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B dim"]:
        return self.maps(x).mean((2, 3))

    def maps(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B dim h w"]:
        """Features of every position, 32 pixels apart: a map of 1×1 for images of 32 pixels, of 4×4 for 128."""
        x = x.contiguous(memory_format=torch.channels_last)  # once here; else the stem's convolution does it forwards and again backwards
        return self.blocks(self.stem(x))


def small_resnet(width: int = 16, channels: int = 3, norm: str = "batch") -> SmallResNet:
    """The network of the one-minute trainings.

    width: channels after the stem; features are 8 · width.   channels: of the input.   norm: "batch"; "group" or "layer", which mix no images.
    Raises: InputError for a width below 1 or an unknown norm.
    """
    require(width >= 1, f"width={width}: at least one channel is needed")
    one_of(norm, NORMS, "norm")
    return SmallResNet(width, channels, NORMS[norm])
