"""Encoders that see a filtered image, and still take RGB."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.augment.colours import grey
from ssl_lab.errors import one_of

FILTERS = ("rgb", "grey", "sobel")


def filtered(network: nn.Module, input: str) -> nn.Module:
    """An encoder of RGB images that shows its network only a part of them: all colours, their grey, or the edges of their grey.

    network: takes (B, 3, H, W), has `.dim`.   input: "rgb", the network itself; "grey" or "sobel".
    Raises: InputError for another input.
    """
    one_of(input, FILTERS, "input")
    return network if input == "rgb" else Filtered(network, input)


class Filtered(nn.Module):
    """network(filter(x)), with the filter fixed; `.dim` is the network's."""

    def __init__(self, network: nn.Module, input: str):
        super().__init__()
        self.network, self.input, self.dim = network, input, network.dim

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B dim"]:
        return self.network(self.filter(x))

    def maps(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B d h w"]:
        """The network's features of every position."""
        return self.network.maps(self.filter(x))

    def filter(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H W"]:
        """What the network sees."""
        return grey(x).expand_as(x) if self.input == "grey" else sobel(x)


def sobel(x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H W"]:
    """Horizontal and vertical slope of the mean of the three channels, by Sobel's 3×3 filters; the third channel is 0.

    As in DeepCluster's code: grey rises by 1 a pixel to the right, the first channel is -8; the border is padded with 0. Its network takes two
    channels; with a third one of zeros, every network for RGB fits.
    """
    grey = F.pad(x.mean(1, keepdim=True), (1, 1, 1, 1))
    across, down = grey[..., :-2] - grey[..., 2:], grey[..., :-2, :] - grey[..., 2:, :]
    across = across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]
    down = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    return torch.cat([across, down, torch.zeros_like(down)], 1)  # sums, and no convolution, which autocast would round to 8 bits
