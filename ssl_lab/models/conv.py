"""A 3×3 convolution that is fast on the small maps at the end of a network for small images."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


class Conv3x3(nn.Conv2d):
    """A 3×3 convolution of padding 1 without bias. On a map of at most 2×2, every output depends on the whole map, so it is one matrix product.

    torch's own convolution on a CPU (oneDNN) multiplies with the padding, too: on AVX2 its two passes take 3 to 9 times as long.
    """

    def __init__(self, width: int, out: int, stride: int = 1):
        super().__init__(width, out, 3, stride=stride, padding=1, bias=False)

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B d h w"]:
        (H, W), stride = x.shape[-2:], self.stride[0]
        if max(H, W) <= 2:
            return as_matrix(x, self.weight, stride)
        across = stride if W > 1 else 1  # one column gives the same; with 2, oneDNN reads uninitialised memory in bfloat16 (torch 2.15)
        return F.conv2d(x, self.weight, stride=(stride, across), padding=1)


def as_matrix(x: Float[Tensor, "B c H W"], weight: Float[Tensor, "d c 3 3"], stride: int) -> Float[Tensor, "B d h w"]:
    """y[b, d, i, j] = Σ x[b, c, p, q] · weight[d, c, 1 + p - stride · i, 1 + q - stride · j] over c, p, q, for maps of at most 2×2."""
    (B, _, H, W), d = x.shape, len(weight)
    rows, columns = taps(H, stride, x.device), taps(W, stride, x.device)
    h, w = len(rows), len(columns)
    which = (3 * rows[:, None, :, None] + columns[:, None, :]).flatten()  # of the nine, for every i, j, p, q
    matrix = weight.permute(0, 2, 3, 1).flatten(1, 2)[:, which].view(d, h * w, -1).transpose(0, 1).flatten(0, 1)
    y = F.linear(x.permute(0, 2, 3, 1).flatten(1), matrix)  # with channels last, the permuted map is a view
    return y.view(B, h, w, d).permute(0, 3, 1, 2)


def taps(side: int, stride: int, device: torch.device) -> Int[Tensor, "out side"]:
    """For every output, and every row (or column) of the map: which of the kernel's three rows (or columns) lies on it."""
    return 1 + torch.arange(side, device=device) - torch.arange(0, side, stride, device=device)[:, None]
