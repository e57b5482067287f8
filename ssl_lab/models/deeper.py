"""A deeper network on the positions of another one: the classifier of CPC v2's efficient classification, without its last layer.

Hénaff et al. 2020, arXiv 1905.09272, section 4.2, put 11 residual blocks with bottlenecks on the grid of patches.

differs: two basic blocks of two 3×3 convolutions each, in proportion to the small grid.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.arguments import Range, check_network
from ssl_lab.errors import one_of, require
from ssl_lab.models.conv import Conv3x3
from ssl_lab.models.small import NORMS


class Same(nn.Module):
    """A basic residual block (He et al. 2016) that keeps the side and the width."""

    def __init__(self, width: int, norm):
        super().__init__()
        self.conv1, self.norm1 = Conv3x3(width, width), norm(width)
        self.conv2, self.norm2 = Conv3x3(width, width), norm(width)

    def forward(self, x: Float[Tensor, "B c h w"]) -> Float[Tensor, "B c h w"]:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(y)))


class Deeper(nn.Module):
    """deeper(x): the mean over positions of residual blocks on encoder.maps(x), (B, width). deeper.maps(x): before the mean, (B, width, h, w).

    encoder: with `.maps`; a PatchEncoder's are a grid.   width, blocks: of the blocks.   norm: of the blocks, as in `small_resnet`.
    channels: of the encoder's maps; None: as many as encoder.dim.
    Raises: InputError for an encoder without maps, numbers below 1, or an unknown norm.
    """

    def __init__(self, encoder: nn.Module, width: int = 64, blocks: int = 2, norm: str = "batch", channels: int | None = None):
        super().__init__()
        check_maps(encoder)
        channels = encoder.dim if channels is None else channels
        for name, value in (("width", width), ("blocks", blocks), ("channels", channels)):
            Range(1, whole=True).check(name, value)
        one_of(norm, NORMS, "norm")
        make = NORMS[norm]
        self.encoder, self.dim = encoder, width
        self.narrow = nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), make(width), nn.ReLU())
        self.blocks = nn.Sequential(*(Same(width, make) for _ in range(blocks)))

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B dim"]:
        return self.maps(x).mean((2, 3))

    def maps(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B dim h w"]:
        """The features of the last block, at every position."""
        return self.blocks(self.narrow(self.encoder.maps(x)))


def check_maps(encoder: nn.Module) -> None:
    """Raise InputError for what is no encoder, or has no `.maps`."""
    check_network("encoder", encoder, nn.Module)
    kind = type(encoder).__name__
    fix = "models.Encoder(network) finds the positions of a network; small_resnet, small_alexnet and PatchEncoder have them"
    require(callable(getattr(encoder, "maps", None)), f"the encoder, this {kind}, has no .maps, the features of every position; {fix}")
