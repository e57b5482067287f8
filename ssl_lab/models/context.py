"""CPC's context network: every position of a grid sees its own row and what lies above, and nothing below."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.arguments import Range


class Above(nn.Module):
    """A residual block that looks one row up, and one column to the left and to the right.

    c + W4 relu(W3 [row above; row]),  with  row = W2 * relu(W1 c),  a 1×3 convolution; above the first row stand zeros.
    """

    def __init__(self, dim: int, width: int):
        super().__init__()
        self.narrow = nn.Conv2d(dim, width, 1)
        self.across = nn.Conv2d(width, width, (1, 3), padding=(0, 1))
        self.up = nn.Conv2d(width, width, (2, 1))
        self.widen = nn.Conv2d(width, dim, 1)

    def forward(self, c: Float[Tensor, "B dim H W"]) -> Float[Tensor, "B dim H W"]:
        y = self.across(F.relu(self.narrow(c)))
        y = self.up(F.pad(y, (0, 0, 1, 0)))  # one row of zeros on top, none below
        return c + self.widen(F.relu(y))


class ContextNetwork(nn.Module):
    """Maps latents (B, dim, H, W) to contexts of the same shape: c[i, j] depends on rows up to i, and on nothing below, exactly.

    After n blocks it reaches n rows up and n columns to each side. There is no normalisation: every image is alone.
    dim: channels.   width: inside the blocks.   blocks: the paper has 5, of width 256.
    Hénaff et al. 2020, arXiv 1905.09272, pseudo-code of the appendix.   Raises: InputError for numbers below 1.
    """

    def __init__(self, dim: int, width: int = 256, blocks: int = 5):
        super().__init__()
        for name, value in (("dim", dim), ("width", width), ("blocks", blocks)):
            Range(1, whole=True).check(name, value)
        self.blocks = nn.Sequential(*(Above(dim, width) for _ in range(blocks)))

    def forward(self, z: Float[Tensor, "B dim H W"]) -> Float[Tensor, "B dim H W"]:
        return F.relu(self.blocks(z))
