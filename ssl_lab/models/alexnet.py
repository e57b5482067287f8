"""AlexNet's five convolutions for small images: DeepCluster's network, whose random weights the lecture looks at.

Krizhevsky, Sutskever and Hinton, NeurIPS 2012; Caron et al., ECCV 2018, arXiv 1807.05520.

differs: a first convolution of 5×5 and stride 1, where 224 pixels have 11×11 and stride 4; maxima of padding 1. Thus 32 pixels end as 4×4
positions, and 224 as 6×6 in the original. No fully connected layers.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.arguments import Range

CHANNELS = (96, 256, 384, 384, 256)  # of AlexNet's convolutions


class SmallAlexNet(nn.Module):
    """Convolutions of 5, 5, 3, 3 and 3 pixels, each with batch norm and ReLU; after the first, second and last, the maximum over 3×3 of stride 2."""

    def __init__(self, width: int, channels: int):
        super().__init__()
        first, second, third, fourth, self.dim = (width * count // CHANNELS[0] for count in CHANNELS)
        self.layers = nn.Sequential(
            *layer(channels, first, 5), halved(),
            *layer(first, second, 5), halved(),
            *layer(second, third, 3), *layer(third, fourth, 3), *layer(fourth, self.dim, 3), halved(),
        )  # fmt: skip

    def reset_parameters(self) -> None:
        """Draw the weights of the convolutions anew."""
        for part in self.layers:
            if isinstance(part, nn.Conv2d):
                draw(part)

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B dim"]:
        return self.maps(x).mean((2, 3))

    def maps(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B dim h w"]:
        """The last convolutional features, after their ReLU and maximum, as AlexNet's classifier takes them: 8 pixels apart, 4×4 for 32 pixels."""
        return self.layers(x.contiguous(memory_format=torch.channels_last))


def layer(channels: int, out: int, side: int) -> tuple[nn.Module, ...]:
    """A convolution, batch norm and ReLU."""
    convolution = nn.Conv2d(channels, out, side, padding=side // 2, bias=False)  # batch norm has a bias of its own
    draw(convolution)
    return convolution, nn.BatchNorm2d(out), nn.ReLU()


def draw(convolution: nn.Conv2d) -> None:
    """Normal weights of deviation √(2 / (side² · out)), as in DeepCluster's code."""
    out, _, side, _ = convolution.weight.shape
    nn.init.normal_(convolution.weight, std=(2 / (side**2 * out)) ** 0.5)


def halved() -> nn.Module:
    """The maximum over 3×3 positions, at every second one."""
    return nn.MaxPool2d(3, stride=2, padding=1)


def small_alexnet(width: int = 24, channels: int = 3) -> SmallAlexNet:
    """DeepCluster's AlexNet for 32 pixels, without its fully connected layers.

    width: channels of the first convolution, 96 in AlexNet; the others keep its proportions, and features are 8/3 · width.
    channels: of the input.
    Raises: InputError for a width or channels below 1.
    """
    for name, value in (("width", width), ("channels", channels)):
        Range(1, whole=True, hint="24 and 3 are the defaults").check(name, value)
    return SmallAlexNet(width, channels)
