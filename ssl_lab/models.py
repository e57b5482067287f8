"""Encoders f and heads g. Every encoder maps (B, channels, H, W) to (B, dim) and says its `.dim`."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.errors import one_of, require

NORMS = {"batch": nn.BatchNorm2d, "group": lambda width: nn.GroupNorm(min(8, width), width)}


class Block(nn.Module):
    """A basic residual block (He et al. 2016) that halves the side and changes the width."""

    def __init__(self, width: int, out: int, norm):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(width, out, 3, stride=2, padding=1, bias=False), norm(out)
        self.conv2, self.norm2 = nn.Conv2d(out, out, 3, padding=1, bias=False), norm(out)
        self.shortcut = nn.Sequential(nn.Conv2d(width, out, 1, stride=2, bias=False), norm(out))

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B d h w"]:
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class SmallResNet(nn.Module):
    """Seven convolutions deep: a stem and three residual blocks, each of which halves the side and doubles the width."""

    def __init__(self, width: int, channels: int, norm):
        super().__init__()
        self.dim = 8 * width
        self.stem = nn.Sequential(nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), norm(width), nn.ReLU())
        self.blocks = nn.Sequential(*(Block(w, 2 * w, norm) for w in (width, 2 * width, 4 * width)))

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B dim"]:
        return self.blocks(self.stem(x)).mean((2, 3))


def small_resnet(width: int = 16, channels: int = 3, norm: str = "batch") -> SmallResNet:
    """The network of the one-minute trainings: the stem's stride makes it four times faster on two cores than the CIFAR stem.

    width: channels after the stem; features are 8 · width.   channels: of the input.   norm: batch, or group (no image sees another).
    """
    require(width >= 1, f"width={width}: at least one channel is needed")
    one_of(norm, NORMS, "norm")
    return SmallResNet(width, channels, NORMS[norm])


def mlp(*widths: int) -> nn.Sequential:
    """A head g: linear layers of these widths, batch norm and ReLU between them, nothing after the last."""
    layers = []
    for width, out in zip(widths[:-1], widths[1:], strict=True):
        layers += [nn.Linear(width, out, bias=False), nn.BatchNorm1d(out), nn.ReLU()]
    return nn.Sequential(*layers[:-3], nn.Linear(widths[-2], widths[-1]))
