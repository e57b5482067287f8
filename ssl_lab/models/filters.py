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
    across = x.new_tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    kernels = torch.stack([across, across.T])[:, None]
    return F.pad(F.conv2d(x.mean(1, keepdim=True), kernels, padding=1), (0, 0, 0, 0, 0, 1))
