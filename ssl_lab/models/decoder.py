"""A decoder: from features of positions back to an image."""

from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Decoder(nn.Module):
    """Maps (B, dim, h, w) to an image (B, channels, H, W): four layers that double the side and halve the width, then bilinear to H × W.

    Only what the maps hold can be painted: no layer of the encoder is passed on.
    """

    def __init__(self, dim: int, width: int, channels: int):
        super().__init__()
        widths = [dim, *(max(8, width // 2**i) for i in range(4))]
        self.layers = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(a, b, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()) for a, b in pairwise(widths)
        )
        self.paint = nn.Conv2d(widths[-1], channels, 1)

    def forward(self, h: Float[Tensor, "B dim h w"], size: tuple[int, int]) -> Float[Tensor, "B c H W"]:
        for layer in self.layers:
            h = layer(h)
        return F.interpolate(self.paint(h).float(), tuple(size), mode="bilinear", align_corners=False)


def decoder(dim: int, width: int = 64, channels: int = 3) -> Decoder:
    """A decoder of 16 × 16 pixels for each position of the maps.   width: of its first layer; the next ones halve it, to 8 at least."""
    return Decoder(dim, width, channels)
